/**
 * One TCP, a peer that obeys no rules but its own stream's contents, and a user without a plan. What happens is a list
 * of plain steps, so a run that fails can be cut down to the steps that matter.
 */

import { SHUT_RD, SHUT_RDWR, SHUT_WR, SOCK_STREAM, SOL_SOCKET, SOL_TCP, SO_KEEPALIVE, SO_LINGER, TCP_CORK, TCP_NODELAY,
} from '../../src/inet/sockopt.ts'
import { AF_INET } from '../../src/inet/state.ts'
import { randomBelow, randomInt32 } from '../../src/kern/random.ts'
import type { RandomState } from '../../src/kern/random.ts'
import { createAddr } from '../../src/lib/addr.ts'
import { createFramePool, frameBytes, frameRelease } from '../../src/lib/frame.ts'
import { ifAddAddr, ifCreate } from '../../src/link/ifnet.ts'
import { IFT_IP } from '../../src/link/state.ts'
import {
  soAbort, soAccept, soBind, soClose, soConnect, soCreate, soListen, soRecv, soSend, soSetOpt, soShutdown,
} from '../../src/vnet/so.ts'
import { TCPS_CLOSED, TCPS_TIME_WAIT } from '../../src/tcp/state.ts'
import { Vnet } from '../../src/vnet/vnet.ts'
import { ME, PEER, build } from '../tcp/packet.ts'
import { assertVnetClean } from '../support/plain.ts'
import { checkInside } from './tcp-inside.ts'
import { TcpOracle, streamBytes } from './tcp-oracle.ts'
import type { Flow } from './tcp-oracle.ts'
import { tuneRandomly } from './tune.ts'

/** A step: its kind, and numbers whose meaning depends on what there is when it is taken. */
export type Step = readonly [kind: number, a: number, b: number, c: number, d: number]

const MTU = 1500
const LISTEN_PORT = 80
const MAX_CONNS = 6
const KINDS = 100

/** A connection as the peer knows it. */
interface Conn {
  fport: number
  lport: number
  iss: number
  /** End of the peer's stream as far as it was ever sent, and where it has ended it (−1: not yet). */
  sent: number
  fin: number
  ts: boolean
  sackOk: boolean
  /** Chooses the options of its SYNs. */
  options: number
  /** Socket of the user, 0 before there is one. */
  id: number
  flow: Flow
  /** The user reads no more. */
  deaf: boolean
  /** The stack has had a control block for it. */
  known: boolean
}

export function randomSteps(r: RandomState, count: number): Step[] {
  const word = (): number => randomInt32(r) >>> 0
  return Array.from({ length: count }, () => [randomBelow(r, KINDS), word(), word(), word(), word()])
}

/** Takes the steps; throws with the number of the step after which something was wrong. */
export function runAdversary(seed: number, steps: readonly Step[]): { states: Set<number>; packets: number } {
  const game = new Game(seed)
  let n = 0
  try {
    for (; n < steps.length; n++) game.step(steps[n])
    game.end()
  } catch (error) {
    throw new Error(`step ${n}: ${(error as Error).message}`, { cause: error })
  }
  return { states: game.states, packets: game.oracle.packetsOut }
}

class Game {
  readonly vnet: Vnet
  readonly ifId: number
  readonly oracle = new TcpOracle('stack', MTU, 0)
  readonly states = new Set<number>()
  readonly conns: Conn[] = []
  readonly listener: number
  now = 0
  #nextPort = 1000
  #taken = 0

  constructor(seed: number) {
    this.vnet = new Vnet({ seed: [seed, 1], pool: createFramePool({ poison: true, smallLimit: 4096 }) })
    tuneRandomly(this.vnet, Math.imul(seed, 0x2545f491))
    this.ifId = ifCreate(this.vnet.vn, 'tun0', IFT_IP, 0, MTU).id
    ifAddAddr(this.vnet.vn, this.ifId, { ...ME }, 24)
    this.listener = soCreate(this.vnet, 0, AF_INET, SOCK_STREAM, 0)
    soBind(this.vnet, 0, this.listener, createAddr(), LISTEN_PORT)
    soListen(this.vnet, 0, this.listener, 4)
  }

  step([kind, a, b, c, d]: Step): void {
    this.oracle.quiet()
    const conn = this.conns.length === 0 ? null : this.conns[a % this.conns.length]
    if (kind < 4 || conn === null) this.#syn(b, c)
    else if (kind < 7) this.#connect(b)
    else if (kind < 15) this.#answerSyn(conn, b, c)
    else if (kind < 40) this.#segment(conn, b, c, d, false)
    else if (kind < 55) this.#segment(conn, b, c, d, true)
    else if (kind < 57) this.#odd(conn, b, c)
    else if (kind < 66) this.#send(conn, b, c)
    else if (kind < 76) this.#read(conn, b)
    else if (kind < 79) this.#accept()
    else if (kind === 79) this.#shutdown(conn, b)
    else if (kind === 80) this.#close(conn, b)
    else if (kind === 81) this.#option(conn, b)
    else if (kind < 92) this.#wait(b % 5 === 0 ? c % 3_000_000 : c % 30_000)
    else this.#wait(Math.max(0, Math.min(this.vnet.nextDeadline(), this.now + 100e6) - this.now))
    this.#check()
  }

  /** The user closes everything and the peer falls silent: nothing may be left. */
  end(): void {
    this.oracle.quiet()
    for (const conn of this.conns) if (conn.id !== 0) this.#closeSocket(conn)
    soClose(this.vnet, this.now, this.listener)
    // resets of what nobody accepted, and perhaps no timer after them
    this.#drain()
    this.#check()
    for (let n = 0; this.vnet.nextDeadline() < Infinity; n++) {
      if (n > 5000) throw new Error(`timers never run out: ${JSON.stringify([...this.vnet.state.tcp.tcbs.keys()])}`)
      this.#wait(Math.max(0, this.vnet.nextDeadline() - this.now))
      this.#check()
    }
    const { tcp } = this.vnet.state
    const left = [tcp.tcbs.size, tcp.syncache.size, tcp.timewait.size, tcp.listeners.size, tcp.orphans]
    if (left.some((size) => size > 0)) throw new Error(`not given back: ${left.join(' ')}`)
    if (this.vnet.state.tcp.stats.sndtotal !== this.oracle.packetsOut) {
      throw new Error(`${this.vnet.state.tcp.stats.sndtotal} segments counted, ${this.oracle.packetsOut} seen`)
    }
    assertVnetClean(this.vnet)
  }

  #syn(b: number, c: number): void {
    if (this.conns.length >= MAX_CONNS) return this.#forget(b)
    const conn = this.#conn(LISTEN_PORT, this.#nextPort++, c)
    conn.ts = (b & 1) !== 0
    conn.sackOk = (b & 2) !== 0
    const flags = (b & 12) === 0 ? 'SEW' : 'S'
    this.#in(conn, { flags, seq: conn.iss, ack: 0, win: c & 0xffff, ...synOptions(conn) })
    if ((b & 16) !== 0) this.#answerSyn(conn, 0, 0)
  }

  #connect(b: number): void {
    if (this.conns.length >= MAX_CONNS) return this.#forget(b)
    const id = soCreate(this.vnet, this.now, AF_INET, SOCK_STREAM, 0)
    const fport = this.#nextPort++
    soConnect(this.vnet, this.now, id, { ...PEER }, fport)
    const lport = this.vnet.state.tcp.tcbs.get(id)?.inp.lport ?? 0
    const conn = this.#conn(lport, fport, b)
    conn.id = id
    conn.ts = (b & 1) !== 0
    conn.sackOk = (b & 2) !== 0
    this.#drain()
  }

  /** The next packet of a handshake, as it should be or nearly so. */
  #answerSyn(conn: Conn, b: number, c: number): void {
    const { flow } = conn
    if (flow.sentTo === 0) return
    const passive = conn.lport === LISTEN_PORT
    const wrong = b % 16 === 1 ? 1 + (c & 1) : 0
    if (passive) return this.#in(conn, { flags: '.', seq: conn.iss + 1, ack: flow.iss + 1 + wrong, win: c & 0xffff })
    const flags = b % 16 === 2 ? 'S' : 'S.'
    this.#in(conn, {
      flags, seq: conn.iss, ack: flags === 'S' ? 0 : flow.iss + 1 + wrong, win: c & 0xffff, ...synOptions(conn),
    })
  }

  /** Data, ACK, window, FIN: near the truth. `ackOnly` leaves the data out. */
  #segment(conn: Conn, b: number, c: number, d: number, ackOnly: boolean): void {
    const { flow } = conn
    if (flow.sentTo === 0) return
    const acked = Math.max(flow.ackSent, 1)
    // where the stack is, a little before or behind it, or anywhere that was sent before
    const places = [acked, acked, conn.sent + 1, acked + 1448 * (b % 9), acked - b % 3000, acked + b % 70_000]
    const at = ackOnly ? acked : places[c % 6]
    let len = ackOnly ? 0 : [1448, 1448, 1 + d % 1448, 1, 536][(c >>> 3) % 5]
    const from = Math.max(1, at)
    if (conn.fin >= 0) len = Math.max(0, Math.min(len, conn.fin - from))
    const ends = conn.fin >= 0 ? from + len === conn.fin && !ackOnly : !ackOnly && (c >>> 6) % 60 === 0
    if (ends) conn.fin = from + len
    conn.sent = Math.max(conn.sent, from + len - 1)
    const span = flow.sentTo - flow.ackedTo
    const ackAt = [
      flow.ackedTo, flow.sentTo, flow.ackedTo + d % (span + 1), flow.ackedTo + Math.min(span, 1448 * (d % 4)),
      flow.ackedTo, flow.ackedTo - d % 2000, d % 97 === 0 ? flow.sentTo + 1 + d % 5000 : flow.ackedTo,
    ][(c >>> 12) % 7]
    const win = [0xffff, 0xffff, b & 0xffff, 5000, b % 40 === 0 ? 0 : 20_000, 1000][(c >>> 16) % 6]
    const flags = `${ends ? 'F' : ''}${(c >>> 20) % 50 === 0 ? 'E' : ''}${(c >>> 21) % 50 === 0 ? 'W' : ''}.`
    this.#in(conn, {
      flags, seq: conn.iss + from, ack: flow.iss + ackAt, win, data: streamBytes(1, from - 1, len),
      sack: conn.sackOk && (d & 3) !== 0 ? sackBlocks(flow, ackAt, d, b) : [], badSum: (c >>> 24) % 40 === 0,
      oldTs: (c >>> 25) % 30 === 0,
    })
  }

  /** Resets and SYNs where none belong. */
  #odd(conn: Conn, b: number, c: number): void {
    const { flow } = conn
    if (flow.sentTo === 0) return
    const flags = ['R', 'R.', 'S', 'S.', 'F', '', 'SF.', 'R'][(b >>> 4) % 8]
    // the user still has the old connection: another one with its ports would be another stream
    if (flags.startsWith('S') && conn.id !== 0 && !this.#lives(conn)) return
    // a connection has one stream: where the stack has no control block of it (a cookie was sent, or it is over) another
    // SYN would open another one
    const at = flags.startsWith('S') && !(flow.opened && this.#hasBlock(conn)) ? 0
      : Math.max(flow.ackSent, 1) + [0, 1, c % 60_000, -1, c | 0][b % 5]
    // mostly near misses: what kills the connection would end the fuzz of it
    const seq = conn.iss + (flags.includes('R') && b % 5 === 0 && (b >>> 8) % 4 !== 0 ? at + 1 : at)
    const ack = flow.iss + [flow.sentTo, flow.ackedTo, c | 0][(b >>> 6) % 3]
    this.#in(conn, { flags, seq, ack, win: c & 0xffff, ...synOptions(conn) })
  }

  #lives(conn: Conn): boolean {
    const state = this.vnet.state.tcp.tcbs.get(conn.id)?.state ?? TCPS_CLOSED
    return state !== TCPS_CLOSED && state !== TCPS_TIME_WAIT
  }

  #send(conn: Conn, b: number, c: number): void {
    if (conn.id === 0) return
    const { flow } = conn
    const data = streamBytes(0, flow.accepted, b % 3 === 0 ? c % 30_000 : c % 3000)
    const n = soSend(this.vnet, this.now, conn.id, data, 0, data.length, 0)
    this.oracle.sent(flow, Math.max(0, n))
    this.#drain()
  }

  #read(conn: Conn, b: number): void {
    if (conn.id === 0) return
    const into = new Uint8Array(b % 2 === 0 ? 50_000 : 1 + (b >>> 1) % 3000)
    const from = { addr: createAddr(), port: 0, truncated: false }
    const n = soRecv(this.vnet, this.now, conn.id, into, 0, into.length, 0, from)
    const tcb = this.vnet.state.tcp.tcbs.get(conn.id)
    if (n > 0) this.oracle.received(conn.flow, into.subarray(0, n), false)
    // a connection that has failed says so once, and then that there is no more
    else if (n === 0 && tcb !== undefined && tcb.state !== TCPS_CLOSED && !conn.deaf) {
      this.oracle.received(conn.flow, into.subarray(0, 0), true)
    }
    this.#drain()
  }

  #accept(): void {
    const id = soAccept(this.vnet, this.now, this.listener)
    this.#drain()
    if (id < 0) return
    const fport = this.vnet.state.tcp.tcbs.get(id)?.inp.fport
    const conn = this.conns.find((x) => x.fport === fport)
    if (conn === undefined) soAbort(this.vnet, this.now, id)
    else {
      // a later incarnation between the same ports: the earlier one is over, and its socket is still the user's
      if (conn.id !== 0) soClose(this.vnet, this.now, conn.id)
      conn.id = id
    }
    this.#drain()
  }

  #shutdown(conn: Conn, b: number): void {
    if (conn.id === 0) return
    const how = [SHUT_WR, SHUT_WR, SHUT_RD, SHUT_RDWR][b % 4]
    if (how !== SHUT_RD) conn.flow.closing = true
    if (how !== SHUT_WR) conn.deaf = true
    soShutdown(this.vnet, this.now, conn.id, how)
    this.#drain()
  }

  #close(conn: Conn, b: number): void {
    if (conn.id === 0) return
    if (b % 4 === 0) {
      soAbort(this.vnet, this.now, conn.id)
      conn.id = 0
      this.#drain()
    } else this.#closeSocket(conn)
  }

  #closeSocket(conn: Conn): void {
    conn.flow.closing = true
    soClose(this.vnet, this.now, conn.id)
    conn.id = 0
    this.#drain()
  }

  #option(conn: Conn, b: number): void {
    const options = [
      [SOL_TCP, TCP_NODELAY, 1], [SOL_TCP, TCP_CORK, 1], [SOL_TCP, TCP_CORK, 0], [SOL_SOCKET, SO_KEEPALIVE, 1],
      [SOL_SOCKET, SO_LINGER, 1],
    ] as const
    const [level, name, value] = options[b % options.length]
    if (conn.id !== 0) soSetOpt(this.vnet, this.now, conn.id, level, name, value)
    this.#drain()
  }

  #wait(us: number): void {
    const until = this.now + us
    for (let n = 0; this.vnet.nextDeadline() <= until; n++) {
      if (n > 100_000) throw new Error('timers fire for ever')
      this.now = Math.max(this.now, this.vnet.nextDeadline())
      this.vnet.advance(this.now)
      this.#drain()
    }
    this.now = until
    this.vnet.advance(until)
    this.#drain()
  }

  /** Makes room: the oldest connection is aborted by the user, or given up by the peer. */
  #forget(b: number): void {
    const conn = this.conns[b % this.conns.length]
    if (conn.id !== 0) this.#close(conn, 0)
    this.conns.splice(this.conns.indexOf(conn), 1)
  }

  #conn(lport: number, fport: number, iss: number): Conn {
    const conn: Conn = {
      fport, lport, iss, sent: 0, fin: -1, ts: false, sackOk: false, options: Math.imul(iss, 0x9e3779b1) >>> 16, id: 0,
      flow: this.oracle.flow(lport, fport), deaf: false, known: false,
    }
    this.conns.push(conn)
    return conn
  }

  #in(conn: Conn, spec: InSpec): void {
    const { sack = [], oldTs = false, ...rest } = spec
    if (this.#opensAgain(conn, spec)) return
    const clock = Math.floor(this.now / 1000) + 5000
    const ts = conn.ts ? [oldTs ? clock - 100_000 : clock, conn.flow.tsSent < 0 ? 0 : conn.flow.tsSent] as const : null
    const raw = sack.length === 0 ? {} : { rawOptions: sackOptions(sack, ts) }
    const f = build(this.vnet.vn.pool, {
      ...rest, seq: spec.seq | 0, ack: spec.ack | 0, ts, ...raw, sport: conn.fport, dport: conn.lport,
    })
    this.oracle.in(frameBytes(f).slice())
    this.vnet.input(this.ifId, f, this.now)
    frameRelease(this.vnet.vn.pool, f)
    this.#drain()
  }

  /** A SYN cookie (RFC 4987 §3.6) can be played twice: a second connection with the numbers of the first. */
  #opensAgain(conn: Conn, { flags, seq, ack }: InSpec): boolean {
    return conn.known && !/[SR]/.test(flags) && seq === conn.iss + 1 && ack === conn.flow.iss + 1 &&
      !this.#hasBlock(conn)
  }

  /** One that is over, and kept for its user, takes no segments. */
  #hasBlock(conn: Conn): boolean {
    return [...this.vnet.state.tcp.tcbs.values()].some((tcb) => tcb.inp.fport === conn.fport && tcb.state !== TCPS_CLOSED)
  }

  #drain(): void {
    this.vnet.drainFrames((_ifId, f) => { this.oracle.out(frameBytes(f).slice()) })
    this.vnet.drainEvents(() => { /* the user looks when it likes */ })
  }

  #check(): void {
    checkInside(this.vnet)
    for (const tcb of this.vnet.state.tcp.tcbs.values()) {
      this.states.add(tcb.state)
      for (const conn of this.conns) if (conn.fport === tcb.inp.fport) conn.known = true
    }
    if (++this.#taken % 200 === 0) assertVnetClean(this.vnet)
    if (this.#taken % 500 === 0) this.#restored()
  }

  /** What a snapshot refuses must never arise; and what it takes is the same again. */
  #restored(): void {
    const bytes = this.vnet.snapshot()
    const again = Vnet.restore(bytes).snapshot()
    const same = bytes.length === again.length && bytes.every((x, i) => x === again[i])
    if (!same) throw new Error('a snapshot is not the same again')
  }
}

interface InSpec {
  flags: string
  seq: number
  ack: number
  win: number
  data?: Uint8Array
  mss?: number
  ws?: number
  sackOk?: boolean
  sack?: readonly (readonly [number, number])[]
  badSum?: boolean
  oldTs?: boolean
}

/** Of every SYN that the peer sends for a connection: which of them is the one that counts is the stack's to say. */
function synOptions({ options, sackOk }: Conn): Pick<InSpec, 'mss' | 'ws' | 'sackOk'> {
  return {
    ...((options & 1) === 0 ? { mss: [1460, 536, 100, 9000][(options >>> 1) & 3] } : {}),
    ...((options & 8) === 0 ? { ws: (options >>> 4) % 15 } : {}), sackOk,
  }
}

/** Blocks above the ACK within what was sent, mostly; absolute numbers. */
function sackBlocks(flow: Flow, ackAt: number, d: number, b: number): [number, number][] {
  const span = flow.sentTo - ackAt
  const blocks: [number, number][] = []
  for (let i = 0; i < 1 + (b & 1) && span > 2; i++) {
    const from = ackAt + 1 + (Math.imul(d, 31 + i) >>> 3) % span
    const to = Math.min(from + 1 + (b >>> 4) % 4000, (b & 0xff00) === 0 ? Infinity : flow.sentTo)
    if (to > from) blocks.push([flow.iss + from >>> 0, flow.iss + to >>> 0])
  }
  // a duplicate reported (RFC 2883)
  if ((d & 0x30) === 0) blocks.unshift([flow.iss + Math.max(1, ackAt - 1448) >>> 0, flow.iss + ackAt >>> 0])
  return blocks.slice(0, 3)
}

function sackOptions(blocks: readonly (readonly [number, number])[], ts: readonly [number, number] | null): number[] {
  const words = (n: number): number[] => [n >>> 24, n >>> 16 & 255, n >>> 8 & 255, n & 255]
  const stamp = ts === null ? [] : [1, 1, 8, 10, ...words(ts[0]), ...words(ts[1])]
  return [...stamp, 1, 1, 5, 2 + 8 * blocks.length, ...blocks.flatMap(([from, to]) => [...words(from), ...words(to)])]
}
