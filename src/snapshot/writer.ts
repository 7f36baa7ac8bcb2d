/** Bytes being written: little-endian numbers, and integers of seven bits a byte, lowest first. */

export interface Writer {
  buf: Uint8Array
  view: DataView
  at: number
}

const START_SIZE = 8192

export function createWriter(): Writer {
  const buf = new Uint8Array(START_SIZE)
  return { buf, view: new DataView(buf.buffer), at: 0 }
}

/** The bytes written, in an array of their own. */
export function writerBytes(w: Writer): Uint8Array {
  return w.buf.slice(0, w.at)
}

export function writeByte(w: Writer, value: number): void {
  if (w.at === w.buf.length) grow(w, 1)
  w.buf[w.at++] = value
}

/** 0 ≤ value ≤ 2^53 − 1. */
export function writeVarint(w: Writer, value: number): void {
  if (w.at + 8 > w.buf.length) grow(w, 8)
  let rest = value
  while (rest > 0x7fffffff) {
    w.buf[w.at++] = (rest % 128) | 128
    rest = Math.floor(rest / 128)
  }
  while (rest > 127) {
    w.buf[w.at++] = (rest & 127) | 128
    rest >>>= 7
  }
  w.buf[w.at++] = rest
}

export function writeInt32(w: Writer, value: number): void {
  if (w.at + 4 > w.buf.length) grow(w, 4)
  w.view.setInt32(w.at, value, true)
  w.at += 4
}

export function writeFloat64(w: Writer, value: number): void {
  if (w.at + 8 > w.buf.length) grow(w, 8)
  w.view.setFloat64(w.at, value, true)
  w.at += 8
}

/** Room for `n` bytes, which the caller fills; returns where. */
export function writeRoom(w: Writer, n: number): number {
  if (w.at + n > w.buf.length) grow(w, n)
  const at = w.at
  w.at += n
  return at
}

function grow(w: Writer, need: number): void {
  let size = w.buf.length * 2
  while (size < w.at + need) size *= 2
  const buf = new Uint8Array(size)
  buf.set(w.buf)
  w.buf = buf
  w.view = new DataView(buf.buffer)
}
