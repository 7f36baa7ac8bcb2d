/**
 * The device interface: what a Vnet's interface, a switch port, a TAP, a capture writer and an impairment all are.
 *
 * A device has two directions. `send` takes a frame towards the medium; frames from the medium arrive at `onFrame`,
 * which its user sets. Wrappers (tracer, capture, impairment) are devices around a device. Frames are borrowed in
 * both directions: who needs one after the call returns takes a reference (`frameRetain`) or copies it.
 */

import type { Mac } from '../lib/addr.ts'
import type { Frame } from '../lib/frame.ts'

/** Frames carry an Ethernet header. */
export const LINK_ETHER = 1
/** Frames are bare IP packets. */
export const LINK_IP = 2

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

export function createDeviceStats(): DeviceStats {
  return { rxFrames: 0, rxBytes: 0, txFrames: 0, txBytes: 0, txDropped: 0, rxErrors: 0 }
}

/** The value of `onFrame` and `onBatchEnd` before anybody has set them. */
export function ignoreFrame(): void {
  // a device without a user drops what arrives
}
