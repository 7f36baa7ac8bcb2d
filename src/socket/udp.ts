/** UDP for Node programs: `UdpSocket` sends and receives datagrams of a Vnet. */

import { EventEmitter } from 'node:events'
import { AF_INET, AF_INET6 } from '../inet/state.ts'
import {
  IPV6_MULTICAST_HOPS, IPV6_MULTICAST_IF, IPV6_MULTICAST_LOOP, IP_MULTICAST_IF, IP_MULTICAST_LOOP, IP_MULTICAST_TTL,
  IP_TTL, MCAST_BLOCK_SOURCE, MCAST_JOIN_GROUP, MCAST_JOIN_SOURCE_GROUP, MCAST_LEAVE_GROUP, MCAST_LEAVE_SOURCE_GROUP,
  MCAST_UNBLOCK_SOURCE, SOCK_DGRAM, SOL_IP, SOL_IPV6, SOL_SOCKET, SO_BROADCAST, SO_ERROR,
} from '../inet/sockopt.ts'
import { EV_ERROR, EV_READ } from '../kern/vn.ts'
import { addrParse, addrPrint, createAddr } from '../lib/addr.ts'
import type { Addr } from '../lib/addr.ts'
import { EADDRNOTAVAIL, EAGAIN, EBADF, EINVAL } from '../lib/errno.ts'
import type { Runner } from '../vnet/runner.ts'
import {
  soBind, soClose, soConnect, soCreate, soGetOpt, soIfByAddr, soMcast, soName, soReady, soRecv, soSend, soSendTo, soSetOpt,
} from '../vnet/so.ts'
import type { SoFrom } from '../vnet/so.ts'
import { socketError } from './errors.ts'

export interface UdpRemote { address: string; port: number; size: number }

const DATAGRAM_MAX = 65_535

/** Events: `message` (Buffer, UdpRemote), `error`, `close`. Starts receiving when a `message` listener is there. */
export class UdpSocket extends EventEmitter {
  readonly #runner: Runner
  #id: number
  readonly #family: 'IPv4' | 'IPv6'
  readonly #into = new Uint8Array(DATAGRAM_MAX)
  readonly #from: SoFrom = { addr: createAddr(), port: 0, truncated: false }

  /** `family` is that of the addresses it will use. `id` is a socket to take over (of a restored Vnet), or 0. */
  constructor(runner: Runner, family: 'IPv4' | 'IPv6' = 'IPv4', id = 0) {
    super()
    this.#runner = runner
    this.#family = family
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

  /**
   * Receives what is sent to `group`: by the interface of this id (or, for IPv4, that has this address), by default that
   * of the route to the group. Throws EADDRINUSE where it does already.
   */
  addMembership(group: string, iface: number | string = 0): this {
    return this.#mcast('addMembership', MCAST_JOIN_GROUP, group, iface, '')
  }

  dropMembership(group: string, iface: number | string = 0): this {
    return this.#mcast('dropMembership', MCAST_LEAVE_GROUP, group, iface, '')
  }

  /** Receives what `source` sends to `group` (RFC 4607); more sources by further calls. */
  addSourceSpecificMembership(source: string, group: string, iface: number | string = 0): this {
    return this.#mcast('addSourceSpecificMembership', MCAST_JOIN_SOURCE_GROUP, group, iface, source)
  }

  dropSourceSpecificMembership(source: string, group: string, iface: number | string = 0): this {
    return this.#mcast('dropSourceSpecificMembership', MCAST_LEAVE_SOURCE_GROUP, group, iface, source)
  }

  /** Of a group that was joined for all sources, this one is not received any more. */
  blockSource(source: string, group: string, iface: number | string = 0): this {
    return this.#mcast('blockSource', MCAST_BLOCK_SOURCE, group, iface, source)
  }

  unblockSource(source: string, group: string, iface: number | string = 0): this {
    return this.#mcast('unblockSource', MCAST_UNBLOCK_SOURCE, group, iface, source)
  }

  /** How far multicasts go (1: this link; 0: this host). */
  setMulticastTTL(ttl: number): this {
    return this.#mcastOpt('setMulticastTTL', IP_MULTICAST_TTL, IPV6_MULTICAST_HOPS, ttl)
  }

  /** Whether members on this host get what is sent here (default: they do). */
  setMulticastLoopback(on: boolean): this {
    return this.#mcastOpt('setMulticastLoopback', IP_MULTICAST_LOOP, IPV6_MULTICAST_LOOP, on ? 1 : 0)
  }

  /** The interface that multicasts go out by: its id, an IPv4 address of it, or 0 for that of the route. */
  setMulticastInterface(iface: number | string): this {
    const ifId = this.#interface('setMulticastInterface', iface)
    return this.#mcastOpt('setMulticastInterface', IP_MULTICAST_IF, IPV6_MULTICAST_IF, ifId)
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

  #mcast(call: string, op: number, group: string, iface: number | string, source: string): this {
    const from = source === '' ? createAddr() : parse(source, call)
    const ifId = this.#interface(call, iface)
    const errno = soMcast(this.#runner.vnet, this.#runner.now(), this.#id, op, ifId, parse(group, call), from)
    this.#runner.kick()
    if (errno !== 0) throw socketError(errno, call, group)
    return this
  }

  #mcastOpt(call: string, name4: number, name6: number, value: number): this {
    const v4 = this.#family === 'IPv4'
    const { vnet } = this.#runner
    const errno = soSetOpt(vnet, this.#runner.now(), this.#id, v4 ? SOL_IP : SOL_IPV6, v4 ? name4 : name6, value)
    if (errno !== 0) throw socketError(errno, call)
    return this
  }

  #interface(call: string, iface: number | string): number {
    if (typeof iface === 'number') return iface
    if (iface === '' || iface === '0.0.0.0' || iface === '::') return 0
    const ifId = soIfByAddr(this.#runner.vnet, parse(iface, call))
    if (ifId === 0) throw socketError(EADDRNOTAVAIL, call, iface)
    return ifId
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
