/** A Vnet that is fed with anything: an Ethernet and a raw-IP interface, listeners, and a check after each frame. */

import { addrFromIp4, ip4Parse, macParse } from '../../src/lib/addr.ts'
import type { Ip4, Mac } from '../../src/lib/addr.ts'
import { FRAME_HEADROOM, FRAME_LARGE, createFramePool, frameFrom, frameRelease } from '../../src/lib/frame.ts'
import type { FramePool } from '../../src/lib/frame.ts'
import { SOCK_DGRAM, SOCK_RAW, SOCK_STREAM } from '../../src/inet/sockopt.ts'
import { AF_INET } from '../../src/inet/state.ts'
import { routeAdd } from '../../src/ip/route.ts'
import { NEVER } from '../../src/kern/timer.ts'
import { ifAddAddr, ifCreate, ifSetFlags } from '../../src/link/ifnet.ts'
import { IFF_RUNNING, IFF_UP, IFT_ETHER, IFT_IP } from '../../src/link/state.ts'
import type { Ifnet } from '../../src/link/state.ts'
import { soBind, soClose, soCreate, soList, soListen, soRecv } from '../../src/vnet/so.ts'
import { Vnet } from '../../src/vnet/vnet.ts'
import { IPPROTO_ICMP, IPPROTO_TCP } from '../../src/wire/ipv4.ts'
import { sizesDiffer, tableSizes } from '../support/sizes.ts'

export const MY_MAC: Mac = macParse('02:00:00:00:00:01') as Mac
export const MY_IP: Ip4 = ip4Parse('10.0.0.1') as Ip4

/** Time between two frames. */
const STEP_US = 1000
/** Timers that go off after the last frame, at most: more is no end. */
const TIMER_LIMIT = 50_000
/**
 * Not tables: the message buffer is a ring of its own, the heap empties itself and keeps cancelled entries meanwhile; counters of
 * identifications are made at first use, always as many. What a querier said of a link stays with it (RFC 3376 §8): one
 * record for each interface and family.
 */
const NO_TABLES = ['log', 'timers', 'mcast.links', 'ip.idents']

export interface Victim {
  vnet: Vnet
  ether: Ifnet
  tun: Ifnet
  pool: FramePool
  sockets: number[]
  /** Drops of the frame that is being fed. */
  drops: number
  before: Record<string, number>
}

/** With listeners on ports given as "protocol/port" and a raw ICMP socket. */
export function createVictim(pool: FramePool, ports: Iterable<string> = []): Victim {
  const vnet = new Vnet({ name: 'victim', seed: [1], pool })
  const { vn } = vnet
  const ether = ifCreate(vn, 'eth0', IFT_ETHER, MY_MAC, 1500)
  const tun = ifCreate(vn, 'tun0', IFT_IP, 0, 1500)
  for (const ifp of [ether, tun]) ifSetFlags(vn, ifp.id, ifp.flags | IFF_UP | IFF_RUNNING)
  ifAddAddr(vn, ether.id, addrFromIp4(MY_IP), 24)
  routeAdd(vn, 0, 0, 0, tun.id, 0)
  const sockets = [soCreate(vnet, 0, AF_INET, SOCK_RAW, IPPROTO_ICMP)]
  for (const name of ports) {
    const [proto, port] = name.split('/').map(Number) as [number, number]
    const socket = soCreate(vnet, 0, AF_INET, proto === IPPROTO_TCP ? SOCK_STREAM : SOCK_DGRAM, 0)
    soBind(vnet, 0, socket, addrFromIp4(0), port)
    if (proto === IPPROTO_TCP) soListen(vnet, 0, socket, 16)
    sockets.push(socket)
  }
  const v: Victim = { vnet, ether, tun, pool, sockets, drops: 0, before: {} }
  vn.probe = { drop: () => { v.drops++ } }
  settle(v)
  v.before = tableSizes(vnet.state, NO_TABLES)
  return v
}

export function createPool(): FramePool {
  return createFramePool({ poison: true })
}

/** Feeds one frame; '' when the Vnet did with it what it must, else what is wrong. */
export function feed(v: Victim, ifp: Ifnet, bytes: Uint8Array): string {
  const { vnet, pool } = v
  // a capture of offloaded segments beyond 64 KiB: as much as a device could bring
  const f = frameFrom(pool, bytes.subarray(0, FRAME_LARGE - FRAME_HEADROOM))
  if (f === null) return 'no frame was free'
  const now = vnet.state.now + STEP_US
  vnet.advance(now)
  settle(v)
  const before = outcomes(v)
  v.drops = 0
  vnet.input(ifp.id, f, now)
  const answered = vnet.vn.txq.length > 0 || vnet.vn.events.size > 0
  frameRelease(pool, f)
  const accounted = v.drops > 0 || answered || outcomes(v) !== before || learnt(v, ifp, bytes)
  settle(v)
  if (pool.inUse !== 0) return `${pool.inUse} frames were not given back`
  return accounted ? '' : 'vanished without a counter'
}

/** Lets every timer run out; a line for each table that is not as it was before the first frame. */
export function quiesce(v: Victim): string[] {
  const { vnet } = v
  for (let n = 0; vnet.nextDeadline() < NEVER; n++) {
    if (n > TIMER_LIMIT) return ['timers go on for ever']
    vnet.advance(Math.max(vnet.state.now, vnet.nextDeadline()))
    settle(v)
  }
  return sizesDiffer(v.before, tableSizes(vnet.state, NO_TABLES))
}

/** Takes what is to be sent and what can be read, as a host would. */
function settle(v: Victim): void {
  const { vnet } = v
  const from = { addr: addrFromIp4(0), port: 0, truncated: false }
  const into = new Uint8Array(2048)
  for (let n = 0; n < 100 && (vnet.vn.txq.length > 0 || vnet.vn.events.size > 0); n++) {
    vnet.drainFrames(() => {})
    vnet.drainEvents((id) => {
      while (soRecv(vnet, vnet.state.now, id, into, 0, into.length, 0, from) >= 0);
    })
  }
  for (const id of soList(vnet)) if (!v.sockets.includes(id)) soClose(vnet, vnet.state.now, id)
}

/** Sum of everything that says what became of a packet, not merely that it came. */
function outcomes(v: Victim): number {
  const { link, arp, ip, icmp, igmp, udp, tcp } = v.vnet.state
  let sum = ip.reassFragments * 1e6 + ip.pmtu.size + ip.redirects.size
  for (const [stats, arrivals] of [
    [link.stats, []], [arp.stats, ['received', 'rxrequests', 'rxreplies']], [ip.stats, ['total', 'delivered', 'fragments']],
    [icmp.stats, ['inunreach', 'intimxceed', 'inparamprob', 'inredirect', 'inecho', 'intstamp']],
    [igmp.stats, ['total']], [udp.stats, ['ipackets', 'nosum']], [tcp.stats, ['rcvtotal', 'rcvbadopt']],
  ] as const) {
    for (const [name, n] of Object.entries(stats)) if (!(arrivals as readonly string[]).includes(name)) sum += n
  }
  return sum
}

/** An ARP packet from somebody we know needs no answer and no counter: it confirms the entry. */
function learnt(v: Victim, ifp: Ifnet, bytes: Uint8Array): boolean {
  if (ifp.type !== IFT_ETHER || bytes.length < 42 || bytes[12] !== 8 || bytes[13] !== 6) return false
  const sender = new DataView(bytes.buffer, bytes.byteOffset).getInt32(28)
  return v.vnet.state.arp.tables.get(ifp.id)?.has(sender) ?? false
}
