/**
 * The receiving half of a TAP: pool slots lent to the kernel for one batched read.
 *
 * Most frames fit a small slot. A longer one runs on into a large slot, where the addon joins it up: no slot size has
 * to be guessed before the read. The virtio header, when there is one, is read into the headroom before the frame.
 *
 * Without that header the addon puts TCP segments that follow each other together (native/merge.c).
 */

import type { Device, DeviceStats } from '../device/device.ts'
import {
  CSUM_PARTIAL, CSUM_VALID, FRAME_HEADROOM, FRAME_LARGE, FRAME_SMALL, frameAlloc, frameRelease,
} from '../lib/frame.ts'
import type { Frame, FramePool } from '../lib/frame.ts'
import { etherHeaderLen } from '../wire/ethernet.ts'
import { gsoHeaderLen } from '../wire/gso.ts'
import {
  VIRTIO_NET_HDR_F_DATA_VALID, VIRTIO_NET_HDR_F_NEEDS_CSUM, VIRTIO_NET_HDR_GSO_NONE, VIRTIO_NET_HDR_GSO_UDP_L4, VNET_CSUM_OFFSET,
  VNET_CSUM_START, VNET_FLAGS, VNET_GSO_SIZE, VNET_GSO_TYPE, VNET_HDR_LEN,
} from '../wire/vnethdr.ts'
import { IPPROTO_TCP, IPPROTO_UDP } from '../wire/ipv4.ts'
import { TCP_SUM } from '../wire/tcp.ts'
import { usoCount, usoDatagram, usoIsSound } from '../wire/uso.ts'
import { MERGED_FRAMES_SHIFT, RECORD_WORDS, RESULT_LARGE, RESULT_MERGED, RESULT_SUMMED } from './native.ts'
import { SlabIds } from './slab-ids.ts'
import type { TapHandle } from './tap-handle.ts'

const MAX_SMALL = 64
const MIN_SMALL = 8
const MAX_LARGE = 8
/** Super-segments that one batch of plain frames may become. */
const MERGE_ROOMS = 4
/** Batches per readiness event; then other devices get their turn. */
const ROUNDS = 4
const SMALL_ROOM = FRAME_SMALL - FRAME_HEADROOM
const LARGE_ROOM = FRAME_LARGE - FRAME_HEADROOM
const ETHER_AND_TAG = 18

export class TapReceiver {
  private readonly tap: TapHandle
  private readonly pool: FramePool
  private readonly stats: DeviceStats
  private readonly ids: SlabIds
  private readonly records = new Uint32Array(RECORD_WORDS * (MAX_SMALL + MAX_LARGE + MERGE_ROOMS))
  private readonly recordsId: number
  private readonly frames: Frame[] = []
  private readonly hdrLen: number
  private wantSmall = MIN_SMALL
  private wantLarge: number
  private readonly mergeRooms: number

  constructor(tap: TapHandle, pool: FramePool, stats: DeviceStats, merge: boolean) {
    this.tap = tap
    this.pool = pool
    this.stats = stats
    this.ids = new SlabIds(tap.native, pool)
    this.recordsId = tap.native.registerArray(this.records)
    this.hdrLen = tap.offload ? VNET_HDR_LEN : 0
    this.wantLarge = tap.offload || tap.mtu + ETHER_AND_TAG > SMALL_ROOM ? MAX_LARGE : 0
    this.mergeRooms = merge && !tap.offload ? Math.min(MERGE_ROOMS, tap.native.mergeRooms ?? 0) : 0
  }

  /** Reads what waits and lends each frame to `user.onFrame`. Returns 0, or the errno that ended the device. */
  receive(user: Device): number {
    for (let round = 0; round < ROUNDS && !this.tap.closed; round++) {
      const small = this.takeSlots(this.wantSmall, SMALL_ROOM)
      const large = this.takeSlots(this.wantLarge, LARGE_ROOM)
      // a few frames now and then are not worth memory for super-segments
      const rooms = this.wantSmall > MIN_SMALL ? this.takeSlots(this.mergeRooms, LARGE_ROOM) : 0
      try {
        const got = small === 0 ? 0 : this.tap.native.readBatch(this.tap.handle, this.recordsId, small, large, rooms)
        if (small === 0) return this.discard()
        if (got < 0) return -got
        this.deliver(got, small, large, user)
        if (got > 0) user.onBatchEnd()
        if (got < small) return 0
        this.wantSmall = Math.min(MAX_SMALL, this.wantSmall * 2)
      } finally {
        this.giveBack()
      }
    }
    return 0
  }

  close(): void {
    this.ids.close()
    this.tap.native.unregisterArray(this.recordsId)
  }

  private deliver(got: number, small: number, large: number, user: Device): void {
    let spilled = 0
    for (let i = 0; i < got && !this.tap.closed; i++) {
      const result = this.records[i * RECORD_WORDS + 3]
      if ((result & RESULT_MERGED) !== 0) {
        this.deliverMerged(i * RECORD_WORDS, small + large, user)
        continue
      }
      const f = (result & RESULT_LARGE) !== 0 ? this.frames[small + spilled++] : this.frames[i]
      f.len = (result & (RESULT_LARGE - 1)) - this.hdrLen
      if (f.len <= 0) {
        this.frameTooLong()
        continue
      }
      if ((result & RESULT_SUMMED) !== 0) f.csum = CSUM_VALID
      if (this.hdrLen !== 0 && readVnetHdr(f) === VIRTIO_NET_HDR_GSO_UDP_L4) this.deliverEach(f, user)
      else this.deliverOne(f, user)
    }
  }

  private deliverOne(f: Frame, user: Device): void {
    this.stats.rxFrames++
    this.stats.rxBytes += f.len
    user.onFrame(f)
  }

  /** Segments that came one by one; the rooms begin with frame `rooms`. */
  private deliverMerged(at: number, rooms: number, user: Device): void {
    const room = this.records[at] & ((1 << MERGED_FRAMES_SHIFT) - 1)
    const others = (this.records[at] >>> MERGED_FRAMES_SHIFT) - 1
    const f = this.frames[rooms + room]
    f.len = this.records[at + 3] & (RESULT_LARGE - 1)
    f.l4 = f.off + this.records[at + 1]
    f.gsoSize = this.records[at + 2]
    f.proto = IPPROTO_TCP
    f.csum = CSUM_PARTIAL
    this.stats.rxFrames += others
    this.stats.rxBytes += others * gsoHeaderLen(f)
    this.deliverOne(f, user)
  }

  /** Datagrams that came in one frame. */
  private deliverEach(f: Frame, user: Device): void {
    const linkLen = etherHeaderLen(f.view, f.off)
    const count = usoIsSound(f, linkLen) ? usoCount(f) : 0
    if (count === 0) this.stats.rxErrors++
    for (let k = 0; k < count && !this.tap.closed; k++) {
      const datagram = usoDatagram(this.pool, f, linkLen, k)
      if (datagram === null) {
        this.stats.rxErrors++
        continue
      }
      try {
        this.deliverOne(datagram, user)
      } finally {
        frameRelease(this.pool, datagram)
      }
    }
  }

  /** Somebody raised the interface's MTU beyond small slots: this frame is lost, the next ones will not be. */
  private frameTooLong(): void {
    this.stats.rxErrors++
    this.wantLarge = MAX_LARGE
  }

  private takeSlots(want: number, room: number): number {
    let n = 0
    while (n < want) {
      const f = frameAlloc(this.pool, room)
      if (f === null) break
      const at = this.frames.length * RECORD_WORDS
      this.records[at] = this.ids.of(f)
      this.records[at + 1] = f.off - this.hdrLen
      this.records[at + 2] = room + this.hdrLen
      this.frames.push(f)
      n++
    }
    return n
  }

  private giveBack(): void {
    for (let i = 0; i < this.frames.length; i++) frameRelease(this.pool, this.frames[i])
    this.frames.length = 0
  }

  /** The pool is exhausted: what waits is read away and counted, or the readiness event would come again at once. */
  private discard(): number {
    const { native, handle } = this.tap
    const id = native.registerArray(new Uint8Array(1))
    for (let i = 0; i < MAX_SMALL; i++) this.records.set([id, 0, 1, 0], i * RECORD_WORDS)
    const got = native.readBatch(handle, this.recordsId, MAX_SMALL, 0)
    native.unregisterArray(id)
    if (got > 0) this.stats.rxErrors += got
    return got < 0 ? -got : 0
  }
}

/** VIRTIO 1.2 §5.1.6.4: what the kernel left undone, into the frame's metadata. Returns what kind of super-segment it is. */
function readVnetHdr(f: Frame): number {
  const at = f.off - VNET_HDR_LEN
  const flags = f.view.getUint8(at + VNET_FLAGS)
  if ((flags & VIRTIO_NET_HDR_F_NEEDS_CSUM) !== 0) {
    f.csum = CSUM_PARTIAL
    f.l4 = f.off + f.view.getUint16(at + VNET_CSUM_START, true)
    f.proto = f.view.getUint16(at + VNET_CSUM_OFFSET, true) === TCP_SUM ? IPPROTO_TCP : IPPROTO_UDP
  } else if ((flags & VIRTIO_NET_HDR_F_DATA_VALID) !== 0) f.csum = CSUM_VALID
  const type = f.view.getUint8(at + VNET_GSO_TYPE)
  if (type !== VIRTIO_NET_HDR_GSO_NONE) f.gsoSize = f.view.getUint16(at + VNET_GSO_SIZE, true)
  return type
}
