/**
 * Frames that stay longer than one event (in a delay line, on a simulated cable) are copied out of the pool: it is
 * empty between events, however much is on its way.
 */

import { checksumAdd, checksumFold } from '../lib/checksum.ts'
import { CSUM_NONE, CSUM_PARTIAL, CSUM_VALID, frameBytes, frameFrom } from '../lib/frame.ts'
import type { Frame, FramePool } from '../lib/frame.ts'
import { IPPROTO_TCP } from '../wire/ipv4.ts'
import { viewOf } from '../wire/layout.ts'
import { TCP_SUM } from '../wire/tcp.ts'
import { UDP_SUM } from '../wire/udp.ts'

/** A copy of a frame: plain data. */
export interface HeldFrame {
  bytes: Uint8Array
  /** CSUM_NONE or CSUM_PARTIAL: who gets a frame off a wire verifies it. */
  csum: number
  gsoSize: number
  /** Offset of the transport header in `bytes`, and its protocol; 0 unless csum or gsoSize need them. */
  l4: number
  proto: number
}

/** Copies a (borrowed) frame. */
export function frameHold(f: Frame): HeldFrame {
  const offloaded = f.csum === CSUM_PARTIAL || f.gsoSize > 0
  return {
    bytes: frameBytes(f).slice(),
    csum: f.csum === CSUM_VALID ? CSUM_NONE : f.csum,
    gsoSize: f.gsoSize,
    l4: offloaded ? f.l4 - f.off : 0,
    proto: offloaded ? f.proto : 0,
  }
}

/** A frame of the pool with one reference, or null when the pool is exhausted. */
export function frameThaw(pool: FramePool, h: HeldFrame): Frame | null {
  const f = frameFrom(pool, h.bytes)
  if (f === null) return null
  f.csum = h.csum
  f.gsoSize = h.gsoSize
  f.l4 = h.l4 === 0 ? 0 : f.off + h.l4
  f.proto = h.proto
  return f
}

/** Completes a partial checksum in the copy, as the sender's hardware would. */
export function heldFinish(h: HeldFrame): void {
  if (h.csum !== CSUM_PARTIAL) return
  const view = viewOf(h.bytes)
  // the field holds the pseudo-header's sum, so summing over it completes it (RFC 1071)
  const sum = checksumFold(checksumAdd(0, view, h.l4, h.bytes.length - h.l4))
  const tcp = h.proto === IPPROTO_TCP
  // RFC 768: zero would mean "none"
  view.setUint16(h.l4 + (tcp ? TCP_SUM : UDP_SUM), sum === 0 && !tcp ? 0xffff : sum)
  h.csum = CSUM_NONE
}

/** The frame's bytes as they would be on a wire: a view good for the event, or a copy with its checksum completed. */
export function frameWireBytes(f: Frame): Uint8Array {
  if (f.csum !== CSUM_PARTIAL) return frameBytes(f)
  const held = frameHold(f)
  heldFinish(held)
  return held.bytes
}
