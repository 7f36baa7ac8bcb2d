/**
 * A Vnet's IPv4 packets of one protocol over a raw socket of the host (raw(7), the npm package raw-socket): real pings
 * without a TAP. Needs CAP_NET_RAW, and the package built for this Node.
 *
 * Both modes hand the kernel packets with their header (IP_HDRINCL), so TTL, TOS, DF and fragments are the Vnet's.
 * - masquerade (ICMP only): the source address is left to the kernel, which puts the host's; replies to the Vnet's
 *   queries, and errors about them, are turned back (raw-masquerade.ts). What is not the Vnet's is not delivered.
 * - transparent: nothing is rewritten; the Vnet must use an address that is routed to this host. Every packet of the
 *   protocol that the host receives is delivered.
 *
 * Limits:
 * - The kernel takes part: it answers too (echo replies, port unreachable, TCP resets) and reassembles before delivery.
 * - IPv4 only. Packets longer than the route's MTU are refused (counted in txDropped): the Vnet has to fragment.
 * - raw-socket polls on the default loop: main thread only, and an open device keeps the process alive.
 * - One packet per event each way, about 50,000 a second.
 */

import { createRequire } from 'node:module'
import type * as RawSocketModule from 'raw-socket'
import { createDeviceStats, ignoreFrame, LINK_IP } from '../device/device.ts'
import type { Device, DeviceStats } from '../device/device.ts'
import { ip4Print } from '../lib/addr.ts'
import type { Ip4 } from '../lib/addr.ts'
import { CSUM_PARTIAL, frameBytes, frameFrom, frameRelease } from '../lib/frame.ts'
import type { Frame, FramePool } from '../lib/frame.ts'
import { IP_DST, IP_HDR_LEN, IP_MAXPACKET, IP_P, IPPROTO_ICMP } from '../wire/ipv4.ts'
import { createMasquerade, masqueradeIn, masqueradeOut } from './raw-masquerade.ts'
import type { Masquerade } from './raw-masquerade.ts'
import { csumFinished, csumOffset, gsoIsSound } from '../wire/gso.ts'

export interface RawIpOptions {
  pool: FramePool
  /** IP protocol number; default ICMP. */
  protocol?: number
  /** Default 'masquerade' for ICMP, else 'transparent'. */
  mode?: 'masquerade' | 'transparent'
  name?: string
  /** What the Vnet may send in one packet; default 1500. */
  mtu?: number
}

export type RawSocketResult = { available: true; raw: typeof RawSocketModule } | { available: false; why: string }

/** Packets that wait for the socket to become writable; beyond it they are dropped. */
const MAX_QUEUED = 256
/** Node's longest timer; see `keepAlive`. */
const LONG_MS = 0x7fffffff

/** Opens the device; throws an Error with `code` and `syscall` that says what to do. */
export function openRawIp(options: RawIpOptions): RawIpDevice {
  const protocol = options.protocol ?? IPPROTO_ICMP
  const mode = options.mode ?? (protocol === IPPROTO_ICMP ? 'masquerade' : 'transparent')
  if (mode === 'masquerade' && protocol !== IPPROTO_ICMP) {
    throw rawError('EPROTONOSUPPORT', `masquerading is for ICMP, protocol ${protocol} can only be transparent`)
  }
  const loaded = loadRawSocket()
  if (!loaded.available) throw rawError('ENOTSUP', loaded.why)
  let socket: RawSocketModule.RawSocket
  try {
    socket = loaded.raw.createSocket({ protocol, bufferSize: IP_MAXPACKET + 1 })
    socket.setOption(loaded.raw.SocketLevel.IPPROTO_IP, loaded.raw.SocketOption.IP_HDRINCL, 1)
  } catch (error) {
    throw explainRawError(error)
  }
  return new RawIpDevice(socket, protocol, mode === 'masquerade' ? createMasquerade() : null, options)
}

/** The npm package raw-socket, or one sentence on why it cannot be used. */
export function loadRawSocket(): RawSocketResult {
  try {
    return { available: true, raw: createRequire(import.meta.url)('raw-socket') as typeof RawSocketModule }
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    const absent = code === 'MODULE_NOT_FOUND' && message.includes("'raw-socket'")
    const why = absent ? 'it is not installed: run "npm install raw-socket"'
      : 'it is not built for this Node: run "npm rebuild raw-socket"'
    return { available: false, why: `Packets over raw sockets need the package raw-socket, and ${why}.` }
  }
}

export class RawIpDevice implements Device {
  readonly name: string
  readonly link = LINK_IP
  readonly mac = 0
  readonly mtu: number
  readonly offload = 0
  readonly stats: DeviceStats = createDeviceStats()
  onFrame: (f: Frame) => void = ignoreFrame
  onBatchEnd: () => void = ignoreFrame
  /** The socket failed; the device has closed itself. */
  onGone: (why: Error) => void = ignoreFrame
  readonly #socket: RawSocketModule.RawSocket
  readonly #protocol: number
  readonly #masquerade: Masquerade | null
  readonly #pool: FramePool
  readonly #keepAlive: NodeJS.Timeout
  #queued = 0
  #closed = false

  constructor(
    socket: RawSocketModule.RawSocket, protocol: number, masquerade: Masquerade | null, options: RawIpOptions,
  ) {
    this.name = options.name ?? `raw${protocol}`
    this.mtu = options.mtu ?? 1500
    this.#socket = socket
    this.#protocol = protocol
    this.#masquerade = masquerade
    this.#pool = options.pool
    // Nothing in raw-socket keeps an open socket from the garbage collector; a timer is a root of the collector's.
    this.#keepAlive = setInterval(() => this.#socket, LONG_MS)
    socket.on('message', (buffer) => this.#receive(buffer))
    socket.on('close', () => this.close())
    socket.on('error', (error) => this.#failed(error))
  }

  /** Copies the packet: the socket writes it when it gets its turn. Other protocols and IPv6 are dropped and counted. */
  send(f: Frame): void {
    const v4 = f.len >= IP_HDR_LEN && f.view.getUint8(f.off) >> 4 === 4
    const ours = v4 && f.view.getUint8(f.off + IP_P) === this.#protocol && f.gsoSize === 0
    const partial = f.csum === CSUM_PARTIAL
    if (this.#closed || !ours || this.#queued >= MAX_QUEUED || (partial && !gsoIsSound(f))) {
      this.stats.txDropped++
      return
    }
    const packet = Buffer.from(frameBytes(f))
    if (partial) packet.writeUInt16BE(csumFinished(f), f.l4 - f.off + csumOffset(f.proto))
    if (this.#masquerade !== null && !masqueradeOut(this.#masquerade, packet)) {
      this.stats.txDropped++
      return
    }
    this.#transmit(packet, packet.readInt32BE(IP_DST))
  }

  flush(): void {
    // the socket takes packets one by one, as the event loop finds it writable
  }

  /** What still waits to be sent is dropped; closing twice is harmless. */
  close(): void {
    if (this.#closed) return
    this.#closed = true
    clearInterval(this.#keepAlive)
    this.stats.txDropped += this.#queued
    this.#socket.close()
  }

  #transmit(packet: Buffer, dst: Ip4): void {
    this.#queued++
    this.#socket.send(packet, 0, packet.length, ip4Print(dst), (error) => {
      if (this.#closed) return
      this.#queued--
      if (error !== null) this.stats.txDropped++
      else {
        this.stats.txFrames++
        this.stats.txBytes += packet.length
      }
    })
  }

  /** `buffer` is a slice of the socket's only buffer: it is copied into a frame before anything else happens. */
  #receive(buffer: Buffer): void {
    if (this.#closed) return
    const f = frameFrom(this.#pool, buffer)
    if (f === null) {
      this.stats.rxErrors++
      return
    }
    try {
      if (this.#masquerade !== null && !masqueradeIn(this.#masquerade, f)) return
      this.stats.rxFrames++
      this.stats.rxBytes += f.len
      this.onFrame(f)
      this.onBatchEnd()
    } finally {
      frameRelease(this.#pool, f)
    }
  }

  /** raw-socket reports a failed read (say, a pending ICMP error) and goes on; after a failed poll it closes itself. */
  #failed(error: Error): void {
    this.stats.rxErrors++
    if (/^-\d+$/.test(error.message)) {
      this.close()
      this.onGone(error)
    }
  }
}

function explainRawError(error: unknown): Error {
  const said = error instanceof Error ? error.message : String(error)
  if (!/not permitted|denied/i.test(said)) return rawError('EIO', `a raw socket cannot be opened: ${said}`)
  return rawError('EPERM', 'a raw socket needs CAP_NET_RAW: run as root, or give node the capability with '
    + '"setcap cap_net_raw+ep"')
}

function rawError(code: string, message: string): Error {
  return Object.assign(new Error(`${code}: ${message}`), { code, syscall: 'socket' })
}
