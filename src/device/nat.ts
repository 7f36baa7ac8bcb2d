/**
 * Address and port translation for IPv4 (RFC 3022 §2.2, with the behaviour that RFC 4787, RFC 5382 and RFC 5508 ask for) around the
 * outer device of a router: what the router forwards out of the inside leaves under its own address, and what comes back
 * finds its way in.
 */

import type { Ip4 } from '../lib/addr.ts'
import { checksumUpdate16 } from '../lib/checksum.ts'
import { frameCopy, frameRelease } from '../lib/frame.ts'
import type { Frame, FramePool } from '../lib/frame.ts'
import { ETHER_HDR_LEN, ETHER_TYPE, ETHERTYPE_IP } from '../wire/ethernet.ts'
import {
  ipFragOffset, ipHeaderLen, IPPROTO_ICMP, IPPROTO_TCP, IPPROTO_UDP, IP_DST, IP_P, IP_SRC, IP_SUM,
} from '../wire/ipv4.ts'
import { TCP_DPORT, TCP_SPORT, TCP_SUM, tcpFlags, TH_FIN, TH_RST, TH_SYN } from '../wire/tcp.ts'
import { UDP_SUM } from '../wire/udp.ts'
import type { Device } from './device.ts'
import { WrappedDevice } from './wrapped.ts'

/** How long a mapping lives without a packet, µs. */
export interface NatTimeouts { udpUs: number; tcpUs: number; tcpClosingUs: number; icmpUs: number }

export interface NatConfig {
  /** The address outside. */
  outside: Ip4
  /** First of the ports outside; they are given in order. */
  firstPort: number
  timeouts: NatTimeouts
  /** Who may send to a mapping (RFC 4787 §5): anybody, or only whom its host has sent to. */
  filtering: 'endpoint-independent' | 'address-dependent' | 'address-and-port-dependent'
  /** A segment in the middle of a connection that has no mapping (any more): gets a new one, or is dropped. */
  midstream: 'map' | 'drop'
}

/** `unsupported`: later fragments, headers that are cut short, protocols without ports. */
export interface NatStats {
  mapped: number
  expired: number
  out: number
  in: number
  filtered: number
  unmapped: number
  unsupported: number
  full: number
}

interface Mapping {
  readonly proto: number
  readonly inside: Ip4
  readonly insidePort: number
  readonly outsidePort: number
  /** Whom its host has sent to. */
  readonly peers: Map<string, number>
  usedAt: number
  closing: boolean
}

const ICMP_ID = 4
const ICMP_SUM = 2
const ICMP_ECHO = 8
const ICMP_ECHOREPLY = 0
/** Errors quote the packet that they are about from here on (RFC 792). */
const ICMP_QUOTE = 8
const ERRORS = Object.freeze([3, 4, 11, 12])
const PEERS_MAX = 1024
const IP_HDR_MIN = 20
/** Of each header so much is read or written here: all of TCP's, the beginning of an echo. */
const TCP_NEEDED = 20
const UDP_NEEDED = 8

/** One NAT with its mappings. The router's own sockets must keep to ports below `firstPort`. */
export class NatDevice extends WrappedDevice {
  readonly config: NatConfig
  readonly natStats: NatStats = { mapped: 0, expired: 0, out: 0, in: 0, filtered: 0, unmapped: 0, unsupported: 0, full: 0 }
  readonly #clock: { now(): number }
  readonly #pool: FramePool
  /** By protocol, address and port inside; and by protocol and port outside. */
  readonly #byInside = new Map<string, Mapping>()
  readonly #byOutside = new Map<string, Mapping>()
  #nextPort: number

  constructor(inner: Device, clock: { now(): number }, pool: FramePool, config: NatConfig) {
    super(inner)
    this.config = config
    this.#clock = clock
    this.#pool = pool
    this.#nextPort = config.firstPort
    inner.onFrame = (f) => { this.#receive(f) }
  }

  /** Forgets every mapping: the next packet of each connection gets another port, as after a restart of the box. */
  rebind(): void {
    this.#byInside.clear()
    this.#byOutside.clear()
  }

  /** Mappings alive now. */
  get mappings(): number {
    return [...this.#byInside.values()].filter((m) => !this.#isOver(m)).length
  }

  override send(f: Frame): void {
    const at = ipAt(f)
    const own = at >= 0 && f.view.getInt32(at + IP_SRC) === this.config.outside
    if (own || !isIp4(f)) {
      this.inner.send(f)
      return
    }
    if (at < 0) {
      this.natStats.unsupported++
      return
    }
    const copy = frameCopy(this.#pool, f)
    if (copy === null) return
    if (this.#translateOut(copy, ipAt(copy))) this.inner.send(copy)
    frameRelease(this.#pool, copy)
  }

  #receive(f: Frame): void {
    const at = ipAt(f)
    if (at < 0 || f.view.getInt32(at + IP_DST) !== this.config.outside) {
      this.onFrame(f)
      return
    }
    const copy = frameCopy(this.#pool, f)
    if (copy === null) return
    const verdict = this.#translateIn(copy, ipAt(copy))
    if (verdict) this.onFrame(copy)
    frameRelease(this.#pool, copy)
  }

  #translateOut(f: Frame, at: number): boolean {
    const { view } = f
    const l4 = at + ipHeaderLen(view, at)
    const proto = view.getUint8(at + IP_P)
    // a later fragment has no ports; ours are not reassembled
    if (ipFragOffset(view, at) > 0 || !isWhole(f, proto, l4) || (proto === IPPROTO_ICMP && view.getUint8(l4) !== ICMP_ECHO)) {
      this.natStats.unsupported++
      return false
    }
    const portAt = proto === IPPROTO_ICMP ? l4 + ICMP_ID : l4 + TCP_SPORT
    const flags = proto === IPPROTO_TCP ? tcpFlags(view, l4) : TH_SYN
    const mapping = this.#outgoing(proto, view.getInt32(at + IP_SRC), view.getUint16(portAt), (flags & TH_SYN) !== 0)
    if (mapping === null) return false
    this.#touch(mapping, flags)
    const peerPort = proto === IPPROTO_ICMP ? 0 : view.getUint16(l4 + TCP_DPORT)
    mapping.peers.set(`${view.getInt32(at + IP_DST)}:${peerPort}`, this.#clock.now())
    if (mapping.peers.size > PEERS_MAX) mapping.peers.delete(mapping.peers.keys().next().value as string)
    const sumAt = sumOffset(proto, l4)
    setAddress(view, at, IP_SRC, this.config.outside, proto === IPPROTO_ICMP ? -1 : sumAt, proto)
    setPort(view, portAt, mapping.outsidePort, sumAt, proto)
    this.natStats.out++
    return true
  }

  #translateIn(f: Frame, at: number): boolean {
    const { view } = f
    const l4 = at + ipHeaderLen(view, at)
    const proto = view.getUint8(at + IP_P)
    if (ipFragOffset(view, at) > 0 || !isWhole(f, proto, l4)) {
      this.natStats.unsupported++
      return false
    }
    if (proto === IPPROTO_ICMP && ERRORS.includes(view.getUint8(l4))) return this.#errorIn(f, at, l4)
    const isEcho = proto === IPPROTO_ICMP
    // to the router itself: pings, its own connections; there is a mapping, or it is not ours
    if (isEcho && view.getUint8(l4) !== ICMP_ECHOREPLY) return true
    const portAt = isEcho ? l4 + ICMP_ID : l4 + TCP_DPORT
    const mapping = this.#byOutside.get(`${proto} ${view.getUint16(portAt)}`)
    if (mapping === undefined || this.#isOver(mapping)) {
      this.natStats.unmapped++
      if (mapping !== undefined) this.#drop(mapping)
      return view.getUint16(portAt) < this.config.firstPort
    }
    if (!this.#mayEnter(mapping, view.getInt32(at + IP_SRC), isEcho ? 0 : view.getUint16(l4 + TCP_SPORT))) {
      this.natStats.filtered++
      return false
    }
    // RFC 4787 REQ-6: what comes in need not keep a mapping alive; of TCP both directions do
    if (proto === IPPROTO_TCP) this.#touch(mapping, tcpFlags(view, l4))
    const sumAt = sumOffset(proto, l4)
    setAddress(view, at, IP_DST, mapping.inside, isEcho ? -1 : sumAt, proto)
    setPort(view, portAt, mapping.insidePort, sumAt, proto)
    this.natStats.in++
    return true
  }

  /** RFC 5508 §4.1: an error about a packet of ours, whose header it quotes as it was outside. */
  #errorIn(f: Frame, at: number, l4: number): boolean {
    const { view } = f
    const quoted = l4 + ICMP_QUOTE
    const inner = quoted + IP_HDR_MIN > f.off + f.len ? 0 : quoted + ipHeaderLen(view, quoted)
    // RFC 792: eight bytes behind the header
    if (inner < quoted + IP_HDR_MIN || inner + 8 > f.off + f.len) {
      this.natStats.unsupported++
      return false
    }
    const proto = view.getUint8(quoted + IP_P)
    if (view.getInt32(quoted + IP_SRC) !== this.config.outside) return true
    const portAt = proto === IPPROTO_ICMP ? inner + ICMP_ID : inner + TCP_SPORT
    const mapping = this.#byOutside.get(`${proto} ${view.getUint16(portAt)}`)
    if (mapping === undefined) return true
    setAddress(view, at, IP_DST, mapping.inside, -1, IPPROTO_ICMP)
    // the quoted header's own checksum changes with its address, so that of the error changes only with the port
    const sum = l4 + ICMP_SUM
    setAddress(view, quoted, IP_SRC, mapping.inside, -1, proto)
    const was = view.getUint16(portAt)
    view.setUint16(portAt, mapping.insidePort)
    view.setUint16(sum, checksumUpdate16(view.getUint16(sum), was, mapping.insidePort))
    return true
  }

  #outgoing(proto: number, inside: Ip4, port: number, opens: boolean): Mapping | null {
    const key = `${proto} ${inside} ${port}`
    const known = this.#byInside.get(key)
    if (known !== undefined && !this.#isOver(known)) return known
    if (known !== undefined) this.#drop(known)
    if (!opens && this.config.midstream === 'drop') {
      this.natStats.unmapped++
      return null
    }
    const outsidePort = this.#freePort(proto)
    if (outsidePort === 0) {
      this.natStats.full++
      return null
    }
    const made: Mapping = { proto, inside, insidePort: port, outsidePort, peers: new Map(), usedAt: 0, closing: false }
    this.#byInside.set(key, made)
    this.#byOutside.set(`${proto} ${outsidePort}`, made)
    this.natStats.mapped++
    return made
  }

  #touch(mapping: Mapping, flags: number): void {
    mapping.usedAt = this.#clock.now()
    if (mapping.proto !== IPPROTO_TCP) return
    if ((flags & TH_SYN) !== 0) mapping.closing = false
    else if ((flags & (TH_FIN | TH_RST)) !== 0) mapping.closing = true
  }

  #mayEnter(mapping: Mapping, from: Ip4, port: number): boolean {
    switch (this.config.filtering) {
      case 'endpoint-independent': return true
      case 'address-dependent': return [...mapping.peers.keys()].some((p) => p.startsWith(`${from}:`))
      case 'address-and-port-dependent': return mapping.peers.has(`${from}:${port}`)
    }
  }

  #isOver(mapping: Mapping): boolean {
    const { udpUs, tcpUs, tcpClosingUs, icmpUs } = this.config.timeouts
    const life = mapping.proto === IPPROTO_UDP ? udpUs : mapping.proto === IPPROTO_ICMP ? icmpUs : mapping.closing ? tcpClosingUs : tcpUs
    return this.#clock.now() - mapping.usedAt > life
  }

  #drop(mapping: Mapping): void {
    this.#byInside.delete(`${mapping.proto} ${mapping.inside} ${mapping.insidePort}`)
    this.#byOutside.delete(`${mapping.proto} ${mapping.outsidePort}`)
    this.natStats.expired++
  }

  #freePort(proto: number): number {
    const { firstPort } = this.config
    for (let n = firstPort; n < 65_536; n++) {
      const port = this.#nextPort
      this.#nextPort = port >= 65_535 ? firstPort : port + 1
      const taken = this.#byOutside.get(`${proto} ${port}`)
      if (taken !== undefined && this.#isOver(taken)) this.#drop(taken)
      else if (taken !== undefined) continue
      return port
    }
    return 0
  }
}

function isIp4(f: Frame): boolean {
  return f.len >= ETHER_HDR_LEN && f.view.getUint16(f.off + ETHER_TYPE) === ETHERTYPE_IP
}

/** Where the IPv4 header of an Ethernet frame begins, or -1 when there is none, or only a part of it. */
function ipAt(f: Frame): number {
  const at = f.off + ETHER_HDR_LEN
  if (!isIp4(f) || f.len < ETHER_HDR_LEN + IP_HDR_MIN) return -1
  const header = ipHeaderLen(f.view, at)
  return header >= IP_HDR_MIN && at + header <= f.off + f.len ? at : -1
}

/** True when the transport header at `l4` is one that has ports, and all there. */
function isWhole(f: Frame, proto: number, l4: number): boolean {
  if (proto !== IPPROTO_ICMP && proto !== IPPROTO_TCP && proto !== IPPROTO_UDP) return false
  return l4 + (proto === IPPROTO_TCP ? TCP_NEEDED : UDP_NEEDED) <= f.off + f.len
}

function sumOffset(proto: number, l4: number): number {
  return proto === IPPROTO_ICMP ? l4 + ICMP_SUM : proto === IPPROTO_UDP ? l4 + UDP_SUM : l4 + TCP_SUM
}

/** Replaces an address, and corrects the checksums that it is part of (RFC 1624); `sumAt` -1: only the header's. */
function setAddress(view: DataView, at: number, which: number, to: Ip4, sumAt: number, proto: number): void {
  for (const i of [0, 2]) {
    const was = view.getUint16(at + which + i)
    const is = i === 0 ? to >>> 16 : to & 0xffff
    view.setUint16(at + which + i, is)
    view.setUint16(at + IP_SUM, checksumUpdate16(view.getUint16(at + IP_SUM), was, is))
    if (sumAt >= 0) update(view, sumAt, was, is, proto)
  }
}

function setPort(view: DataView, portAt: number, to: number, sumAt: number, proto: number): void {
  const was = view.getUint16(portAt)
  view.setUint16(portAt, to)
  update(view, sumAt, was, to, proto)
}

/** UDP's 0 means that there is no checksum (RFC 768), and is written as its other form. */
function update(view: DataView, sumAt: number, was: number, is: number, proto: number): void {
  const sum = view.getUint16(sumAt)
  if (proto === IPPROTO_UDP && sum === 0) return
  const next = checksumUpdate16(sum, was, is)
  view.setUint16(sumAt, proto === IPPROTO_UDP && next === 0 ? 0xffff : next)
}
