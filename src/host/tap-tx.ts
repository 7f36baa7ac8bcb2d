/**
 * The sending half of a TAP: frames are queued as gather records and written in one crossing by `flush`.
 *
 * Nothing is written into a frame here, for it may be queued on several ports at once: the virtio header, a finished
 * checksum or the headers of a cut-up super-segment go into a scratch area, and the kernel gathers the parts.
 */

import type { DeviceStats } from '../device/device.ts'
import { CSUM_PARTIAL, frameRelease, frameRetain, frameWhole } from '../lib/frame.ts'
import type { Frame, FramePool } from '../lib/frame.ts'
import { etherHeaderLen } from '../wire/ethernet.ts'
import { csumFinished, csumOffset, gsoHeaderLen, gsoIsSound, gsoWriteHeader } from '../wire/gso.ts'
import { VNET_HDR_LEN } from '../wire/vnethdr.ts'
import { PART_CUT, PART_MORE, RECORD_WORDS } from './native.ts'
import { SlabIds } from './slab-ids.ts'
import { writeVnetHdr } from './tap-offload.ts'
import type { TapHandle } from './tap-handle.ts'

const MAX_RECORDS = 512
const SCRATCH = 16_384

export class TapSender {
  private readonly tap: TapHandle
  private readonly pool: FramePool
  private readonly stats: DeviceStats
  private readonly ids: SlabIds
  private readonly records = new Uint32Array(RECORD_WORDS * MAX_RECORDS)
  private readonly recordsId: number
  private readonly scratch = new Uint8Array(SCRATCH)
  private readonly scratchView = new DataView(this.scratch.buffer)
  private readonly scratchId: number
  private readonly held: Frame[] = []
  /** What frames of this batch have on loan. */
  private readonly lent: Uint8Array[] = []
  private readonly lentBase: number
  private readonly hdrLen: number
  private readonly cutHeaders: number
  private count = 0
  private scratchUsed = 0

  constructor(tap: TapHandle, pool: FramePool, stats: DeviceStats) {
    this.tap = tap
    this.pool = pool
    this.stats = stats
    this.ids = new SlabIds(tap.native, pool)
    this.recordsId = tap.native.registerArray(this.records)
    this.scratchId = tap.native.registerArray(this.scratch)
    this.hdrLen = tap.offload ? VNET_HDR_LEN : 0
    this.cutHeaders = tap.native.cutHeaders ?? 0
    this.lentBase = tap.native.lentBase ?? 0
  }

  /** Queues `f` (borrowed; a reference is kept until it is written). Writes the queue first when it is full. */
  send(f: Frame): void {
    const unfinished = f.gsoSize > 0 || f.csum === CSUM_PARTIAL
    if (unfinished && !gsoIsSound(f)) this.stats.txDropped++
    else if (this.hdrLen !== 0) this.sendWithHeader(f)
    else if (f.gsoSize > 0) this.sendSegments(f)
    else if (f.csum === CSUM_PARTIAL) this.sendFinished(f)
    else {
      this.reserve(f, 1, 0)
      this.part(this.ids.of(f), f.off, f.len, 0)
    }
  }

  /** Writes what is queued; what the kernel refuses is dropped and counted. Returns the errno that ended it, or 0. */
  flush(): number {
    if (this.count === 0) return 0
    const done = this.tap.native.writeBatch(this.tap.handle, this.recordsId, 0, this.count, this.lent)
    this.account(Math.max(done, 0))
    this.empty()
    return done < 0 ? -done : 0
  }

  close(): void {
    this.account(0)
    this.empty()
    this.ids.close()
    this.tap.native.unregisterArray(this.recordsId)
    this.tap.native.unregisterArray(this.scratchId)
  }

  private sendWithHeader(f: Frame): void {
    this.reserve(f, 4, VNET_HDR_LEN)
    const at = this.scratchUsed
    writeVnetHdr(this.scratchView, at, f)
    this.scratchPart(VNET_HDR_LEN)
    this.part(this.ids.of(f), f.off, f.len - f.lentLen, f.lentLen === 0 ? 0 : PART_MORE)
    if (f.lentLen !== 0) this.lentParts(f, PART_MORE)
  }

  /** Without offload the checksum is finished here (RFC 9293 §3.1, RFC 768). */
  private sendFinished(f: Frame): void {
    this.reserve(f, 3, 2)
    const id = this.ids.of(f)
    const field = f.l4 + csumOffset(f.proto)
    this.scratchView.setUint16(this.scratchUsed, csumFinished(f))
    this.part(id, f.off, field - f.off, PART_MORE)
    this.scratchPart(2)
    this.part(id, field + 2, f.off + f.len - field - 2, 0)
  }

  /** A super-segment is cut for a port that does not offload: in the addon (`segments.c` says what that gains). */
  private sendSegments(f: Frame): void {
    const headers = gsoHeaderLen(f)
    const linkLen = etherHeaderLen(f.view, f.off)
    if (headers <= this.cutHeaders) {
      this.reserve(f, 4, 0)
      this.part(this.ids.of(f), f.off, f.len - f.lentLen, PART_CUT + lentParts(f))
      this.part(f.gsoSize, linkLen | (f.l4 - f.off) << 16, headers, 0)
      if (f.lentLen !== 0) this.lentParts(f, 0)
      return
    }
    frameWhole(f)
    const payload = f.len - headers
    for (let sent = 0; sent === 0 || sent < payload; sent += f.gsoSize) {
      const length = Math.min(f.gsoSize, payload - sent)
      this.reserve(f, 2, headers)
      gsoWriteHeader(this.scratch, this.scratchView, this.scratchUsed, f, linkLen, sent, length)
      this.scratchPart(headers)
      this.part(this.ids.of(f), f.off + headers + sent, length, 0)
    }
  }

  /** What `f` has on loan, in one record or two; `more` marks the first of two. */
  private lentParts({ lent, lentAt, lentLen }: Frame, more: number): void {
    if (this.lent[this.lent.length - 1] !== lent) this.lent.push(lent)
    const id = this.lentBase + this.lent.length - 1
    const first = Math.min(lentLen, lent.length - lentAt)
    this.part(id, lentAt, first, first < lentLen ? more : 0)
    if (first < lentLen) this.part(id, 0, lentLen - first, 0)
  }

  private reserve(f: Frame, records: number, scratch: number): void {
    if (this.count + records > MAX_RECORDS || this.scratchUsed + scratch > SCRATCH) this.flush()
    if (this.held[this.held.length - 1] === f) return
    frameRetain(f)
    this.held.push(f)
  }

  private scratchPart(length: number): void {
    this.part(this.scratchId, this.scratchUsed, length, PART_MORE)
    this.scratchUsed += length
  }

  private part(id: number, offset: number, length: number, more: number): void {
    const at = this.count++ * RECORD_WORDS
    this.records[at] = id
    this.records[at + 1] = offset
    this.records[at + 2] = length
    this.records[at + 3] = more
  }

  /** Counts frames by what became of their last record; those from record `done` on were not tried. */
  private account(done: number): void {
    let bytes = 0
    for (let i = 0; i < this.count; i++) {
      bytes += this.records[i * RECORD_WORDS + 2]
      const result = this.records[i * RECORD_WORDS + 3]
      if (result === PART_MORE) continue
      if (result >= PART_CUT) {
        const how = ++i * RECORD_WORDS
        for (let n = result - PART_CUT; n > 0; n--) bytes += this.records[++i * RECORD_WORDS + 2]
        this.accountCut(bytes, how, i < done)
        bytes = 0
        continue
      }
      if (i < done && result === 0) {
        this.stats.txFrames++
        this.stats.txBytes += bytes - this.hdrLen
      } else this.stats.txDropped++
      bytes = 0
    }
  }

  /** A super-segment of `bytes`; the record that says how it was cut is at `how`. */
  private accountCut(bytes: number, how: number, tried: boolean): void {
    const headers = this.records[how + 2]
    const all = Math.max(1, Math.ceil((bytes - headers) / this.records[how]))
    const taken = tried ? this.records[how + 3] : 0
    this.stats.txFrames += taken
    // the last is the shortest, and few are ever refused
    this.stats.txBytes += taken * headers + Math.min(bytes - headers, taken * this.records[how])
    this.stats.txDropped += all - taken
  }

  private empty(): void {
    for (let i = 0; i < this.held.length; i++) frameRelease(this.pool, this.held[i])
    this.held.length = 0
    this.lent.length = 0
    this.count = 0
    this.scratchUsed = 0
  }
}

/** Records that what `f` has on loan takes: a buffer's end and its beginning. */
function lentParts(f: Frame): number {
  return f.lentLen === 0 ? 0 : f.lentAt + f.lentLen > f.lent.length ? 2 : 1
}
