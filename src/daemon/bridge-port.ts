/**
 * A port of a bridge for a program: `GET /v1/bridges/:bridge/port?name=&mtu=` with `Upgrade: vimage-frames`, after which the
 * connection carries frames (host/stream-device.ts). The port goes when the connection does.
 */

import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { StreamDevice } from '../host/stream-device.ts'
import { ManageError } from '../vimage/error.ts'
import { createCapturePoint } from './capture-point.ts'
import type { Daemon } from './daemon.ts'
import { thereAre } from './listings.ts'
import { positive } from './streams.ts'

export const PORT_PROTOCOL = 'vimage-frames'
const DEFAULT_MTU = 1500
const MAX_MTU = 65_535

/** Answers a request to upgrade; `head` is what has come behind it. */
export function bridgePort(daemon: Daemon, request: IncomingMessage, stream: Duplex, head: Buffer): void {
  stream.on('error', () => undefined)
  try {
    const url = new URL(request.url ?? '/', 'http://vimage')
    const bridge = /^\/v1\/bridges\/([^/]+)\/port$/.exec(url.pathname)?.[1]
    if (bridge === undefined || request.headers.upgrade !== PORT_PROTOCOL) {
      throw new ManageError('ENOENT', `there is no ${PORT_PROTOCOL} at ${url.pathname}`)
    }
    plug(daemon, decodeURIComponent(bridge), url.searchParams, stream, head)
  } catch (error) {
    const { code = 'EINVAL', message } = error as NodeJS.ErrnoException
    const body = `${JSON.stringify({ error: { code, message } })}\n`
    const status = code === 'ENOENT' ? '404 Not Found' : '400 Bad Request'
    stream.end(`HTTP/1.1 ${status}\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\n`
      + `Connection: close\r\n\r\n${body}`)
  }
}

function plug(daemon: Daemon, bridge: string, query: URLSearchParams, stream: Duplex, head: Buffer): void {
  const sw = daemon.bridges.get(bridge)
  if (sw === undefined) throw new ManageError('ENOENT', `there is no bridge "${bridge}" here; ${thereAre(daemon.bridges.keys())}`)
  const name = query.get('name') ?? 'program'
  if (!/^[\w.-]{1,32}$/.test(name)) throw new ManageError('EINVAL', `"${name}" is no name for a port`)
  const mtu = positive(query, 'mtu', DEFAULT_MTU, MAX_MTU)
  const link = new StreamDevice({ pool: daemon.driver.pool, name, mac: 0, mtu })
  const { device, point } = createCapturePoint(link, bridge, 'bridge', name)
  const port = sw.addDevice(device, name)
  daemon.points.push(point)
  link.onGone = () => {
    sw.removePort(port.id)
    daemon.points.splice(daemon.points.indexOf(point), 1)
    daemon.log.info({ bridge, port: name }, 'a program has left')
  }
  daemon.log.info({ bridge, port: name }, 'a program has joined')
  stream.write(`HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: ${PORT_PROTOCOL}\r\n\r\n`)
  link.use(stream, head)
}
