/** Where frames can be looked at while the daemon runs: every interface of a vimage, and every TAP in a bridge. */

import { captureLinkType } from '../device/capture.ts'
import type { Device } from '../device/device.ts'
import { frameWireBytes } from '../device/held.ts'
import { watchDevice } from '../device/watch.ts'
import type { Direction } from '../device/watch.ts'

/** Gets frames of a point; the bytes are good for the call only. The time is µs since 1970. */
export type PointSink = (point: CapturePoint, timeUs: number, bytes: Uint8Array, direction: Direction) => void

export interface CapturePoint {
  /** Name of the vimage, or of the bridge. */
  readonly owner: string
  readonly kind: 'vimage' | 'bridge'
  /** Name of the interface, or of the TAP. */
  readonly name: string
  readonly linkType: number
  readonly sinks: Set<PointSink>
}

/** The device to use in place of `inner`, and its point; costs nothing to speak of while nobody looks. */
export function createCapturePoint(
  inner: Device, owner: string, kind: CapturePoint['kind'], name: string,
): { device: Device; point: CapturePoint } {
  const point: CapturePoint = { owner, kind, name, linkType: captureLinkType(inner), sinks: new Set() }
  const device = watchDevice(inner, (direction, f) => {
    if (point.sinks.size === 0) return
    const bytes = frameWireBytes(f)
    const timeUs = wallClockUs()
    for (const sink of point.sinks) sink(point, timeUs, bytes, direction)
  })
  return { device, point }
}

/** µs since 1970, monotonic. */
export function wallClockUs(): number {
  return (performance.timeOrigin + performance.now()) * 1000
}
