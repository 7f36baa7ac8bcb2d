/**
 * Frames and their pool.
 *
 * A frame is a preallocated record over one slot of a slab. Bytes `off … off+len` are the packet as the layer that
 * holds it sees it; input strips headers by moving `off`, output prepends them into the headroom.
 *
 *   slot                off              off+len          slot+cap
 *    |--- headroom ------|---- data --------|--- tailroom ----|
 *
 * Ownership: *input functions borrow* a frame (the caller releases it afterwards), *output functions consume* it
 * (they release it, or hand it on). Whoever keeps a frame beyond a call takes a reference with `frameRetain`.
 * A frame lives for one event: what a Vnet keeps is copied into state, and the pool is empty between events.
 *
 * The end of a frame on its way out may lie elsewhere, on loan (`frameLend`): docs/architecture.md, "Payload on loan".
 */

import { createAddr } from './addr.ts'
import type { Addr } from './addr.ts'
import { assert } from './assert.ts'
import { NO_BYTES } from './empty.ts'

/** Room in front of the data of a fresh frame: offload header 10 + Ethernet 18 + IP 60, and alignment. */
export const FRAME_HEADROOM = 128
export const FRAME_SMALL = 2048
/** 65,535 bytes of IP packet, its headroom, and a little tail. */
export const FRAME_LARGE = 66_560

/** Checksum of the transport header: to be verified / computed by us. */
export const CSUM_NONE = 0
/** Known to be right (verified, or it never left this machine). */
export const CSUM_VALID = 1
/** The field holds the pseudo-header sum only; whoever puts the frame on a real wire completes it. */
export const CSUM_PARTIAL = 2

/** The frame was sent to the link's broadcast address (RFC 1122 §2.4: the IP layer must know). */
export const F_BCAST = 1
/** The frame was sent to a link multicast address. */
export const F_MCAST = 2
/** Output: do not fragment (IP_DF is set, EMSGSIZE when too big). */
export const F_DF = 4
/** Output: the socket may send to a broadcast address. */
export const F_BROADCAST_OK = 8
/** Output: bypass the routing table (SO_DONTROUTE). */
export const F_DONTROUTE = 16
/** The packet is being forwarded, it is not ours. */
export const F_FORWARD = 32
/** Input: put together from fragments. */
export const F_REASSEMBLED = 64
/** Output: an address is being probed; the source may be 0.0.0.0. */
export const F_ANYSRC = 128
/** Output: no copy of this multicast comes back to members on this host (IP_MULTICAST_LOOP off). */
export const F_NOLOOP = 256
/** Output: a time to live of 0 is meant, not the default. */
export const F_TTLZERO = 512
/** Its IP header has options. */
export const F_IPOPTS = 1024
/** Output: by the interface `ifId`, or not at all (RFC 3542 §6.2). */
export const F_ONEIF = 2048

export interface Frame {
  readonly slab: Uint8Array
  readonly view: DataView
  /** Index of the slab in its pool: what a device registers natively. */
  readonly slabId: number
  readonly slot: number
  readonly cap: number
  off: number
  len: number
  refs: number
  /** Interface it came in by, or goes out by. */
  ifId: number
  /** F_* bits. */
  flags: number
  /** Absolute offsets of the network and transport headers, once known. */
  l3: number
  l4: number
  src: Addr
  dst: Addr
  proto: number
  tos: number
  ttl: number
  csum: number
  /** Payload bytes per segment when this is an offloaded super-segment, else 0. */
  gsoSize: number
  /** Where its last `lentLen` bytes are, from `lentAt` on and past the end from 0 on; the slot has room for them. */
  lent: Uint8Array
  lentAt: number
  lentLen: number
}

export interface FramePool {
  /** NO_BYTES in the place of one that was given back. */
  readonly slabs: Uint8Array[]
  readonly smallFree: Frame[]
  readonly largeFree: Frame[]
  smallTotal: number
  largeTotal: number
  /** How few were free at the least since they were last looked through (lib/frametrim.ts). */
  smallLow: number
  largeLow: number
  readonly smallLimit: number
  readonly largeLimit: number
  /** Frames handed out now. */
  inUse: number
  /** Allocations refused because a limit was reached. */
  exhausted: number
  /** Debug: overwrite released slots so that a stale view shows. */
  readonly poison: boolean
}

export interface FramePoolOptions {
  /** Most frames of 2 KiB (default 16,384 = 32 MiB). */
  smallLimit?: number
  /** Most frames of 64 KiB (default 512 = 33 MiB). */
  largeLimit?: number
  poison?: boolean
}

export const SMALL_PER_SLAB = 256
export const LARGE_PER_SLAB = 8

/** An empty pool; slabs are made on demand up to the limits. */
export function createFramePool(options: FramePoolOptions = {}): FramePool {
  return {
    slabs: [],
    smallFree: [],
    largeFree: [],
    smallTotal: 0,
    largeTotal: 0,
    smallLow: 0,
    largeLow: 0,
    smallLimit: options.smallLimit ?? 16_384,
    largeLimit: options.largeLimit ?? 512,
    inUse: 0,
    exhausted: 0,
    poison: options.poison ?? false,
  }
}

/**
 * A frame with one reference, FRAME_HEADROOM of headroom and no data, or null when the pool is exhausted.
 * `size` is the data it must hold, headers included (2 KiB class up to 1,900 bytes).
 */
export function frameAlloc(pool: FramePool, size: number): Frame | null {
  const large = size > FRAME_SMALL - FRAME_HEADROOM
  const free = large ? pool.largeFree : pool.smallFree
  if (free.length === 0 && !grow(pool, large)) {
    pool.exhausted++
    return null
  }
  const f = free.pop() as Frame
  pool.inUse++
  if (large) pool.largeLow = Math.min(pool.largeLow, free.length)
  else pool.smallLow = Math.min(pool.smallLow, free.length)
  frameReset(f)
  return f
}

/** True when a frame of 64 KiB is to be had. */
export function frameLargeFree(pool: FramePool): boolean {
  return pool.largeFree.length > 0 || pool.largeTotal < pool.largeLimit
}

/** Back to an empty frame: headroom in front, no metadata. */
export function frameReset(f: Frame): void {
  f.off = f.slot + FRAME_HEADROOM
  f.len = 0
  f.refs = 1
  f.ifId = 0
  f.flags = 0
  f.l3 = 0
  f.l4 = 0
  f.proto = 0
  f.tos = 0
  f.ttl = 0
  f.csum = CSUM_NONE
  f.gsoSize = 0
}

export function frameRetain(f: Frame): void {
  f.refs++
}

/** Drops one reference; the last one gives the slot back. */
export function frameRelease(pool: FramePool, f: Frame): void {
  assert(f.refs > 0, 'frame released twice')
  if (--f.refs > 0) return
  if (f.lentLen !== 0) {
    f.lent = NO_BYTES
    f.lentLen = 0
  }
  if (pool.poison) f.slab.fill(0xdb, f.slot, f.slot + f.cap)
  pool.inUse--
  if (f.cap === FRAME_SMALL) pool.smallFree.push(f)
  else pool.largeFree.push(f)
}

/** Makes room for `n` header bytes in front; the caller writes them. Returns the absolute offset of the first. */
export function framePush(f: Frame, n: number): number {
  assert(f.off - n >= f.slot, 'no headroom')
  f.off -= n
  f.len += n
  return f.off
}

/** Strips `n` bytes from the front. */
export function framePull(f: Frame, n: number): void {
  f.off += n
  f.len -= n
}

/**
 * The frame goes on with the `n` bytes at `at` of the ring `bytes`, which must stay as they are until it has left (or is
 * made whole). The slot must have room for them.
 */
export function frameLend(f: Frame, bytes: Uint8Array, at: number, n: number): void {
  f.lent = bytes
  f.lentAt = at
  f.lentLen = n
  f.len += n
}

/** Brings what is on loan into the slot. To be called before the bytes of a frame are read that may lend. */
export function frameWhole(f: Frame): void {
  const n = f.lentLen
  if (n === 0) return
  const { lent, lentAt, slab } = f
  const to = f.off + f.len - n
  const first = Math.min(n, lent.length - lentAt)
  slab.set(lent.subarray(lentAt, lentAt + first), to)
  if (first < n) slab.set(lent.subarray(0, n - first), to + first)
  f.lent = NO_BYTES
  f.lentLen = 0
}

/** A copy in a frame of its own (data and metadata, not references), or null when the pool is exhausted. */
export function frameCopy(pool: FramePool, f: Frame): Frame | null {
  const c = frameAlloc(pool, f.len)
  if (c === null) return null
  frameWhole(f)
  const shift = c.off - f.off
  c.len = f.len
  c.slab.set(f.slab.subarray(f.off, f.off + f.len), c.off)
  c.ifId = f.ifId
  c.flags = f.flags
  c.l3 = f.l3 === 0 ? 0 : f.l3 + shift
  c.l4 = f.l4 === 0 ? 0 : f.l4 + shift
  frameCopyAddrs(c, f)
  c.proto = f.proto
  c.tos = f.tos
  c.ttl = f.ttl
  c.csum = f.csum
  c.gsoSize = f.gsoSize
  return c
}

/** A frame filled with `bytes`, or null when it is too big or the pool is exhausted. */
export function frameFrom(pool: FramePool, bytes: Uint8Array): Frame | null {
  if (bytes.length > FRAME_LARGE - FRAME_HEADROOM) return null
  const f = frameAlloc(pool, bytes.length)
  if (f === null) return null
  f.slab.set(bytes, f.off)
  f.len = bytes.length
  return f
}

/** The frame's bytes as a view that is good until the frame is released; `.slice()` it to keep them. */
export function frameBytes(f: Frame): Uint8Array {
  frameWhole(f)
  return f.slab.subarray(f.off, f.off + f.len)
}

function frameCopyAddrs(to: Frame, from: Frame): void {
  Object.assign(to.src, from.src)
  Object.assign(to.dst, from.dst)
}

function grow(pool: FramePool, large: boolean): boolean {
  const cap = large ? FRAME_LARGE : FRAME_SMALL
  const total = large ? pool.largeTotal : pool.smallTotal
  const count = Math.min(large ? LARGE_PER_SLAB : SMALL_PER_SLAB, (large ? pool.largeLimit : pool.smallLimit) - total)
  if (count <= 0) return false
  const slab = new Uint8Array(count * cap)
  const view = new DataView(slab.buffer)
  const hole = pool.slabs.indexOf(NO_BYTES)
  const slabId = hole < 0 ? pool.slabs.length : hole
  pool.slabs[slabId] = slab
  const free = large ? pool.largeFree : pool.smallFree
  for (let i = count - 1; i >= 0; i--) free.push(createFrame(slab, view, slabId, i * cap, cap))
  if (large) pool.largeTotal += count
  else pool.smallTotal += count
  return true
}

function createFrame(slab: Uint8Array, view: DataView, slabId: number, slot: number, cap: number): Frame {
  return {
    slab, view, slabId, slot, cap, off: slot + FRAME_HEADROOM, len: 0, refs: 0, ifId: 0, flags: 0, l3: 0, l4: 0,
    src: createAddr(), dst: createAddr(), proto: 0, tos: 0, ttl: 0, csum: CSUM_NONE, gsoSize: 0,
    lent: NO_BYTES, lentAt: 0, lentLen: 0,
  }
}
