/**
 * An independent checker of one TCP: it sees the packets that go in and out and the user's calls, nothing inside, and
 * throws as soon as something cannot be right (RFC 9293 §3.4, §3.8.6; RFC 2018 §3; RFC 7323; RFC 6691).
 */

import { Ranges } from './ranges.ts'
import { distance, parseSegment } from './tcp-seg.ts'
import type { Segment } from './tcp-seg.ts'

/** Byte `i` of the stream that the stack under test (0) or its peer (1) sends: no two places nearby are alike. */
export function streamByte(from: number, i: number): number {
  return (i * 31 + (i >>> 8) * 7 + (i >>> 16) * 3 + from * 101) & 0xff
}

export function streamBytes(from: number, at: number, len: number): Uint8Array {
  return new Uint8Array(len).map((_, i) => streamByte(from, at + i))
}

/** One connection of the TCP under test. Positions are relative: 0 is the SYN, 1 the first byte of data. */
export interface Flow {
  iss: number
  /** Highest position sent, and highest that the peer's ACKs and windows have ever allowed. */
  sentTo: number
  allowedTo: number
  ackedTo: number
  /** Bytes taken from the user, and whether the user will send no more. */
  accepted: number
  closing: boolean
  /** Start of the peer's numbers, once our side has acknowledged its SYN. */
  irs: number
  opened: boolean
  synsIn: number[]
  /** What has been delivered, by distance from the first SYN. */
  got: Ranges
  finsIn: Set<number>
  /** Highest position acknowledged to the peer, and right edge promised. */
  ackSent: number
  edge: number
  read: number
  eof: boolean
  ourScale: number
  peerScale: number
  peerMss: number
  peerTs: Set<number>
  tsSent: number
  lastIn: Segment | null
  resetIn: boolean
}

export class TcpOracle {
  readonly name: string
  readonly mtu: number
  /** 0: the stack under test sends stream 0 and reads stream 1. */
  readonly side: number
  readonly flows = new Map<string, Flow>()
  /** TCP packets seen each way. */
  packetsIn = 0
  packetsOut = 0
  #cause: Flow | null = null

  constructor(name: string, mtu: number, side: number) {
    this.name = name
    this.mtu = mtu
    this.side = side
  }

  flow(lport: number, fport: number): Flow {
    const key = `${lport}-${fport}`
    let flow = this.flows.get(key)
    if (flow === undefined) {
      flow = createFlow()
      this.flows.set(key, flow)
    }
    return flow
  }

  /** The user gave `n` bytes. */
  sent(flow: Flow, n: number): void {
    flow.accepted += n
  }

  /** The user got `bytes` (0 of them: the end). */
  received(flow: Flow, bytes: Uint8Array, end: boolean): void {
    for (let i = 0; i < bytes.length; i++) {
      const at = flow.read + i
      if (bytes[i] !== streamByte(1 - this.side, at)) this.#fail(flow, `read a wrong byte at ${at}`)
    }
    flow.read += bytes.length
    if (bytes.length > 0 && flow.eof) this.#fail(flow, 'read data behind the end')
    if (bytes.length > 0 && !flow.got.covers(this.#at(flow, 1), this.#at(flow, flow.read + 1))) {
      this.#fail(flow, `read up to ${flow.read}, which has not arrived`)
    }
    if (!end) return
    flow.eof = true
    if (!flow.finsIn.has(this.#at(flow, flow.read + 1))) this.#fail(flow, `the end at ${flow.read}, where no FIN was`)
  }

  /** What is sent from now on answers no packet of before. */
  quiet(): void {
    if (this.#cause !== null) this.#cause.lastIn = null
    this.#cause = null
  }

  /** A packet is given to the TCP under test. */
  in(packet: Uint8Array): void {
    this.quiet()
    const s = parseSegment(packet)
    if (s === null) return
    this.packetsIn++
    const flow = this.flow(s.dport, s.sport)
    flow.lastIn = s
    this.#cause = flow
    if (s.rst) flow.resetIn = true
    if (s.syn) {
      flow.synsIn.push(s.seq)
      flow.peerMss = Math.max(flow.peerMss, s.mss)
      flow.peerScale = Math.max(flow.peerScale, s.wscale)
    }
    if (s.ts !== null) flow.peerTs.add(s.ts[0])
    if (flow.synsIn.length === 0) return
    const at = distance(s.seq, flow.synsIn[0]) + (s.syn ? 1 : 0)
    if (s.syn) flow.got.add(at - 1, at)
    flow.got.add(at, at + s.data.length)
    if (s.fin) {
      flow.finsIn.add(at + s.data.length)
      flow.got.add(at + s.data.length, at + s.data.length + 1)
    }
    if (!s.acks || !flow.opened && flow.sentTo === 0) return
    const acked = distance(s.ack, flow.iss)
    if (acked < 0 || acked > flow.sentTo) return
    flow.ackedTo = Math.max(flow.ackedTo, acked)
    const win = s.syn || flow.peerScale < 0 || flow.ourScale < 0 ? s.win : s.win * 2 ** flow.peerScale
    flow.allowedTo = Math.max(flow.allowedTo, acked + win)
  }

  /** The TCP under test sends a packet. */
  out(packet: Uint8Array): void {
    const s = parseSegment(packet)
    if (s === null) {
      if (packet[9] === 6) throw new Error(`${this.name}: sends a TCP packet that cannot be parsed`)
      return
    }
    this.packetsOut++
    const flow = this.flow(s.sport, s.dport)
    if (packet.length > this.mtu) this.#fail(flow, `a packet of ${packet.length} bytes`, s)
    if (s.rst) return this.#reset(flow, s)
    if (s.syn && (flow.sentTo === 0 || s.seq !== flow.iss)) this.#open(flow, s)
    if (flow.sentTo === 0) this.#fail(flow, 'a segment of no connection', s)
    this.#sequence(flow, s)
    if (s.acks) this.#acknowledges(flow, s)
    this.#options(flow, s)
  }

  #open(flow: Flow, s: Segment): void {
    // another incarnation, or another half-open record, has nothing to do with what the user gave before
    flow.iss = s.seq
    flow.sentTo = 1
    flow.allowedTo = 1
    flow.ackedTo = 0
    flow.opened = false
    flow.ackSent = 0
    flow.edge = 0
    flow.ourScale = s.wscale
    flow.tsSent = -1
    flow.accepted = 0
    flow.closing = false
    flow.read = 0
    flow.eof = false
  }

  /** Only what the user gave, in its place, where the peer has room. */
  #sequence(flow: Flow, s: Segment): void {
    const at = distance(s.seq, flow.iss) + (s.syn ? 1 : 0)
    const end = at + s.data.length
    for (let i = 0; i < s.data.length; i++) {
      const place = at + i - 1
      if (place < 0 || place >= flow.accepted || s.data[i] !== streamByte(this.side, place)) {
        // a keep-alive probe may carry a byte of garbage below what is acknowledged (RFC 9293 §3.8.4)
        if (at + i < flow.ackedTo && s.data.length === 1) continue
        this.#fail(flow, `byte ${place} is not what the user gave (${flow.accepted} bytes)`, s)
      }
    }
    if (s.fin && (!flow.closing || end !== flow.accepted + 1)) {
      this.#fail(flow, `a FIN at ${end} of ${flow.accepted}`, s)
    }
    if (at > flow.sentTo) this.#fail(flow, `a gap: at ${at}, sent up to ${flow.sentTo}`, s)
    const top = at + s.data.length + Number(s.fin)
    // one byte may probe a closed window (§3.8.6.1), and a FIN takes no room in a buffer
    const allowed = flow.allowedTo + 1 + Number(s.fin)
    if (!s.syn && top > flow.sentTo && top > allowed) {
      this.#fail(flow, `up to ${top}, the peer allowed ${flow.allowedTo}`, s)
    }
    flow.sentTo = Math.max(flow.sentTo, top)
    // net.inet.tcp.minmss: a peer cannot ask for less
    const room = flow.peerMss < 0 ? 536 : Math.max(216, flow.peerMss)
    if (s.data.length > 0 && s.data.length + s.header - 20 > room) {
      this.#fail(flow, `${s.data.length} bytes of data and ${s.header - 20} of options, MSS ${room}`, s)
    }
  }

  /** Only what arrived; never less than before; the window's right edge stays where it was promised. */
  #acknowledges(flow: Flow, s: Segment): void {
    if (!flow.opened) {
      const start = [...flow.synsIn].sort((a, b) => distance(s.ack, a) - distance(s.ack, b))
        .find((seq) => distance(s.ack, seq) >= 1)
      if (start === undefined) this.#fail(flow, 'acknowledges a SYN that never came', s)
      else flow.irs = start
      flow.opened = true
      flow.ackSent = 0
    }
    const to = distance(s.ack, flow.irs)
    if (to < flow.ackSent) this.#fail(flow, `acknowledges ${to} after ${flow.ackSent}`, s)
    if (!flow.got.covers(this.#at(flow, 0), this.#at(flow, to))) {
      this.#fail(flow, `acknowledges ${to}, not all arrived`, s)
    }
    flow.ackSent = to
    const scaled = !s.syn && flow.ourScale >= 0 && flow.peerScale >= 0
    const unit = scaled ? 2 ** flow.ourScale : 1
    const edge = to + s.win * unit
    // RFC 7323 §2.4: rounding may take back less than a unit; §2.2: a SYN that goes again cannot say what an ACK can
    if (!s.syn && edge <= flow.edge - unit) this.#fail(flow, `window's edge goes from ${flow.edge} back to ${edge}`, s)
    flow.edge = Math.max(flow.edge, edge)
    for (const [from, end] of s.sack) {
      const [a, b] = [distance(from, flow.irs), distance(end, flow.irs)]
      if (a >= b || !flow.got.covers(this.#at(flow, a), this.#at(flow, b))) {
        this.#fail(flow, `SACK block ${a}…${b} that did not arrive`, s)
      }
    }
    if (s.sack.length > 0 && s.syn) this.#fail(flow, 'SACK blocks on a SYN', s)
  }

  #options(flow: Flow, s: Segment): void {
    if (s.ts === null) return
    const [val, ecr] = s.ts
    if (flow.tsSent >= 0 && distance(val, flow.tsSent) < 0) this.#fail(flow, `TSval ${val} after ${flow.tsSent}`, s)
    flow.tsSent = val
    if (s.acks && ecr !== 0 && !flow.peerTs.has(ecr)) this.#fail(flow, `TSecr ${ecr} is no TSval of the peer's`, s)
  }

  /** RFC 9293 §3.5.2: the numbers of a reset are those of the segment that it answers, or the connection's own. */
  #reset(flow: Flow, s: Segment): void {
    const cause = flow.lastIn
    if (cause?.rst === true) this.#fail(flow, 'a reset answers a reset', s)
    if (s.data.length > 0 || s.syn || s.fin) this.#fail(flow, 'a reset with more than a reset', s)
    const at = distance(s.seq, flow.iss)
    const own = flow.sentTo > 0 && at >= 0 && at <= flow.sentTo
    const answer = cause !== null && (s.acks
      ? s.seq === 0 && s.ack === (cause.seq + cause.space) >>> 0
      : cause.acks && s.seq === cause.ack)
    if (!own && !answer) this.#fail(flow, `a reset with numbers from nowhere`, s)
  }

  /** Position `at` of the peer's stream as `got` counts. */
  #at(flow: Flow, at: number): number {
    return at + distance(flow.irs, flow.synsIn[0] ?? flow.irs)
  }

  #fail(flow: Flow, what: string, s: Segment | null = null): never {
    const seg = s === null ? '' : ` in ${describe(s, flow)}`
    throw new Error(`${this.name}: ${what}${seg}`)
  }
}

export function createFlow(): Flow {
  return {
    iss: 0, sentTo: 0, allowedTo: 0, ackedTo: 0, accepted: 0, closing: false, irs: 0, opened: false, synsIn: [],
    got: new Ranges(), finsIn: new Set(), ackSent: 0, edge: 0, read: 0, eof: false, ourScale: -1, peerScale: -1,
    peerMss: -1, peerTs: new Set(), tsSent: -1, lastIn: null, resetIn: false,
  }
}

function describe(s: Segment, flow: Flow): string {
  const flags = [s.syn && 'S', s.fin && 'F', s.rst && 'R', s.acks && '.'].filter(Boolean).join('')
  return `${s.sport}>${s.dport} ${flags} seq ${distance(s.seq, flow.iss)} ack ${distance(s.ack, flow.irs)} ` +
    `win ${s.win} len ${s.data.length} sack ${JSON.stringify(s.sack)} ts ${JSON.stringify(s.ts)}`
}
