/** Tracing: one line for each frame of a device, in tcpdump's words. */

import { printFrame } from '../wire/print.ts'
import { captureDevice } from './capture.ts'
import type { Device } from './device.ts'

/** Takes a line such as `1.000250 eth0 Out IP 10.0.0.1 > 10.0.0.2: ICMP echo request, …`. */
export type TraceSink = (line: string) => void

/** A device that writes a line for every frame of `inner`; use it in place of `inner`. */
export function traceDevice(inner: Device, clock: { now(): number }, sink: TraceSink): Device {
  return captureDevice(inner, clock, (timeUs, bytes, direction, linkType) => {
    const words = printFrame(bytes, 0, bytes.length, linkType)
    sink(`${printSeconds(timeUs)} ${inner.name} ${direction === 'in' ? 'In ' : 'Out'} ${words}`)
  })
}

/** `12.000250`: seconds with six digits. */
export function printSeconds(timeUs: number): string {
  return (Math.floor(timeUs) / 1e6).toFixed(6)
}
