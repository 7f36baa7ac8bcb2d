/** What every wrapper is before it does anything: a device that stands for another one. */

import type { Mac } from '../lib/addr.ts'
import type { Frame } from '../lib/frame.ts'
import { ignoreFrame } from './device.ts'
import type { Device, DeviceStats } from './device.ts'

/** Name, addresses, counters and ends of batches are the inner device's; what becomes of frames is the subclass's. */
export abstract class WrappedDevice implements Device {
  onFrame: (f: Frame) => void = ignoreFrame
  onBatchEnd: () => void = ignoreFrame
  protected readonly inner: Device

  constructor(inner: Device) {
    this.inner = inner
    inner.onBatchEnd = () => this.onBatchEnd()
  }

  get name(): string {
    return this.inner.name
  }

  get link(): number {
    return this.inner.link
  }

  get mac(): Mac {
    return this.inner.mac
  }

  get mtu(): number {
    return this.inner.mtu
  }

  /** None, unless the wrapper says so: what it does to frames it must do to every segment. */
  get offload(): number {
    return 0
  }

  get stats(): DeviceStats {
    return this.inner.stats
  }

  abstract send(f: Frame): void

  flush(): void {
    this.inner.flush()
  }

  close(): void {
    this.inner.close()
  }
}
