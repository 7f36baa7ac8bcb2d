/** The stack under test: a Vnet with one interface of bare IP packets, driven on virtual time; what it sends is queued. */

import { createAddr, macRead, macWrite } from '../lib/addr.ts'
import type { Mac } from '../lib/addr.ts'
import { addr6IsMulticast, macFromGroup6 } from '../lib/addr6.ts'
import { assert } from '../lib/assert.ts'
import { errnoName } from '../lib/errno.ts'
import { createFramePool, frameBytes, frameFrom, frameRelease } from '../lib/frame.ts'
import { routeAdd } from '../ip/route.ts'
import { route6Add } from '../ip6/route.ts'
import { RTF_GATEWAY, RTF_STATIC, RTF_UP } from '../ip/state.ts'
import { ifAddAddr, ifCreate } from '../link/ifnet.ts'
import { IFT_ETHER, IFT_IP } from '../link/state.ts'
import { sysctlSet } from '../vnet/sysctl.ts'
import { Vnet } from '../vnet/vnet.ts'
import { ETHERTYPE_IPV6, ETHER_DST, ETHER_HDR_LEN, ETHER_MIN_LEN, ETHER_SRC, ETHER_TYPE } from '../wire/ethernet.ts'
import { ND_ROUTER_ADVERT, ND_ROUTER_SOLICIT } from '../wire/icmpv6.ts'
import { IPPROTO_ICMPV6 } from '../wire/ipv4.ts'
import { IP6_DST, IP6_HDR_LEN, ip6ReadAddr } from '../wire/ipv6.ts'
import { viewOf } from '../wire/layout.ts'
import {
  MLD_LISTENER_DONE, MLD_LISTENER_QUERY, MLD_LISTENER_REPORT, MLD_V2_LISTENER_REPORT,
} from '../wire/mld.ts'
import type { Config } from './config.ts'
import { unsupported } from './error.ts'
import { sixUnwrap } from './packet-six.ts'

/** The script's time 0 in the Vnet's time: late enough that no clock in it stands at zero. */
const EPOCH_US = 1_000_000_000

export interface SentPacket {
  /** Script time. */
  at: number
  /** From the IP header on. */
  bytes: Uint8Array
  /** Destination of its Ethernet frame, -1 where there is none. */
  mac: Mac
}

/** On an Ethernet link: the stack's address, and that of all others where the script does not say. */
const OUR_MAC: Mac = 0x020000000001
const THEIR_MAC: Mac = 0x020000000002

export class Stack {
  readonly vnet: Vnet
  /** Sent and not yet looked at, oldest first. */
  readonly sent: SentPacket[] = []
  /** Sockets that something has happened to, for edge-triggered waits. */
  readonly touched = new Set<number>()
  readonly #ifId: number
  readonly #ethernet: boolean
  /** ICMPv6 types that are not looked at. */
  readonly #unseen: readonly number[]
  /** Called after every event: what waits for something looks whether it happened. */
  onEvent: () => void = nothing
  /** Sees every packet on the wire. */
  onPacket: (at: number, bytes: Uint8Array, out: boolean) => void = nothing
  /** When `onEvent` wants to be called at the latest (script time). */
  wakeAt = Infinity
  #now = 0

  constructor(config: Config, seed: number) {
    this.vnet = new Vnet({ name: 'script', seed: [seed], pool: createFramePool({ smallLimit: 8192, largeLimit: 64 }) })
    const { vn } = this.vnet
    if (config.ethernet && !config.v6) throw unsupported('--link=ethernet over IPv4')
    this.vnet.advance(EPOCH_US)
    const ifp = config.ethernet ? ifCreate(vn, 'tun0', IFT_ETHER, OUR_MAC, config.mtu) : ifCreate(vn, 'tun0', IFT_IP, 0, config.mtu)
    // the link-local address is made of the Ethernet address, and is in use when the script begins
    this.#sysctl('net.inet6.ip6.stableaddr', '0')
    this.#sysctl('net.inet6.ip6.dad_count', '0')
    const added = ifAddAddr(vn, ifp.id, config.local, config.prefixLen, { probe: false })
    const how = RTF_UP | RTF_GATEWAY | RTF_STATIC
    const routed = config.v6 ? route6Add(vn, createAddr(), 0, config.gateway, ifp.id, how)
      : routeAdd(vn, 0, 0, config.gateway.w3, ifp.id, how)
    if (added !== 0 || routed !== 0) throw unsupported(`addresses that an interface refuses (${errnoName(added || routed)})`)
    this.#sysctl('net.inet6.ip6.dad_count', '1')
    this.#ifId = ifp.id
    this.#ethernet = config.ethernet
    this.#unseen = [...(config.lookRd ? [] : DISCOVERY), ...(config.lookMld ? [] : MLD)]
    this.#collect()
    this.sent.length = 0
  }

  /** Script time, µs. */
  get now(): number {
    return this.#now
  }

  /** The Vnet's time. */
  get vnetNow(): number {
    return this.#now + EPOCH_US
  }

  /** Lets time pass until `at`; timers fire at their exact times. */
  advance(at: number): void {
    for (;;) {
      const next = this.#nextEvent()
      if (next > at) break
      this.#step(next)
    }
    if (at > this.#now) this.#step(at)
  }

  /** Lets time pass until a packet has been sent, at the latest until `limit`; false without one. */
  awaitPacket(limit: number): boolean {
    return this.awaitThat(() => this.sent.length > 0, limit)
  }

  /** Lets time pass until something holds, at the latest until `limit`. */
  awaitThat(holds: () => boolean, limit: number): boolean {
    while (!holds()) {
      const next = this.#nextEvent()
      if (next > limit || next === Infinity) return false
      this.#step(next)
    }
    return true
  }

  /** A packet arrives now; `mac` is its sender's Ethernet address, or -1. */
  inject(bytes: Uint8Array, mac: Mac): void {
    const { vn } = this.vnet
    this.onPacket(this.#now, bytes, false)
    const f = frameFrom(vn.pool, this.#ethernet ? etherFrame(bytes, mac < 0 ? THEIR_MAC : mac) : bytes)
    assert(f !== null, 'script: no frame')
    this.vnet.input(this.#ifId, f, this.vnetNow)
    frameRelease(vn.pool, f)
    this.settle()
  }

  /** To be called after each call into the Vnet. */
  settle(): void {
    this.#collect()
    this.onEvent()
    this.#collect()
  }

  #sysctl(name: string, value: string): void {
    assert(sysctlSet(this.vnet.state, name, value) === 0, `script: ${name}`)
  }

  #nextEvent(): number {
    return Math.max(this.#now, Math.min(this.vnet.nextDeadline() - EPOCH_US, this.wakeAt))
  }

  #step(at: number): void {
    this.#now = at
    this.vnet.advance(this.vnetNow)
    this.settle()
  }

  #collect(): void {
    for (;;) {
      this.vnet.drainFrames((ifId, f) => {
        if (ifId !== this.#ifId) return
        const frame = frameBytes(f).slice()
        const bytes = this.#ethernet ? frame.subarray(ETHER_HDR_LEN) : frame
        if (this.#ethernet && isChatter(bytes, this.#unseen)) return
        this.sent.push({ at: this.#now, bytes, mac: this.#ethernet ? macRead(viewOf(frame), ETHER_DST) : -1 })
        this.onPacket(this.#now, bytes, true)
      })
      // loopback frames are delivered by a timer that is due at once
      if (this.vnet.nextDeadline() > this.vnetNow) break
      this.vnet.advance(this.vnetNow)
    }
    this.vnet.drainEvents((id) => this.touched.add(id))
  }
}

function etherFrame(bytes: Uint8Array, from: Mac): Uint8Array {
  const frame = new Uint8Array(Math.max(ETHER_MIN_LEN, ETHER_HDR_LEN + bytes.length))
  const view = viewOf(frame)
  const dst = bytes.length >= IP6_HDR_LEN ? ip6ReadAddr(viewOf(bytes), IP6_DST) : createAddr()
  macWrite(view, ETHER_DST, addr6IsMulticast(dst) ? macFromGroup6(dst) : OUR_MAC)
  macWrite(view, ETHER_SRC, from)
  view.setUint16(ETHER_TYPE, ETHERTYPE_IPV6)
  frame.set(bytes, ETHER_HDR_LEN)
  return frame
}

/** What an Ethernet host says of itself now and then, and scripts would have to be full of: MLD, router discovery. */
function isChatter(bytes: Uint8Array, unseen: readonly number[]): boolean {
  if (bytes.length < IP6_HDR_LEN || bytes[0] >> 4 !== 6) return true
  const { proto, at } = sixUnwrap(bytes)
  return proto === IPPROTO_ICMPV6 && unseen.includes(bytes[at] ?? 0)
}

const DISCOVERY: readonly number[] = Object.freeze([ND_ROUTER_SOLICIT, ND_ROUTER_ADVERT])

const MLD: readonly number[] = Object.freeze([
  MLD_LISTENER_QUERY, MLD_LISTENER_REPORT, MLD_LISTENER_DONE, MLD_V2_LISTENER_REPORT,
])

function nothing(): void {
  // nobody waits
}
