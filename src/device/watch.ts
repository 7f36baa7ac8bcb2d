/** Looking at the frames that pass a device. */

import type { Frame } from '../lib/frame.ts'
import { OFFLOAD_GATHER } from './device.ts'
import type { Device } from './device.ts'
import { WrappedDevice } from './wrapped.ts'

/** From the medium to the device's user, or from the user to the medium. */
export type Direction = 'in' | 'out'

/** Sees a frame before it is passed on. Borrowed; not to be changed, and no calls into devices. */
export type FrameWatcher = (direction: Direction, f: Frame) => void

/** A device that shows every frame of `inner` to `watcher`; use it in place of `inner`. */
export function watchDevice(inner: Device, watcher: FrameWatcher): Device {
  return new WatchedDevice(inner, watcher)
}

class WatchedDevice extends WrappedDevice {
  readonly #watcher: FrameWatcher

  constructor(inner: Device, watcher: FrameWatcher) {
    super(inner)
    this.#watcher = watcher
    inner.onFrame = (f) => {
      watcher('in', f)
      this.onFrame(f)
    }
  }

  override get offload(): number {
    return this.inner.offload & ~OFFLOAD_GATHER
  }

  override send(f: Frame): void {
    this.#watcher('out', f)
    this.inner.send(f)
  }
}
