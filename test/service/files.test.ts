import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { startService } from '../../src/service/service.ts'
import type { Service } from '../../src/service/service.ts'
import { connectTcp } from '../../src/socket/tcp.ts'
import { B, createTwo, settleTwo } from '../socket/two.ts'
import type { Two } from '../socket/two.ts'
import { assertVnetClean } from '../support/plain.ts'

let two: Two
let service: Service
let root: string
const BIG = Buffer.alloc(3_000_000, 'abcdefghijklmnopq')

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'vimage-files-'))
  mkdirSync(join(root, 'sub'))
  writeFileSync(join(root, 'a b.txt'), 'hello file\n')
  writeFileSync(join(root, 'big'), BIG)
  symlinkSync('/etc/hostname', join(root, 'outside'))
  two = createTwo()
  service = startService(two.b, 'files', { root })
})
afterEach(() => {
  service.stop()
  settleTwo(two)
  assertVnetClean(two.b.vnet)
  two.driver.close()
  rmSync(root, { recursive: true })
})

interface Answer { status: number; fields: Map<string, string>; body: Buffer }

/** Sends text as it is, and returns everything until the server closes. */
async function raw(text: string): Promise<Buffer> {
  const socket = connectTcp(two.a, { host: B, port: 80 })
  socket.write(text)
  const parts: Buffer[] = []
  socket.on('data', (part: Buffer) => parts.push(part))
  await once(socket, 'end')
  return Buffer.concat(parts)
}

async function ask(path: string, fields: readonly string[] = [], method = 'GET'): Promise<Answer> {
  return split(await raw([`${method} ${path} HTTP/1.1`, 'Host: b', 'Connection: close', ...fields, '', ''].join('\r\n')))
}

function split(bytes: Buffer): Answer {
  const end = bytes.indexOf('\r\n\r\n')
  const [first = '', ...lines] = bytes.subarray(0, end).toString('latin1').split('\r\n')
  const fields = new Map(lines.map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 2)]))
  return { status: Number(first.split(' ')[1]), fields, body: bytes.subarray(end + 4) }
}

test('a file comes whole, with its length and type; HEAD has the same fields and no content (RFC 9110 §9.3.2)', async () => {
  const got = await ask('/a%20b.txt')
  expect(got).toMatchObject({ status: 200 })
  expect(got.body.toString()).toBe('hello file\n')
  expect(got.fields.get('Content-Type')).toBe('text/plain; charset=utf-8')
  const head = await ask('/a%20b.txt', [], 'HEAD')
  expect(head.body.length).toBe(0)
  expect([...head.fields]).toEqual([...got.fields])
  expect((await ask('/big')).body.equals(BIG)).toBe(true)
})

test('one byte range: middle, open end, suffix, and one that is not there (RFC 9110 §14)', async () => {
  const cases: [string, number, number][] = [
    ['bytes=10-19', 10, 20], ['bytes=2999990-', 2_999_990, 3_000_000], ['bytes=-5', 2_999_995, 3_000_000],
    ['bytes=2999990-9999999', 2_999_990, 3_000_000],
  ]
  for (const [range, at, end] of cases) {
    const got = await ask('/big', [`Range: ${range}`])
    expect(got.status).toBe(206)
    expect(got.fields.get('Content-Range')).toBe(`bytes ${at}-${end - 1}/3000000`)
    expect(got.body.equals(BIG.subarray(at, end))).toBe(true)
  }
  const none = await ask('/big', ['Range: bytes=3000000-'])
  expect(none.status).toBe(416)
  expect(none.fields.get('Content-Range')).toBe('bytes */3000000')
})

test('a connection stays open: requests that came together are answered in order (RFC 9112 §9.3)', async () => {
  const one = 'GET /a%20b.txt HTTP/1.1\r\nHost: b\r\n\r\n'
  const bytes = await raw(`${one}${one}GET /big HTTP/1.1\r\nHost: b\r\nConnection: close\r\n\r\n`)
  expect(bytes.toString('latin1').split('hello file\n').length).toBe(3)
  expect(bytes.subarray(-BIG.length).equals(BIG)).toBe(true)
})

test('a client that has finished sending still gets everything', async () => {
  const socket = connectTcp(two.a, { host: B, port: 80, allowHalfOpen: true })
  socket.end('GET /big HTTP/1.1\r\nHost: b\r\n\r\n')
  const parts: Buffer[] = []
  for await (const part of socket) parts.push(part as Buffer)
  expect(split(Buffer.concat(parts)).body.equals(BIG)).toBe(true)
})

test('a folder is listed, and nothing outside of the root is served, links included', async () => {
  const list = (await ask('/')).body.toString()
  expect(list).toContain('<a href="a%20b.txt">a b.txt</a>')
  expect(list).toContain('<a href="sub/">sub/</a>')
  expect((await ask('/sub')).fields.get('Location')).toBe('/sub/')
  for (const path of ['/../etc/hostname', '/%2e%2e/etc/hostname', '/outside', '/%00', '/sub/../../x', '/%zz', '/none']) {
    expect((await ask(path)).status, path).toBe(404)
  }
})

test('what it does not do is said: other methods, bodies, heads without end, no HTTP at all', async () => {
  expect((await ask('/', [], 'DELETE')).fields.get('Allow')).toBe('GET, HEAD')
  expect((await ask('/', ['Content-Length: 3'], 'POST')).status).toBe(413)
  expect(split(await raw('hello\r\n\r\n')).status).toBe(400)
  expect(split(await raw(`GET / HTTP/1.1\r\nX: ${'x'.repeat(20_000)}`)).status).toBe(431)
})

test('a file that becomes shorter while it is sent ends the connection early: the client sees that bytes are missing',
  async () => {
    const socket = connectTcp(two.a, { host: B, port: 80 })
    socket.write('GET /big HTTP/1.1\r\nHost: b\r\n\r\n')
    await once(socket, 'readable')
    writeFileSync(join(root, 'big'), 'short now')
    let got = 0
    for await (const part of socket) got += (part as Buffer).length
    expect(got).toBeLessThan(BIG.length)
  })
