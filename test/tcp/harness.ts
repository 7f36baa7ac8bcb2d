/**
 * One Vnet on virtual time whose only link carries bare IP packets, with the test as the peer: segments are put in and what
 * is sent is compared with templates. `Conn` speaks in relative sequence numbers, as packetdrill does: the SYN is 0 and
 * the first octet of data 1, in both directions.
 */

import { expect } from 'vitest'
import { inetChecksumSet } from '../../src/inet/checksum.ts'
import { AF_INET } from '../../src/inet/state.ts'
import { SOCK_STREAM } from '../../src/inet/sockopt.ts'
import { EV_ACCEPT, EV_CONNECT, EV_ERROR, EV_GONE, EV_READ, EV_WRITE } from '../../src/kern/vn.ts'
import { EV_URGENT } from '../../src/tcp/urgent.ts'
import { addrFromIp4, createAddr, ip4Parse } from '../../src/lib/addr.ts'
import type { Addr } from '../../src/lib/addr.ts'
import { checksumAdd, checksumFold } from '../../src/lib/checksum.ts'
import { EINPROGRESS } from '../../src/lib/errno.ts'
import { createFramePool, frameAlloc, frameBytes, frameRelease } from '../../src/lib/frame.ts'
import type { Frame } from '../../src/lib/frame.ts'
import { toSeq } from '../../src/lib/seq.ts'
import { ifAddAddr, ifCreate } from '../../src/link/ifnet.ts'
import { IFT_IP } from '../../src/link/state.ts'
import type { Ifnet } from '../../src/link/state.ts'
import { tcpInput } from '../../src/tcp/input.ts'
import type { Tcb } from '../../src/tcp/state.ts'
import { sysctlSet } from '../../src/vnet/sysctl.ts'
import {
  soAccept, soBind, soClose, soConnect, soCreate, soListen, soRecv, soSend,
} from '../../src/vnet/so.ts'
import { Vnet } from '../../src/vnet/vnet.ts'
import { IPPROTO_TCP, IP_DF, decodeIpv4, encodeIpv4 } from '../../src/wire/ipv4.ts'
import { viewOf } from '../../src/wire/layout.ts'
import {
  TCP_HDR_LEN, TCP_SUM, TH_ACK, TH_CWR, TH_ECE, TH_FIN, TH_PUSH, TH_RST, TH_SYN, TH_URG, decodeTcp, encodeTcp, tcpOffFlags,
} from '../../src/wire/tcp.ts'
import {
  TOF_MSS, TOF_SACKPERM, TOF_SCALE, TOF_TS, createTcpOptions, tcpParseOptions, tcpWriteOptions,
} from '../../src/wire/tcp-options.ts'
import { cleanAfterEach } from '../support/plain.ts'

export const ME = addr('10.0.0.1')
export const PEER = addr('10.0.0.2')
export const MS = 1000
export const SEC = 1_000_000

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

export type Template = Partial<Omit<Sent, 'at'>> & { /** ms since `mark`, exact. */ at?: number }

const watch = cleanAfterEach()

export function addr(text: string): Addr {
  return addrFromIp4(ip4Parse(text) as number)
}

export interface Tcp {
  vnet: Vnet
  vn: Vnet['vn']
  ifp: Ifnet
  now: number
  sent: Sent[]
  /** Full names of the counters of discarded packets, in order. */
  drops: string[]
  /** EV_* bits by socket since the last look. */
  events: Map<number, number>
  /** Everything else that left: IP packets that are not TCP. */
  other: Uint8Array[]
}

export interface TcpOptionsForTest {
  sysctls?: Record<string, number>
  seed?: number
  mtu?: number
  /** µs since boot at which the test begins: moves the ISN clock. */
  startAt?: number
}

/** A Vnet with 10.0.0.1/24 on a point of bare IP packets. */
export function createTcp(options: TcpOptionsForTest = {}): Tcp {
  const vnet = watch(new Vnet({ seed: [options.seed ?? 1], pool: createFramePool({ poison: true, smallLimit: 2048 }) }))
  for (const [name, value] of Object.entries(options.sysctls ?? {})) {
    expect(sysctlSet(vnet.state.sysctl, name, String(value)), name).toBe(0)
  }
  const ifp = ifCreate(vnet.vn, 'tun0', IFT_IP, 0, options.mtu ?? 1500)
  expect(ifAddAddr(vnet.vn, ifp.id, { ...ME }, 24)).toBe(0)
  const t: Tcp = {
    vnet, vn: vnet.vn, ifp, now: options.startAt ?? 0, sent: [], drops: [], events: new Map(), other: [],
  }
  vnet.vn.probe = { drop: (_now, counter) => { t.drops.push(counter) } }
  vnet.advance(t.now)
  settle(t)
  return t
}

/** Collects what the last event produced. */
export function settle(t: Tcp): void {
  t.vnet.drainFrames((_ifId, f) => {
    const packet = frameBytes(f).slice()
    const seg = decode(packet, t.now)
    if (seg === null) t.other.push(packet)
    else t.sent.push(seg)
  })
  t.vnet.drainEvents((id, what) => { t.events.set(id, (t.events.get(id) ?? 0) | what) })
}

/** Lets `ms` pass; timers fire at their exact times. */
export function run(t: Tcp, ms: number): void {
  const until = t.now + ms * MS
  for (;;) {
    const next = t.vnet.nextDeadline()
    if (next > until) break
    t.now = Math.max(t.now, next)
    t.vnet.advance(t.now)
    settle(t)
  }
  t.now = until
  t.vnet.advance(until)
  settle(t)
}

/** Lets time pass until no timer is left (or `maxMs` is over). */
export function runOut(t: Tcp, maxMs = 24 * 3600_000): void {
  const until = t.now + maxMs * MS
  while (t.vnet.nextDeadline() <= until) run(t, Math.max(0, t.vnet.nextDeadline() - t.now) / MS)
}

/** A segment arrives now. */
export function inject(t: Tcp, spec: SegSpec): void {
  const f = build(t, spec)
  t.vnet.input(t.ifp.id, f, t.now)
  frameRelease(t.vn.pool, f)
  settle(t)
}

/** A segment reaches TCP without the network layer's own checks. */
export function injectTcp(t: Tcp, spec: SegSpec): void {
  const f = build(t, spec)
  f.l3 = f.off
  f.l4 = f.off + 20 + (spec.ipOptions?.length ?? 0)
  f.len -= f.l4 - f.off
  f.off = f.l4
  f.proto = IPPROTO_TCP
  Object.assign(f.src, spec.src ?? PEER)
  Object.assign(f.dst, spec.dst ?? ME)
  tcpInput(t.vn, f)
  frameRelease(t.vn.pool, f)
  settle(t)
}

/** The next segment sent. */
export function take(t: Tcp): Sent {
  const s = t.sent.shift()
  if (s === undefined) throw new Error('expected a segment, but nothing was sent')
  return s
}

/** The next segment sent must agree with the template in every field that it has. */
export function expectSeg(t: Tcp, template: Partial<Omit<Sent, 'at'>>): Sent {
  const s = take(t)
  for (const [key, value] of Object.entries(template)) {
    const is: unknown = s[key as keyof Sent]
    expect(is, `${key} of ${describeSeg(s)}`).toEqual(value)
  }
  return s
}

export function expectNone(t: Tcp): void {
  expect(t.sent.map(describeSeg)).toEqual([])
}

export function describeSeg(s: Sent): string {
  return `${s.flags} seq ${s.seq >>> 0} ack ${s.ack >>> 0} win ${s.win} len ${s.len} at ${s.at / MS} ms`
}

/** Names of the events raised on a socket since the test began. */
export function raised(t: Tcp, id: number): string[] {
  const what = t.events.get(id) ?? 0
  return EVENTS.filter(([bit]) => (what & bit) !== 0).map(([, name]) => name)
}

const EVENTS: readonly (readonly [number, string])[] = [
  [EV_READ, 'EV_READ'], [EV_WRITE, 'EV_WRITE'], [EV_ERROR, 'EV_ERROR'], [EV_GONE, 'EV_GONE'], [EV_CONNECT, 'EV_CONNECT'],
  [EV_ACCEPT, 'EV_ACCEPT'], [EV_URGENT, 'EV_URGENT'],
]

/** Bytes of a counting pattern: octet i of a stream. */
export function pattern(from: number, len: number): Uint8Array {
  return new Uint8Array(len).map((_, i) => patternAt(from + i))
}

export function patternAt(i: number): number {
  return (i * 31 + (i >>> 8) * 7) & 0xff
}

/** A socket that listens on 10.0.0.1:`port`. */
export function listen(t: Tcp, port = 80, backlog = 16, bound: Addr = createAddr()): number {
  const id = soCreate(t.vnet, t.now, AF_INET, SOCK_STREAM, 0)
  expect(soBind(t.vnet, t.now, id, bound, port)).toBe(0)
  expect(soListen(t.vnet, t.now, id, backlog)).toBe(0)
  return id
}

export function accept(t: Tcp, listener: number): number {
  const id = soAccept(t.vnet, t.now, listener)
  settle(t)
  return id
}

export interface ConnOptions {
  mss?: number
  ws?: number
  ts?: boolean
  /** Window of the peer, as in the header. */
  win?: number
  peerIss?: number
  lport?: number
  fport?: number
}

/** One connection seen from the peer, in relative numbers. */
export class Conn {
  readonly t: Tcp
  id = 0
  /** Start of our Vnet's numbers and of the peer's, absolute. */
  iss = 0
  peerIss: number
  readonly lport: number
  readonly fport: number
  win: number
  ts: boolean
  /** Last TSval of the Vnet. */
  lastTs = 0
  markAt = 0

  constructor(t: Tcp, o: ConnOptions, lport: number, fport: number) {
    this.t = t
    this.peerIss = o.peerIss ?? 5000
    this.lport = lport
    this.fport = fport
    this.win = o.win ?? 65535
    this.ts = o.ts ?? false
  }

  get tcb(): Tcb {
    const tcb = this.t.vn.state.tcp.tcbs.get(this.id)
    if (tcb === undefined) throw new Error(`no socket ${this.id}`)
    return tcb
  }

  get gone(): boolean {
    return !this.t.vn.state.tcp.tcbs.has(this.id)
  }

  /** A segment from the peer; `seq` and `ack` are relative. */
  in(flags: string, spec: Omit<SegSpec, 'flags'> = {}): void {
    const ts = spec.ts !== undefined ? spec.ts : this.ts ? this.stamp() : null
    inject(this.t, {
      win: this.win, sport: this.fport, dport: this.lport, ...spec, flags, ts,
      seq: toSeq(this.peerIss + (spec.seq ?? 1)),
      ack: flags.includes('.') ? toSeq(this.iss + (spec.ack ?? 1)) : 0,
    })
  }

  /** The next segment sent, which must agree; `seq` and `ack` are relative, `at` is in ms since `mark`. */
  out(flags: string, template: Template = {}): Sent {
    const s = take(this.t)
    const what = `of ${this.describe(s)}`
    expect(s.flags, `flags ${what}`).toBe(flags)
    const { at, seq, ack, ...rest } = template
    expect(s.sport).toBe(this.lport)
    expect(s.dport).toBe(this.fport)
    if (seq !== undefined) expect(toSeq(s.seq - this.iss), `seq ${what}`).toBe(seq)
    if (ack !== undefined) expect(toSeq(s.ack - this.peerIss), `ack ${what}`).toBe(ack)
    if (at !== undefined) expect((s.at - this.markAt) / MS, `time ${what}`).toBeCloseTo(at, 6)
    for (const [key, value] of Object.entries(rest)) expect(s[key as keyof Sent], `${key} ${what}`).toEqual(value)
    if (s.ts !== null) this.lastTs = s.ts[0]
    return s
  }

  none(): void {
    expect(this.t.sent.map((s) => this.describe(s))).toEqual([])
  }

  /** Times of `out` count from here. */
  mark(): void {
    this.markAt = this.t.now
  }

  /** The user writes `data` (a pattern from offset `from` when a number). */
  write(data: number | Uint8Array, from = 0, flags = 0): number {
    const bytes = typeof data === 'number' ? pattern(from, data) : data
    const n = soSend(this.t.vnet, this.t.now, this.id, bytes, 0, bytes.length, flags)
    settle(this.t)
    return n
  }

  /** The user reads at most `len` bytes; a negative number is an errno. */
  read(len = 65536, flags = 0): Uint8Array | number {
    const buf = new Uint8Array(len)
    const n = soRecv(this.t.vnet, this.t.now, this.id, buf, 0, len, flags, { addr: createAddr(), port: 0, truncated: false })
    settle(this.t)
    return n < 0 ? n : buf.slice(0, n)
  }

  close(): void {
    expect(soClose(this.t.vnet, this.t.now, this.id)).toBe(0)
    settle(this.t)
  }

  describe(s: Sent): string {
    return `${s.flags} seq ${toSeq(s.seq - this.iss)} ack ${toSeq(s.ack - this.peerIss)} win ${s.win} len ${s.len} ` +
      `at ${(s.at - this.markAt) / MS} ms`
  }

  /** Timestamps of a peer whose clock is the test's, in ms. */
  stamp(): [number, number] {
    return [Math.floor(this.t.now / MS) + 700_000, this.lastTs]
  }
}

/** A connection that the peer opened to a listener, accepted. The listener stays open. */
export function passive(t: Tcp, o: ConnOptions = {}, listener = listenOn(t, o.lport ?? 80)): Conn {
  const c = synTo(t, o)
  c.in('.', { seq: 1, ack: 1 })
  c.id = accept(t, listener)
  expect(c.id).toBeGreaterThan(0)
  c.none()
  c.mark()
  return c
}

/** The first half of the handshake: SYN in, SYN,ACK out. */
export function synTo(t: Tcp, o: ConnOptions = {}): Conn {
  const c = new Conn(t, o, o.lport ?? 80, o.fport ?? 40000)
  inject(t, {
    flags: 'S', seq: c.peerIss, win: o.win ?? 65535, sport: c.fport, dport: c.lport,
    ...(o.mss === undefined ? { mss: 1460 } : { mss: o.mss }), ...(o.ws === undefined ? {} : { ws: o.ws }),
    ts: c.ts ? [c.stamp()[0], 0] : null,
  })
  const s = take(t)
  expect(s.flags).toBe('S.')
  expect(s.ack).toBe(toSeq(c.peerIss + 1))
  c.iss = s.seq
  if (s.ts !== null) c.lastTs = s.ts[0]
  return c
}

function listenOn(t: Tcp, port: number): number {
  for (const [id, tcb] of t.vn.state.tcp.tcbs) {
    if (t.vn.state.tcp.listeners.has(id) && tcb.inp.lport === port) return id
  }
  return listen(t, port)
}

/** A connection attempt of ours: SYN out. */
export function connecting(t: Tcp, o: ConnOptions = {}): Conn {
  const id = soCreate(t.vnet, t.now, AF_INET, SOCK_STREAM, 0)
  expect(soConnect(t.vnet, t.now, id, PEER, o.fport ?? 8080)).toBe(EINPROGRESS)
  settle(t)
  const s = take(t)
  const c = new Conn(t, o, s.sport, o.fport ?? 8080)
  expect(s.flags).toBe('S')
  c.id = id
  c.iss = s.seq
  if (s.ts !== null) c.lastTs = s.ts[0]
  c.mark()
  return c
}

/** A connection that we opened. */
export function active(t: Tcp, o: ConnOptions = {}): Conn {
  const c = connecting(t, o)
  c.in('S.', {
    seq: 0, ack: 1, mss: o.mss ?? 1460, ...(o.ws === undefined ? {} : { ws: o.ws }), ts: c.ts ? c.stamp() : null,
  })
  c.out('.', { seq: 1, ack: 1 })
  c.mark()
  return c
}

function build(t: Tcp, spec: SegSpec): Frame {
  const text = spec.data === undefined ? new Uint8Array(0) : typeof spec.data === 'number' ? pattern(0, spec.data) : spec.data
  const ipOptions = spec.ipOptions ?? []
  const ipLen = 20 + ipOptions.length
  const f = frameAlloc(t.vn.pool, ipLen + 60 + text.length) as Frame
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
    vhl: 0x40 | ipLen >> 2, tos: 0, len: f.len, id: 1, off: IP_DF, ttl: 64, p: IPPROTO_TCP, sum: 0, src: src.w3, dst: dst.w3,
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
  [TH_FIN, 'F'], [TH_SYN, 'S'], [TH_RST, 'R'], [TH_PUSH, 'P'], [TH_ACK, '.'], [TH_URG, 'U'], [TH_ECE, 'E'], [TH_CWR, 'W'],
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
function decode(packet: Uint8Array, at: number): Sent | null {
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

