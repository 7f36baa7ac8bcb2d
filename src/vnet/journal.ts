/** What can be told of every input of a Vnet, and of what comes out: enough to do the same again elsewhere. */

import { createAddr } from '../lib/addr.ts'
import type { Addr } from '../lib/addr.ts'
import type { Frame } from '../lib/frame.ts'
import type { AoKeyParams } from '../tcp/auth/ao-keys.ts'
import {
  soAbort, soAccept, soAoAdd, soAoDelete, soAoSelect, soBind, soClose, soConnect, soCreate, soDropConnections,
  soFastConnect, soGetOpt, soListen, soMcast, soMcastFilter, soRecv, soSend, soSendMsg, soSendTo, soSetIpOptions,
  soSetKey, soSetOpt, soShutdown,
} from './so.ts'
import type { SendItem } from './so.ts'
import type { Vnet } from './vnet.ts'

/** An argument of a call: what it points to is good for the call only. */
export type CallValue = number | string | null | Uint8Array | readonly Addr[] | Addr | AoKeyParams

/** Told before anything happens; times are those of the caller. */
export interface Journal {
  input(ifId: number, f: Frame, now: number): void
  advance(now: number): void
  /** A call of vnet/so.ts, by its name, with the arguments behind `now`; buffers as the bytes that count. */
  call(now: number, name: string, args: readonly CallValue[]): void
}

/** Makes a call again that a journal was told of; TypeError for one that is none. */
export function journalCall(v: Vnet, now: number, name: string, args: readonly CallValue[]): void {
  const call = Object.hasOwn(CALLS, name) ? CALLS[name] : undefined
  if (call === undefined) throw new TypeError(`there is no call "${name}"`)
  call(v, now, new Args(name, args))
}

type Call = (v: Vnet, now: number, a: Args) => unknown

/** Arguments in their order, each of the type that the call wants. */
class Args {
  readonly #name: string
  readonly #args: readonly CallValue[]
  #at = 0

  constructor(name: string, args: readonly CallValue[]) {
    this.#name = name
    this.#args = args
  }

  number(): number {
    const value = this.#next()
    return typeof value === 'number' ? value : this.#wrong()
  }

  /** The length of a buffer to be filled. */
  room(): number {
    return Math.min(Math.max(this.number(), 0), MAX_ROOM)
  }

  bytes(): Uint8Array {
    const value = this.#next()
    return value instanceof Uint8Array ? value : this.#wrong()
  }

  bytesOrNull(): Uint8Array | null {
    const value = this.#next()
    return value === null || value instanceof Uint8Array ? value : this.#wrong()
  }

  addr(): Addr {
    return this.#toAddr(this.#next())
  }

  addrOrNull(): Addr | null {
    const value = this.#next()
    return value === null ? null : this.#toAddr(value)
  }

  done(): boolean {
    return this.#at >= this.#args.length
  }

  addrs(): Addr[] {
    const value = this.#next()
    return Array.isArray(value) ? value.map((x) => this.#toAddr(x as CallValue)) : this.#wrong()
  }

  key(): AoKeyParams {
    const value = this.#next()
    if (value === null || typeof value !== 'object' || !('sendId' in value)) return this.#wrong()
    return value
  }

  #toAddr(value: CallValue): Addr {
    if (value === null || typeof value !== 'object' || !('w0' in value)) return this.#wrong()
    return Object.assign(createAddr(), value)
  }

  #next(): CallValue {
    return this.#args[this.#at++] ?? null
  }

  #wrong(): never {
    throw new TypeError(`${this.#name}: argument ${this.#at} is not what it must be`)
  }
}

const MAX_ROOM = 16 * 2 ** 20

const from = (): { addr: Addr; port: number; truncated: boolean } => ({ addr: createAddr(), port: 0, truncated: false })

const CALLS: Readonly<Record<string, Call>> = Object.freeze<Record<string, Call>>({
  soCreate: (v, now, a) => soCreate(v, now, a.number(), a.number(), a.number()),
  soBind: (v, now, a) => soBind(v, now, a.number(), a.addr(), a.number()),
  soListen: (v, now, a) => soListen(v, now, a.number(), a.number()),
  soAccept: (v, now, a) => soAccept(v, now, a.number()),
  soConnect: (v, now, a) => soConnect(v, now, a.number(), a.addr(), a.number()),
  soSend(v, now, a) {
    const [id, b] = [a.number(), a.bytes()]
    return soSend(v, now, id, b, 0, b.length, a.number())
  },
  soFastConnect(v, now, a) {
    const [id, b] = [a.number(), a.bytes()]
    return soFastConnect(v, now, id, b, 0, b.length, a.addr(), a.number())
  },
  soSendTo(v, now, a) {
    const [id, b] = [a.number(), a.bytes()]
    return soSendTo(v, now, id, b, 0, b.length, a.addr(), a.number())
  },
  soSendMsg(v, now, a) {
    const [id, b, addr, port] = [a.number(), a.bytes(), a.addrOrNull(), a.number()]
    const items: SendItem[] = []
    while (!a.done()) items.push({ level: a.number(), type: a.number(), value: a.number(), ifId: a.number(), addr: a.addr() })
    return soSendMsg(v, now, id, b, 0, b.length, addr, port, items)
  },
  soRecv(v, now, a) {
    const [id, n] = [a.number(), a.room()]
    return soRecv(v, now, id, new Uint8Array(n), 0, n, a.number(), from())
  },
  soShutdown: (v, now, a) => soShutdown(v, now, a.number(), a.number()),
  soClose: (v, now, a) => soClose(v, now, a.number()),
  soAbort: (v, now, a) => soAbort(v, now, a.number()),
  soDropConnections: (v, now) => { soDropConnections(v, now) },
  soSetOpt: (v, now, a) => soSetOpt(v, now, a.number(), a.number(), a.number(), a.number()),
  soSetIpOptions: (v, now, a) => soSetIpOptions(v, now, a.number(), a.bytes()),
  soGetOpt: (v, now, a) => soGetOpt(v, now, a.number(), a.number(), a.number()),
  soMcast: (v, now, a) => soMcast(v, now, a.number(), a.number(), a.number(), a.addr(), a.addr()),
  soMcastFilter: (v, now, a) => soMcastFilter(v, now, a.number(), a.number(), a.addr(), a.number(), a.addrs()),
  soSetKey: (v, now, a) => soSetKey(v, now, a.number(), a.addr(), a.number(), a.bytesOrNull()),
  soAoAdd: (v, now, a) => soAoAdd(v, now, a.number(), a.addr(), a.number(), a.key()),
  soAoDelete: (v, now, a) => soAoDelete(v, now, a.number(), a.addr(), a.number(), a.number(), a.number()),
  soAoSelect: (v, now, a) => soAoSelect(v, now, a.number(), a.number(), a.number()),
})
