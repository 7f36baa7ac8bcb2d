/** UDP for Node programs: `UdpSocket` sends and receives datagrams of a Vnet. */

import { EventEmitter } from 'node:events'
import { AF_INET, AF_INET6 } from '../inet/state.ts'
import { SO_BROADCAST, SO_ERROR, SOCK_DGRAM, SOL_IP, IP_TTL, SOL_SOCKET } from '../inet/sockopt.ts'
import { EV_ERROR, EV_READ } from '../kern/vn.ts'
import { addrParse, addrPrint, createAddr } from '../lib/addr.ts'
import type { Addr } from '../lib/addr.ts'
import { EAGAIN, EBADF, EINVAL } from '../lib/errno.ts'
import type { Runner } from '../vnet/runner.ts'
import {
  soBind, soClose, soConnect, soCreate, soGetOpt, soName, soReady, soRecv, soSend, soSendTo, soSetOpt,
} from '../vnet/so.ts'
import type { SoFrom } from '../vnet/so.ts'
import { socketError } from './errors.ts'

export interface UdpRemote { address: string; port: number; size: number }

const DATAGRAM_MAX = 65_535

/** Events: `message` (Buffer, UdpRemote), `error`, `close`. Starts receiving when a `message` listener is there. */
export class UdpSocket extends EventEmitter {
  readonly #runner: Runner
  #id: number
  readonly #into = new Uint8Array(DATAGRAM_MAX)
  readonly #from: SoFrom = { addr: createAddr(), port: 0, truncated: false }

  /** `family` is that of the addresses it will use. `id` is a socket to take over (of a restored Vnet), or 0. */
  constructor(runner: Runner, family: 'IPv4' | 'IPv6' = 'IPv4', id = 0) {
    super()
    this.#runner = runner
    this.#id = id !== 0 ? id
      : soCreate(runner.vnet, runner.now(), family === 'IPv4' ? AF_INET : AF_INET6, SOCK_DGRAM, 0)
    if (this.#id < 0) throw socketError(-this.#id, 'socket')
    runner.watch(this.#id, (what) => this.#onEvent(what))
    // what was unread when it was saved raises no event any more
    if (id !== 0) queueMicrotask(() => this.#onEvent(soReady(runner.vnet, this.#id)))
  }

  get id(): number {
    return this.#id
  }

  bind(port: number, address = '0.0.0.0'): this {
    const errno = soBind(this.#runner.vnet, this.#runner.now(), this.#id, parse(address, 'bind'), port)
    this.#runner.kick()
    if (errno !== 0) throw socketError(errno, 'bind', address, port)
    return this
  }

  /** Datagrams go to, and come from, this peer only; ICMP errors about it become `error` events. */
  connect(port: number, address: string): this {
    const errno = soConnect(this.#runner.vnet, this.#runner.now(), this.#id, parse(address, 'connect'), port)
    this.#runner.kick()
    if (errno !== 0) throw socketError(errno, 'connect', address, port)
    return this
  }

  /** Sends one datagram; without a destination to the connected peer. Throws on errors the stack knows at once. */
  send(bytes: Uint8Array, port?: number, address?: string): void {
    const { vnet } = this.#runner
    const now = this.#runner.now()
    const n = port === undefined || address === undefined
      ? soSend(vnet, now, this.#id, bytes, 0, bytes.length, 0)
      : soSendTo(vnet, now, this.#id, bytes, 0, bytes.length, parse(address, 'send'), port)
    this.#runner.kick()
    if (n < 0) throw socketError(-n, 'send', address, port)
  }

  setBroadcast(on: boolean): this {
    soSetOpt(this.#runner.vnet, this.#runner.now(), this.#id, SOL_SOCKET, SO_BROADCAST, on ? 1 : 0)
    return this
  }

  setTTL(ttl: number): this {
    const errno = soSetOpt(this.#runner.vnet, this.#runner.now(), this.#id, SOL_IP, IP_TTL, ttl)
    if (errno !== 0) throw socketError(errno, 'setTTL')
    return this
  }

  address(): { address: string; port: number } {
    const errno = soName(this.#runner.vnet, this.#id, this.#from)
    if (errno !== 0) throw socketError(EBADF, 'getsockname')
    return { address: addrPrint(this.#from.addr), port: this.#from.port }
  }

  close(): void {
    if (this.#id === 0) return
    this.#runner.unwatch(this.#id)
    soClose(this.#runner.vnet, this.#runner.now(), this.#id)
    this.#id = 0
    this.#runner.kick()
    queueMicrotask(() => this.emit('close'))
  }

  #onEvent(what: number): void {
    if ((what & EV_ERROR) !== 0) {
      const errno = soGetOpt(this.#runner.vnet, this.#runner.now(), this.#id, SOL_SOCKET, SO_ERROR)
      if (errno > 0) this.emit('error', socketError(errno, 'recv'))
    }
    if ((what & EV_READ) !== 0) this.#receive()
  }

  #receive(): void {
    while (this.#id !== 0) {
      const n = soRecv(this.#runner.vnet, this.#runner.now(), this.#id, this.#into, 0, DATAGRAM_MAX, 0, this.#from)
      if (n === -EAGAIN) break
      if (n < 0) {
        this.emit('error', socketError(-n, 'recv'))
        break
      }
      const bytes = Buffer.from(this.#into.subarray(0, n))
      this.emit('message', bytes, { address: addrPrint(this.#from.addr), port: this.#from.port, size: n })
    }
    this.#runner.kick()
  }
}

function parse(address: string, syscall: string): Addr {
  const addr = addrParse(address)
  if (addr === null) throw socketError(EINVAL, syscall, address)
  return addr
}
