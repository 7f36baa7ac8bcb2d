/** Two Vnets on a cable that do a little of everything, in one go and without any help from outside. */

import { SOCK_DGRAM, SOCK_RAW, SOCK_STREAM, SOL_SOCKET, SO_ERROR } from '../../src/inet/sockopt.ts'
import { AF_INET } from '../../src/inet/state.ts'
import { EV_ACCEPT, EV_READ, EV_WRITE } from '../../src/kern/vn.ts'
import { addrParse, createAddr } from '../../src/lib/addr.ts'
import type { Addr } from '../../src/lib/addr.ts'
import { checksumAdd, checksumFold } from '../../src/lib/checksum.ts'
import { EAGAIN, ECONNREFUSED, EINPROGRESS } from '../../src/lib/errno.ts'
import { createWorld } from '../../src/sim/world.ts'
import type { SimHost } from '../../src/sim/host.ts'
import {
  soAccept, soBind, soClose, soConnect, soCreate, soGetOpt, soListen, soRecv, soSend, soSendTo,
} from '../../src/vnet/so.ts'
import { ICMP_ECHO, ICMP_ECHOREPLY, ICMP_ID, ICMP_SUM, ICMP_TYPE } from '../../src/wire/icmp.ts'

export interface Seen {
  pings: number
  datagrams: number
  bytes: number
  unreachable: number
}

const TRANSFER = 200_000
const A = addrParse('10.0.0.1') as Addr
const B = addrParse('10.0.0.2') as Addr

/** What arrived: 3 echo replies (one in fragments), 2 datagrams, a transfer over TCP, 1 refused port. */
export function traffic(seed = 7): { seen: Seen; capture: Uint8Array } {
  const world = createWorld({ seed })
  const a = world.addVnet('a')
  const b = world.addVnet('b')
  world.cable(a.addPort({ address: '10.0.0.1/24' }), b.addPort({ address: '10.0.0.2/24' }), { delayUs: 1000 })
  const capture = world.capture(a)
  const seen: Seen = { pings: 0, datagrams: 0, bytes: 0, unreachable: 0 }
  ping(a, seen)
  datagrams(a, b, seen)
  refused(a, seen)
  transfer(a, b, seen)
  world.runUntilIdle()
  return { seen, capture: capture.bytes() }
}

function ping(a: SimHost, seen: Seen): void {
  const id = open(a, SOCK_RAW, 1)
  const buf = new Uint8Array(8192)
  a.watch(id, () => {
    while (soRecv(a.vnet, a.now(), id, buf, 0, buf.length, 0, from()) > 0) {
      if (buf[20 + ICMP_TYPE] === ICMP_ECHOREPLY) seen.pings++
    }
  })
  for (const size of [8, 100, 5000]) {
    const packet = new Uint8Array(size)
    const view = new DataView(packet.buffer)
    packet[ICMP_TYPE] = ICMP_ECHO
    view.setUint16(ICMP_ID, 7)
    view.setUint16(ICMP_SUM, checksumFold(checksumAdd(0, view, 0, size)))
    expectCount(soSendTo(a.vnet, a.now(), id, packet, 0, size, B, 0), size)
  }
  a.kick()
}

function datagrams(a: SimHost, b: SimHost, seen: Seen): void {
  const to = open(b, SOCK_DGRAM, 0)
  expectCount(soBind(b.vnet, b.now(), to, B, 7000), 0)
  const buf = new Uint8Array(4096)
  b.watch(to, () => {
    while (soRecv(b.vnet, b.now(), to, buf, 0, buf.length, 0, from()) > 0) seen.datagrams++
  })
  const id = open(a, SOCK_DGRAM, 0)
  for (const size of [10, 3000]) expectCount(soSendTo(a.vnet, a.now(), id, buf, 0, size, B, 7000), size)
  a.kick()
}

function refused(a: SimHost, seen: Seen): void {
  const id = open(a, SOCK_DGRAM, 0)
  expectCount(soConnect(a.vnet, a.now(), id, B, 9), 0)
  a.watch(id, () => {
    if (soGetOpt(a.vnet, a.now(), id, SOL_SOCKET, SO_ERROR) === ECONNREFUSED) seen.unreachable++
  })
  expectCount(soSend(a.vnet, a.now(), id, new Uint8Array(5), 0, 5, 0), 5)
  a.kick()
}

function transfer(a: SimHost, b: SimHost, seen: Seen): void {
  const listener = open(b, SOCK_STREAM, 0)
  expectCount(soBind(b.vnet, b.now(), listener, B, 80), 0)
  expectCount(soListen(b.vnet, b.now(), listener, 5), 0)
  b.watch(listener, (what) => {
    if ((what & EV_ACCEPT) !== 0) receive(b, soAccept(b.vnet, b.now(), listener), seen)
    b.kick()
  })
  const id = open(a, SOCK_STREAM, 0)
  let sent = 0
  a.watch(id, (what) => {
    if ((what & EV_WRITE) === 0 || sent >= TRANSFER) return
    const buf = new Uint8Array(TRANSFER - sent)
    for (let n; sent < TRANSFER && (n = soSend(a.vnet, a.now(), id, buf, 0, TRANSFER - sent, 0)) > 0;) sent += n
    if (sent === TRANSFER) soClose(a.vnet, a.now(), id)
    a.kick()
  })
  expectCount(soBind(a.vnet, a.now(), id, A, 0), 0)
  expectCount(soConnect(a.vnet, a.now(), id, B, 80), EINPROGRESS)
  a.kick()
}

function receive(b: SimHost, id: number, seen: Seen): void {
  const buf = new Uint8Array(65_536)
  const readAll = (): void => {
    let n = 0
    while ((n = soRecv(b.vnet, b.now(), id, buf, 0, buf.length, 0, from())) > 0) seen.bytes += n
    if (n !== -EAGAIN) {
      b.unwatch(id)
      soClose(b.vnet, b.now(), id)
    }
    b.kick()
  }
  b.watch(id, (what) => {
    if ((what & EV_READ) !== 0) readAll()
  })
  readAll()
}

function open(host: SimHost, type: number, protocol: number): number {
  const id = soCreate(host.vnet, host.now(), AF_INET, type, protocol)
  if (id <= 0) throw new Error(`no socket: ${id}`)
  return id
}

function from(): { addr: Addr; port: number; truncated: boolean } {
  return { addr: createAddr(), port: 0, truncated: false }
}

function expectCount(got: number, wanted: number): void {
  if (got !== wanted) throw new Error(`expected ${wanted}, got ${got}`)
}
