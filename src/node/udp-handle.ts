/** Node's native class `UDP` over a Vnet: the methods that `dgram` calls. */

import { AsyncResource } from 'node:async_hooks'
import { AF_INET, AF_INET6 } from '../inet/state.ts'
import {
  IPV6_MULTICAST_HOPS, IPV6_MULTICAST_IF, IPV6_MULTICAST_LOOP, IPV6_UNICAST_HOPS, IPV6_V6ONLY, IP_MULTICAST_IF,
  IP_MULTICAST_LOOP, IP_MULTICAST_TTL, IP_TTL, MCAST_JOIN_GROUP, MCAST_JOIN_SOURCE_GROUP, MCAST_LEAVE_GROUP,
  MCAST_LEAVE_SOURCE_GROUP, SO_BROADCAST, SO_ERROR, SO_RCVBUF, SO_REUSEADDR, SO_REUSEPORT, SO_SNDBUF, SOCK_DGRAM, SOL_IP, SOL_IPV6,
  SOL_SOCKET,
} from '../inet/sockopt.ts'
import { EV_ERROR, EV_READ } from '../kern/vn.ts'
import { addrIsUnspecified, addrIsV4, addrParse, createAddr } from '../lib/addr.ts'
import { EAGAIN, EBADF, EDESTADDRREQ, EINVAL, EISCONN, ENOTCONN } from '../lib/errno.ts'
import {
  soBind, soClose, soConnect, soCreate, soGetOpt, soIfByAddr, soMcast, soName, soPeer, soReady, soRecv, soSend, soSendTo, soSetOpt,
} from '../vnet/so.ts'
import type { Vnet } from '../vnet/vnet.ts'
import type { Req } from './binding.ts'
import { createFrom, nameInto, parseAddress, parseDestination, printAddress } from './names.ts'
import type { NameOut } from './names.ts'
import type { NetEnv } from './netenv.ts'

/** Linux's, for an address that is no interface's. */
const ENODEV = 19
const UV_UDP_IPV6ONLY = 1
const UV_UDP_REUSEADDR = 4
const UV_UDP_REUSEPORT = 8
/** Datagrams read in one turn. */
const READS_A_TURN = 32

/** What bufferSize says of an error. */
interface ErrorOut { errno?: number; code?: string; message?: string; syscall?: string }

type OnMessage = (n: number, handle: object, bytes?: Buffer, from?: NameOut) => void

/** What others than dgram call. */
export interface UdpHandle {
  onmessage?: OnMessage
  bind6(address: string, port: number, flags?: number): number
  connect6(address: string, port: number): number
  send6(req: Req, list: ArrayBufferView[], count: number, ...to: unknown[]): number
  close(done?: () => void): void
}

export type UdpClass = new () => UdpHandle

/** The class; `current` says on which Vnet a new handle is. */
export function createUdpClass(current: () => NetEnv): UdpClass {
  return class UDP implements UdpHandle {
    readonly #env: NetEnv = current()
    readonly #resource = new AsyncResource('UDPWRAP')
    #id = 0
    #family = AF_INET
    #reading = false
    #refd = true
    #closed = false
    #holding = false
    #posted = false
    /** Sizes that a program has set, by option. */
    readonly #sizes = new Map<number, number>()
    onmessage?: OnMessage
    onerror?: (n: number, handle: unknown, error: unknown) => void

    bind(address: string, port: number, flags = 0): number {
      return this.#bind(address, port, flags, AF_INET)
    }

    bind6(address: string, port: number, flags = 0): number {
      return this.#bind(address, port, flags, AF_INET6)
    }

    connect(address: string, port: number): number {
      return this.#connect(address, port, AF_INET)
    }

    connect6(address: string, port: number): number {
      return this.#connect(address, port, AF_INET6)
    }

    disconnect(): number {
      if (this.#id === 0) return -EBADF
      if (soPeer(this.#env.runner.vnet, this.#id, createFrom()) !== 0) return -ENOTCONN
      const { runner } = this.#env
      return 0 - soConnect(runner.vnet, runner.now(), this.#id, createAddr(), 0)
    }

    /** More than 0: the bytes sent, and one; or a negative errno. A datagram is never left waiting. */
    send(_req: Req, list: ArrayBufferView[], count: number, ...to: unknown[]): number {
      return this.#send(list, count, to, AF_INET)
    }

    send6(_req: Req, list: ArrayBufferView[], count: number, ...to: unknown[]): number {
      return this.#send(list, count, to, AF_INET6)
    }

    open(): number {
      return -EINVAL
    }

    recvStart(): number {
      if (this.#closed) return -EBADF
      this.#reading = true
      this.#hold()
      if (this.#id !== 0 && (soReady(this.#env.runner.vnet, this.#id) & EV_READ) !== 0) this.#post()
      return 0
    }

    recvStop(): number {
      this.#reading = false
      this.#hold()
      return 0
    }

    close(done?: () => void): void {
      if (this.#closed) return
      this.#closed = true
      if (!this.#holding) this.#env.hold(1)
      this.#holding = true
      if (this.#id !== 0) {
        const { runner } = this.#env
        runner.unwatch(this.#id)
        soClose(runner.vnet, runner.now(), this.#id)
        runner.kick()
        this.#id = 0
      }
      this.#env.later(() => {
        this.#env.hold(-1)
        this.#resource.runInAsyncScope(() => done?.call(this))
      })
    }

    getsockname(out: NameOut): number {
      return this.#name(out, false)
    }

    getpeername(out: NameOut): number {
      return this.#name(out, true)
    }

    setBroadcast(on: number): number {
      return this.#set(SOL_SOCKET, SO_BROADCAST, on)
    }

    setTTL(ttl: number): number {
      if (ttl < 1 || ttl > 255) return -EINVAL
      return this.#family === AF_INET6 ? this.#set(SOL_IPV6, IPV6_UNICAST_HOPS, ttl) : this.#set(SOL_IP, IP_TTL, ttl)
    }

    setMulticastTTL(ttl: number): number {
      return this.#family === AF_INET6 ? this.#set(SOL_IPV6, IPV6_MULTICAST_HOPS, ttl) : this.#set(SOL_IP, IP_MULTICAST_TTL, ttl)
    }

    setMulticastLoopback(on: number): number {
      return this.#family === AF_INET6 ? this.#set(SOL_IPV6, IPV6_MULTICAST_LOOP, on) : this.#set(SOL_IP, IP_MULTICAST_LOOP, on)
    }

    setMulticastInterface(text: string): number {
      if (this.#id === 0) return -EBADF
      const ifId = multicastInterface(this.#env.runner.vnet, text)
      if (ifId < 0) return ifId
      return this.#family === AF_INET6 ? this.#set(SOL_IPV6, IPV6_MULTICAST_IF, ifId) : this.#set(SOL_IP, IP_MULTICAST_IF, ifId)
    }

    addMembership(group: string, on?: string): number {
      return this.#member(MCAST_JOIN_GROUP, group, on, null)
    }

    dropMembership(group: string, on?: string): number {
      return this.#member(MCAST_LEAVE_GROUP, group, on, null)
    }

    addSourceSpecificMembership(source: string, group: string, on?: string): number {
      return this.#member(MCAST_JOIN_SOURCE_GROUP, group, on, source)
    }

    dropSourceSpecificMembership(source: string, group: string, on?: string): number {
      return this.#member(MCAST_LEAVE_SOURCE_GROUP, group, on, source)
    }

    /**
     * SO_RCVBUF or SO_SNDBUF: sets a size, or (0) asks for it. As on Linux what was set reads back doubled, since half of
     * it is for bookkeeping there; undefined, with `error` filled, when it fails.
     */
    bufferSize(size: number, receive: boolean, error: ErrorOut): number | undefined {
      const syscall = receive ? 'uv_recv_buffer_size' : 'uv_send_buffer_size'
      const option = receive ? SO_RCVBUF : SO_SNDBUF
      if (this.#id === 0) return fail(error, -EBADF, 'EBADF', 'bad file descriptor', syscall)
      const { runner } = this.#env
      if (size === 0) {
        return this.#sizes.get(option) ?? soGetOpt(runner.vnet, runner.now(), this.#id, SOL_SOCKET, option)
      }
      const errno = size > 0x7fffffff ? EINVAL : soSetOpt(runner.vnet, runner.now(), this.#id, SOL_SOCKET, option, size)
      if (errno !== 0) return fail(error, -EINVAL, 'EINVAL', 'invalid argument', syscall)
      this.#sizes.set(option, 2 * soGetOpt(runner.vnet, runner.now(), this.#id, SOL_SOCKET, option))
      return size
    }

    getSendQueueSize(): number {
      return 0
    }

    getSendQueueCount(): number {
      return 0
    }

    ref(): void {
      this.#refd = true
      this.#hold()
    }

    unref(): void {
      this.#refd = false
      this.#hold()
    }

    hasRef(): boolean {
      return this.#refd && !this.#closed
    }

    getAsyncId(): number {
      return this.#resource.asyncId()
    }

    get fd(): number {
      return -1
    }

    #bind(address: string, port: number, flags: number, family: number): number {
      const { runner } = this.#env
      const addr = parseAddress(runner.vnet, address, family)
      if (addr === null) return -EINVAL
      const status = this.#open(family)
      if (status !== 0) return status
      if ((flags & UV_UDP_REUSEADDR) !== 0) this.#set(SOL_SOCKET, SO_REUSEADDR, 1)
      if ((flags & UV_UDP_REUSEPORT) !== 0) this.#set(SOL_SOCKET, SO_REUSEPORT, 1)
      if (family === AF_INET6) this.#set(SOL_IPV6, IPV6_V6ONLY, (flags & UV_UDP_IPV6ONLY) !== 0 ? 1 : 0)
      return 0 - soBind(runner.vnet, runner.now(), this.#id, addr, port)
    }

    #connect(address: string, port: number, family: number): number {
      const { runner } = this.#env
      const addr = parseDestination(runner.vnet, address, family)
      if (addr === null) return -EINVAL
      const status = this.#open(family)
      if (status !== 0) return status
      if (soPeer(runner.vnet, this.#id, createFrom()) === 0) return -EISCONN
      return 0 - soConnect(runner.vnet, runner.now(), this.#id, addr, port)
    }

    #send(list: ArrayBufferView[], count: number, to: unknown[], family: number): number {
      const { runner } = this.#env
      const status = this.#open(family)
      if (status !== 0) return status
      const bytes = count === 1 ? bytesOf(list[0]) : Buffer.concat(list.slice(0, count).map(bytesOf))
      let sent: number
      if (typeof to[0] === 'number') {
        const addr = parseDestination(runner.vnet, to[1], family)
        if (addr === null) return -EINVAL
        sent = soSendTo(runner.vnet, runner.now(), this.#id, bytes, 0, bytes.length, addr, to[0])
      } else sent = soSend(runner.vnet, runner.now(), this.#id, bytes, 0, bytes.length, 0)
      runner.kick()
      if (sent < 0) return sent === -EDESTADDRREQ ? -ENOTCONN : sent
      return sent + 1
    }

    #name(out: NameOut, peer: boolean): number {
      if (this.#id === 0) return -EBADF
      const from = createFrom()
      const { vnet } = this.#env.runner
      const errno = peer ? soPeer(vnet, this.#id, from) : soName(vnet, this.#id, from)
      if (errno !== 0) return errno === EDESTADDRREQ ? -ENOTCONN : 0 - errno
      nameInto(vnet, out, from, this.#family)
      return 0
    }

    #set(level: number, name: number, value: number): number {
      if (this.#id === 0) return -EBADF
      return 0 - soSetOpt(this.#env.runner.vnet, this.#env.runner.now(), this.#id, level, name, value)
    }

    /** Joins or leaves; a socket that is bound to nothing yet is bound first, as libuv does. */
    #member(op: number, group: string, on: string | undefined, source: string | null): number {
      const { runner } = this.#env
      const to = addrParse(group)
      const from = source === null ? createAddr() : addrParse(source)
      if (to === null || from === null || (source !== null && addrIsV4(to) !== addrIsV4(from))) return -EINVAL
      if (this.#id === 0) {
        const status = addrIsV4(to) ? this.bind('0.0.0.0', 0, UV_UDP_REUSEADDR) : this.bind6('::', 0, UV_UDP_REUSEADDR)
        if (status !== 0) return status
      }
      const ifId = on === undefined ? groupsByDefault(runner.vnet) : multicastInterface(runner.vnet, on)
      if (ifId < 0) return ifId
      const errno = soMcast(runner.vnet, runner.now(), this.#id, op, ifId, to, from)
      runner.kick()
      return 0 - errno
    }

    #open(family: number): number {
      if (this.#closed) return -EBADF
      if (this.#id !== 0) return 0
      const { runner } = this.#env
      const id = soCreate(runner.vnet, runner.now(), family, SOCK_DGRAM, 0)
      if (id < 0) return id
      this.#id = id
      this.#family = family
      const groups = groupsByDefault(runner.vnet)
      if (groups !== 0 && family === AF_INET6) this.#set(SOL_IPV6, IPV6_MULTICAST_IF, groups)
      else if (groups !== 0) this.#set(SOL_IP, IP_MULTICAST_IF, groups)
      runner.watch(id, (what) => { if ((what & (EV_READ | EV_ERROR)) !== 0) this.#post() }, false)
      return 0
    }

    #hold(): void {
      if (this.#closed) return
      const hold = this.#refd && this.#reading
      if (hold === this.#holding) return
      this.#holding = hold
      this.#env.hold(hold ? 1 : -1)
    }

    #post(): void {
      if (this.#posted || this.#closed) return
      this.#posted = true
      this.#env.later(() => {
        this.#posted = false
        this.#receive()
      })
    }

    #receive(): void {
      const { runner, scratch } = this.#env
      const from = createFrom()
      for (let n = 0; n < READS_A_TURN && this.#reading && this.#id !== 0; n++) {
        const got = soRecv(runner.vnet, runner.now(), this.#id, scratch, 0, scratch.length, 0, from)
        if (got === -EAGAIN) return
        if (got < 0) {
          soGetOpt(runner.vnet, runner.now(), this.#id, SOL_SOCKET, SO_ERROR)
          this.#resource.runInAsyncScope(() => this.onmessage?.(got, this))
          continue
        }
        const bytes = Buffer.from(scratch.subarray(0, got))
        const family = this.#family === AF_INET6 ? 'IPv6' : 'IPv4'
        const info = { address: printAddress(runner.vnet, from.addr, this.#family), family, port: from.port }
        this.#resource.runInAsyncScope(() => this.onmessage?.(got, this, bytes, info))
      }
      if (this.#id !== 0 && (soReady(runner.vnet, this.#id) & EV_READ) !== 0) this.#post()
    }
  }
}

function bytesOf(view: ArrayBufferView): Uint8Array {
  return view instanceof Uint8Array ? view : new Uint8Array(view.buffer, view.byteOffset, view.byteLength)
}

/** Where groups are when nobody says: on a host with nothing but a loopback interface there, else by the route (0). */
function groupsByDefault(vnet: Vnet): number {
  const { ifnets, loopIfId } = vnet.state.link
  return ifnets.size === 1 ? loopIfId : 0
}

/** The interface that an address names: of IPv4 by being one of its own, of IPv6 by its zone; 0 for the wildcard, or -errno. */
function multicastInterface(vnet: Vnet, text: string): number {
  const addr = parseAddress(vnet, text, text.includes(':') ? AF_INET6 : AF_INET)
  if (addr === null) return -EINVAL
  if (addrIsUnspecified(addr)) return addr.zone
  if (!addrIsV4(addr)) return addr.zone
  const ifId = soIfByAddr(vnet, addr)
  return ifId === 0 ? -ENODEV : ifId
}

function fail(error: ErrorOut, errno: number, code: string, message: string, syscall: string): undefined {
  Object.assign(error, { errno, code, message, syscall })
}
