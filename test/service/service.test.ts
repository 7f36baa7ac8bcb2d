import { once } from 'node:events'
import { Agent, request } from 'node:http'
import type { IncomingMessage } from 'node:http'
import { tmpdir } from 'node:os'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { patternLines } from '../../src/service/chargen.ts'
import { SERVICE_NAMES, startService } from '../../src/service/service.ts'
import type { Service } from '../../src/service/service.ts'
import { connectTcp } from '../../src/socket/tcp.ts'
import { UdpSocket } from '../../src/socket/udp.ts'
import { assertVnetClean } from '../support/plain.ts'
import { B, createTwo, settleTwo } from '../socket/two.ts'
import type { Two } from '../socket/two.ts'

let two: Two
const services: Service[] = []
beforeEach(() => {
  two = createTwo()
  for (const name of SERVICE_NAMES) {
    services.push(startService(two.b, name, name === 'files' ? { root: tmpdir(), port: 8080 } : {}))
  }
})
afterEach(() => {
  for (const service of services.splice(0)) service.stop()
  settleTwo(two)
  assertVnetClean(two.b.vnet)
  two.driver.close()
})

async function udpAnswer(port: number, text: string): Promise<Buffer> {
  const client = new UdpSocket(two.a)
  client.send(Buffer.from(text), port, B)
  const [answer] = await once(client, 'message') as [Buffer]
  client.close()
  return answer
}

async function get(path: string, method = 'GET'): Promise<{ status: number; type: string; body: string }> {
  const agent = new Agent()
  agent.createConnection = () => connectTcp(two.a, { host: B, port: 80, allowHalfOpen: true })
  const [response] = await once(request({ agent, path, method, host: B }).end(), 'response') as [IncomingMessage]
  let body = ''
  for await (const part of response) body += String(part)
  agent.destroy()
  return { status: response.statusCode ?? 0, type: response.headers['content-type'] ?? '', body }
}

test('echo sends back what it gets, TCP and UDP (RFC 862)', async () => {
  expect((await udpAnswer(7, 'ping')).toString()).toBe('ping')
  const socket = connectTcp(two.a, { host: B, port: 7, allowHalfOpen: true })
  socket.end('stream')
  let text = ''
  for await (const part of socket) text += String(part)
  expect(text).toBe('stream')
})

test('discard takes everything and says nothing (RFC 863)', async () => {
  const socket = connectTcp(two.a, { host: B, port: 9, allowHalfOpen: true })
  socket.end(Buffer.alloc(300_000))
  let got = 0
  for await (const part of socket) got += (part as Buffer).length
  expect(got).toBe(0)
  expect(socket.bytesWritten).toBe(300_000)
})

test('chargen sends the pattern until the peer closes; one datagram an answer (RFC 864)', async () => {
  const answer = await udpAnswer(19, 'x')
  expect(answer.length).toBeLessThanOrEqual(512)
  expect(answer.toString('latin1').startsWith(patternLines(0, 1).toString('latin1'))).toBe(true)
  const socket = connectTcp(two.a, { host: B, port: 19 })
  const [first] = await once(socket, 'data') as [Buffer]
  expect(first.subarray(0, 74).toString('latin1')).toBe(patternLines(0, 1).toString('latin1'))
  socket.destroy()
  await once(socket, 'close')
})

test('the pattern: 72 characters a line, each line begins one further, 95 printing characters (RFC 864)', () => {
  const lines = patternLines(0, 96).toString('latin1').split('\r\n')
  expect(lines[0]).toMatch(/^ !"#.{68}$/)
  expect(lines[1]?.startsWith('!"#')).toBe(true)
  expect(lines[95]).toBe(lines[0])
})

test('an echo is not answered to the port of such a service: two of them would never stop', async () => {
  const loop = new UdpSocket(two.a).bind(19)
  let heard = 0
  loop.on('message', () => heard++)
  loop.send(Buffer.from('x'), 7, B)
  await udpAnswer(7, 'after it')
  expect(heard).toBe(0)
})

test('http: a page for people, the same as JSON, 404 and 405 for the rest', async () => {
  const page = await get('/')
  expect(page).toMatchObject({ status: 200, type: 'text/html; charset=utf-8' })
  expect(page.body).toContain('vimage b')
  const status = JSON.parse((await get('/status.json')).body) as Record<string, unknown>
  expect(status).toMatchObject({ name: 'b' })
  expect(JSON.stringify(status)).toContain('10.1.0.2')
  expect(await get('/nothing')).toMatchObject({ status: 404 })
  expect(await get('/', 'POST')).toMatchObject({ status: 405 })
})

test('stop gives the ports back; a second start on a taken port says EADDRINUSE', () => {
  expect(() => startService(two.b, 'echo')).toThrow(expect.objectContaining({ code: 'EADDRINUSE' }))
  services.splice(0).forEach((s) => s.stop())
  services.push(startService(two.b, 'echo'))
})
