/** Programs at the ends of a measured path: a sender that always has data, a reader that always reads. */

import { SOCK_STREAM } from '../inet/sockopt.ts'
import { AF_INET, AF_INET6 } from '../inet/state.ts'
import { EV_ACCEPT, EV_CONNECT, EV_GONE, EV_READ, EV_WRITE } from '../kern/vn.ts'
import { addrIsV4, createAddr } from '../lib/addr.ts'
import type { Addr } from '../lib/addr.ts'
import { EINPROGRESS, errnoName } from '../lib/errno.ts'
import type { Runner } from '../vnet/runner.ts'
import { soAccept, soBind, soConnect, soCreate, soListen, soRecv, soSend } from '../vnet/so.ts'

const CHUNK = 65_536

export interface PathSender {
  readonly id: number
}

export interface PathSink {
  /** Bytes read of each connection, in the order of their coming. */
  readonly read: number[]
}

/** Connects and keeps the send buffer full, for ever. */
export function startPathSender(host: Runner, to: Addr, port: number): PathSender {
  const id = made(soCreate(host.vnet, host.now(), familyOf(to), SOCK_STREAM, 0))
  const chunk = new Uint8Array(CHUNK)
  host.watch(id, (what) => {
    if ((what & EV_GONE) !== 0) return host.unwatch(id)
    if ((what & (EV_WRITE | EV_CONNECT)) === 0) return
    while (soSend(host.vnet, host.now(), id, chunk, 0, CHUNK, 0) === CHUNK);
    host.kick()
  })
  const errno = soConnect(host.vnet, host.now(), id, to, port)
  if (errno !== EINPROGRESS) made(-errno)
  host.kick()
  return { id }
}

/** Accepts whoever comes to `address`, reads at once all there is. */
export function startPathSink(host: Runner, address: Addr, port: number): PathSink {
  const listener = made(soCreate(host.vnet, host.now(), familyOf(address), SOCK_STREAM, 0))
  made(-soBind(host.vnet, host.now(), listener, address, port))
  made(-soListen(host.vnet, host.now(), listener, 64))
  const into = new Uint8Array(CHUNK)
  const from = { addr: createAddr(), port: 0, truncated: false }
  const read: number[] = []
  const serve = (socket: number, index: number): void => {
    const go = (): void => {
      for (;;) {
        const n = soRecv(host.vnet, host.now(), socket, into, 0, CHUNK, 0, from)
        if (n <= 0) break
        read[index] += n
      }
      host.kick()
    }
    host.watch(socket, (what) => { if ((what & EV_READ) !== 0) go() })
    go()
  }
  host.watch(listener, (what) => {
    if ((what & EV_ACCEPT) === 0) return
    for (;;) {
      const socket = soAccept(host.vnet, host.now(), listener)
      if (socket < 0) break
      serve(socket, read.push(0) - 1)
    }
  })
  host.kick()
  return { read }
}

function familyOf(address: Addr): number {
  return addrIsV4(address) ? AF_INET : AF_INET6
}

function made(result: number): number {
  if (result < 0) throw new Error(errnoName(-result))
  return result
}
