/** Capturing: the frames of a device, with time and direction, for a capture file or a live listing. */

import type { Frame } from '../lib/frame.ts'
import { LINKTYPE_ETHERNET, LINKTYPE_RAW } from '../wire/print.ts'
import { LINK_ETHER } from './device.ts'
import type { Device } from './device.ts'
import { frameWireBytes } from './held.ts'
import { watchDevice } from './watch.ts'
import type { Direction } from './watch.ts'

/**
 * Takes a frame's bytes as they are on the wire (checksums completed), good for the call only. `linkType` is that of
 * capture files.
 */
export type CaptureSink = (timeUs: number, bytes: Uint8Array, direction: Direction, linkType: number) => void

/** A device that hands every frame of `inner` to `sink`; use it in place of `inner`. */
export function captureDevice(inner: Device, clock: { now(): number }, sink: CaptureSink): Device {
  const linkType = captureLinkType(inner)
  return watchDevice(inner, (direction: Direction, f: Frame) => {
    sink(clock.now(), frameWireBytes(f), direction, linkType)
  })
}

/** LINKTYPE_* of the frames of a device. */
export function captureLinkType(device: { readonly link: number }): number {
  return device.link === LINK_ETHER ? LINKTYPE_ETHERNET : LINKTYPE_RAW
}
