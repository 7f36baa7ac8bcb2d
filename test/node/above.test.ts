/** What is built on the modules, in numbers: `fetch` and undici's dispatcher, a thousand requests at once, TLS in bulk, ws, HTTP/2. */

import { createHash } from 'node:crypto'
import { once } from 'node:events'
import http2 from 'node:http2'
import type net from 'node:net'
import { Readable } from 'node:stream'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { WebSocket, WebSocketServer } from 'ws'
import { nodeModules } from '../../src/node/modules.ts'
import type { NodeModules } from '../../src/node/modules.ts'
import { A, B, createTwo } from '../socket/two.ts'
import type { Two } from '../socket/two.ts'
import { CERT, KEY } from './cases/certificate.ts'

let two: Two
let client: NodeModules
let server: NodeModules

beforeEach(() => {
  two = createTwo()
  client = nodeModules(two.a, { resolver: { hosts: { 'web.test': B } } })
  server = nodeModules(two.b)
})
afterEach(async () => {
  await client.dispatcher().destroy()
  two.driver.close()
})

async function listening(s: net.Server, port: number): Promise<void> {
  s.listen(port)
  await once(s, 'listening')
}

describe('fetch', () => {
  it('by name and by address, with a body; connections are kept; refusals and unknown names reject as Node\'s do', async () => {
    const from: (number | undefined)[] = []
    const web = server.http.createServer((req, res) => {
      from.push(req.socket.remotePort)
      expect(req.socket.remoteAddress).toBe(`::ffff:${A}`)
      req.pipe(res.setHeader('x-url', req.url ?? ''))
    })
    await listening(web, 80)
    const answer = await client.fetch('http://web.test/one?x=1', { method: 'POST', body: 'a body' })
    expect([answer.status, answer.headers.get('x-url'), await answer.text()]).toEqual([200, '/one?x=1', 'a body'])
    expect(await (await client.fetch(new Request(`http://${B}/`, { method: 'PUT', body: 'x' }))).text()).toBe('x')
    expect(await (await client.fetch('http://web.test/')).text()).toBe('')
    expect(from[2]).toBe(from[0])
    await expect(client.fetch(`http://${B}:81/`)).rejects.toMatchObject({ cause: { code: 'ECONNREFUSED' } })
    await expect(client.fetch('http://nobody.test/')).rejects.toMatchObject({ cause: { code: 'ENOTFOUND' } })
    await expect(client.fetch(`http://${B}/`, { signal: AbortSignal.abort() })).rejects.toMatchObject({ name: 'AbortError' })
  })

  it('https: a certificate that nobody vouches for is refused; options of TLS through a dispatcher of one\'s own', async () => {
    const web = server.https.createServer({ key: KEY, cert: CERT }, (_req, res) => { res.end('secret') })
    await listening(web, 443)
    await expect(client.fetch('https://web.test/')).rejects.toMatchObject({ cause: { code: 'DEPTH_ZERO_SELF_SIGNED_CERT' } })
    const Agent = client.dispatcher().constructor as new (o: object) => ReturnType<typeof client.dispatcher>
    const dispatcher = new Agent({ connect: client.undiciConnector({ rejectUnauthorized: false }) })
    expect(await (await client.fetch('https://web.test/', { dispatcher } as RequestInit)).text()).toBe('secret')
    await dispatcher.destroy()
  })

  it('a thousand at once', async () => {
    const web = server.http.createServer((req, res) => { res.end(req.url) })
    await listening(web, 80)
    const texts = await Promise.all(Array.from({ length: 1000 }, async (_, i) => (await client.fetch(`http://web.test/${i}`)).text()))
    expect(texts).toEqual(Array.from({ length: 1000 }, (_, i) => `/${i}`))
    const { accepts, listendrop } = two.b.vnet.state.tcp.stats
    expect(accepts).toBeGreaterThan(500)
    // all SYNs come in one turn of the event loop, the queue has 511 places: what did not fit is taken when it comes again
    expect(listendrop).toBeLessThanOrEqual(1000 - 511)
  }, 60_000)
})

describe('in bulk', () => {
  it('a hundred megabytes through TLS have the hash that they had', async () => {
    const chunk = Buffer.alloc(1_000_000)
    const sent = createHash('sha256')
    const web = server.tls.createServer({ key: KEY, cert: CERT }, (socket) => {
      Readable.from(parts()).pipe(socket)
    })
    function * parts(): Generator<Buffer> {
      for (let i = 0; i < 100; i++) {
        chunk.fill(i)
        chunk.writeUInt32BE(i, i * 1000)
        sent.update(chunk)
        yield Buffer.from(chunk)
      }
    }
    await listening(web, 443)
    const got = createHash('sha256')
    let bytes = 0
    for await (const part of client.tls.connect({ host: B, port: 443, rejectUnauthorized: false })) {
      got.update(part as Buffer)
      bytes += (part as Buffer).length
    }
    expect(bytes).toBe(100_000_000)
    expect(got.digest('hex')).toBe(sent.digest('hex'))
  }, 120_000)

  it('ws: text and a megabyte come back, and both ends close', async () => {
    const web = server.http.createServer()
    new WebSocketServer({ server: web }).on('connection', (ws) => ws.on('message', (data, binary) => { ws.send(data, { binary }) }))
    await listening(web, 80)
    const ws = new WebSocket('ws://web.test/', { createConnection: client.net.createConnection as never })
    await once(ws, 'open')
    for (const message of ['hello', Buffer.alloc(1_000_000, 'x')]) {
      ws.send(message)
      const [data] = await once(ws, 'message') as [Buffer]
      expect(Buffer.compare(data, Buffer.from(message))).toBe(0)
    }
    ws.close()
    await once(ws, 'close')
    web.close()
  })

  it('HTTP/2: fifty streams on one connection', async () => {
    const web = server.adopt(http2.createServer())
    web.on('stream', (stream, headers) => {
      stream.respond({ ':status': 200 })
      stream.end(`${String(headers[':path'])} ${'y'.repeat(20_000)}`)
    })
    await listening(web, 80)
    const session = http2.connect('http://web.test', { createConnection: () => client.net.connect(80, 'web.test') })
    const texts = await Promise.all(Array.from({ length: 50 }, async (_, i) => {
      let text = ''
      for await (const part of session.request({ ':path': `/${i}` }).setEncoding('utf8')) text += String(part)
      return text
    }))
    expect(texts.every((text, i) => text === `/${i} ${'y'.repeat(20_000)}`)).toBe(true)
    expect(two.b.vnet.state.tcp.stats.accepts).toBe(1)
    session.close()
    web.close()
  })
})
