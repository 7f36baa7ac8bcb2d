/** Bare Ethernet frames, and devices that remember what they were given. */

import { createDeviceStats, ignoreFrame, LINK_ETHER } from '../../src/device/device.ts'
import type { Device } from '../../src/device/device.ts'
import type { Mac } from '../../src/lib/addr.ts'
import { macWrite } from '../../src/lib/addr.ts'
import { frameBytes, frameFrom, frameRelease } from '../../src/lib/frame.ts'
import type { Frame, FramePool } from '../../src/lib/frame.ts'
import { viewOf } from '../../src/wire/layout.ts'

export const BROADCAST = 0xffffffffffff

/** An Ethernet frame of `len` bytes whose payload is all `fill`; EtherType 0x88b5 (experiments). */
export function etherBytes(dst: Mac, src: Mac, fill = 0, len = 60): Uint8Array {
  const bytes = new Uint8Array(len).fill(fill)
  const view = viewOf(bytes)
  macWrite(view, 0, dst)
  macWrite(view, 6, src)
  view.setUint16(12, 0x88b5)
  return bytes
}

/** Sends bytes on a device as a stack does: the frame is released afterwards. */
export function sendBytes(pool: FramePool, device: Device, bytes: Uint8Array): void {
  const f = frameFrom(pool, bytes)
  if (f === null) throw new Error('pool exhausted')
  try {
    device.send(f)
  } finally {
    frameRelease(pool, f)
  }
}

/** Everything that arrives at a device's user, as copies. */
export function collect(device: Device): Uint8Array[] {
  const got: Uint8Array[] = []
  device.onFrame = (f) => { got.push(frameBytes(f).slice()) }
  return got
}

export interface TestDevice extends Device {
  /** What was sent to the medium. */
  readonly sent: Uint8Array[]
  flushes: number
  /** Delivers bytes as if the medium had. */
  arrive(bytes: Uint8Array): void
  endBatch(): void
}

/** A medium in the test's hands. */
export function testDevice(pool: FramePool, name: string, mtu = 1500, link = LINK_ETHER): TestDevice {
  const sent: Uint8Array[] = []
  const device: TestDevice = {
    name, link, mac: 0, mtu, offload: 0, stats: createDeviceStats(), sent, flushes: 0,
    send: (f: Frame) => { sent.push(frameBytes(f).slice()) },
    flush: () => { device.flushes++ },
    onFrame: ignoreFrame,
    onBatchEnd: ignoreFrame,
    close: () => undefined,
    arrive: (bytes) => {
      const f = frameFrom(pool, bytes)
      if (f === null) throw new Error('pool exhausted')
      device.onFrame(f)
      frameRelease(pool, f)
    },
    endBatch: () => device.onBatchEnd(),
  }
  return device
}
