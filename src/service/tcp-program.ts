/**
 * A TCP server without hidden state: what it knows of a conversation is plain data, and every byte is either in the Vnet
 * or in that data. So it can be saved between any two events, and go on elsewhere without its peers noticing.
 */

import { AF_INET, AF_INET6 } from '../inet/state.ts'
import { IPV6_V6ONLY, SHUT_WR, SO_REUSEADDR, SOCK_STREAM, SOL_IPV6, SOL_SOCKET } from '../inet/sockopt.ts'
import { EV_ACCEPT } from '../kern/vn.ts'
import { createAddr } from '../lib/addr.ts'
import { EAGAIN } from '../lib/errno.ts'
import { socketError } from '../socket/errors.ts'
import type { Runner } from '../vnet/runner.ts'
import {
  soAccept, soBind, soClose, soCreate, soListen, soRecv, soSend, soSetOpt,
  soShutdown,
} from '../vnet/so.ts'
import type { SoFrom } from '../vnet/so.ts'
import type { SavedTalk, TalkData } from './saved.ts'

/** One connection of a program. */
export interface Talk<D extends TalkData> {
  readonly id: number
  readonly data: D
  /** Bytes that go before anything else, and that the Vnet has not taken yet. */
  out: Uint8Array
  /** The peer has finished. */
  ended: boolean
  /** Close when everything is sent. */
  closing: boolean
}

export interface TcpProgram<D extends TalkData> {
  begin(): D
  /** Does not want bytes now: a peer that does not read holds itself up. */
  busy(talk: Talk<D>): boolean
  /** Bytes came; good for the call only. Called when `out` is empty. */
  received(talk: Talk<D>, bytes: Uint8Array): void
  /**
   * What goes next, when `out` is empty: a view that is good until the next call; empty for nothing, which ends the
   * conversation when the peer has finished.
   */
  next(talk: Talk<D>): Uint8Array
  /** So many bytes of what `next` showed are on their way. */
  sent(talk: Talk<D>, bytes: number): void
  /** The conversation is over: gives back what belongs to it. */
  over(talk: Talk<D>): void
}

const READ_BYTES = 65_536
const BACKLOG = 511
/** How long a peer may take to finish after we have. */
const LINGER_MS = 5000
/** Pieces that one conversation sends in one event before the others get their turn. */
const TURN = 64

export class TcpProgramServer<D extends TalkData> {
  readonly #runner: Runner
  readonly #program: TcpProgram<D>
  readonly #talks = new Map<number, Talk<D>>()
  readonly #lingering = new Map<number, NodeJS.Timeout>()
  readonly #buffer = new Uint8Array(READ_BYTES)
  readonly #from: SoFrom = { addr: createAddr(), port: 0, truncated: false }
  #listener = 0

  constructor(runner: Runner, program: TcpProgram<D>) {
    this.#runner = runner
    this.#program = program
  }

  /** Listens on every address, of IPv4 or (`both`) of both families; throws EADDRINUSE and its like. */
  listen(port: number, both = false): void {
    const { vnet } = this.#runner
    const now = this.#runner.now()
    const id = soCreate(vnet, now, both ? AF_INET6 : AF_INET, SOCK_STREAM, 0)
    if (id < 0) throw socketError(-id, 'socket')
    soSetOpt(vnet, now, id, SOL_SOCKET, SO_REUSEADDR, 1)
    if (both) soSetOpt(vnet, now, id, SOL_IPV6, IPV6_V6ONLY, 0)
    const errno = soBind(vnet, now, id, createAddr(), port) || soListen(vnet, now, id, BACKLOG)
    if (errno !== 0) {
      soClose(vnet, now, id)
      throw socketError(errno, 'listen', '0.0.0.0', port)
    }
    this.adopt(id, [])
  }

  /** Takes over what listens already, and conversations saved by `save`. Those whose connection is gone are dropped. */
  adopt(listener: number, saved: readonly SavedTalk[]): void {
    this.#listener = listener
    this.#runner.watch(listener, (what) => {
      if ((what & EV_ACCEPT) !== 0) this.#accept()
    })
    for (const one of saved) this.#resume(one)
    this.#accept()
  }

  get listener(): number {
    return this.#listener
  }

  /** The conversations as plain data. Between events only. */
  save(): SavedTalk[] {
    return [...this.#talks.values()].map(({ id, data, out, ended, closing }) => ({
      id, data: { ...data }, out: Buffer.from(out).toString('base64'), ended, closing,
    }))
  }

  /** Stops listening and closes every connection. */
  stop(): void {
    const { vnet } = this.#runner
    for (const talk of [...this.#talks.values()]) this.#end(talk)
    this.#runner.unwatch(this.#listener)
    soClose(vnet, this.#runner.now(), this.#listener)
    this.#runner.kick()
  }

  /** Forgets everything and touches nothing: the Vnet has been taken elsewhere. */
  abandon(): void {
    for (const timer of this.#lingering.values()) clearTimeout(timer)
    this.#lingering.clear()
    for (const talk of this.#talks.values()) this.#program.over(talk)
    this.#talks.clear()
  }

  #accept(): void {
    for (;;) {
      const id = soAccept(this.#runner.vnet, this.#runner.now(), this.#listener)
      if (id < 0) break
      this.#begin({ id, data: this.#program.begin(), out: new Uint8Array(0), ended: false, closing: false })
    }
    this.#runner.kick()
  }

  #resume(saved: SavedTalk): void {
    const data = this.#program.begin()
    for (const key of Object.keys(data)) {
      const value = saved.data[key]
      if (typeof value === typeof data[key]) Object.assign(data, { [key]: value })
    }
    const { id, ended, closing } = saved
    this.#begin({ id, data, out: Buffer.from(saved.out, 'base64'), ended, closing })
  }

  #begin(talk: Talk<D>): void {
    this.#talks.set(talk.id, talk)
    this.#runner.watch(talk.id, () => this.#turn(talk))
    this.#turn(talk)
  }

  /** Sends what there is, then reads; until neither is possible. */
  #turn(talk: Talk<D>): void {
    for (let n = 0; this.#talks.has(talk.id); n++) {
      if (n === TURN) {
        setImmediate(() => this.#turn(talk))
        break
      }
      if (!this.#send(talk) || !this.#read(talk)) break
    }
    this.#runner.kick()
  }

  /** False when nothing more can be sent now. */
  #send(talk: Talk<D>): boolean {
    const { vnet } = this.#runner
    if (talk.closing && talk.out.length === 0) return this.#finish(talk)
    const first = talk.out.length > 0
    const bytes = first ? talk.out : this.#program.next(talk)
    if (bytes.length === 0) {
      // `next` may have answered into `out`
      if (talk.out.length > 0 || talk.closing || !talk.ended) return true
      this.#end(talk)
      return false
    }
    const n = soSend(vnet, this.#runner.now(), talk.id, bytes, 0, bytes.length, 0)
    if (n === -EAGAIN) return false
    if (n < 0) {
      this.#end(talk)
      return false
    }
    if (first) talk.out = talk.out.subarray(n)
    else this.#program.sent(talk, n)
    return true
  }

  /** False when there was nothing to read, and nothing more to send. */
  #read(talk: Talk<D>): boolean {
    if (talk.out.length > 0 || talk.closing || talk.ended || this.#program.busy(talk)) return true
    const { vnet } = this.#runner
    const n = soRecv(vnet, this.#runner.now(), talk.id, this.#buffer, 0, READ_BYTES, 0, this.#from)
    if (n === -EAGAIN) return this.#program.next(talk).length + talk.out.length > 0
    if (n < 0) {
      this.#end(talk)
      return false
    }
    if (n === 0) talk.ended = true
    else this.#program.received(talk, this.#buffer.subarray(0, n))
    return true
  }

  /**
   * Everything is said. What the peer still sends is thrown away until it finishes, for a close with unread data would
   * be a reset, and that may take our last words from it (RFC 9112 §9.6).
   */
  #finish(talk: Talk<D>): boolean {
    const { vnet } = this.#runner
    if (soShutdown(vnet, this.#runner.now(), talk.id, SHUT_WR) === 0) {
      for (;;) {
        const n = soRecv(vnet, this.#runner.now(), talk.id, this.#buffer, 0, READ_BYTES, 0, this.#from)
        if (n === -EAGAIN && !talk.ended) {
          this.#linger(talk)
          return false
        }
        if (n <= 0) break
      }
    }
    this.#end(talk)
    return false
  }

  /** A peer that never finishes is left behind. */
  #linger(talk: Talk<D>): void {
    if (this.#lingering.has(talk.id)) return
    const timer = setTimeout(() => {
      if (this.#talks.has(talk.id)) this.#end(talk)
    }, LINGER_MS)
    timer.unref()
    this.#lingering.set(talk.id, timer)
  }

  #end(talk: Talk<D>): void {
    clearTimeout(this.#lingering.get(talk.id))
    this.#lingering.delete(talk.id)
    this.#talks.delete(talk.id)
    this.#program.over(talk)
    this.#runner.unwatch(talk.id)
    soClose(this.#runner.vnet, this.#runner.now(), talk.id)
    this.#runner.kick()
  }
}
