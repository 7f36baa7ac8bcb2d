/** Services go on after their Vnet was frozen and restored in the middle of what they do: no byte is lost or doubled. */

import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Device } from '../../src/device/device.ts'
import { patternLines } from '../../src/service/chargen.ts'
import { startService } from '../../src/service/service.ts'
import type { Service, ServiceName, ServiceOptions } from '../../src/service/service.ts'
import type { SavedService } from '../../src/service/saved.ts'
import { connectTcp } from '../../src/socket/tcp.ts'
import { UdpSocket } from '../../src/socket/udp.ts'
import { B, createTwo } from '../socket/two.ts'
import type { Two } from '../socket/two.ts'
import type { VnetHost } from '../../src/host/vnet-host.ts'

let two: Two
let host: VnetHost
let service: Service
let how: { name: ServiceName; options: ServiceOptions }

beforeEach(() => {
  two = createTwo()
  host = two.b
})
afterEach(() => two.driver.close())

function start(name: ServiceName, options: ServiceOptions = {}): void {
  how = { name, options }
  service = startService(host, name, options)
}

/** As a migration does it, JSON and all. */
function move(): void {
  const devices: Record<string, Device> = {}
  const bytes = host.freeze((name, device) => { devices[name] = device })
  const saved = JSON.parse(JSON.stringify(service.save())) as SavedService
  service.abandon()
  host = two.driver.restoreVnet(bytes, devices)
  service = startService(host, how.name, { ...how.options, saved })
}

test('files: a download that is moved after every piece that arrives', async () => {
  const root = mkdtempSync(join(tmpdir(), 'vimage-moved-'))
  const content = Buffer.alloc(6_000_000)
  for (let i = 0; i < content.length; i += 4) content.writeInt32LE(i * 7, i)
  writeFileSync(join(root, 'big'), content)
  start('files', { root })
  const socket = connectTcp(two.a, { host: B, port: 80 })
  socket.write('GET /big HTTP/1.1\r\nHost: b\r\nConnection: close\r\n\r\n')
  const parts: Buffer[] = []
  let moves = 0
  for await (const part of socket) {
    parts.push(part as Buffer)
    if (moves++ < 20) move()
  }
  rmSync(root, { recursive: true })
  const all = Buffer.concat(parts)
  const body = all.subarray(all.indexOf('\r\n\r\n') + 4)
  expect(moves).toBeGreaterThan(20)
  expect(createHash('sha256').update(body).digest('hex')).toBe(createHash('sha256').update(content).digest('hex'))
})

test('echo: a stream in both directions, moved twenty times; the UDP socket answers afterwards', async () => {
  start('echo')
  const socket = connectTcp(two.a, { host: B, port: 7, allowHalfOpen: true })
  const sent = Buffer.alloc(3_000_000, 'the quick brown fox ')
  socket.end(sent)
  const parts: Buffer[] = []
  let moves = 0
  for await (const part of socket) {
    parts.push(part as Buffer)
    if (moves++ < 20) move()
  }
  expect(Buffer.concat(parts).equals(sent)).toBe(true)
  const udp = new UdpSocket(two.a)
  udp.send(Buffer.from('still there?'), 7, B)
  const [answer] = await once(udp, 'message') as [Buffer]
  expect(answer.toString()).toBe('still there?')
})

test('chargen: the pattern goes on where it was', async () => {
  start('chargen')
  const socket = connectTcp(two.a, { host: B, port: 19 })
  const parts: Buffer[] = []
  let got = 0
  for await (const part of socket) {
    parts.push(part as Buffer)
    got += (part as Buffer).length
    move()
    if (got > 2_000_000) break
  }
  const all = Buffer.concat(parts)
  const block = patternLines(0, 95)
  for (let at = 0; at + block.length <= all.length; at += block.length) {
    expect(all.subarray(at, at + block.length).equals(block)).toBe(true)
  }
})

test('http: an idle connection is used again after a move, one in the middle of a request is reset', async () => {
  start('http')
  const socket = connectTcp(two.a, { host: B, port: 80, allowHalfOpen: true })
  let seen = ''
  socket.on('data', (part: Buffer) => { seen += part })
  const get = async (): Promise<void> => {
    seen = ''
    socket.write('GET /status.json HTTP/1.1\r\nHost: b\r\n\r\n')
    while (!seen.endsWith('}\n')) await once(socket, 'data')
    expect(seen).toMatch(/^HTTP\/1.1 200/)
  }
  await get()
  move()
  await get()
  await get()
  move()
  await get()
  const half = connectTcp(two.a, { host: B, port: 80, allowHalfOpen: true })
  half.write('GET / HT')
  await new Promise((resolve) => setTimeout(resolve, 20))
  move()
  await expect(once(half, 'data')).rejects.toThrow(expect.objectContaining({ code: 'ECONNRESET' }))
  socket.destroy()
  service.stop()
})
