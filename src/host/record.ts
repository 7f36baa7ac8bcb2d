/** Records a live Vnet: every input goes into a file (log-format.ts), so that the run can be had again elsewhere. */

import { createHash } from 'node:crypto'
import { closeSync, openSync, writeSync } from 'node:fs'
import { frameBytes } from '../lib/frame.ts'
import type { Frame } from '../lib/frame.ts'
import { checksum } from '../snapshot/checksum.ts'
import { snapshotEncode } from '../snapshot/snapshot.ts'
import { createWriter, writeByte, writeFloat64, writeInt32, writeVarint } from '../snapshot/writer.ts'
import type { CallValue, Journal } from '../vnet/journal.ts'
import type { Vnet } from '../vnet/vnet.ts'
import {
  CHUNK_HEADER, ENTRY_ADVANCE, ENTRY_END, ENTRY_INPUT, ENTRY_OUTPUT, ENTRY_STATE, frameDigest, LOG_HEADER, LOG_MAGIC,
  LOG_VERSION, writeBlock, writeCall, writeFrame, writeText,
} from './log-format.ts'
import type { LoggedFrame } from './log-format.ts'

export interface RecordOptions {
  /** The recording ends there, in good order (default 1 GiB). */
  maxBytes?: number
  /** Told when the recording ends before it is closed: the file is full, or cannot be written. */
  onEnd?: (reason: string) => void
}

const CHUNK_BYTES = 65_536
const FLUSH_MS = 250
const DEFAULT_MAX = 2 ** 30

/** What comes out of a Vnet is told here; what goes in comes by itself (Vnet.journal). */
export class Recorder implements Journal {
  /** Bytes in the file. */
  written = 0
  frames = 0
  readonly #vnet: Vnet
  readonly #max: number
  readonly #onEnd: (reason: string) => void
  readonly #digest = createHash('sha256')
  #fd: number
  #w = createWriter()
  #timer: NodeJS.Timeout | null = null
  #recent = 0
  #recentDigest = 0
  /** Frames sent by calls that are not recorded; null unless there was one since the last drain. */
  #unexplained: LoggedFrame[] | null = null

  /** Begins with the state as it is. The file must not exist; it is readable by its owner alone, for keys are in it. */
  constructor(vnet: Vnet, path: string, options: RecordOptions = {}) {
    this.#vnet = vnet
    this.#max = options.maxBytes ?? DEFAULT_MAX
    this.#onEnd = options.onEnd ?? (() => undefined)
    this.#fd = openSync(path, 'wx', 0o600)
    const head = Buffer.alloc(LOG_HEADER)
    head.writeInt32LE(LOG_MAGIC, 0)
    head.writeInt32LE(LOG_VERSION, 4)
    this.#write(head)
    this.#state([])
    this.#flush()
    vnet.journal = this
  }

  input(ifId: number, f: Frame, now: number): void {
    writeByte(this.#w, ENTRY_INPUT)
    writeFloat64(this.#w, now)
    writeFrame(this.#w, logged(ifId, f))
    this.#soon()
  }

  advance(now: number): void {
    writeByte(this.#w, ENTRY_ADVANCE)
    writeFloat64(this.#w, now)
    this.#soon()
  }

  call(now: number, name: string, args: readonly CallValue[]): void {
    writeCall(this.#w, now, name, args)
    this.#soon()
  }

  /** Something has changed the Vnet that is no call of so.ts: its state is recorded after the next drain. */
  changed(): void {
    this.#unexplained ??= []
  }

  /** A frame leaves. Borrowed. */
  output(ifId: number, f: Frame): void {
    if (this.#fd < 0) return
    const frame = logged(ifId, f)
    this.frames++
    this.#digest.update(frame.bytes)
    if (this.#unexplained !== null) {
      this.#unexplained.push({ ...frame, bytes: frame.bytes.slice() })
      return
    }
    this.#recent++
    this.#recentDigest = frameDigest(this.#recentDigest, frame)
  }

  /** All frames of a drain have left. */
  drained(): void {
    if (this.#fd < 0) return
    if (this.#unexplained !== null) {
      this.#state(this.#unexplained)
      this.#unexplained = null
    } else if (this.#recent > 0) {
      writeByte(this.#w, ENTRY_OUTPUT)
      writeVarint(this.#w, this.#recent)
      writeInt32(this.#w, this.#recentDigest)
    }
    this.#recent = 0
    this.#recentDigest = 0
    if (this.#w.at >= CHUNK_BYTES) this.#flush()
    if (this.written > this.#max) this.#stop(`the log has ${this.#max} bytes, as many as it may`)
  }

  /** Ends the recording. */
  close(): void {
    this.#end('closed')
  }

  #state(sent: readonly LoggedFrame[]): void {
    writeByte(this.#w, ENTRY_STATE)
    writeVarint(this.#w, sent.length)
    for (const frame of sent) writeFrame(this.#w, frame)
    writeBlock(this.#w, snapshotEncode(this.#vnet.state))
  }

  #end(reason: string): void {
    if (this.#fd < 0) return
    if (this.#vnet.journal === this) this.#vnet.journal = null
    writeByte(this.#w, ENTRY_END)
    writeVarint(this.#w, this.frames)
    writeText(this.#w, this.#digest.digest('hex'))
    writeText(this.#w, reason)
    this.#flush()
    if (this.#fd >= 0) closeSync(this.#fd)
    this.#fd = -1
  }

  #stop(reason: string): void {
    this.#end(reason)
    this.#onEnd(reason)
  }

  #soon(): void {
    this.#timer ??= setTimeout(() => { this.#flush() }, FLUSH_MS).unref()
  }

  #flush(): void {
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#timer = null
    const { buf, at } = this.#w
    if (at === 0 || this.#fd < 0) return
    const head = Buffer.alloc(CHUNK_HEADER)
    const [low, high] = checksum(buf, 0, at)
    head.writeInt32LE(at, 0)
    head.writeInt32LE(low, 4)
    head.writeInt32LE(high, 8)
    const chunk = buf.subarray(0, at)
    this.#w.at = 0
    try {
      this.#write(head)
      this.#write(chunk)
    } catch (error) {
      // a disk that is full ends the recording, never the Vnet
      if (this.#vnet.journal === this) this.#vnet.journal = null
      closeSync(this.#fd)
      this.#fd = -1
      this.#onEnd((error as Error).message)
    }
  }

  #write(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length;) at += writeSync(this.#fd, bytes, at)
    this.written += bytes.length
  }
}

/** The bytes are the frame's own, good for the call. */
function logged(ifId: number, f: Frame): LoggedFrame {
  return {
    ifId, bytes: frameBytes(f), csum: f.csum, gsoSize: f.gsoSize, l4: Math.max(0, f.l4 - f.off), proto: f.proto,
    flags: f.flags & 0xffff,
  }
}
