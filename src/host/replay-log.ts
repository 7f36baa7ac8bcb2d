/** Does a recorded run again (log-format.ts), and compares every byte that is sent with what was sent then. */

import { createHash } from 'node:crypto'
import { createFramePool, frameBytes, frameFrom, frameRelease } from '../lib/frame.ts'
import { AssertionError } from '../lib/assert.ts'
import { checksum } from '../snapshot/checksum.ts'
import { SnapshotError } from '../snapshot/fault.ts'
import { createReader } from '../snapshot/reader.ts'
import { journalCall } from '../vnet/journal.ts'
import { Vnet } from '../vnet/vnet.ts'
import {
  CHUNK_HEADER, CHUNK_MAX, ENTRY_ADVANCE, ENTRY_CALL, ENTRY_END, ENTRY_INPUT, ENTRY_OUTPUT, ENTRY_STATE, frameDigest,
  LOG_HEADER, LOG_MAGIC, LOG_VERSION, readEntry,
} from './log-format.ts'
import type { LogEntry, LoggedFrame } from './log-format.ts'

export interface ReplayLogResult {
  /** '' when every byte was the same; else where the first difference is, and which. */
  difference: string
  entries: number
  inputs: number
  calls: number
  /** Frames sent, and their bytes. */
  frames: number
  bytes: number
  /** SHA-256 over the bytes of all frames sent. */
  digest: string
  /** Time that the log spans, µs. */
  spanUs: number
  /** Times that the state was taken from the log, for something had changed it that is no recorded call. */
  states: number
  /** The log has an end: why it ended. '' for one that was cut off. */
  end: string
  /** Bytes behind the last whole chunk. */
  cutBytes: number
}

export interface ReplayLogOptions {
  /** Every frame that is sent (`out`) or came in; bytes are good for the call. */
  onFrame?: (out: boolean, now: number, frame: LoggedFrame, vnet: Vnet) => void
  /** After each chunk: bytes of the log done. */
  onProgress?: (done: number) => void
}

/** Runs a log to its end or its first difference. Throws a SnapshotError for bytes that are no log. */
export function replayLog(log: Uint8Array, options: ReplayLogOptions = {}): ReplayLogResult {
  const replay = new Replay(options)
  checkHead(log)
  let at = LOG_HEADER
  while (at < log.length && !replay.ended) {
    const body = chunkAt(log, at)
    if (body === null) break
    at += CHUNK_HEADER + body.length
    const r = createReader(body, 0)
    while (r.at < r.buf.length && !replay.ended) replay.entry(readEntry(r))
    options.onProgress?.(at)
  }
  return replay.result(log.length - at)
}

function checkHead(log: Uint8Array): void {
  const view = new DataView(log.buffer, log.byteOffset, log.byteLength)
  if (log.length < LOG_HEADER || view.getInt32(0, true) !== LOG_MAGIC) throw new SnapshotError('not a log of a Vnet', 'header.magic')
  const version = view.getInt32(4, true)
  if (version !== LOG_VERSION) throw new SnapshotError(`version ${version}, this is ${LOG_VERSION}`, 'header.version')
}

/** The chunk there; null where the log is cut off. */
function chunkAt(log: Uint8Array, at: number): Uint8Array | null {
  if (log.length - at < CHUNK_HEADER) return null
  const view = new DataView(log.buffer, log.byteOffset, log.byteLength)
  const length = view.getUint32(at, true)
  if (length === 0 || length > CHUNK_MAX) throw new SnapshotError(`a chunk of ${length} bytes`, `byte ${at}`)
  if (length > log.length - at - CHUNK_HEADER) return null
  const body = log.slice(at + CHUNK_HEADER, at + CHUNK_HEADER + length)
  const [low, high] = checksum(body, 0, length)
  if (view.getInt32(at + 4, true) !== low || view.getInt32(at + 8, true) !== high) {
    throw new SnapshotError('damaged', `byte ${at}`)
  }
  return body
}

class Replay {
  ended = false
  readonly #options: ReplayLogOptions
  readonly #pool = createFramePool()
  readonly #digest = createHash('sha256')
  #vnet: Vnet | null = null
  #now = 0
  #first = -1
  #difference = ''
  #end = ''
  #entries = 0
  #inputs = 0
  #calls = 0
  #frames = 0
  #bytes = 0
  #states = 0

  constructor(options: ReplayLogOptions) {
    this.#options = options
  }

  entry(e: LogEntry): void {
    const n = this.#entries++
    try {
      this.#do(e)
    } catch (error) {
      if (error instanceof AssertionError || error instanceof TypeError) throw new SnapshotError(error.message, `entry ${n}`)
      throw error instanceof SnapshotError ? error.prefix(`entry ${n} `) : error
    }
  }

  #do(e: LogEntry): void {
    if (this.#vnet === null && e.kind !== ENTRY_STATE) throw new SnapshotError('a log that does not begin with a state')
    const vnet = this.#vnet as Vnet
    if ('now' in e) {
      if (this.#first < 0) this.#first = e.now
      this.#now = e.now
    }
    switch (e.kind) {
      case ENTRY_STATE: return this.#state(e.sent, e.snapshot)
      case ENTRY_INPUT: return this.#input(vnet, e.now, e.frame)
      case ENTRY_ADVANCE: return vnet.advance(e.now)
      case ENTRY_CALL:
        this.#calls++
        journalCall(vnet, e.now, e.name, e.args)
        vnet.drainEvents(() => undefined)
        return
      case ENTRY_OUTPUT: return this.#compare(e.frames, e.digest)
      case ENTRY_END: return this.#finish(e.frames, e.digest, e.reason)
    }
  }

  #state(sent: readonly LoggedFrame[], snapshot: Uint8Array): void {
    this.#vnet?.drainFrames(() => undefined)
    this.#vnet = Vnet.restore(snapshot, { pool: this.#pool })
    for (const frame of sent) this.#sent(frame)
    this.#states++
  }

  #input(vnet: Vnet, now: number, logged: LoggedFrame): void {
    this.#inputs++
    this.#options.onFrame?.(false, now, logged, vnet)
    const f = frameFrom(this.#pool, logged.bytes)
    if (f === null) throw new SnapshotError('no room for a frame')
    f.csum = logged.csum
    f.gsoSize = logged.gsoSize
    f.l4 = logged.l4 === 0 ? 0 : f.off + logged.l4
    f.proto = logged.proto
    f.flags = logged.flags
    vnet.input(logged.ifId, f, now)
    frameRelease(this.#pool, f)
  }

  #compare(frames: number, digest: number): void {
    let [n, d] = [0, 0]
    this.#vnet?.drainFrames((ifId, f) => {
      const { csum, gsoSize, proto } = f
      const frame = { ifId, bytes: frameBytes(f), csum, gsoSize, l4: Math.max(0, f.l4 - f.off), proto, flags: 0 }
      n++
      d = frameDigest(d, frame)
      this.#sent(frame)
    })
    if (n === frames && d === digest) return
    const what = n === frames ? `${n} frames of other bytes` : `${n} frames, then ${frames}`
    this.#difference = `entry ${this.#entries - 1}, ${(this.#now / 1e6).toFixed(6)} s, frame ${this.#frames - n + 1}: now ${what}`
    this.ended = true
  }

  #sent(frame: LoggedFrame): void {
    this.#frames++
    this.#bytes += frame.bytes.length
    this.#digest.update(frame.bytes)
    this.#options.onFrame?.(true, this.#now, frame, this.#vnet as Vnet)
  }

  #finish(frames: number, digest: string, reason: string): void {
    this.ended = true
    this.#end = reason
    const same = frames === this.#frames && digest === this.#digest.copy().digest('hex')
    if (!same) this.#difference = `the end: ${this.#frames} frames, then ${frames}, or of other bytes`
  }

  result(cutBytes: number): ReplayLogResult {
    if (this.#vnet === null) throw new SnapshotError('a log without a whole chunk')
    return {
      difference: this.#difference, entries: this.#entries, inputs: this.#inputs, calls: this.#calls, frames: this.#frames,
      bytes: this.#bytes, digest: this.#digest.digest('hex'), spanUs: Math.max(0, this.#now - Math.max(0, this.#first)),
      states: this.#states, end: this.#end, cutBytes,
    }
  }
}
