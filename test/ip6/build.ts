/** IPv6 packets for tests, put together octet by octet and summed by hand, independent of the code under test. */

import { expect } from 'vitest'
import { addrParse } from '../../src/lib/addr.ts'
import type { Addr } from '../../src/lib/addr.ts'

export const ME = 'fd00::1'
export const PEER = 'fd00::2'

export function octets(text: string): number[] {
  const { w0, w1, w2, w3 } = addrParse(text) as Addr
  return [w0, w1, w2, w3].flatMap((w) => [w >>> 24, (w >>> 16) & 255, (w >>> 8) & 255, w & 255])
}

export interface Fields { src?: string; dst?: string; next: number; hops?: number; payload: number[]; plen?: number; tos?: number }

/** A packet: the header, then `payload`, whose first header is `next`. */
export function ip6(f: Fields): Uint8Array {
  const plen = f.plen ?? f.payload.length
  const tos = f.tos ?? 0
  return Uint8Array.from([
    0x60 | (tos >> 4), (tos & 15) << 4, 0, 0, plen >> 8, plen & 255, f.next, f.hops ?? 64,
    ...octets(f.src ?? PEER), ...octets(f.dst ?? ME), ...f.payload,
  ])
}

/** One's complement sum with the pseudo-header (RFC 8200 §8.1). */
export function sum6(src: string, dst: string, proto: number, data: number[]): number {
  const all = [...octets(src), ...octets(dst), 0, 0, data.length >> 8, data.length & 255, 0, 0, 0, proto, ...data]
  let sum = 0
  for (let i = 0; i < all.length; i += 2) sum += (all[i] << 8) | (all[i + 1] ?? 0)
  while (sum > 0xffff) sum = (sum >> 16) + (sum & 0xffff)
  return ~sum & 0xffff
}

function summed(src: string, dst: string, proto: number, at: number, data: number[]): number[] {
  const sum = sum6(src, dst, proto, data)
  data[at] = sum >> 8
  data[at + 1] = sum & 255
  return data
}

/** An ICMPv6 message with its checksum. */
export function icmp6(type: number, code: number, rest: number[], src = PEER, dst = ME): number[] {
  return summed(src, dst, 58, 2, [type, code, 0, 0, ...rest])
}

/** An echo request with `n` octets of data. */
export function echo6(n: number, dst = ME, src = PEER): number[] {
  return icmp6(128, 0, [0, 1, 0, 2, ...Array.from({ length: n }, (_, i) => i & 255)], src, dst)
}

export function udp6(sport: number, dport: number, data: number[], sum = true): number[] {
  const len = 8 + data.length
  const bytes = [sport >> 8, sport & 255, dport >> 8, dport & 255, len >> 8, len & 255, 0, 0, ...data]
  return sum ? summed(PEER, ME, 17, 6, bytes) : bytes
}

/** Hop-by-hop or destination options: padded to eight octets. */
export function optionsHeader(next: number, options: number[]): number[] {
  const len = Math.ceil((2 + options.length) / 8) * 8
  const pad = len - 2 - options.length
  const padding = pad === 0 ? [] : pad === 1 ? [0] : [1, pad - 2, ...new Array<number>(pad - 2).fill(0)]
  return [next, len / 8 - 1, ...options, ...padding]
}

export function fragmentHeader(next: number, offset: number, more: boolean, ident: number): number[] {
  const field = offset | (more ? 1 : 0)
  return [next, 0, field >> 8, field & 255, ident >>> 24, (ident >> 16) & 255, (ident >> 8) & 255, ident & 255]
}

/** What an ICMPv6 packet says; its checksum is checked. */
export function readIcmp6(bytes: Uint8Array): { type: number; code: number; rest: number; data: number[]; hops: number } {
  const data = [...bytes.subarray(40)]
  expect(bytes[6]).toBe(58)
  expect((bytes[4] << 8) | bytes[5]).toBe(data.length)
  const at = (i: number): string => [...bytes.subarray(i, i + 16)].map((b, j) => (j % 2 === 1 ? '' : j === 0 ? '' : ':') +
    b.toString(16).padStart(2, '0')).join('')
  expect(sum6(at(8), at(24), 58, data)).toBe(0)
  const rest = ((data[4] << 24) | (data[5] << 16) | (data[6] << 8) | data[7]) >>> 0
  return { type: data[0], code: data[1], rest, data: data.slice(8), hops: bytes[7] }
}
