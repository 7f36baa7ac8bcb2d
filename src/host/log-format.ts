/**
 * The log of a live run: everything that went into a Vnet, and digests of what came out.
 *
 *   "VIML" | format version | chunks: length (4) | checksum (8) | entries
 *
 * Everything is little-endian. The first entry is a snapshot; the last chunk's last entry is an end with the digest of all
 * output. A log without an end (the process was killed) is good as far as its last whole chunk.
 */

import { CSUM_NONE, CSUM_PARTIAL, CSUM_VALID, FRAME_HEADROOM, FRAME_LARGE } from '../lib/frame.ts'
import { checksum } from '../snapshot/checksum.ts'
import { SnapshotError } from '../snapshot/fault.ts'
import { readByte, readBytes, readCount, readFloat64, readInt32, readVarint } from '../snapshot/reader.ts'
import type { Reader } from '../snapshot/reader.ts'
import { createAddr } from '../lib/addr.ts'
import type { Addr } from '../lib/addr.ts'
import type { AoKeyParams } from '../tcp/auth/ao-keys.ts'
import type { CallValue } from '../vnet/journal.ts'
import { writeByte, writeFloat64, writeRoom, writeVarint } from '../snapshot/writer.ts'
import type { Writer } from '../snapshot/writer.ts'

/** "VIML" read as a little-endian int32. */
export const LOG_MAGIC = 0x4c4d4956
export const LOG_VERSION = 1
export const LOG_HEADER = 8
export const CHUNK_HEADER = 12
/** A snapshot is in one chunk. */
export const CHUNK_MAX = 2 ** 30

export const ENTRY_STATE = 1
export const ENTRY_INPUT = 2
export const ENTRY_ADVANCE = 3
export const ENTRY_CALL = 4
export const ENTRY_OUTPUT = 5
export const ENTRY_END = 6

/** A frame as it was handed over: bytes, and what its maker vouches for. */
export interface LoggedFrame {
  ifId: number
  bytes: Uint8Array
  csum: number
  gsoSize: number
  l4: number
  proto: number
  flags: number
}

export type LogEntry =
  /** The state from here on, and what had been sent by calls that a log does not have (management). */
  | { kind: typeof ENTRY_STATE; sent: LoggedFrame[]; snapshot: Uint8Array }
  | { kind: typeof ENTRY_INPUT; now: number; frame: LoggedFrame }
  | { kind: typeof ENTRY_ADVANCE; now: number }
  | { kind: typeof ENTRY_CALL; now: number; name: string; args: CallValue[] }
  /** What was sent since the last such entry: number of frames, and their digest. */
  | { kind: typeof ENTRY_OUTPUT; frames: number; digest: number }
  | { kind: typeof ENTRY_END; frames: number; digest: string; reason: string }

const VALUE_NUMBER = 0
const VALUE_TEXT = 1
const VALUE_NULL = 2
const VALUE_BYTES = 3
const VALUE_ADDR = 4
const VALUE_ADDRS = 5
const VALUE_KEY = 6
const TEXT_MAX = 4096

export function writeFrame(w: Writer, f: LoggedFrame): void {
  for (const n of [f.ifId, f.csum, f.gsoSize, f.l4, f.proto, f.flags]) writeVarint(w, n)
  writeBlock(w, f.bytes)
}

export function readFrame(r: Reader): LoggedFrame {
  const [ifId, csum, gsoSize, l4, proto, flags] = Array.from({ length: 6 }, () => readVarint(r))
  const bytes = readBytes(r, readVarint(r))
  const good = [CSUM_NONE, CSUM_VALID, CSUM_PARTIAL].includes(csum) && l4 <= bytes.length && gsoSize <= 0xffff && proto <= 0xff
  if (!good || bytes.length > FRAME_LARGE - FRAME_HEADROOM || flags > 0xffff) throw new SnapshotError('not such a frame')
  return { ifId, bytes, csum, gsoSize, l4, proto, flags }
}

export function writeCall(w: Writer, now: number, name: string, args: readonly CallValue[]): void {
  writeByte(w, ENTRY_CALL)
  writeFloat64(w, now)
  writeText(w, name)
  writeVarint(w, args.length)
  for (const value of args) writeValue(w, value)
}

export function writeBlock(w: Writer, bytes: Uint8Array): void {
  writeVarint(w, bytes.length)
  const at = writeRoom(w, bytes.length)
  w.buf.set(bytes, at)
}

export function writeText(w: Writer, text: string): void {
  writeBlock(w, Buffer.from(text))
}

/** The next entry; a SnapshotError says what is wrong with it. */
export function readEntry(r: Reader): LogEntry {
  const kind = readByte(r)
  switch (kind) {
    case ENTRY_STATE: {
      const sent: LoggedFrame[] = []
      for (let n = readCount(r); n > 0; n--) sent.push(readFrame(r))
      return { kind, sent, snapshot: readBytes(r, readVarint(r)) }
    }
    case ENTRY_INPUT: return { kind, now: readTime(r), frame: readFrame(r) }
    case ENTRY_ADVANCE: return { kind, now: readTime(r) }
    case ENTRY_CALL: {
      const [now, name] = [readTime(r), readText(r)]
      const args: CallValue[] = []
      for (let n = readCount(r); n > 0; n--) args.push(readValue(r))
      return { kind, now, name, args }
    }
    case ENTRY_OUTPUT: return { kind, frames: readVarint(r), digest: readInt32(r) }
    case ENTRY_END: return { kind, frames: readVarint(r), digest: readText(r), reason: readText(r) }
    default: throw new SnapshotError(`${kind} is no kind of entry`)
  }
}

/** Of a frame that was sent, after those before it. */
export function frameDigest(before: number, f: LoggedFrame): number {
  const [low, high] = checksum(f.bytes, 0, f.bytes.length)
  let digest = before
  for (const n of [f.ifId, f.csum, f.gsoSize, f.bytes.length, low, high]) digest = Math.imul(digest ^ n, 0x01000193) ^ (digest >>> 15)
  return digest | 0
}

function writeValue(w: Writer, value: CallValue): void {
  if (typeof value === 'number') {
    writeByte(w, VALUE_NUMBER)
    writeFloat64(w, value)
  } else if (typeof value === 'string') {
    writeByte(w, VALUE_TEXT)
    writeText(w, value)
  } else if (value === null) writeByte(w, VALUE_NULL)
  else if (value instanceof Uint8Array) {
    writeByte(w, VALUE_BYTES)
    writeBlock(w, value)
  } else if (Array.isArray(value)) {
    writeByte(w, VALUE_ADDRS)
    writeVarint(w, value.length)
    for (const addr of value) writeAddr(w, addr as Addr)
  } else if ('w0' in value) {
    writeByte(w, VALUE_ADDR)
    writeAddr(w, value)
  } else writeKey(w, value as AoKeyParams)
}

function readValue(r: Reader): CallValue {
  switch (readByte(r)) {
    case VALUE_NUMBER: return readFloat64(r)
    case VALUE_TEXT: return readText(r)
    case VALUE_NULL: return null
    case VALUE_BYTES: return readBytes(r, readVarint(r))
    case VALUE_ADDR: return readAddr(r)
    case VALUE_ADDRS: return Array.from({ length: readCount(r) }, () => readAddr(r))
    case VALUE_KEY: return readKey(r)
    default: throw new SnapshotError('no kind of value')
  }
}

function writeAddr(w: Writer, { w0, w1, w2, w3, zone }: Addr): void {
  for (const n of [w0, w1, w2, w3, zone]) writeFloat64(w, n)
}

function readAddr(r: Reader): Addr {
  const addr = createAddr()
  const words = Array.from({ length: 5 }, () => readFloat64(r))
  if (words.some((n, i) => i < 4 ? n !== (n | 0) : !Number.isSafeInteger(n) || n < 0)) throw new SnapshotError('no address')
  ;[addr.w0, addr.w1, addr.w2, addr.w3, addr.zone] = words
  return addr
}

function writeKey(w: Writer, key: AoKeyParams): void {
  const { secret, ...rest } = key
  writeByte(w, VALUE_KEY)
  writeBlock(w, secret)
  writeText(w, JSON.stringify(rest))
}

function readKey(r: Reader): AoKeyParams {
  const secret = readBytes(r, readVarint(r))
  try {
    return { ...(JSON.parse(readText(r)) as Omit<AoKeyParams, 'secret'>), secret }
  } catch {
    throw new SnapshotError('no key')
  }
}

function readTime(r: Reader): number {
  const now = readFloat64(r)
  if (!(now >= 0 && now < Infinity)) throw new SnapshotError(`${now} is no time`)
  return now
}

function readText(r: Reader): string {
  const n = readVarint(r)
  if (n > TEXT_MAX) throw new SnapshotError(`a text of ${n} bytes`)
  return Buffer.from(readBytes(r, n)).toString()
}
