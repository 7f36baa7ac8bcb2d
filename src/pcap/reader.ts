/**
 * The capture reader: a push parser for classic pcap and pcapng.
 *
 * Bytes come in chunks of any size; every record that is complete goes to the sink. An item (file header, record,
 * block) that lies whole in a chunk is read where it is; one that is cut is collected in `buf`, which grows with
 * the bytes that really arrive and never by a length the file claims.
 */

import { CaptureError } from './error.ts'
import { RECORD_HEADER_BYTES, classicHeader, classicRecord } from './classic.ts'
import { BLOCK_MIN_BYTES, SECTION_HEADER, ngBlock } from './ng.ts'
import type { CaptureFormat, CaptureInterface, CaptureLimits, CaptureRecord } from './record.ts'
import { captureFail, createReader } from './state.ts'
import type { CaptureReader } from './state.ts'

/** What `readerEnd` says about the whole file. */
export interface CaptureSummary {
  format: CaptureFormat
  interfaces: CaptureInterface[]
  /** Records delivered. */
  records: number
  /** Not null when the file ends inside a record or block; all records before it have been delivered. */
  truncated: CaptureError | null
}

/** A whole capture in memory. */
export interface Capture {
  format: CaptureFormat | 'unknown'
  interfaces: CaptureInterface[]
  records: CaptureRecord[]
  /** Why reading stopped before the end, or null. */
  error: CaptureError | null
}

export type RecordSink = (record: CaptureRecord) => void

const KEEP_BYTES = 65_536
const EMPTY = new Uint8Array(0)

/**
 * Takes the next bytes of the file and hands each record completed by them to `sink`, in order. The chunk is borrowed
 * for the call. Throws CaptureError, after the records before the bad one were delivered, and again on every later
 * call; what the sink throws passes through, and the rest of the chunk is lost.
 */
export function readerPush(r: CaptureReader, chunk: Uint8Array, sink: RecordSink): void {
  if (r.failed !== null) throw r.failed
  // a plain view: the slice() of Node's Buffer would hand out records that alias the chunk
  const bytes = new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.byteLength)
  const view = viewOf(bytes)
  let at = 0
  while (at < bytes.length) {
    if (r.have === 0) {
      const used = step(r, bytes, view, at, bytes.length - at)
      if (used === 0) {
        stash(r, bytes.subarray(at))
        return
      }
      at += used
    } else {
      const taken = Math.min(r.need - r.have, bytes.length - at)
      stash(r, bytes.subarray(at, at + taken))
      at += taken
      if (r.have < r.need) return
      if (step(r, r.buf, viewOf(r.buf), 0, r.have) > 0) unstash(r)
    }
    if (r.ready !== null) {
      const record = r.ready
      r.ready = null
      sink(record)
    }
  }
}

/** Says how the file ended. Throws CaptureError when it was bad, or ended before its first header was complete. */
export function readerEnd(r: CaptureReader): CaptureSummary {
  if (r.failed !== null) throw r.failed
  const cut = `file ends after ${r.have} of at least ${r.need} bytes`
  if (r.format === 'unknown') captureFail(r, 'file header', cut)
  const what = r.format === 'pcap' ? `record ${r.records + 1}` : `block after record ${r.records}`
  const truncated = r.have === 0 ? null : new CaptureError(what, r.offset, r.records + 1, cut)
  return { format: r.format, interfaces: r.interfaces, records: r.records, truncated }
}

/** Reads a capture that is in memory; never throws: `error` says why not everything could be read. */
export function parseCapture(bytes: Uint8Array, limits: Partial<CaptureLimits> = {}): Capture {
  const r = createReader(limits)
  const records: CaptureRecord[] = []
  let error: CaptureError | null = null
  try {
    readerPush(r, bytes, (record) => { records.push(record) })
    error = readerEnd(r).truncated
  } catch (e) {
    if (!(e instanceof CaptureError)) throw e
    error = e
  }
  return { format: r.format, interfaces: r.interfaces, records, error }
}

/** Reads one item at `at` and returns its length; 0 after raising `need` above `avail` when it is not all there. */
function step(r: CaptureReader, bytes: Uint8Array, view: DataView, at: number, avail: number): number {
  if (avail < r.need) return 0
  const used = item(r, bytes, view, at, avail)
  if (used === 0) return 0
  r.offset += used
  r.need = r.format === 'pcap' ? RECORD_HEADER_BYTES : BLOCK_MIN_BYTES
  return used
}

function item(r: CaptureReader, bytes: Uint8Array, view: DataView, at: number, avail: number): number {
  switch (r.format) {
    case 'unknown':
      if (view.getUint32(at) === SECTION_HEADER) return ngBlock(r, bytes, view, at, avail)
      return classicHeader(r, view, at, avail)
    case 'pcap': return classicRecord(r, bytes, view, at, avail)
    case 'pcapng': return ngBlock(r, bytes, view, at, avail)
  }
}

function stash(r: CaptureReader, bytes: Uint8Array): void {
  const end = r.have + bytes.length
  if (end > r.buf.length) {
    const grown = new Uint8Array(Math.max(1024, end, Math.min(r.buf.length * 2, r.need)))
    grown.set(r.buf.subarray(0, r.have))
    r.buf = grown
  }
  r.buf.set(bytes, r.have)
  r.have = end
}

function unstash(r: CaptureReader): void {
  r.have = 0
  if (r.buf.length > KEEP_BYTES) r.buf = EMPTY
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}
