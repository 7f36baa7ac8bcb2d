/** What is built on `net`: http, https, tls, http2. */

import assert from 'node:assert'
import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import type http from 'node:http'
import type tls from 'node:tls'
import { collect, event, failure, finish, listen, LOOP } from '../kit.ts'
import type { Case, Mods } from '../kit.ts'
import { CERT, KEY } from './certificate.ts'
import { freePort } from './net-life.ts'

type Handler = (req: http.IncomingMessage, res: http.ServerResponse) => void

async function get(m: Mods, options: http.RequestOptions, body = ''): Promise<{ res: http.IncomingMessage; text: string }> {
  const req = m.http.request({ host: LOOP, agent: false, ...options })
  req.end(body)
  const [res] = await once(req, 'response') as [http.IncomingMessage]
  return { res, text: String(await collect(res)) }
}

function served(name: string, handler: Handler, check: (m: Mods, port: number) => Promise<void>): Case {
  return [`http: ${name}`, async (m) => {
    const server = m.http.createServer(handler)
    const port = await listen(server)
    await check(m, port)
    server.closeAllConnections()
    await finish(server)
  }]
}

const echo: Handler = (req, res) => {
  res.setHeader('x-method', req.method ?? '')
  req.pipe(res)
}

export const ABOVE: readonly Case[] = [
  served('GET', (_req, res) => { res.end('hello') }, async (m, port) => {
    const { res, text } = await get(m, { port })
    assert.deepStrictEqual([res.statusCode, text], [200, 'hello'])
  }),
  ...(['POST', 'PUT', 'PATCH'] as const).map((method) => served(method, echo, async (m, port) => {
    const { res, text } = await get(m, { port, method }, 'body of it')
    assert.deepStrictEqual([res.headers['x-method'], text], [method, 'body of it'])
  })),
  ...[0, 1, 1000, 65_536, 1_000_000].map((size) => served(`${size} bytes there and back`, echo, async (m, port) => {
    const body = 'x'.repeat(size)
    assert.strictEqual((await get(m, { port, method: 'POST' }, body)).text, body)
  })),
  ...[204, 304, 400, 404, 500].map((status) => served(`status ${status}`, (_req, res) => { res.writeHead(status).end() },
    async (m, port) => { assert.strictEqual((await get(m, { port })).res.statusCode, status) })),
  served('chunked', (_req, res) => {
    res.write('one ')
    setTimeout(() => { res.end('two') }, 5)
  }, async (m, port) => { assert.strictEqual((await get(m, { port })).text, 'one two') }),
  served('keep-alive uses one connection', (req, res) => { res.end(String(req.socket.remotePort)) }, async (m, port) => {
    const agent = new m.http.Agent({ keepAlive: true, maxSockets: 1 })
    const first = await get(m, { port, agent })
    const second = await get(m, { port, agent })
    assert.strictEqual(first.text, second.text)
    agent.destroy()
  }),
  served('a hundred at once', (req, res) => { res.end(req.url) }, async (m, port) => {
    const texts = await Promise.all(Array.from({ length: 100 }, async (_, i) => (await get(m, { port, path: `/${i}` })).text))
    assert.deepStrictEqual(texts, Array.from({ length: 100 }, (_, i) => `/${i}`))
  }),
  served('the server hangs up', (req) => { req.socket.destroy() }, async (m, port) => {
    const error = await failure(m.http.get({ host: LOOP, port, agent: false }))
    assert.deepStrictEqual([error.code, error.message], ['ECONNRESET', 'socket hang up'])
  }),
  served('an aborted signal', echo, async (m, port) => {
    const error = await failure(m.http.get({ host: LOOP, port, agent: false, signal: AbortSignal.abort() }))
    assert.strictEqual(error.code, 'ABORT_ERR')
  }),
  served('a timeout of the request', () => undefined, async (m, port) => {
    const req = m.http.get({ host: LOOP, port, agent: false, timeout: 20 })
    await once(req, 'timeout')
    req.on('error', () => undefined).destroy()
    await event(req, 'close')
  }),
  ['http: refused', async (m) => {
    const port = await freePort(m)
    assert.strictEqual((await failure(m.http.get({ host: LOOP, port, agent: false }))).message, `connect ECONNREFUSED ${LOOP}:${port}`)
  }],
  ['https: GET', async (m) => {
    const server = m.https.createServer({ key: KEY, cert: CERT }, (_req, res) => { res.end('secret') })
    const port = await listen(server)
    const req = m.https.get({ host: LOOP, port, rejectUnauthorized: false, agent: false })
    const [res] = await once(req, 'response') as [http.IncomingMessage]
    assert.strictEqual(String(await collect(res)), 'secret')
    server.closeAllConnections()
    await finish(server)
  }],
  ['https: a certificate that nobody vouches for', async (m) => {
    const server = m.https.createServer({ key: KEY, cert: CERT })
    const port = await listen(server)
    const error = await failure(m.https.get({ host: LOOP, port, agent: false }))
    assert.strictEqual(error.code, 'DEPTH_ZERO_SELF_SIGNED_CERT')
    server.closeAllConnections()
    await finish(server)
  }],
  ['tls: echo', async (m) => {
    const server = m.tls.createServer({ key: KEY, cert: CERT }, (socket) => { socket.pipe(socket) })
    const port = await listen(server)
    const client = m.tls.connect({ host: LOOP, port, rejectUnauthorized: false })
    await once(client, 'secureConnect')
    assert.strictEqual(client.encrypted, true)
    client.end('through TLS')
    assert.strictEqual(String(await collect(client)), 'through TLS')
    await finish(server)
  }],
  ['tls: five megabytes with the same hash', async (m) => {
    const body = randomBytes(5_000_000)
    const server = m.tls.createServer({ key: KEY, cert: CERT }, (socket: tls.TLSSocket) => { socket.end(body) })
    const port = await listen(server)
    const got = await collect(m.tls.connect({ host: LOOP, port, rejectUnauthorized: false }))
    assert.strictEqual(createHash('sha256').update(got).digest('hex'), createHash('sha256').update(body).digest('hex'))
    await finish(server)
  }],
]
