/**
 * A TAP as a device: frames between a pool and the kernel, one crossing into native code per batch.
 *
 * Reading: slots are taken from the pool when the event loop says that frames wait, the kernel fills them, each
 * frame is lent to `onFrame`, and all go back before the event is over. Sending: `send` keeps a reference until `flush`.
 */

import type { Mac } from '../lib/addr.ts'
import { createDeviceStats, ignoreFrame, LINK_ETHER, OFFLOAD_GATHER, OFFLOAD_TSO } from '../device/device.ts'
import type { Device, DeviceStats } from '../device/device.ts'
import type { Frame, FramePool } from '../lib/frame.ts'
import { TapReceiver } from './tap-rx.ts'
import { TapSender } from './tap-tx.ts'
import { openTapHandle } from './tap-handle.ts'
import type { TapHandle, TapOpenOptions } from './tap-handle.ts'

export interface TapDeviceOptions extends TapOpenOptions {
  /** Where received frames come from; every frame sent must be of the same pool. */
  pool: FramePool
  /** MTU to give the interface; default: what it has. At most 65,520. */
  mtu?: number
  /**
   * Without `offload`: received TCP segments that follow each other come as one super-segment, which whoever forwards or records it cuts
   * into the same segments again. Default true; false: each as it came, for those who lose or count segments.
   */
  merge?: boolean
  /** Address suggested to a stack at this end; default: the neighbour of the kernel's own. */
  mac?: Mac
}

/** Opens a TAP and listens to it; its link stays down or up as it was (`tap.setUp`). Throws as openTapHandle. */
export function openTap(options: TapDeviceOptions): TapDevice {
  const tap = openTapHandle(options)
  try {
    if (options.mtu !== undefined) tap.setMtu(options.mtu)
    return new TapDevice(tap, options.pool, options.mac ?? neighbourOf(tap.kernelMac), options.merge ?? true)
  } catch (error) {
    tap.close()
    throw error
  }
}

export class TapDevice implements Device {
  readonly link = LINK_ETHER
  readonly mac: Mac
  /** A TAP without the offload header cuts super-segments up itself, without copying their payload. */
  readonly offload: number
  readonly tap: TapHandle
  readonly stats: DeviceStats = createDeviceStats()
  onFrame: (f: Frame) => void = ignoreFrame
  onBatchEnd: () => void = ignoreFrame
  /** The interface was removed under us; the device has closed itself. */
  onGone: (errno: number) => void = ignoreFrame
  private knownMtu: number
  private readonly rx: TapReceiver
  private readonly tx: TapSender

  constructor(tap: TapHandle, pool: FramePool, mac: Mac, merge: boolean) {
    this.tap = tap
    this.mac = mac
    this.knownMtu = tap.mtu
    this.offload = tap.native.cutParts === undefined ? OFFLOAD_TSO : OFFLOAD_TSO | OFFLOAD_GATHER
    this.rx = new TapReceiver(tap, pool, this.stats, merge)
    this.tx = new TapSender(tap, pool, this.stats)
    tap.pollStart((status) => this.readable(status))
  }

  get name(): string {
    return this.tap.name
  }

  /** As it was when the device was opened or last told; asking the kernel costs system calls. */
  get mtu(): number {
    return this.knownMtu
  }

  setMtu(mtu: number): void {
    this.tap.setMtu(mtu)
    this.knownMtu = mtu
  }

  send(f: Frame): void {
    if (this.tap.closed) this.stats.txDropped++
    else this.tx.send(f)
  }

  flush(): void {
    if (this.tap.closed) return
    const errno = this.tx.flush()
    if (errno !== 0) this.gone(errno)
  }

  ref(): void {
    this.tap.ref()
  }

  /** From now on this device does not keep the process alive. */
  unref(): void {
    this.tap.unref()
  }

  /** Frames not yet flushed are dropped; closing twice is harmless. */
  close(): void {
    if (this.tap.closed) return
    this.tx.close()
    this.rx.close()
    this.tap.close()
  }

  private readable(status: number): void {
    if (status !== 0) this.gone(-status)
    else {
      const errno = this.rx.receive(this)
      if (errno !== 0 && !this.tap.closed) this.gone(errno)
    }
  }

  private gone(errno: number): void {
    this.close()
    this.onGone(errno)
  }
}

/** A unicast address next to the kernel's: the two ends of one cable must differ. */
function neighbourOf(mac: Mac): Mac {
  return mac % 2 === 0 ? mac + 1 : mac - 1
}
