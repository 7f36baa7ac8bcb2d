/**
 * One Vnet on virtual time with Ethernet interfaces whose other end is the test: frames are put in, what is sent is
 * collected with its time, discarded packets are collected by counter. After each test the Vnet must be clean (see
 * support/plain.ts).
 */

import { expect } from 'vitest'
import { addrFromIp4, ip4Parse, macParse } from '../../src/lib/addr.ts'
import type { Ip4, Mac } from '../../src/lib/addr.ts'
import { createFramePool, frameAlloc, frameBytes, frameFrom, frameRelease } from '../../src/lib/frame.ts'
import type { Frame } from '../../src/lib/frame.ts'
import { arpSetStatic } from '../../src/arp/list.ts'
import { ipOutput } from '../../src/ip/output.ts'
import { ifAddAddr, ifCreate } from '../../src/link/ifnet.ts'
import { IFT_ETHER } from '../../src/link/state.ts'
import type { Ifnet } from '../../src/link/state.ts'
import { sysctlSet } from '../../src/vnet/sysctl.ts'
import { Vnet } from '../../src/vnet/vnet.ts'
import { cleanAfterEach } from '../support/plain.ts'
import { frameOf, parse } from './packet.ts'
import type { Parsed } from './packet.ts'

export const ME = ip('10.0.0.1')
export const PEER = ip('10.0.0.2')
export const MY_MAC = mac('02:00:00:00:00:01')
export const PEER_MAC = mac('02:00:00:00:00:02')

export interface Sent extends Parsed {
  /** µs. */
  at: number
  ifId: number
  bytes: Uint8Array
}

export interface Host {
  vnet: Vnet
  vn: Vnet['vn']
  /** Ethernet, 10.0.0.1/24. */
  ifp: Ifnet
  /** Everything sent since the last `take`. */
  sent: Sent[]
  /** Full names of the counters of discarded packets, in order, since the last `take`. */
  drops: string[]
}

const watch = cleanAfterEach()

export function ip(text: string): Ip4 {
  return ip4Parse(text) as Ip4
}

export function mac(text: string): Mac {
  return macParse(text) as Mac
}

/** A host with eth0 (10.0.0.1/24); the frames of bringing it up are forgotten. */
export function createHost(options: { bare?: boolean; seed?: number; sysctls?: Record<string, number> } = {}): Host {
  const vnet = watch(new Vnet({ seed: [options.seed ?? 1], pool: createFramePool({ poison: true }) }))
  const h: Host = { vnet, vn: vnet.vn, ifp: ifCreate(vnet.vn, 'eth0', IFT_ETHER, MY_MAC, 1500), sent: [], drops: [] }
  for (const [name, value] of Object.entries(options.sysctls ?? {})) {
    expect(sysctlSet(vnet.state, name, String(value))).toBe(0)
  }
  vnet.vn.probe = { drop: (_now, counter) => { h.drops.push(counter) } }
  if (options.bare !== true) addAddr(h, h.ifp, '10.0.0.1/24')
  take(h)
  return h
}

/** A second Ethernet interface. */
export function addEther(h: Host, name: string, macText: string, prefix: string, mtu = 1500): Ifnet {
  const ifp = ifCreate(h.vn, name, IFT_ETHER, mac(macText), mtu)
  addAddr(h, ifp, prefix)
  take(h)
  return ifp
}

export function addAddr(h: Host, ifp: Ifnet, prefix: string, probe = false): number {
  const [text, len] = prefix.split('/') as [string, string]
  const errno = ifAddAddr(h.vn, ifp.id, addrFromIp4(ip(text)), Number(len), { probe })
  settle(h)
  return errno
}

/** Fixes the peer's Ethernet address, so that no ARP is in the way. */
export function know(h: Host, ipText = '10.0.0.2', macText = '02:00:00:00:00:02'): void {
  expect(arpSetStatic(h.vn, ip(ipText), mac(macText))).toBe(0)
}

/** A whole frame arrives on an interface now. */
export function rx(h: Host, bytes: Uint8Array, ifp: Ifnet = h.ifp): void {
  const f = frameFrom(h.vn.pool, bytes) as Frame
  const before = frameBytes(f).slice()
  const { off, len } = f
  h.vnet.input(ifp.id, f, h.vn.state.now)
  // borrowed means: handed back as it was, for the next port of a switch
  expect(Buffer.compare(frameBytes(f), before)).toBe(0)
  expect([f.off, f.len]).toEqual([off, len])
  frameRelease(h.vn.pool, f)
  settle(h)
}

/** An IP packet arrives in an Ethernet frame from the peer to us. */
export function rxIp(h: Host, packet: Uint8Array, ifp: Ifnet = h.ifp): void {
  rx(h, frameOf(ifp.mac, PEER_MAC, 0x0800, packet), ifp)
}

/** Sends a transport packet of this host; returns the errno. */
export function send(
  h: Host, dst: string, proto: number, payload: Uint8Array,
  more: { src?: string; flags?: number; ttl?: number; tos?: number } = {},
): number {
  const f = frameAlloc(h.vn.pool, payload.length) as Frame
  f.slab.set(payload, f.off)
  f.len = payload.length
  Object.assign(f.src, addrFromIp4(more.src === undefined ? 0 : ip(more.src)))
  Object.assign(f.dst, addrFromIp4(ip(dst)))
  f.proto = proto
  f.flags = more.flags ?? 0
  f.ttl = more.ttl ?? 0
  f.tos = more.tos ?? 0
  const errno = ipOutput(h.vn, f)
  settle(h)
  return errno
}

/** Lets `us` pass, firing timers at their times. */
export function pass(h: Host, us: number): void {
  const end = h.vn.state.now + us
  for (let n = 0; h.vnet.nextDeadline() <= end; n++) {
    if (n > 100_000) throw new Error('timers never end')
    h.vnet.advance(h.vnet.nextDeadline())
    collect(h)
  }
  h.vnet.advance(end)
  collect(h)
}

/** What was sent since the last call. */
export function take(h: Host): Sent[] {
  h.drops.length = 0
  return h.sent.splice(0)
}

/** Fires what is due now (the loopback) and collects. */
function settle(h: Host): void {
  for (let n = 0; n < 100 && h.vnet.nextDeadline() <= h.vn.state.now; n++) h.vnet.advance(h.vn.state.now)
  collect(h)
}

function collect(h: Host): void {
  h.vnet.drainFrames((ifId, f) => {
    const bytes = frameBytes(f).slice()
    h.sent.push({ at: h.vn.state.now, ifId, bytes, ...parse(bytes) })
  })
}
