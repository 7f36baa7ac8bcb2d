/** An interface on a bridge of a running daemon: a port that its control socket hands over (daemon/bridge-port.ts). */

import { randomBytes } from 'node:crypto'
import { createRequire } from 'node:module'
import type net from 'node:net'
import { tmpdir } from 'node:os'
import { join as joinPath } from 'node:path'
import type { Device } from '../device/device.ts'
import { StreamDevice } from '../host/stream-device.ts'
import { macRead } from '../lib/addr.ts'
import type { Mac } from '../lib/addr.ts'
import type { FramePool } from '../lib/frame.ts'

export interface BridgeLinkOptions {
  pool: FramePool
  /** Of the interface, and of the Vnet: together the port's name. */
  name: string
  host: string
  mtu: number
  bridge: string
  /** The daemon's control socket; '' for the usual one. */
  control: string
}

const HEAD_MOST = 16_384

/**
 * The device, which keeps what is sent until `join` has made the connection. `join` loads Node's `net`, so the handles must be in
 * their places before. A daemon that is not there, or refuses, is an uncaught exception.
 */
export function bridgeLink(options: BridgeLinkOptions): { device: Device; join: () => void } {
  const { pool, name, host, mtu, bridge } = options
  const device = new StreamDevice({ pool, name, mac: randomMac(), mtu })
  const join = (): void => {
    const path = options.control !== '' ? options.control : usualPath(process.env)
    const fail = (why: string): never => { throw new Error(`vimage/register: ${name} cannot join bridge ${bridge} at ${path}: ${why}`) }
    const { connect } = createRequire(import.meta.url)('node:net') as typeof net
    const socket = connect(path)
    const lost = (error: Error): void => { fail(error.message) }
    let got = Buffer.alloc(0)
    const answer = (bytes: Buffer): void => {
      got = Buffer.concat([got, bytes])
      const end = got.indexOf('\r\n\r\n')
      if (end < 0 && got.length < HEAD_MOST) return
      socket.off('data', answer).off('error', lost).off('end', ended)
      if (!got.subarray(0, 12).equals(Buffer.from('HTTP/1.1 101'))) fail(refusal(got.toString('utf8')))
      device.use(socket, got.subarray(end + 4))
      // programs are kept alive by what they wait for, not by their wires
      socket.unref()
    }
    const ended = (): void => { fail('the daemon has ended') }
    socket.on('data', answer).on('error', lost).on('end', ended)
    const port = `${host}.${name}`.replace(/[^\w.-]/g, '-').slice(0, 32)
    socket.write(`GET /v1/bridges/${encodeURIComponent(bridge)}/port?name=${port}&mtu=${mtu} HTTP/1.1\r\nHost: vimage\r\n`
      + 'Connection: Upgrade\r\nUpgrade: vimage-frames\r\n\r\n')
  }
  return { device, join }
}

/** As daemon/control-path.ts has it. */
function usualPath(env: NodeJS.ProcessEnv): string {
  const given = env['VIMAGE_CONTROL'] ?? ''
  const runtime = env['XDG_RUNTIME_DIR'] ?? ''
  if (given !== '') return given
  return runtime !== '' ? joinPath(runtime, 'vimage', 'control.sock')
    : joinPath(tmpdir(), `vimage-${process.getuid?.() ?? 0}`, 'control.sock')
}

/** What the daemon says in its answer. */
function refusal(text: string): string {
  const message = /"message":"((?:[^"\\]|\\.)*)"/.exec(text)?.[1]
  return message === undefined ? text.split('\r\n', 1)[0] : JSON.parse(`"${message}"`) as string
}

/** Locally administered, of one station. */
function randomMac(): Mac {
  const bytes = randomBytes(6)
  bytes[0] = (bytes[0] & 0xfc) | 2
  return macRead(new DataView(bytes.buffer, bytes.byteOffset, 6), 0)
}
