/** Captures in files: streaming reader and buffered writer. The only file of this folder that knows Node. */

import { closeSync, openSync, writeSync } from 'node:fs'
import { open } from 'node:fs/promises'

import { CaptureError } from './error.ts'
import { DEFAULT_LIMITS, LINKTYPE_ETHERNET, PACKET_IN, PACKET_OUT } from './record.ts'
import type { CaptureFormat, CaptureLimits, CaptureTime } from './record.ts'
import { readerEnd, readerPush } from './reader.ts'
import type { CaptureSummary, RecordSink } from './reader.ts'
import { createReader } from './state.ts'
import { TSRESOL_NS, TSRESOL_US, timeFromUs } from './time.ts'
import { pcapngInterface, pcapngPacket, pcapngSection } from './write-ng.ts'
import { pcapHeader, pcapRecord } from './write-pcap.ts'
import type { PcapOptions } from './write-pcap.ts'

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

export interface CaptureWriterOptions {
  format: CaptureFormat
  /** Default LINKTYPE_ETHERNET. */
  linkType?: number
  /** pcapng: names of the interfaces to declare at once, all of `linkType`; default one without a name. */
  interfaces?: readonly string[]
  /** Timestamps in nanoseconds; default only in pcapng. */
  nanos?: boolean
  /** Longer packets are cut; default 262,144. */
  snapLen?: number
}

export interface WriteOptions {
  /** pcapng: id of the interface, default 0. */
  iface?: number
  /** pcapng only. */
  direction?: 'in' | 'out'
  /** pcapng only. */
  comment?: string
  /** Bytes the packet had on the link, when `bytes` is not all of it. */
  origLen?: number
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
 * Creates (or empties) the file at `path` and writes the capture's header. Packets are gathered and written in pieces of
 * 64 KiB, synchronously, so that order and memory are bounded. Errors carry the system's `code` and `path`; after one
 * the file is closed and every later write throws it again.
 */
export function openCaptureWriter(path: string, options: CaptureWriterOptions): CaptureWriter {
  const encoder = options.format === 'pcap' ? classicEncoder(options) : ngEncoder(options)
  const header = encoder.header()
  const out = openOutput(path)
  outputBytes(out, header)
  outputFlush(out)
  return {
    path,
    write(time, bytes, how = {}) {
      const data = bytes.length > encoder.snapLen ? bytes.subarray(0, encoder.snapLen) : bytes
      const at = typeof time === 'number' ? timeFromUs(time) : time
      outputBytes(out, encoder.packet(at, data, how.origLen ?? bytes.length, how))
    },
    addInterface(name, linkType = options.linkType ?? LINKTYPE_ETHERNET) {
      const added = encoder.addInterface(name, linkType)
      outputBytes(out, added.bytes)
      return added.id
    },
    flush() { outputFlush(out) },
    close() { outputClose(out) },
  }
}

interface Encoder {
  readonly snapLen: number
  header(): Uint8Array
  packet(time: CaptureTime, data: Uint8Array, origLen: number, how: WriteOptions): Uint8Array
  addInterface(name: string, linkType: number): { id: number; bytes: Uint8Array }
}

function classicEncoder(options: CaptureWriterOptions): Encoder {
  const snapLen = options.snapLen ?? DEFAULT_LIMITS.maxRecordBytes
  const pcap: PcapOptions = { linkType: options.linkType ?? LINKTYPE_ETHERNET, nanos: options.nanos ?? false, snapLen }
  return {
    snapLen,
    header: () => pcapHeader(pcap),
    packet: (time, data, origLen, how) => {
      if ((how.iface ?? 0) !== 0) throw new RangeError(`interface ${how.iface}: a classic capture has only interface 0`)
      return pcapRecord(time, data, pcap, origLen)
    },
    addInterface: () => { throw new RangeError('a classic capture has only one interface; use pcapng') },
  }
}

function ngEncoder(options: CaptureWriterOptions): Encoder {
  const snapLen = options.snapLen ?? DEFAULT_LIMITS.maxRecordBytes
  const tsResol = options.nanos === false ? TSRESOL_US : TSRESOL_NS
  const first = options.interfaces ?? ['']
  let count = 0
  const declare = (name: string, linkType: number): Uint8Array => {
    count++
    return pcapngInterface({ linkType, snapLen, tsResol, ...(name === '' ? {} : { name }) })
  }
  return {
    snapLen,
    header: () => Buffer.concat([
      pcapngSection(), ...first.map((name) => declare(name, options.linkType ?? LINKTYPE_ETHERNET)),
    ]),
    packet: (time, data, origLen, how) => {
      const iface = how.iface ?? 0
      if (iface >= count) throw new RangeError(`interface ${iface}, but the capture has declared ${count}`)
      const flags = how.direction === undefined ? 0 : how.direction === 'in' ? PACKET_IN : PACKET_OUT
      const comments = how.comment === undefined ? [] : [how.comment]
      return pcapngPacket(time, data, { iface, tsResol, origLen, flags, comments })
    },
    addInterface: (name, linkType) => {
      const bytes = declare(name, linkType)
      return { id: count - 1, bytes }
    },
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
