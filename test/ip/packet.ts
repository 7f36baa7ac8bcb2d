/** Frames for tests, built by the slow path of wire/ and independent of the code under test; and taken apart again. */

import { checksumAdd, checksumFold } from '../../src/lib/checksum.ts'
import type { Ip4, Mac } from '../../src/lib/addr.ts'
import { ARP_LEN, decodeArp, encodeArp } from '../../src/wire/arp.ts'
import type { ArpHeader } from '../../src/wire/arp.ts'
import { decodeEther, encodeEther } from '../../src/wire/ethernet.ts'
import type { EtherHeader } from '../../src/wire/ethernet.ts'
import { decodeIcmp, encodeIcmp } from '../../src/wire/icmp.ts'
import type { IcmpHeader } from '../../src/wire/icmp.ts'
import { decodeIpv4, encodeIpv4 } from '../../src/wire/ipv4.ts'
import type { Ipv4Header } from '../../src/wire/ipv4.ts'
import { viewOf } from '../../src/wire/layout.ts'

export interface Parsed {
  ether: EtherHeader
  arp: ArpHeader | null
  ip: Ipv4Header | null
  /** Options, and what follows the header up to the total length. */
  options: Uint8Array
  payload: Uint8Array
  icmp: IcmpHeader | null
  /** What follows the first eight bytes of an ICMP message. */
  data: Uint8Array
}

const EMPTY = new Uint8Array(0)

export function frameOf(dst: Mac, src: Mac, type: number, payload: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(14 + payload.length)
  encodeEther({ dst, src, type }, bytes, 0)
  bytes.set(payload, 14)
  return bytes
}

export function arpOf(op: number, sha: Mac, spa: Ip4, tha: Mac, tpa: Ip4, more: Partial<ArpHeader> = {}): Uint8Array {
  const bytes = new Uint8Array(ARP_LEN)
  encodeArp({ hrd: 1, pro: 0x0800, hln: 6, pln: 4, op, sha, spa, tha, tpa, ...more }, bytes, 0)
  return bytes
}

export interface IpFields extends Partial<Ipv4Header> {
  src: Ip4
  dst: Ip4
  p: number
  options?: Uint8Array
  payload?: Uint8Array
}

/** A packet with the right lengths and checksum, unless fields say otherwise. */
export function ipOf(fields: IpFields): Uint8Array {
  const { options = EMPTY, payload = EMPTY, ...header } = fields
  const headerLen = 20 + options.length
  const bytes = new Uint8Array(headerLen + payload.length)
  encodeIpv4({
    vhl: 0x40 | (headerLen >> 2), tos: 0, len: bytes.length, id: 7, off: 0, ttl: 64, sum: 0, ...header,
  }, bytes, 0)
  bytes.set(options, 20)
  bytes.set(payload, headerLen)
  if (header.sum === undefined) sumInto(bytes, 0, headerLen, 10)
  return bytes
}

export function icmpOf(type: number, code: number, rest: number, data: Uint8Array = EMPTY): Uint8Array {
  const bytes = new Uint8Array(8 + data.length)
  encodeIcmp({ type, code, sum: 0, rest }, bytes, 0)
  bytes.set(data, 8)
  sumInto(bytes, 0, bytes.length, 2)
  return bytes
}

/** `n` bytes that differ from their neighbours. */
export function pattern(n: number, seed = 1): Uint8Array {
  return Uint8Array.from({ length: n }, (_, i) => (i * 7 + (i >> 8) * 13 + seed) & 255)
}

/** The fragments of a datagram at the given offsets (bytes); each reaches to the next, the last to the end. */
export function fragmentsOf(fields: IpFields, offsets: readonly number[]): Uint8Array[] {
  const payload = fields.payload ?? EMPTY
  return offsets.map((from, i) => {
    const to = offsets[i + 1] ?? payload.length
    return ipOf({ ...fields, payload: payload.slice(from, to), off: (from >> 3) | (to < payload.length ? 0x2000 : 0) })
  })
}

export function sumOk(bytes: Uint8Array): boolean {
  return checksumFold(checksumAdd(0, viewOf(bytes), 0, bytes.length)) === 0
}

export function parse(bytes: Uint8Array): Parsed {
  const ether = decodeEther(bytes, 0)
  const none = { ether, arp: null, ip: null, options: EMPTY, payload: EMPTY, icmp: null, data: EMPTY }
  if (ether.type === 0x0806) return { ...none, arp: decodeArp(bytes, 14) }
  return ether.type === 0x0800 ? { ...none, ...parseIp(bytes.slice(14)) } : none
}

export function parseIp(bytes: Uint8Array): Pick<Parsed, 'ip' | 'options' | 'payload' | 'icmp' | 'data'> {
  const ip = decodeIpv4(bytes, 0)
  const headerLen = (ip.vhl & 15) * 4
  const payload = bytes.slice(headerLen, ip.len)
  const whole = ip.p === 1 && (ip.off & 0x1fff) === 0 && payload.length >= 8
  return {
    ip, options: bytes.slice(20, headerLen), payload, icmp: whole ? decodeIcmp(payload, 0) : null,
    data: whole ? payload.slice(8) : EMPTY,
  }
}

function sumInto(bytes: Uint8Array, at: number, len: number, field: number): void {
  const view = viewOf(bytes)
  view.setUint16(at + field, 0)
  view.setUint16(at + field, checksumFold(checksumAdd(0, view, at, len)))
}
