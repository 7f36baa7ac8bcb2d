/** Bulk data over HTTP: Node's http over the Vnet's sockets against curl and Node's http over the kernel's. */

import { createHash } from 'node:crypto'
import { createServer, request } from 'node:http'
import type { IncomingMessage, RequestOptions, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Readable } from 'node:stream'
import { finished, pipeline } from 'node:stream/promises'
import { connectTcp, TcpServer } from '../../src/socket/tcp.ts'
import { onStage } from './scene.ts'
import type { Net } from './scene.ts'

const PORT = 80
const BLOCK = 65_536

/** The Vnet serves, curl in the kernel's namespace fetches and uploads. */
export function vnetServes(n: number, offload: boolean, bytes: number) {
  return onStage(async (scene) => {
    const net = await scene.net(n, { offload })
    const http = createServer(answer(bytes))
    const server = new TcpServer(net.host, (socket) => { http.emit('connection', socket) })
    server.listen({ port: PORT, allowHalfOpen: true })
    const url = `http://${net.vnet}/`
    const started = performance.now()
    const [down] = (await scene.ok('sh', '-c', `curl -sS --max-time 50 ${url} | sha256sum`)).split(' ')
    const downMs = performance.now() - started
    const give = `${process.execPath} -e '${PATTERN_PROGRAM}' ${bytes}`
    const uploading = performance.now()
    const up = await scene.ok('sh', '-c', `${give} | curl -sS --max-time 50 -T - ${url}`)
    const upMs = performance.now() - uploading
    server.close()
    return { down, up, expected: sha256(bytes), ...rates(bytes, downMs, upMs), retransmitted: retransmitted(net) }
  })
}

/** The kernel serves (Node's http), the Vnet fetches and uploads with Node's http client. */
export function vnetFetches(n: number, offload: boolean, bytes: number) {
  return onStage(async (scene) => {
    const net = await scene.net(n, { offload })
    const http = createServer(answer(bytes)).listen(0, net.kernel)
    await new Promise((resolve) => http.once('listening', resolve))
    const { port } = http.address() as AddressInfo
    const started = performance.now()
    const down = await hashOf(await exchange(net, port, 'GET', null))
    const downMs = performance.now() - started
    const uploading = performance.now()
    const up = await textOf(await exchange(net, port, 'PUT', Readable.from(pattern(bytes))))
    const upMs = performance.now() - uploading
    http.close()
    return { down, up, expected: sha256(bytes), ...rates(bytes, downMs, upMs), retransmitted: retransmitted(net) }
  })
}

/** curl fetches many small files, `parallel` at a time, connections used again; and one slowly. */
export function many(n: number, count: number, parallel: number, bytes: number) {
  return onStage(async (scene) => {
    const net = await scene.net(n)
    const http = createServer(answer(bytes))
    const server = new TcpServer(net.host, (socket) => { http.emit('connection', socket) })
    server.listen({ port: PORT, allowHalfOpen: true })
    const url = `http://${net.vnet}/`
    const format = '%{http_code} %{size_download}\\n'
    const said = await scene.ok('curl', '-sS', '-Z', '--parallel-max', String(parallel), '-w', format, ...Array.from(
      { length: count }, () => ['-o', '/dev/null', url]).flat())
    const { accepts } = net.host.vnet.state.tcp.stats
    const slow = await scene.ok('curl', '-sS', '--limit-rate', `${bytes}`, '-o', '/dev/null', '-w', format, url)
    server.close()
    server.closeAllConnections()
    http.close()
    const good = `200 ${bytes}`
    const right = said.trim().split('\n').filter((line) => line === good).length
    return { right, slow: slow.trim() === good, accepts }
  })
}

/** GET: the pattern. PUT: its hash. */
function answer(bytes: number) {
  return (req: IncomingMessage, res: ServerResponse): void => {
    if (req.method === 'PUT') hashOf(req).then((hash) => res.end(hash), (error: Error) => res.destroy(error))
    else {
      res.writeHead(200, { 'Content-Length': bytes })
      pipeline(Readable.from(pattern(bytes)), res).catch(() => undefined)
    }
  }
}

function exchange(net: Net, port: number, method: string, body: Readable | null): Promise<IncomingMessage> {
  const options: RequestOptions = {
    host: net.kernel, port, method, agent: false,
    // the stream calls of node:net's Socket are all that the client uses
    createConnection: () => connectTcp(net.host, { host: net.kernel, port }),
  }
  return new Promise((resolve, reject) => {
    const req = request(options, resolve)
    req.once('error', reject)
    if (body === null) req.end()
    else pipeline(body, req).catch(reject)
  })
}

/** A block whose content depends on its place, so that a lost or doubled piece shows. */
function* pattern(bytes: number): Generator<Buffer> {
  for (let at = 0; at < bytes; at += BLOCK) {
    const block = Buffer.alloc(Math.min(BLOCK, bytes - at), (at / BLOCK) & 0xff)
    block.writeUInt32BE(at / BLOCK, 0)
    yield block
  }
}

/** The same from a program of its own, for a pipe into curl. */
const PATTERN_PROGRAM = `
  const { Readable } = require("node:stream")
  const bytes = Number(process.argv[1])
  function* pattern() {
    for (let at = 0; at < bytes; at += ${BLOCK}) {
      const block = Buffer.alloc(Math.min(${BLOCK}, bytes - at), (at / ${BLOCK}) & 0xff)
      block.writeUInt32BE(at / ${BLOCK}, 0)
      yield block
    }
  }
  Readable.from(pattern()).pipe(process.stdout)`

function sha256(bytes: number): string {
  const hash = createHash('sha256')
  for (const block of pattern(bytes)) hash.update(block)
  return hash.digest('hex')
}

async function hashOf(stream: Readable): Promise<string> {
  const hash = createHash('sha256')
  stream.on('data', (chunk: Buffer) => hash.update(chunk))
  await finished(stream, { writable: false })
  return hash.digest('hex')
}

async function textOf(stream: Readable): Promise<string> {
  let text = ''
  for await (const chunk of stream) text += String(chunk)
  return text
}

function rates(bytes: number, downMs: number, upMs: number) {
  return { downGbps: gbps(bytes, downMs), upGbps: gbps(bytes, upMs) }
}

function gbps(bytes: number, ms: number): number {
  return Math.round(bytes * 8 / ms / 1e4) / 100
}

function retransmitted(net: Net): number {
  return net.host.vnet.state.tcp.stats.sndrexmitpack
}
