/** Two Vnets, 10.0.0.1 and 10.0.0.2, on one cable, driven by hand on a virtual clock; and packets written by hand. */

import { expect } from 'vitest'
import type { Vn } from '../../src/kern/vn.ts'
import { addrParse } from '../../src/lib/addr.ts'
import type { Addr } from '../../src/lib/addr.ts'
import { checksumAdd, checksumFold } from '../../src/lib/checksum.ts'
import { createFramePool, frameBytes, frameFrom, frameRelease } from '../../src/lib/frame.ts'
import type { Frame, FramePool } from '../../src/lib/frame.ts'
import { ifAddAddr, ifCreate } from '../../src/link/ifnet.ts'
import { IFT_ETHER } from '../../src/link/state.ts'
import { Vnet } from '../../src/vnet/vnet.ts'
import { ETHERTYPE_IP, ETHER_HDR_LEN, ETHER_TYPE, encodeEther } from '../../src/wire/ethernet.ts'
import { IP_HDR_LEN, IP_LEN, IP_SUM, IPPROTO_UDP, encodeIpv4 } from '../../src/wire/ipv4.ts'
import { viewOf } from '../../src/wire/layout.ts'
import { UDP_HDR_LEN, UDP_SUM, encodeUdp } from '../../src/wire/udp.ts'
import { plainViolations } from '../support/plain.ts'

export const MAC_A = 0x020000000001
export const MAC_B = 0x020000000002
export const A = ip('10.0.0.1')
export const B = ip('10.0.0.2')

export interface Net {
  pool: FramePool
  a: Vnet
  b: Vnet
  ifA: number
  ifB: number
  now: number
  /** IP packets seen on the cable since it was last emptied, without their Ethernet header. */
  cable: Uint8Array[]
}

/** An address from its text. */
export function ip(text: string): Addr {
  return addrParse(text) as Addr
}

export function createNet(mtu = 1500): Net {
  const pool = createFramePool({ smallLimit: 512, largeLimit: 8, poison: true })
  const host = (name: string, mac: number, addr: Addr): [Vnet, number] => {
    const v = new Vnet({ name, pool, seed: [mac % 1000] })
    const ifp = ifCreate(v.vn, 'eth0', IFT_ETHER, mac, mtu)
    expect(ifAddAddr(v.vn, ifp.id, addr, 24)).toBe(0)
    return [v, ifp.id]
  }
  const [a, ifA] = host('a', MAC_A, A)
  const [b, ifB] = host('b', MAC_B, B)
  const net = { pool, a, b, ifA, ifB, now: 0, cable: [] }
  settle(net)
  net.cable.length = 0
  return net
}

/** Carries frames to and fro and fires what is due until nothing happens any more. */
export function settle(net: Net): void {
  for (let round = 0; round < 10_000; round++) {
    net.a.advance(net.now)
    net.b.advance(net.now)
    if (carry(net, net.a, net.b, net.ifB) + carry(net, net.b, net.a, net.ifA) === 0) {
      if (Math.min(net.a.nextDeadline(), net.b.nextDeadline()) > net.now) return
    }
  }
  throw new Error('the net does not come to rest')
}

/** Moves the clock by `us`, stopping at every deadline on the way. */
export function pass(net: Net, us: number): void {
  const end = net.now + us
  for (;;) {
    settle(net)
    const next = Math.min(net.a.nextDeadline(), net.b.nextDeadline())
    if (next > end) break
    net.now = next
  }
  net.now = end
  settle(net)
}

/** Invariants 3 and 6: state is plain data, every frame is back in the pool. */
export function checkRest(net: Net): void {
  settle(net)
  expect(net.pool.inUse).toBe(0)
  expect(plainViolations(net.a.state)).toEqual([])
  expect(plainViolations(net.b.state)).toEqual([])
}

/** A frame with this content arrives at `v`. */
export function inject(net: Net, v: Vnet, bytes: Uint8Array): void {
  const f = frameFrom(net.pool, bytes) as Frame
  v.input(v === net.a ? net.ifA : net.ifB, f, net.now)
  frameRelease(net.pool, f)
}

export interface PacketFields {
  src: Addr
  dst: Addr
  proto: number
  payload: Uint8Array
  dstMac?: number
  tos?: number
  ttl?: number
}

/** An Ethernet frame with an IP packet in it. */
export function ipFrame(p: PacketFields): Uint8Array {
  const len = IP_HDR_LEN + p.payload.length
  const bytes = new Uint8Array(ETHER_HDR_LEN + len)
  encodeEther({ dst: p.dstMac ?? MAC_B, src: MAC_A, type: ETHERTYPE_IP }, bytes, 0)
  encodeIpv4({
    vhl: 0x45, tos: p.tos ?? 0, len, id: 77, off: 0, ttl: p.ttl ?? 64, p: p.proto, sum: 0, src: p.src.w3, dst: p.dst.w3,
  }, bytes, ETHER_HDR_LEN)
  const view = viewOf(bytes)
  view.setUint16(ETHER_HDR_LEN + IP_SUM, checksumFold(checksumAdd(0, view, ETHER_HDR_LEN, IP_HDR_LEN)))
  bytes.set(p.payload, ETHER_HDR_LEN + IP_HDR_LEN)
  return bytes
}

export interface DatagramFields {
  src?: Addr
  dst?: Addr
  sport?: number
  dport?: number
  data?: Uint8Array
  /** Header fields to be wrong on purpose; 'none' sends no checksum. */
  len?: number
  sum?: number | 'none'
  /** Bytes after the datagram, inside the IP packet. */
  padding?: number
  dstMac?: number
  tos?: number
  ttl?: number
}

/** An Ethernet frame with a UDP datagram from A to B in it, right in everything that is not given. */
export function udpFrame(d: DatagramFields): Uint8Array {
  const src = d.src ?? A
  const dst = d.dst ?? B
  const data = d.data ?? new Uint8Array(0)
  const len = UDP_HDR_LEN + data.length
  const payload = new Uint8Array(len + (d.padding ?? 0)).fill(0xee)
  encodeUdp({ sport: d.sport ?? 1000, dport: d.dport ?? 2000, len: d.len ?? len, sum: 0 }, payload, 0)
  payload.set(data, UDP_HDR_LEN)
  const view = viewOf(payload)
  const pseudo = (src.w3 >>> 0) + (dst.w3 >>> 0) + IPPROTO_UDP + len
  const sum = checksumFold(checksumAdd(pseudo, view, 0, len))
  if (d.sum !== 'none') view.setUint16(UDP_SUM, d.sum ?? (sum === 0 ? 0xffff : sum))
  const { dstMac = MAC_B, tos = 0, ttl = 64 } = d
  return ipFrame({ src, dst, proto: IPPROTO_UDP, payload, dstMac, tos, ttl })
}

/** Bytes 0, 1, 2 … */
export function pattern(n: number): Uint8Array {
  return Uint8Array.from({ length: n }, (_, i) => i & 255)
}

export function text(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes)
}

export function bytesOf(s: string): Uint8Array {
  return new TextEncoder().encode(s)
}

/** EV_* bits of a socket that wait to be drained; drains everything. */
export function events(vn: Vn, id: number): number {
  const what = vn.events.get(id) ?? 0
  vn.events.clear()
  return what
}

function carry(net: Net, from: Vnet, to: Vnet, toIf: number): number {
  const frames: Uint8Array[] = []
  from.drainFrames((_ifId, f) => frames.push(frameBytes(f).slice()))
  for (const bytes of frames) {
    const view = viewOf(bytes)
    if (view.getUint16(ETHER_TYPE) === ETHERTYPE_IP) {
      // without the padding of short Ethernet frames
      net.cable.push(bytes.slice(ETHER_HDR_LEN, ETHER_HDR_LEN + view.getUint16(ETHER_HDR_LEN + IP_LEN)))
    }
    const f = frameFrom(net.pool, bytes) as Frame
    to.input(toIf, f, net.now)
    frameRelease(net.pool, f)
  }
  return frames.length
}
