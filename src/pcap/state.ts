/** The state of a capture reader, and how it fails. */

import { CaptureError } from './error.ts'
import { DEFAULT_LIMITS } from './record.ts'
import type { CaptureFormat, CaptureInterface, CaptureLimits, CaptureRecord } from './record.ts'

/** Plain data; one per file. */
export interface CaptureReader {
  readonly limits: CaptureLimits
  format: CaptureFormat | 'unknown'
  littleEndian: boolean
  /** Classic only: timestamps count nanoseconds. */
  nanos: boolean
  /** All interfaces declared so far, all sections together. */
  readonly interfaces: CaptureInterface[]
  /** pcapng: number of the current section, and position of its first interface. */
  section: number
  sectionIface: number
  /** Records delivered. */
  records: number
  /** File offset of the item being read. */
  offset: number
  /** Bytes the item needs before it can be looked at again. */
  need: number
  /** The first `have` bytes of the item, when it is cut. */
  buf: Uint8Array
  have: number
  /** The record just read, before the sink has it. */
  ready: CaptureRecord | null
  /** Set once the file is known to be bad: every later call throws it again. */
  failed: CaptureError | null
}

const MAGIC_BYTES = 4

/** A reader before its first byte. */
export function createReader(limits: Partial<CaptureLimits> = {}): CaptureReader {
  return {
    limits: { ...DEFAULT_LIMITS, ...limits }, format: 'unknown', littleEndian: false, nanos: false, interfaces: [],
    section: -1, sectionIface: 0, records: 0, offset: 0, need: MAGIC_BYTES, buf: new Uint8Array(0), have: 0,
    ready: null, failed: null,
  }
}

/** Ends the reading for good: `what` (see CaptureError) at the current offset cannot be read because of `reason`. */
export function captureFail(r: CaptureReader, what: string, reason: string): never {
  r.failed = new CaptureError(what, r.offset, r.records + 1, reason)
  throw r.failed
}

/** Hands `record` to the reader's caller, as the next in number. */
export function captureReady(r: CaptureReader, record: CaptureRecord): void {
  r.records++
  r.ready = record
}
