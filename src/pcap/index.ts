/**
 * Captures: a bounded reader and writer for classic pcap (µs, ns) and pcapng, either byte order.
 *
 *   const { records, error } = parseCapture(bytes)                  // a file in memory; never throws
 *   readerPush(reader, chunk, (record) => …); readerEnd(reader)      // a stream, chunk by chunk
 *   const summary = await readCapture('x.pcap', (record) => …)       // a file on disk (Node)
 *   const writer = openCaptureWriter('x.pcapng', { format: 'pcapng', linkType: LINKTYPE_ETHERNET })
 *   writer.write(timeUs, frame, { direction: 'in' }); writer.close()
 *
 * Everything but `file.ts` is free of Node.
 */

/** What is wrong with a capture, and at which byte and record. */
export { CaptureError } from './error.ts'

/** Packets, interfaces, limits; link types and directions. */
export { DEFAULT_LIMITS, LINKTYPE_ETHERNET, LINKTYPE_NULL, LINKTYPE_RAW, PACKET_IN, PACKET_OUT } from './record.ts'
export type { CaptureFormat, CaptureInterface, CaptureLimits, CaptureRecord, CaptureTime } from './record.ts'

/** Reading. */
export { createReader } from './state.ts'
export type { CaptureReader } from './state.ts'
export { parseCapture, readerEnd, readerPush } from './reader.ts'
export type { Capture, CaptureSummary, RecordSink } from './reader.ts'

/** Writing, without files: one encoder for both formats, or block by block. */
export { createCaptureEncoder } from './encoder.ts'
export type { CaptureEncoder, CaptureEncoderOptions, WriteOptions } from './encoder.ts'
export { pcapHeader, pcapRecord } from './write-pcap.ts'
export type { PcapOptions } from './write-pcap.ts'
export { pcapngBlock, pcapngInterface, pcapngPacket, pcapngSection, pcapngSimplePacket } from './write-ng.ts'
export type { PcapngInterfaceOptions, PcapngPacketOptions, PcapngSectionOptions } from './write-ng.ts'
export { TSRESOL_NS, TSRESOL_US, timeFromUs } from './time.ts'

/** Files (Node). */
export { openCaptureWriter, readCapture } from './file.ts'
export type { CaptureWriter } from './file.ts'
