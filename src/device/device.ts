/**
 * The device interface: what a Vnet's interface, a switch port, a TAP, a capture writer and an impairment all are.
 *
 * A device has two directions. `send` takes a frame towards the medium; frames from the medium arrive at `onFrame`,
 * which its user sets. Wrappers (tracer, capture, impairment) are devices around a device.
 *
 * Frames are borrowed in both directions, and one frame may be on its way to several receivers (a switch that floods):
 *
 *   - Whoever takes a frame leaves its bytes, off, len, csum and gsoSize as they are when the call returns, and never
 *     changes them later. The other metadata (flags, l3, src …) is the receiver's scratch.
 *   - Whoever needs a frame after the call takes a reference (`frameRetain`) until the flush or batch end that ends the
 *     event, or copies it (`frameHold`) to keep it longer.
 *   - Who has sent a frame does not change its bytes until its `flush`.
 */

import type { Mac } from '../lib/addr.ts'
import { CSUM_PARTIAL } from '../lib/frame.ts'
import type { Frame } from '../lib/frame.ts'
import { ETHER_HDR_LEN, ETHER_TYPE, ETHERTYPE_VLAN, VLAN_TAG_LEN } from '../wire/ethernet.ts'
import { tcpDataOffset } from '../wire/tcp.ts'

/** Frames carry an Ethernet header. */
export const LINK_ETHER = 1
/** Frames are bare IP packets. */
export const LINK_IP = 2

/** Device.offload: `send` takes TCP super-segments (gsoSize), cut into segments where they leave for a real wire. */
export const OFFLOAD_TSO = 1
/** Device.offload: `send` takes frames that lend (frameLend), and gathers them itself. Nobody but the device may look at them. */
export const OFFLOAD_GATHER = 2

export interface DeviceStats {
  rxFrames: number
  rxBytes: number
  txFrames: number
  txBytes: number
  /** Frames that could not be sent (ring full, link down, no buffer). */
  txDropped: number
  rxErrors: number
}

export interface Device {
  readonly name: string
  /** LINK_*. */
  readonly link: number
  /** Suggested hardware address for a stack bound to it (0 when it has none). */
  readonly mac: Mac
  readonly mtu: number
  /** OFFLOAD_*. */
  readonly offload: number
  readonly stats: DeviceStats
  /** Towards the medium. Borrowed. May queue until `flush`. */
  send(f: Frame): void
  /** Ends a batch of sends: whatever was queued goes out now. */
  flush(): void
  /** From the medium; set by the user of the device. Borrowed by the callee. */
  onFrame: (f: Frame) => void
  /** Called by the device after it has delivered a batch of frames, so that answers leave together. */
  onBatchEnd: () => void
  close(): void
}

/** Time and alarms for devices that delay frames: the driver's real clock or a world's virtual one. */
export interface DeviceClock {
  /** µs. */
  now(): number
  /** Calls `fn` once at time `at` (µs); returns a token for `cancel`. */
  at(at: number, fn: () => void): number
  cancel(token: number): void
}

/** A clock whose alarms can be saved: each by its token, and whoever set it says again what it is to do. */
export interface ResumableClock extends DeviceClock {
  /** Gives the saved alarm `token` its call. */
  resume(token: number, fn: () => void): void
}

export function createDeviceStats(): DeviceStats {
  return { rxFrames: 0, rxBytes: 0, txFrames: 0, txBytes: 0, txDropped: 0, rxErrors: 0 }
}

/** The value of `onFrame` and `onBatchEnd` before anybody has set them. */
export function ignoreFrame(): void {
  // a device without a user drops what arrives
}

/**
 * Clears what the sender's stack noted in a frame, before another stack gets it: one Vnet must learn nothing of another
 * but the bytes. What describes the bytes stays (csum, gsoSize, and l4 and proto where the checksum is partial).
 */
export function frameHandOver(f: Frame): void {
  f.flags = 0
  f.l3 = 0
  f.tos = 0
  f.ttl = 0
  if (f.csum === CSUM_PARTIAL || f.gsoSize > 0) return
  f.l4 = 0
  f.proto = 0
}

/** Bytes of the IP packet in a frame; of each packet that it will be cut into, when it is a super-segment. */
export function framePacketBytes(f: Frame, link: number): number {
  let header = 0
  if (link === LINK_ETHER) {
    header = ETHER_HDR_LEN
    if (f.len >= ETHER_HDR_LEN && f.view.getUint16(f.off + ETHER_TYPE) === ETHERTYPE_VLAN) header += VLAN_TAG_LEN
  }
  if (f.gsoSize === 0 || f.l4 === 0) return f.len - header
  const payload = f.l4 + tcpDataOffset(f.view, f.l4)
  return payload - f.off - header + Math.min(f.gsoSize, f.off + f.len - payload)
}
