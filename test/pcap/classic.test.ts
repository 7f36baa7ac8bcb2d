/** Classic pcap files built by hand, through the reader. */

import { describe, expect, it } from 'vitest'

import { CaptureError, createReader, parseCapture, readerEnd, readerPush } from '../../src/pcap/index.ts'
import type { CaptureRecord } from '../../src/pcap/index.ts'
import { BE, DATA, LE, MAGIC_NS, MAGIC_US, ORDERS, bytes } from './build.ts'

const FILE = bytes(LE.fileHeader(MAGIC_US), LE.record(1, 2, DATA), LE.record(3, 4, [], 60), LE.record(5, 6, DATA))

describe.each(ORDERS)('draft-ietf-opsawg-pcap §4, §5: a %s file', (_name, o) => {
  it('in microseconds: times, lengths, data and file offset of each record', () => {
    const file = bytes(o.fileHeader(MAGIC_US, 101, 96),
      o.record(1_700_000_000, 123_456, DATA, 1500), o.record(7, 0, []))
    const { format, interfaces, records, error } = parseCapture(file)
    expect(error).toBeNull()
    expect(format).toBe('pcap')
    expect(interfaces).toEqual([
      { section: 0, linkType: 101, snapLen: 96, name: '', description: '', tsResol: 6, tsOffset: 0 },
    ])
    expect(records).toEqual([
      {
        index: 1, iface: 0, linkType: 101, timed: true, sec: 1_700_000_000, nsec: 123_456_000, capLen: 5,
        origLen: 1500, flags: 0, comments: [], data: Uint8Array.from(DATA), fileOffset: 24,
      },
      {
        index: 2, iface: 0, linkType: 101, timed: true, sec: 7, nsec: 0, capLen: 0, origLen: 0, flags: 0, comments: [],
        data: new Uint8Array(0), fileOffset: 45,
      },
    ])
  })

  it('in nanoseconds, with a time after 2038', () => {
    const { records, interfaces } = parseCapture(bytes(o.fileHeader(MAGIC_NS), o.record(0xffffffff, 999_999_999, DATA)))
    expect(records[0]).toMatchObject({ sec: 4_294_967_295, nsec: 999_999_999 })
    expect(interfaces[0]).toMatchObject({ tsResol: 9 })
  })

  it('whose link type says how long the frame check sequence is', () => {
    const { records } = parseCapture(bytes(o.fileHeader(MAGIC_US, 0x24000001), o.record(0, 0, DATA)))
    expect(records[0]).toMatchObject({ linkType: 1 })
  })

  it('of another version is refused', () => {
    const file = bytes(o.u32(MAGIC_US), o.u16(2, 2), o.u32(0, 0, 65535, 1))
    expect(parseCapture(file).error?.message).toBe('file header at byte 0: version 2.2, expected 2.4')
  })
})

describe('what is unusual but readable', () => {
  it('a fraction of more than a second is carried into the seconds', () => {
    const us = parseCapture(bytes(BE.fileHeader(MAGIC_US), BE.record(10, 0x80000000, DATA)))
    expect(us.records[0]).toMatchObject({ sec: 2157, nsec: 483_648_000 })
    const ns = parseCapture(bytes(BE.fileHeader(MAGIC_NS), BE.record(10, 1_000_000_000, DATA)))
    expect(ns.records[0]).toMatchObject({ sec: 11, nsec: 0 })
  })

  it('captured lengths above snaplen and above the original length', () => {
    const { records, error } = parseCapture(bytes(LE.fileHeader(MAGIC_US, 1, 2), LE.record(0, 0, DATA, 1)))
    expect(error).toBeNull()
    expect(records[0]).toMatchObject({ capLen: 5, origLen: 1, data: Uint8Array.from(DATA) })
  })

  it('a capture without records', () => {
    expect(parseCapture(bytes(LE.fileHeader(MAGIC_US)))).toMatchObject({ format: 'pcap', records: [], error: null })
  })
})

describe('errors name record, byte, expected and found', () => {
  it('a captured length above the limit', () => {
    const file = bytes(LE.fileHeader(MAGIC_US), LE.record(0, 0, DATA), LE.record(0, 0, DATA, 5, 0xffffffff))
    const { records, error } = parseCapture(file)
    expect(records).toHaveLength(1)
    expect(error).toMatchObject({ offset: 45, record: 2, name: 'CaptureError' })
    expect(error?.message).toBe('record 2 at byte 45: captured length 4294967295 exceeds limit 262144')
  })

  it('the limit itself is allowed, one more is not', () => {
    const file = bytes(LE.fileHeader(MAGIC_US), LE.record(0, 0, DATA))
    expect(parseCapture(file, { maxRecordBytes: 5 }).error).toBeNull()
    expect(parseCapture(file, { maxRecordBytes: 4 }).error?.reason).toBe('captured length 5 exceeds limit 4')
  })

  it.each([
    ['no bytes', [], 'file header at byte 0: file ends after 0 of at least 4 bytes'],
    ['half a magic', [0xd4, 0xc3], 'file header at byte 0: file ends after 2 of at least 4 bytes'],
    ['half a header', LE.fileHeader(MAGIC_US).slice(0, 23),
      'file header at byte 0: file ends after 23 of at least 24 bytes'],
    ['text', [0x23, 0x21, 0x2f, 0x62, 0x69], 'file header at byte 0: found 0x23212f62, expected pcap (0xa1b2c3d4 or ' +
      '0xa1b23c4d, either byte order) or pcapng (0x0a0d0d0a)'],
    ['gzip', [0x1f, 0x8b, 8, 0, 0],
      'file header at byte 0: found 0x1f8b0800, which is gzip: decompress the file first'],
  ])('%s instead of a capture', (_name, file, message) => {
    expect(parseCapture(bytes(file)).error?.message).toBe(message)
  })

  it('every length to which the file can be cut: what is whole is delivered, the cut record is reported', () => {
    const ends = [24, 45, 61, 82]
    for (let length = 24; length <= FILE.length; length++) {
      const whole = ends.filter((end) => end <= length)
      const { records, error } = parseCapture(FILE.subarray(0, length))
      expect(records).toHaveLength(whole.length - 1)
      const start = whole.at(-1)
      if (start === length) expect(error).toBeNull()
      else expect(error).toMatchObject({ offset: start, record: whole.length, what: `record ${whole.length}` })
    }
  })

  it('a reader that failed says so again and delivers nothing more', () => {
    const reader = createReader({ maxRecordBytes: 4 })
    const records: CaptureRecord[] = []
    const push = (): void => readerPush(reader, FILE, (r) => { records.push(r) })
    expect(push).toThrow(CaptureError)
    expect(push).toThrow('record 1 at byte 24')
    expect(() => readerEnd(reader)).toThrow('record 1 at byte 24')
    expect(records).toEqual([])
  })
})

describe('chunks', () => {
  it.each([1, 2, 3, 7, 16, 23, 24, 25, 40, 1000])('of %i bytes give what the whole file gives', (size) => {
    const reader = createReader()
    const records: CaptureRecord[] = []
    for (let at = 0; at < FILE.length; at += size) {
      readerPush(reader, FILE.subarray(at, at + size), (r) => { records.push(r) })
    }
    expect(readerEnd(reader)).toMatchObject({ records: 3, truncated: null })
    expect(records).toEqual(parseCapture(FILE).records)
  })

  it('may be reused by the caller, and be Buffers: records own their bytes', () => {
    const chunk = Buffer.from(FILE)
    const { records } = parseCapture(chunk)
    chunk.fill(0)
    expect(records[2]?.data).toEqual(Uint8Array.from(DATA))
    expect(records[2]?.data.buffer.byteLength).toBe(DATA.length)
  })

  it('a length that never arrives costs no memory', () => {
    const reader = createReader({ maxRecordBytes: 0xffffffff })
    readerPush(reader, bytes(LE.fileHeader(MAGIC_US), LE.record(0, 0, DATA, 5, 0xfffffff0)), () => {})
    expect(reader.need).toBe(0x100000000)
    expect(reader.buf.length).toBeLessThanOrEqual(1024)
  })

  it('a record of 32 MiB in chunks of 64 bytes is put together in linear time', () => {
    const size = 32 * 1024 * 1024
    const reader = createReader({ maxRecordBytes: size })
    const data = new Uint8Array(size).fill(0x5a)
    const lengths: number[] = []
    readerPush(reader, bytes(LE.fileHeader(MAGIC_US), LE.record(0, 0, [], size, size)), () => {})
    for (let at = 0; at < size; at += 64) {
      readerPush(reader, data.subarray(at, at + 64), (r) => { lengths.push(r.data.length) })
    }
    expect(lengths).toEqual([size])
    expect(reader.buf.length).toBe(0)
  }, 20_000)
})
