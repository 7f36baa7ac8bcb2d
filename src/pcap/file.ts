/** Captures in files: streaming reader and buffered writer. The only file of this folder that knows Node. */

import { closeSync, openSync, writeSync } from 'node:fs'
import { open } from 'node:fs/promises'

import { CaptureError } from './error.ts'
import { createCaptureEncoder } from './encoder.ts'
import type { CaptureEncoderOptions, WriteOptions } from './encoder.ts'
import type { CaptureLimits, CaptureTime } from './record.ts'
import { readerEnd, readerPush } from './reader.ts'
import type { CaptureSummary, RecordSink } from './reader.ts'
import { createReader } from './state.ts'

const CHUNK_BYTES = 65_536

/**
 * Reads the capture at `path` in chunks of 64 KiB and hands every record to `onRecord`. Rejects with CaptureError (the
 * message begins with the path) after the records before the bad one, or with an Error that has the system's `code`
 * and `path`; what `onRecord` throws passes through. The file is closed in every case.
 */
export async function readCapture(path: string, onRecord: RecordSink,
  limits: Partial<CaptureLimits> = {}): Promise<CaptureSummary> {
  const file = await open(path, 'r').catch((e: unknown) => { throw fileError('read', path, e) })
  try {
    const reader = createReader(limits)
    const chunk = new Uint8Array(CHUNK_BYTES)
    for (;;) {
      const { bytesRead } = await file.read(chunk, 0, CHUNK_BYTES, null)
        .catch((e: unknown) => { throw fileError('read', path, e) })
      if (bytesRead === 0) break
      readerPush(reader, chunk.subarray(0, bytesRead), onRecord)
    }
    const summary = readerEnd(reader)
    return { ...summary, truncated: summary.truncated === null ? null : summary.truncated.inFile(path) }
  } catch (e) {
    throw e instanceof CaptureError ? e.inFile(path) : e
  } finally {
    await file.close()
  }
}

export interface CaptureWriter {
  readonly path: string
  /** Appends a packet; the time is in microseconds or exact. `bytes` is borrowed for the call. */
  write(time: number | CaptureTime, bytes: Uint8Array, options?: WriteOptions): void
  /** pcapng: declares one more interface and returns its id. */
  addInterface(name: string, linkType?: number): number
  /** Gives what is buffered to the system, so that a reader of the file sees it. */
  flush(): void
  /** Flushes and closes; a second call does nothing. */
  close(): void
}

/**
 * Creates (or empties) the file at `path` and writes the capture's header at once. Packets are gathered and written in
 * pieces of 64 KiB, synchronously, so that they keep their order and nothing piles up in memory. The system's errors
 * carry `code` and `path`; after one the file is closed and every later write throws it again. A packet that does not
 * fit the format is a RangeError and leaves the file as it was.
 */
export function openCaptureWriter(path: string, options: CaptureEncoderOptions): CaptureWriter {
  const encoder = createCaptureEncoder(options)
  const out = openOutput(path)
  outputBytes(out, encoder.header)
  outputFlush(out)
  return {
    path,
    write(time, bytes, how) { outputBytes(out, encoder.packet(time, bytes, how)) },
    addInterface(name, linkType) {
      const added = encoder.addInterface(name, linkType)
      outputBytes(out, added.bytes)
      return added.id
    },
    flush() { outputFlush(out) },
    close() { outputClose(out) },
  }
}

/** A file being written. */
interface Output {
  readonly path: string
  /** -1 once closed. */
  fd: number
  readonly buf: Uint8Array
  used: number
  failed: Error | null
}

function openOutput(path: string): Output {
  try {
    return { path, fd: openSync(path, 'w'), buf: new Uint8Array(CHUNK_BYTES), used: 0, failed: null }
  } catch (e) {
    throw fileError('create', path, e)
  }
}

function outputBytes(out: Output, bytes: Uint8Array): void {
  if (out.failed !== null) throw out.failed
  if (out.fd < 0) throw new Error(`capture ${out.path} is closed`)
  if (out.used + bytes.length > out.buf.length) outputFlush(out)
  if (bytes.length > out.buf.length) writeAll(out, bytes)
  else {
    out.buf.set(bytes, out.used)
    out.used += bytes.length
  }
}

function outputFlush(out: Output): void {
  if (out.failed !== null) throw out.failed
  const used = out.used
  out.used = 0
  writeAll(out, out.buf.subarray(0, used))
}

function outputClose(out: Output): void {
  if (out.fd < 0) return
  outputFlush(out)
  const fd = out.fd
  out.fd = -1
  try {
    closeSync(fd)
  } catch (e) {
    // some file systems tell only now that the data did not fit
    throw fileError('write', out.path, e)
  }
}

function writeAll(out: Output, bytes: Uint8Array): void {
  try {
    for (let at = 0; at < bytes.length;) at += writeSync(out.fd, bytes, at)
  } catch (e) {
    out.failed = fileError('write', out.path, e)
    const fd = out.fd
    out.fd = -1
    closeSync(fd)
    throw out.failed
  }
}

/** An Error like "cannot read capture x.pcap: ENOENT: no such file or directory, open 'x.pcap'". */
function fileError(verb: string, path: string, cause: unknown): Error {
  const system = cause as NodeJS.ErrnoException
  const error = new Error(`cannot ${verb} capture ${path}: ${system.message}`, { cause })
  return Object.assign(error, { code: system.code ?? '', syscall: system.syscall ?? '', path })
}
