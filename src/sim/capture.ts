/** Captures of a simulated network, in memory. */

import { createCaptureEncoder } from '../pcap/encoder.ts'
import type { CaptureEncoder } from '../pcap/encoder.ts'
import type { CaptureFormat, CaptureTime } from '../pcap/record.ts'
import type { Direction } from '../device/watch.ts'

export class MemoryCapture {
  /** Packets captured. */
  packets = 0
  readonly #encoder: CaptureEncoder
  readonly #chunks: Uint8Array[]
  /** Interface of the caller → interface of the capture. */
  readonly #interfaces = new Map<number, number>()
  readonly #format: CaptureFormat

  /** Classic captures hold one link type; pcapng one for each interface. */
  constructor(format: CaptureFormat, linkType: number) {
    this.#format = format
    this.#encoder = format === 'pcapng'
      ? createCaptureEncoder({ format, interfaces: [] })
      : createCaptureEncoder({ format, linkType })
    this.#chunks = [this.#encoder.header]
  }

  /**
   * Appends a packet (copied) at a time in µs, or an exact one. `key` is the caller's number of the interface, `name`
   * what to call it in the file.
   */
  add(
    key: number, name: string, linkType: number, time: number | CaptureTime, bytes: Uint8Array, direction: Direction,
  ): void {
    this.packets++
    if (this.#format === 'pcap') {
      this.#chunks.push(this.#encoder.packet(time, bytes))
      return
    }
    let iface = this.#interfaces.get(key)
    if (iface === undefined) {
      const declared = this.#encoder.addInterface(name, linkType)
      iface = declared.id
      this.#interfaces.set(key, iface)
      this.#chunks.push(declared.bytes)
    }
    this.#chunks.push(this.#encoder.packet(time, bytes, { iface, direction }))
  }

  /** The capture file so far. */
  bytes(): Uint8Array {
    const total = this.#chunks.reduce((sum, chunk) => sum + chunk.length, 0)
    const file = new Uint8Array(total)
    let at = 0
    for (const chunk of this.#chunks) {
      file.set(chunk, at)
      at += chunk.length
    }
    return file
  }
}
