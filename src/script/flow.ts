/**
 * One conversation as the script numbers it. A script's sequence numbers begin where its SYN says; the stack's begin
 * where RFC 6528 says; the difference is learnt from the SYN. Timestamps are mapped value by value.
 */

import { TH_ACK, TH_RST, TH_SYN } from '../wire/tcp.ts'
import type { PacketSpec, QuotedSpec, TcpOptionSpec, TcpSpec } from './ast.ts'
import { mismatch } from './error.ts'

const MOD = 0x100000000

export interface Flow {
  /** A listener waits for a SYN, which makes a flow of its own. */
  listening: boolean
  localPort: number
  /** −1: not known yet; the first packet tells. */
  remotePort: number
  /** What is added to the script's numbers of the stack's side to get those on the wire; NaN before its SYN. */
  offset: number
  /** Initial sequence number of the stack, on the wire. */
  liveIss: number
  /** Timestamps of the stack: the script's to the wire's. */
  stamps: Map<number, number>
  /** The first timestamp that the script compared, and the last one sent; NaN before. */
  firstStamp: Stamp
  lastLive: number
}

export interface Stamp { script: number; live: number }

export function createFlow(localPort: number, remotePort: number): Flow {
  return {
    listening: false, localPort, remotePort, offset: NaN, liveIss: NaN, stamps: new Map(),
    firstStamp: { script: NaN, live: NaN }, lastLive: NaN,
  }
}

/** A packet for the stack, with the script's numbers, in numbers of the wire. */
export function flowToLive(flow: Flow, spec: PacketSpec): PacketSpec {
  const { body } = spec
  if (body.proto === 'icmp') return { ...spec, body: { ...body, quoted: quotedToLive(flow, body.quoted) } }
  if (body.proto !== 'tcp') return spec
  const ack = (body.flags & TH_ACK) !== 0 && !body.absolute ? add(body.ack, offsetOf(flow)) : body.ack
  return { ...spec, body: { ...body, ack, options: body.options.map((o) => optionToLive(flow, o)) } }
}

/**
 * A packet of the stack in the script's numbers, as far as they are known; `expected` says what a SYN and (unless the
 * script gives the clock's tick: `clock`) a timestamp begin with.
 */
export function flowToScript(flow: Flow, live: PacketSpec, expected: PacketSpec, clock: boolean): PacketSpec {
  const { body } = live
  // what an error quotes is what the script sent: already in its numbers
  if (body.proto !== 'tcp') return live
  const like = expected.body.proto === 'tcp' ? expected.body : null
  if (like !== null && (body.flags & TH_SYN) !== 0) learnIss(flow, body, like)
  // a reset for what we never heard of is in the sender's own numbers (RFC 9293 §3.10.7.1)
  const raw = like !== null && (like.absolute || ((body.flags & TH_RST) !== 0 && body.seq === like.seq))
  return {
    ...live,
    body: {
      ...body, seq: raw ? body.seq : add(body.seq, -offsetOf(flow)), absolute: like?.absolute ?? false,
      options: body.options.map((o) => optionToScript(flow, o, like, clock)),
    },
  }
}

function learnIss(flow: Flow, live: TcpSpec, script: TcpSpec): void {
  // a SYN sent again has to be the same; another one begins anew
  if (flow.liveIss === live.seq) return
  flow.liveIss = live.seq
  flow.offset = live.seq - script.seq
}

function optionToLive(flow: Flow, o: TcpOptionSpec): TcpOptionSpec {
  if (o.kind === 'sack') return { kind: 'sack', edges: o.edges.map((e) => add(e, offsetOf(flow))) }
  if (o.kind !== 'ts' || o.ecr <= 0) return o
  const known = flow.stamps.get(o.ecr)
  if (known !== undefined) return { ...o, ecr: known }
  if (flow.stamps.size > 0) throw mismatch(`TS ecr ${o.ecr} echoes a timestamp that the stack has not sent`)
  // the script has not looked at any: what it writes stands for the last
  return Number.isNaN(flow.lastLive) ? o : { ...o, ecr: flow.lastLive }
}

/**
 * A timestamp takes the value that the script has in its place, for the stack's clock starts anywhere; with `clock` the
 * first one does, and the others go on from there.
 */
function optionToScript(flow: Flow, o: TcpOptionSpec, like: TcpSpec | null, clock: boolean): TcpOptionSpec {
  if (o.kind !== 'ts') return o
  flow.lastLive = o.val
  const wanted = like?.options.find((x) => x.kind === 'ts')
  if (wanted?.kind !== 'ts' || wanted.val < 0) return o
  const stamp = { script: wanted.val, live: o.val }
  flow.stamps.set(stamp.script, stamp.live)
  if (Number.isNaN(flow.firstStamp.live)) flow.firstStamp = stamp
  const { script, live } = flow.firstStamp
  return { ...o, val: clock ? add(script, o.val - live) : wanted.val }
}

function quotedToLive(flow: Flow, q: QuotedSpec | null): QuotedSpec | null {
  return q === null ? null : { ...q, seq: add(q.seq, offsetOf(flow)) }
}

function offsetOf(flow: Flow): number {
  return Number.isNaN(flow.offset) ? 0 : flow.offset
}

function add(a: number, b: number): number {
  return (((a + b) % MOD) + MOD) % MOD
}
