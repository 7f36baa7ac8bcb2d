/**
 * Header layouts: each header is declared once as a buffer-layout Structure; everything else (fast-path offsets,
 * slow-path decode and encode) is derived from that declaration. This file hides what buffer-layout 1.2.2 would let
 * through: it wants a Node Buffer (it gets a small adapter over a DataView, so wire code also runs in a browser), a
 * missing field silently leaves the old bytes on encode, and `offsetOf` answers -1 or undefined where it cannot tell.
 * It is the only file that imports the package.
 */
import { s32be, struct, u16, u16be, u32be, u48be, u8 } from 'buffer-layout'

/** One named integer field. */
export interface Field<N extends string> { readonly name: N; readonly kind: FieldKind }

/** A header's declaration; `size` is in bytes. */
export interface HeaderLayout<N extends string> {
  readonly size: number
  readonly names: readonly N[]
  readonly codec: Codec
}

/** The plain record that a layout decodes to: every field, in declaration order. */
export type HeaderRecord<L> = L extends HeaderLayout<infer N> ? { [K in N]: number } : never

type FieldKind = 'u8' | 'u16' | 'u32' | 's32' | 'u48' | 'u16le'

/**
 * The part of Node's Buffer that the package calls; declared here so that our own declarations do not name the
 * package.
 */
interface BufferLike {
  readonly length: number
  readUIntLE(offset: number, byteLength: number): number
  readUIntBE(offset: number, byteLength: number): number
  readIntBE(offset: number, byteLength: number): number
  writeUIntLE(value: number, offset: number, byteLength: number): void
  writeUIntBE(value: number, offset: number, byteLength: number): void
  writeIntBE(value: number, offset: number, byteLength: number): void
}

interface Codec {
  decode(b: BufferLike, offset: number): Record<string, number>
  encode(src: Readonly<Record<string, number>>, b: BufferLike, offset: number): number
  offsetOf(property: string): number | undefined
}

/** Declares a header from its fields in wire order. Throws on a repeated name (a programming error, at load time). */
export function header<const F extends readonly Field<string>[]>(...fields: F): HeaderLayout<F[number]['name']> {
  const names: F[number]['name'][] = fields.map((f) => f.name)
  if (new Set(names).size !== names.length) throw new Error(`repeated field in header: ${names.join(' ')}`)
  const codec = struct(fields.map((f) => FIELD_MAKERS[f.kind](f.name)))
  for (const f of codec.fields) Object.freeze(f)
  Object.freeze(codec.fields)
  return Object.freeze({ size: codec.span, names: Object.freeze(names), codec: Object.freeze(codec) })
}

/** Byte offset of a field from the start of its header; an unknown name throws at module load, it never yields -1. */
export function offsetOf<N extends string>(layout: HeaderLayout<N>, name: NoInfer<N>): number {
  const offset = layout.codec.offsetOf(name)
  if (offset === undefined || offset < 0) throw new Error(`no offset for header field ${name}`)
  return offset
}

/** Reads a whole header at `at` into a new plain record. Slow path; the caller has checked that the bytes are there. */
export function decodeHeader<N extends string>(
  layout: HeaderLayout<N>, bytes: Uint8Array, at: number
): { [K in N]: number } {
  return layout.codec.decode(bufferOver(bytes), at) as { [K in N]: number }
}

/**
 * Writes every field of `record` at `at` and returns the header size. A record that lacks a field is a bug and
 * throws.
 */
export function encodeHeader<N extends string>(
  layout: HeaderLayout<N>, record: Readonly<{ [K in N]: number }>, bytes: Uint8Array, at: number
): number {
  for (const name of layout.names) {
    if (typeof record[name] !== 'number') throw new TypeError(`header field ${name} is missing`)
  }
  return layout.codec.encode(record, bufferOver(bytes), at)
}

/** An octet. */
export function byte<const N extends string>(name: N): Field<N> {
  return { name, kind: 'u8' }
}

/** Two octets, network order. */
export function half<const N extends string>(name: N): Field<N> {
  return { name, kind: 'u16' }
}

/** Four octets, network order, unsigned. */
export function word<const N extends string>(name: N): Field<N> {
  return { name, kind: 'u32' }
}

/** Four octets, network order, as a signed int32: IPv4 addresses and sequence numbers. */
export function signedWord<const N extends string>(name: N): Field<N> {
  return { name, kind: 's32' }
}

/** Six octets, network order: an Ethernet address. */
export function mac<const N extends string>(name: N): Field<N> {
  return { name, kind: 'u48' }
}

/** Two octets, little endian (virtio only). */
export function halfLe<const N extends string>(name: N): Field<N> {
  return { name, kind: 'u16le' }
}

/** A view of exactly the bytes of `bytes`, for callers that hold a Uint8Array and want the fast accessors. */
export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

const FIELD_MAKERS = Object.freeze({ u8, u16: u16be, u32: u32be, s32: s32be, u48: u48be, u16le: u16 })

function bufferOver(bytes: Uint8Array): BufferLike {
  const view = viewOf(bytes)
  const readUIntBE = (at: number, n: number): number => {
    if (n === 6) return view.getUint16(at) * 0x100000000 + view.getUint32(at + 2)
    return n === 4 ? view.getUint32(at) : n === 2 ? view.getUint16(at) : view.getUint8(at)
  }
  const writeUIntBE = (value: number, at: number, n: number): void => {
    if (n === 6) {
      view.setUint16(at, Math.floor(value / 0x100000000))
      view.setUint32(at + 2, value)
    } else if (n === 4) view.setUint32(at, value)
    else if (n === 2) view.setUint16(at, value)
    else view.setUint8(at, value)
  }
  return {
    length: bytes.length,
    readUIntBE,
    writeUIntBE,
    readIntBE: (at) => view.getInt32(at),
    writeIntBE: (value, at) => view.setInt32(at, value),
    readUIntLE: (at, n) => n === 2 ? view.getUint16(at, true) : view.getUint8(at),
    writeUIntLE: (value, at, n) => n === 2 ? view.setUint16(at, value, true) : view.setUint8(at, value)
  }
}
