/**
 * Ethernet over a stream: frames behind their length in octets (32 bits, big-endian), both ways. The two ends of a daemon's port
 * that was handed over its control socket (docs/node.md), for a stream of any kind.
 */

import type { Duplex } from 'node:stream'
import { createDeviceStats, framePacketBytes, ignoreFrame, LINK_ETHER } from '../device/device.ts'
import type { Device, DeviceStats } from '../device/device.ts'
import type { Mac } from '../lib/addr.ts'
import { CSUM_PARTIAL, frameBytes, frameFrom, frameRelease } from '../lib/frame.ts'
import type { Frame, FramePool } from '../lib/frame.ts'
import { ETHER_HDR_LEN } from '../wire/ethernet.ts'
import { csumFinished, csumOffset, gsoIsSound } from '../wire/gso.ts'

export interface StreamDeviceOptions {
  pool: FramePool
  name: string
  /** Suggested to a stack at this end; 0 for none. */
  mac: Mac
  mtu: number
}

const LENGTH = 4
/** A frame of the largest MTU with its VLAN tag. */
const FRAME_MOST = 65_535 + ETHER_HDR_LEN + 4
/** What waits for a peer that does not read; frames beyond it are dropped, as a full transmit ring drops them. */
const QUEUE_BYTES = 4 * 1024 * 1024

export class StreamDevice implements Device {
  readonly name: string
  readonly link = LINK_ETHER
  readonly mac: Mac
  readonly mtu: number
  readonly offload = 0
  readonly stats: DeviceStats = createDeviceStats()
  onFrame: (f: Frame) => void = ignoreFrame
  onBatchEnd: () => void = ignoreFrame
  /** The stream has ended; the device has closed itself. */
  onGone: () => void = ignoreFrame
  readonly #pool: FramePool
  #stream: Duplex | null = null
  #waiting: Buffer[] = []
  #waitingBytes = 0
  #rest = Buffer.alloc(0)
  #closed = false

  constructor(options: StreamDeviceOptions) {
    this.#pool = options.pool
    this.name = options.name
    this.mac = options.mac
    this.mtu = options.mtu
  }

  /** The stream to use from now on (frames sent before wait for it), and what was read of it already. */
  use(stream: Duplex, head: Buffer = Buffer.alloc(0)): void {
    if (this.#closed) {
      stream.destroy()
      return
    }
    this.#stream = stream
    stream.on('data', (bytes: Buffer) => { this.#read(bytes) })
    stream.on('error', ignoreFrame)
    stream.on('end', () => { this.#gone() })
    stream.on('close', () => { this.#gone() })
    this.flush()
    if (head.length > 0) this.#read(head)
  }

  send(f: Frame): void {
    const unfinished = f.gsoSize > 0 || f.csum === CSUM_PARTIAL
    const queued = this.#waitingBytes + (this.#stream?.writableLength ?? 0)
    const refused = this.#closed || f.gsoSize > 0 || (unfinished && !gsoIsSound(f)) || framePacketBytes(f, LINK_ETHER) > this.mtu
    if (refused || queued + f.len > QUEUE_BYTES) {
      this.stats.txDropped++
      return
    }
    const bytes = Buffer.allocUnsafe(LENGTH + f.len)
    bytes.writeUInt32BE(f.len, 0)
    bytes.set(frameBytes(f), LENGTH)
    // RFC 9293 §3.1, RFC 768: what the stack left to the device
    if (unfinished) bytes.writeUInt16BE(csumFinished(f), LENGTH + f.l4 - f.off + csumOffset(f.proto))
    this.#waiting.push(bytes)
    this.#waitingBytes += bytes.length
    this.stats.txFrames++
    this.stats.txBytes += f.len
  }

  flush(): void {
    const stream = this.#stream
    if (stream === null || this.#waiting.length === 0) return
    const [only] = this.#waiting
    stream.write(this.#waiting.length === 1 ? only : Buffer.concat(this.#waiting))
    this.#waiting = []
    this.#waitingBytes = 0
  }

  close(): void {
    this.#closed = true
    this.#waiting = []
    this.#waitingBytes = 0
    this.onFrame = ignoreFrame
    this.onBatchEnd = ignoreFrame
    this.#stream?.destroy()
    this.#stream = null
  }

  #gone(): void {
    if (this.#closed) return
    this.close()
    this.onGone()
  }

  #read(bytes: Buffer): void {
    let got = this.#rest.length === 0 ? bytes : Buffer.concat([this.#rest, bytes])
    let delivered = 0
    while (got.length >= LENGTH && !this.#closed) {
      const length = got.readUInt32BE(0)
      if (length === 0 || length > FRAME_MOST) {
        // nothing after it can be read
        this.stats.rxErrors++
        this.#gone()
        return
      }
      if (got.length < LENGTH + length) break
      this.#deliver(got.subarray(LENGTH, LENGTH + length))
      got = got.subarray(LENGTH + length)
      delivered++
    }
    this.#rest = Buffer.from(got)
    if (delivered > 0) this.onBatchEnd()
  }

  #deliver(bytes: Buffer): void {
    const f = frameFrom(this.#pool, bytes)
    if (f === null) {
      this.stats.rxErrors++
      return
    }
    this.stats.rxFrames++
    this.stats.rxBytes += bytes.length
    this.onFrame(f)
    frameRelease(this.#pool, f)
  }
}
