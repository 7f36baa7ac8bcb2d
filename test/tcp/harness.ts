/**
 * One Vnet on virtual time whose only link carries bare IP packets, with the test as the peer: segments are put in and
 * what is sent is compared with templates. `Conn` speaks in relative sequence numbers, as packetdrill does: the SYN is
 * 0 and the first octet of data 1, in both directions.
 */

import { expect } from 'vitest'
import { SOCK_STREAM } from '../../src/inet/sockopt.ts'
import { AF_INET } from '../../src/inet/state.ts'
import { EV_ACCEPT, EV_CONNECT, EV_ERROR, EV_GONE, EV_READ, EV_WRITE } from '../../src/kern/vn.ts'
import { createAddr } from '../../src/lib/addr.ts'
import type { Addr } from '../../src/lib/addr.ts'
import { EINPROGRESS } from '../../src/lib/errno.ts'
import { createFramePool, frameBytes, frameRelease } from '../../src/lib/frame.ts'
import { toSeq } from '../../src/lib/seq.ts'
import { ifAddAddr, ifCreate } from '../../src/link/ifnet.ts'
import { IFT_IP } from '../../src/link/state.ts'
import type { Ifnet } from '../../src/link/state.ts'
import { tcbOf } from '../../src/tcp/dormant.ts'
import { tcpInput } from '../../src/tcp/input.ts'
import type { Tcb } from '../../src/tcp/state.ts'
import { EV_URGENT } from '../../src/tcp/urgent.ts'
import { sysctlSet } from '../../src/vnet/sysctl.ts'
import { soAccept, soBind, soClose, soConnect, soCreate, soListen, soRecv, soSend } from '../../src/vnet/so.ts'
import { Vnet } from '../../src/vnet/vnet.ts'
import { IPPROTO_TCP } from '../../src/wire/ipv4.ts'
import { cleanAfterEach } from '../support/plain.ts'
import { ME, PEER, build, decode, pattern } from './packet.ts'
import type { SegSpec, Sent } from './packet.ts'

export { ME, PEER, addr, pattern, patternAt } from './packet.ts'
export type { SegSpec, Sent } from './packet.ts'

export const MS = 1000
export const SEC = 1_000_000

export type Template = Partial<Omit<Sent, 'at'>> & { /** ms since `mark`, exact. */ at?: number }

const watch = cleanAfterEach()

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
  /** What events produce is not collected before the batch is over. */
  batching: boolean
}

export interface TcpOptionsForTest {
  sysctls?: Record<string, number>
  seed?: number
  mtu?: number
  /** µs since boot at which the test begins: moves the ISN clock. */
  startAt?: number
  /** Frames that are given back are not overwritten: for tests with very many. */
  clean?: boolean
}

/** A Vnet with 10.0.0.1/24 on a point of bare IP packets. */
export function createTcp(options: TcpOptionsForTest = {}): Tcp {
  const vnet = watch(new Vnet({ seed: [options.seed ?? 1], pool: createFramePool({ poison: options.clean !== true, smallLimit: 2048 }) }))
  for (const [name, value] of Object.entries(options.sysctls ?? {})) {
    expect(sysctlSet(vnet.state, name, String(value)), name).toBe(0)
  }
  const ifp = ifCreate(vnet.vn, 'tun0', IFT_IP, 0, options.mtu ?? 1500)
  expect(ifAddAddr(vnet.vn, ifp.id, { ...ME }, 24)).toBe(0)
  const t: Tcp = {
    vnet, vn: vnet.vn, ifp, now: options.startAt ?? 0, sent: [], drops: [], events: new Map(), other: [], batching: false,
  }
  vnet.vn.probe = { drop: (_now, counter) => { t.drops.push(counter) } }
  vnet.advance(t.now)
  settle(t)
  return t
}

/** Collects what the last event produced. */
export function settle(t: Tcp): void {
  if (t.batching) return
  t.vnet.drainFrames((_ifId, f) => {
    const packet = frameBytes(f).slice()
    const seg = decode(packet, t.now)
    if (seg === null) t.other.push(packet)
    else t.sent.push(seg)
  })
  t.vnet.drainEvents((id, what) => { t.events.set(id, (t.events.get(id) ?? 0) | what) })
}

/** All that `fn` lets arrive is one batch, as a device reads it: what it makes the Vnet send leaves at its end. */
export function batch(t: Tcp, fn: () => void): void {
  t.batching = true
  fn()
  t.batching = false
  settle(t)
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
  const f = build(t.vn.pool, spec)
  t.vnet.input(t.ifp.id, f, t.now)
  frameRelease(t.vn.pool, f)
  settle(t)
}

/** A segment reaches TCP without the network layer's own checks. */
export function injectTcp(t: Tcp, spec: SegSpec): void {
  const f = build(t.vn.pool, spec)
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
  [EV_READ, 'EV_READ'], [EV_WRITE, 'EV_WRITE'], [EV_ERROR, 'EV_ERROR'], [EV_GONE, 'EV_GONE'],
  [EV_CONNECT, 'EV_CONNECT'], [EV_ACCEPT, 'EV_ACCEPT'], [EV_URGENT, 'EV_URGENT'],
]

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
    const tcb = tcbOf(this.t.vn, this.id)
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
    const from = { addr: createAddr(), port: 0, truncated: false }
    const n = soRecv(this.t.vnet, this.t.now, this.id, buf, 0, len, flags, from)
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

