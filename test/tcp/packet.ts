/** TCP segments in IPv4 packets as tests write and read them. */

import { expect } from 'vitest'
import { inetChecksumSet } from '../../src/inet/checksum.ts'
import { addrFromIp4, createAddr, ip4Parse } from '../../src/lib/addr.ts'
import type { Addr } from '../../src/lib/addr.ts'
import { checksumAdd, checksumFold } from '../../src/lib/checksum.ts'
import { frameAlloc } from '../../src/lib/frame.ts'
import type { Frame, FramePool } from '../../src/lib/frame.ts'
import { toSeq } from '../../src/lib/seq.ts'
import { IPPROTO_TCP, IP_DF, decodeIpv4, encodeIpv4 } from '../../src/wire/ipv4.ts'
import { viewOf } from '../../src/wire/layout.ts'
import {
  TCP_HDR_LEN, TCP_SUM, TH_ACK, TH_CWR, TH_ECE, TH_FIN, TH_PUSH, TH_RST, TH_SYN, TH_URG, decodeTcp, encodeTcp,
  tcpOffFlags,
} from '../../src/wire/tcp.ts'
import {
  TOF_MSS, TOF_SACKPERM, TOF_SCALE, TOF_TS, createTcpOptions, tcpParseOptions, tcpWriteOptions,
} from '../../src/wire/tcp-options.ts'

export const ME = addr('10.0.0.1')
export const PEER = addr('10.0.0.2')
/** A segment as a test writes it: `flags` in tcpdump's letters ('S', 'S.', 'P.', 'R', 'F.', '.'), numbers absolute. */
export interface SegSpec {
  flags: string
  seq?: number
  ack?: number
  win?: number
  /** Length of text (a counting pattern), or the text. */
  data?: number | Uint8Array
  mss?: number
  ws?: number
  /** TSval and TSecr. */
  ts?: readonly [number, number] | null
  sackOk?: boolean
  urp?: number
  sport?: number
  dport?: number
  src?: Addr
  dst?: Addr
  /** Options as raw bytes instead (length a multiple of 4). */
  rawOptions?: readonly number[]
  badSum?: boolean
  /** Data offset in words instead of the right one. */
  dataOffset?: number
  /** F_* of the frame. */
  frameFlags?: number
  ipOptions?: readonly number[]
}

/** A segment that the Vnet sent. */
export interface Sent {
  at: number
  flags: string
  /** Absolute, signed. */
  seq: number
  ack: number
  win: number
  len: number
  data: Uint8Array
  mss: number | null
  ws: number | null
  ts: readonly [number, number] | null
  sackOk: boolean
  urp: number
  sport: number
  dport: number
  src: Addr
  dst: Addr
  ttl: number
  tos: number
  df: boolean
  /** Bytes of TCP options. */
  optionBytes: Uint8Array
}

export function addr(text: string): Addr {
  return addrFromIp4(ip4Parse(text) as number)
}

/** Bytes of a counting pattern: octet i of a stream. */
export function pattern(from: number, len: number): Uint8Array {
  return new Uint8Array(len).map((_, i) => patternAt(from + i))
}

export function patternAt(i: number): number {
  return (i * 31 + (i >>> 8) * 7) & 0xff
}

/** The packet of a segment, checksums done, in a frame of its own. */
export function build(pool: FramePool, spec: SegSpec): Frame {
  const data = spec.data ?? 0
  const text = typeof data === 'number' ? pattern(0, data) : data
  const ipOptions = spec.ipOptions ?? []
  const ipLen = 20 + ipOptions.length
  const f = frameAlloc(pool, ipLen + 60 + text.length) as Frame
  const at = f.off
  const optLen = writeOptions(f, at + ipLen + TCP_HDR_LEN, spec)
  const hdrLen = TCP_HDR_LEN + optLen
  f.slab.set(text, at + ipLen + hdrLen)
  f.len = ipLen + hdrLen + text.length
  const src = spec.src ?? PEER
  const dst = spec.dst ?? ME
  const bytes = f.slab.subarray(0, at + f.len)
  encodeTcp({
    sport: spec.sport ?? 40000, dport: spec.dport ?? 80, seq: toSeq(spec.seq ?? 0), ack: toSeq(spec.ack ?? 0),
    offFlags: tcpOffFlags(spec.dataOffset === undefined ? hdrLen : spec.dataOffset * 4, flagBits(spec.flags)),
    win: spec.win ?? 65535, sum: 0, urp: spec.urp ?? 0,
  }, bytes, at + ipLen)
  f.l4 = at + ipLen
  f.proto = IPPROTO_TCP
  Object.assign(f.src, src)
  Object.assign(f.dst, dst)
  f.off = f.l4
  f.len -= ipLen
  inetChecksumSet(f, f.l4 + TCP_SUM)
  f.off = at
  f.len += ipLen
  if (spec.badSum === true) f.view.setUint16(f.l4 + TCP_SUM, f.view.getUint16(f.l4 + TCP_SUM) ^ 1)
  encodeIpv4({
    vhl: 0x40 | ipLen >> 2, tos: 0, len: f.len, id: 1, off: IP_DF, ttl: 64, p: IPPROTO_TCP, sum: 0, src: src.w3,
    dst: dst.w3,
  }, bytes, at)
  f.slab.set(ipOptions, at + 20)
  f.view.setUint16(at + 10, checksumFold(checksumAdd(0, f.view, at, ipLen)))
  f.csum = 0
  f.l3 = 0
  f.l4 = 0
  f.proto = 0
  Object.assign(f.src, createAddr())
  Object.assign(f.dst, createAddr())
  f.flags = spec.frameFlags ?? 0
  return f
}

function writeOptions(f: Frame, at: number, spec: SegSpec): number {
  if (spec.rawOptions !== undefined) {
    f.slab.set(spec.rawOptions, at)
    return spec.rawOptions.length
  }
  const o = createTcpOptions()
  if (spec.mss !== undefined && spec.mss > 0) {
    o.flags |= TOF_MSS
    o.mss = spec.mss
  }
  if (spec.ws !== undefined) {
    o.flags |= TOF_SCALE
    o.wscale = spec.ws
  }
  if (spec.sackOk === true) o.flags |= TOF_SACKPERM
  if (spec.ts !== undefined && spec.ts !== null) {
    o.flags |= TOF_TS
    o.tsVal = spec.ts[0]
    o.tsEcr = spec.ts[1]
  }
  return tcpWriteOptions(f.view, at, o)
}

const LETTERS: readonly (readonly [number, string])[] = [
  [TH_FIN, 'F'], [TH_SYN, 'S'], [TH_RST, 'R'], [TH_PUSH, 'P'], [TH_ACK, '.'], [TH_URG, 'U'], [TH_ECE, 'E'],
  [TH_CWR, 'W'],
]

function flagBits(text: string): number {
  let bits = 0
  for (const [bit, letter] of LETTERS) if (text.includes(letter)) bits |= bit
  return bits
}

function flagText(bits: number): string {
  return LETTERS.filter(([bit]) => (bits & bit) !== 0).map(([, letter]) => letter).join('')
}

/** A TCP segment in an IPv4 packet, its checksums verified (MUST-2); null for another protocol. */
export function decode(packet: Uint8Array, at: number): Sent | null {
  const view = viewOf(packet)
  const ip = decodeIpv4(packet, 0)
  if (ip.p !== IPPROTO_TCP) return null
  expect(ip.len).toBe(packet.length)
  const l4 = (ip.vhl & 15) * 4
  const len = packet.length - l4
  const pseudo = (ip.src >>> 0) + (ip.dst >>> 0) + IPPROTO_TCP + len
  expect(checksumFold(checksumAdd(pseudo, view, l4, len)), 'checksum of a segment sent').toBe(0)
  const h = decodeTcp(packet, l4)
  const hdrLen = (h.offFlags >> 12) * 4
  const o = createTcpOptions()
  expect(tcpParseOptions(view, l4 + TCP_HDR_LEN, hdrLen - TCP_HDR_LEN, o), 'options of a segment sent').toBe(true)
  const has = (bit: number): boolean => (o.flags & bit) !== 0
  const data = packet.slice(l4 + hdrLen)
  return {
    at, flags: flagText(h.offFlags & 0x1ff), seq: h.seq, ack: h.ack, win: h.win, len: data.length, data,
    mss: has(TOF_MSS) ? o.mss : null, ws: has(TOF_SCALE) ? o.wscale : null, ts: has(TOF_TS) ? [o.tsVal, o.tsEcr] : null,
    sackOk: has(TOF_SACKPERM), urp: h.urp, sport: h.sport, dport: h.dport,
    src: addrFromIp4(ip.src), dst: addrFromIp4(ip.dst), ttl: ip.ttl, tos: ip.tos, df: (ip.off & IP_DF) !== 0,
    optionBytes: packet.slice(l4 + TCP_HDR_LEN, l4 + hdrLen),
  }
}

