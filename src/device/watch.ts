/** Looking at the frames that pass a device. */

import type { Frame } from '../lib/frame.ts'
import type { Mac } from '../lib/addr.ts'
import { ignoreFrame } from './device.ts'
import type { Device, DeviceStats } from './device.ts'

/** From the medium to the device's user, or from the user to the medium. */
export type Direction = 'in' | 'out'

/** Sees a frame before it is passed on. Borrowed; not to be changed, and no calls into devices. */
export type FrameWatcher = (direction: Direction, f: Frame) => void

/** A device that shows every frame of `inner` to `watcher`; use it in place of `inner`. */
export function watchDevice(inner: Device, watcher: FrameWatcher): Device {
  return new WatchedDevice(inner, watcher)
}

class WatchedDevice implements Device {
  onFrame: (f: Frame) => void = ignoreFrame
  onBatchEnd: () => void = ignoreFrame
  readonly #inner: Device
  readonly #watcher: FrameWatcher

  constructor(inner: Device, watcher: FrameWatcher) {
    this.#inner = inner
    this.#watcher = watcher
    inner.onFrame = (f) => {
      watcher('in', f)
      this.onFrame(f)
    }
    inner.onBatchEnd = () => this.onBatchEnd()
  }

  get name(): string {
    return this.#inner.name
  }

  get link(): number {
    return this.#inner.link
  }

  get mac(): Mac {
    return this.#inner.mac
  }

  get mtu(): number {
    return this.#inner.mtu
  }

  get stats(): DeviceStats {
    return this.#inner.stats
  }

  send(f: Frame): void {
    this.#watcher('out', f)
    this.#inner.send(f)
  }

  flush(): void {
    this.#inner.flush()
  }

  close(): void {
    this.#inner.close()
  }
}
