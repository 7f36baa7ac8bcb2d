/**
 * Bytes being read, none of them trusted: each read is checked against the bytes that are there, and there is one way
 * only to write a number, so that equal states are equal bytes.
 */

import { SnapshotError } from './fault.ts'
import type { Plans } from './fields.ts'

export interface Reader {
  readonly buf: Uint8Array
  readonly view: DataView
  at: number
  /** Bytes that rings may still take beyond what the snapshot holds of them. */
  slack: number
  /** Parked [position, length) pairs of the last ring read that may have such. */
  parked: number[]
  /** How the records were written; null: as this build writes them. */
  plans: Plans | null
}

const VARINT_BYTES = 8

export function createReader(buf: Uint8Array, slack: number): Reader {
  return { buf, view: new DataView(buf.buffer, buf.byteOffset, buf.byteLength), at: 0, slack, parked: [], plans: null }
}

export function readByte(r: Reader): number {
  need(r, 1)
  return r.buf[r.at++]
}

export function readVarint(r: Reader): number {
  let value = 0
  let scale = 1
  for (let i = 0; i < VARINT_BYTES; i++) {
    const byte = readByte(r)
    value += (byte & 127) * scale
    if (byte < 128) {
      if (byte === 0 && i > 0) throw new SnapshotError('a number with idle bytes')
      if (value > Number.MAX_SAFE_INTEGER) break
      return value
    }
    scale *= 128
  }
  throw new SnapshotError('a number too long')
}

export function readInt32(r: Reader): number {
  need(r, 4)
  r.at += 4
  return r.view.getInt32(r.at - 4, true)
}

export function readFloat64(r: Reader): number {
  need(r, 8)
  r.at += 8
  return r.view.getFloat64(r.at - 8, true)
}

/** How many things follow, each of which takes a byte at least. */
export function readCount(r: Reader): number {
  const n = readVarint(r)
  if (n > r.buf.length - r.at) throw new SnapshotError(`${n} items declared, ${r.buf.length - r.at} bytes left`)
  return n
}

/** `n` bytes in an array of their own. */
export function readBytes(r: Reader, n: number): Uint8Array {
  need(r, n)
  r.at += n
  return r.buf.slice(r.at - n, r.at)
}

/** The place of `n` bytes that the caller takes. */
export function readRoom(r: Reader, n: number): number {
  need(r, n)
  r.at += n
  return r.at - n
}

function need(r: Reader, n: number): void {
  if (r.at + n > r.buf.length) throw new SnapshotError(`cut short: ${n} bytes wanted, ${r.buf.length - r.at} left`)
}
