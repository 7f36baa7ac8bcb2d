/**
 * A small HTTP status page of the Vnet itself, on port 80: interfaces, neighbours, routes, sockets, counters.
 * Node's own http server speaks HTTP over our sockets. `GET /` is a page, `GET /status.json` the same as data.
 */

import { createServer } from 'node:http'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { TcpServer } from '../socket/tcp.ts'
import type { TcpSocket } from '../socket/tcp.ts'
import { vnetStatus } from '../vimage/status.ts'
import type { VnetStatus } from '../vimage/status.ts'
import type { Runner } from '../vnet/runner.ts'
import { soAbort } from '../vnet/so.ts'
import type { SavedService } from './saved.ts'
import type { Service } from './service.ts'

const HTTP_PORT = 80

export function startHttpStatus(runner: Runner, port = HTTP_PORT, saved: SavedService | null = null): Service {
  const http = createServer((request, response) => answer(runner, request, response))
  const read = new Map<TcpSocket, number>()
  http.on('request', (request: IncomingMessage, response: ServerResponse) => {
    const socket = request.socket as unknown as TcpSocket
    response.on('finish', () => read.set(socket, socket.bytesRead))
  })
  const tcp = new TcpServer(runner, (socket) => {
    read.set(socket, 0)
    socket.on('close', () => read.delete(socket))
    socket.on('error', () => socket.destroy())
    http.emit('connection', socket)
  })
  if (saved === null) tcp.listen({ port, allowHalfOpen: true })
  else resume(runner, tcp, saved)
  return {
    name: 'http',
    ports: [`tcp/${port}`],
    save: () => ({
      name: 'http', listener: tcp.id, udp: 0,
      // between two requests nothing is known but that; `closing` are those in the middle of one
      talks: [...read].map(([socket, bytes]) => ({
        id: socket.id, data: {}, out: '', ended: false, closing: socket.bytesRead !== bytes,
      })),
    }),
    abandon: () => void http.close(),
    stop: () => {
      tcp.close()
      tcp.closeAllConnections()
      http.close()
    },
  }
}

/** Node's parser cannot be taken along: a connection in the middle of a request is reset, the others go on. */
function resume(runner: Runner, tcp: TcpServer, saved: SavedService): void {
  tcp.adopt(saved.listener, { allowHalfOpen: true })
  for (const { id, closing } of saved.talks) {
    if (closing) soAbort(runner.vnet, runner.now(), id)
    else tcp.adoptConnection(id)
  }
  runner.kick()
}

function answer(runner: Runner, request: IncomingMessage, response: ServerResponse): void {
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    response.writeHead(405, { Allow: 'GET, HEAD' }).end('only GET and HEAD here\n')
    return
  }
  const status = vnetStatus(runner)
  if (request.url === '/status.json') send(response, 'application/json', `${JSON.stringify(status, null, 2)}\n`)
  else if (request.url === '/') send(response, 'text/html; charset=utf-8', page(status))
  else response.writeHead(404, { 'Content-Type': 'text/plain' }).end('not here; try / or /status.json\n')
}

function send(response: ServerResponse, type: string, body: string): void {
  response.writeHead(200, { 'Content-Type': type, 'Content-Length': Buffer.byteLength(body) }).end(body)
}

function page(s: VnetStatus): string {
  const title = `vimage ${escape(s.name)}`
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>${title}</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>
body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:60rem;padding:0 1rem;color:#1c2330;background:#fafbfc}
h1{font-size:1.5rem}h2{font-size:1.1rem;margin-top:2rem}
table{border-collapse:collapse;width:100%}
td,th{padding:.25rem .6rem;border-bottom:1px solid #dde3ea;text-align:left;font-variant-numeric:tabular-nums}
th{font-weight:600;color:#51607a}
.overflow{overflow-x:auto}
@media(prefers-color-scheme:dark){body{color:#dfe6f0;background:#12161d}td,th{border-color:#2b3442}th{color:#93a4bf}}
</style></head><body>
<h1>${title}</h1>
<p>A network stack of its own, in user space, up for ${(s.uptimeUs / 1e6).toFixed(1)} s.
The same as data: <a href="/status.json">status.json</a>.</p>
${section('Interfaces', s.interfaces)}
${section('Neighbours (ARP)', s.arp)}
${section('Routes', s.routes)}
${section('Sockets', s.sockets)}
${section('Counters that are not zero', s.counters)}
</body></html>
`
}

function section(title: string, rows: readonly object[]): string {
  if (rows.length === 0) return `<h2>${title}</h2><p>none</p>`
  const columns = Object.keys(rows[0])
  const head = columns.map((c) => `<th>${escape(c)}</th>`).join('')
  const cell = (v: unknown): string => `<td>${escape(Array.isArray(v) ? v.join(' ') : String(v))}</td>`
  const body = rows.map((row) => `<tr>${Object.values(row).map(cell).join('')}</tr>`).join('\n')
  return `<h2>${title}</h2><div class="overflow"><table><tr>${head}</tr>\n${body}</table></div>`
}

function escape(text: string): string {
  return text.replace(/[&<>"]/g, (c) => `&#${c.charCodeAt(0)};`)
}
