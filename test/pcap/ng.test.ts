/** pcapng files built by hand, through the reader. */

import { describe, expect, it } from 'vitest'

import { createReader, parseCapture, readerPush } from '../../src/pcap/index.ts'
import type { CaptureRecord } from '../../src/pcap/index.ts'
import { BE, DATA, LE, ORDERS, ascii, bytes } from './build.ts'

const NAME = 2
const TSRESOL = 9
const TSOFFSET = 14
const COMMENT = 1
const FLAGS = 2

function one(...parts: number[][]): CaptureRecord {
  const { records, error } = parseCapture(bytes(...parts))
  expect(error).toBeNull()
  expect(records).toHaveLength(1)
  return records[0]
}

describe.each(ORDERS)('draft-ietf-opsawg-pcapng: a %s section', (_name, o) => {
  it('§4.2, §4.3: interfaces with their own link type, name and resolution; enhanced packets', () => {
    const file = bytes(
      o.section(o.option(4, ascii('somebody'))),
      o.iface(1, 96, o.option(NAME, ascii('tap0')), o.option(3, ascii('first'))),
      o.iface(101, 0, o.option(TSRESOL, [9])),
      o.packet(0, 1_700_000_000_123_456n, DATA, o.option(COMMENT, ascii('hello')), o.option(FLAGS, o.u32(2))),
      o.packet(1, 1_700_000_000_123_456_789n, []),
    )
    const { format, interfaces, records, error } = parseCapture(file)
    expect(error).toBeNull()
    expect(format).toBe('pcapng')
    expect(interfaces).toEqual([
      { section: 0, linkType: 1, snapLen: 96, name: 'tap0', description: 'first', tsResol: 6, tsOffset: 0 },
      { section: 0, linkType: 101, snapLen: 0, name: '', description: '', tsResol: 9, tsOffset: 0 },
    ])
    expect(records).toMatchObject([
      {
        index: 1, iface: 0, linkType: 1, timed: true, sec: 1_700_000_000, nsec: 123_456_000, capLen: 5, origLen: 5,
        flags: 2, comments: ['hello'], data: Uint8Array.from(DATA), fileOffset: 44 + 44 + 32,
      },
      { index: 2, iface: 1, linkType: 101, sec: 1_700_000_000, nsec: 123_456_789, capLen: 0, flags: 0, comments: [] },
    ])
  })

  it('§4.4: a simple packet has no time and is as long as the first interface\'s snaplen lets it', () => {
    const cut = one(o.section(), o.iface(1, 4), o.iface(101, 0), o.simple(1500, [1, 2, 3, 4]))
    expect(cut).toMatchObject({ iface: 0, linkType: 1, timed: false, sec: 0, nsec: 0, capLen: 4, origLen: 1500 })
    const whole = one(o.section(), o.iface(1, 0), o.simple(5, DATA))
    expect(whole).toMatchObject({ capLen: 5, origLen: 5, data: Uint8Array.from(DATA) })
  })

  it('appendix A: the obsolete packet block, whose interface id has 16 bits', () => {
    const record = one(o.section(), o.iface(1, 0), o.iface(113, 0),
      o.oldPacket(1, 5_000_007n, DATA, o.option(FLAGS, o.u32(1))))
    expect(record).toMatchObject({ iface: 1, linkType: 113, sec: 5, nsec: 7000, flags: 1, data: Uint8Array.from(DATA) })
  })

  it('unknown and statistics blocks between packets are skipped', () => {
    const record = one(
      o.block(0x0a0d0d0a, [...o.u32(0x1a2b3c4d), ...o.u16(1, 2), ...o.u32(0, 0)]), o.block(0xbad, DATA),
      o.iface(1, 0), o.block(5, new Array<number>(400).fill(7)), o.packet(0, 1n, DATA), o.block(0x40000bad, []))
    expect(record).toMatchObject({ index: 1, nsec: 1000 })
  })

  it.each([
    ['10^0 s', 0, 17n, 17, 0],
    ['10^-3 s', 3, 17_250n, 17, 250_000_000],
    ['10^-12 s, cut to nanoseconds', 12, 17_000_000_001_999n, 17, 1],
    ['10^-127 s, finer than any packet', 127, 0xffffffffffffffffn, 0, 0],
    ['2^0 s', 0x80, 17n, 17, 0],
    ['2^-10 s', 0x8a, 17n * 1024n + 1n, 17, 976_562],
    ['2^-32 s, as in NTP', 0xa0, (17n << 32n) + (1n << 31n), 17, 500_000_000],
    ['2^-127 s', 0xff, 1n, 0, 0],
    ['10^-6 s, all bits set', 6, 0xffffffffffffffffn, 18_446_744_073_709, 551_615_000],
    ['10^0 s beyond what a number holds', 0, 0xffffffffffffffffn, Number.MAX_SAFE_INTEGER, 0],
  ])('§4.2 if_tsresol: %s', (_resolution, tsResol, units, sec, nsec) => {
    const record = one(o.section(), o.iface(1, 0, o.option(TSRESOL, [tsResol])), o.packet(0, units, DATA))
    expect(record).toMatchObject({ sec, nsec, timed: true })
  })

  it('§4.2 if_tsoffset: seconds added to every timestamp, before 1970 if need be', () => {
    const later = o === LE ? [0, 0, 0, 0, 1, 0, 0, 0] : [0, 0, 0, 1, 0, 0, 0, 0]
    const earlier = o === LE ? [0xf6, ...new Array<number>(7).fill(255)] : [...new Array<number>(7).fill(255), 0xf6]
    expect(one(o.section(), o.iface(1, 0, o.option(TSOFFSET, later)), o.packet(0, 3_000_001n, DATA)))
      .toMatchObject({ sec: 4_294_967_299, nsec: 1000 })
    expect(one(o.section(), o.iface(1, 0, o.option(TSOFFSET, earlier)), o.packet(0, 3_000_001n, DATA)))
      .toMatchObject({ sec: -7, nsec: 1000 })
  })
})

describe('§4.1: several sections', () => {
  const blocks = [
    LE.section(), LE.iface(1, 0), LE.iface(101, 0), LE.packet(1, 1n, DATA),
    BE.section(), BE.iface(113, 0, BE.option(TSRESOL, [9])), BE.packet(0, 1n, DATA),
    LE.section(), LE.iface(1, 0), LE.packet(0, 1n, DATA),
  ]
  const file = bytes(...blocks)

  it('each with its own byte order and interfaces, whose ids count from 0 again', () => {
    const { interfaces, records, error } = parseCapture(file)
    expect(error).toBeNull()
    expect(interfaces.map((i) => i.section)).toEqual([0, 0, 1, 2])
    expect(records).toMatchObject([
      { index: 1, iface: 1, linkType: 101, nsec: 1000 },
      { index: 2, iface: 2, linkType: 113, nsec: 1 },
      { index: 3, iface: 3, linkType: 1, nsec: 1000 },
    ])
  })

  it('a packet cannot use an interface of the section before', () => {
    const { records, error } = parseCapture(bytes(LE.section(), LE.iface(1, 0), LE.packet(0, 1n, DATA), BE.section(),
      BE.packet(0, 1n, DATA)))
    expect(records).toHaveLength(1)
    expect(error?.message).toBe('record 2 at byte 116: interface 0, but the section has declared 0')
  })

  it('chunks of any size give what the whole file gives', () => {
    for (let size = 1; size < file.length; size += size < 40 ? 1 : 13) {
      const reader = createReader()
      const records: CaptureRecord[] = []
      for (let at = 0; at < file.length; at += size) {
        readerPush(reader, file.subarray(at, at + size), (r) => { records.push(r) })
      }
      expect(records).toEqual(parseCapture(file).records)
    }
  })

  it('every length to which the file can be cut is reported, and everything before is delivered', () => {
    const whole = parseCapture(file).records
    let start = 0
    let records = 0
    for (const block of blocks) {
      for (let length = Math.max(start, 28); length < start + block.length; length++) {
        const cut = parseCapture(file.subarray(0, length))
        if (length === start) expect(cut.error).toBeNull()
        else expect(cut.error).toMatchObject({ offset: start, what: `block after record ${records}` })
        expect(cut.records).toEqual(whole.slice(0, records))
      }
      start += block.length
      if (block.includes(0xde)) records++
    }
    expect(records).toBe(whole.length)
  })
})

describe('errors name block, byte, expected and found', () => {
  const head = [...LE.section(), ...LE.iface(1, 0)]
  const at = head.length
  const epb = LE.packet(0, 1n, DATA)
  const changed = (block: number[], offset: number, ...value: number[]): number[] => {
    const copy = [...block]
    copy.splice(offset, value.length, ...value)
    return copy
  }

  it.each<[string, number[], string]>([
    ['a byte-order magic that is none', changed(LE.section(), 8, 0x4e), 'section header at byte 0: byte-order magic ' +
      '0x4e3c2b1a, expected 0x1a2b3c4d in either order'],
    ['a version we do not know', changed(LE.section(), 12, 2), 'section header at byte 0: version 2.0, expected 1.0'],
    ['a section header that is too short', [...LE.u32(0x0a0d0d0a, 12, 0x1a2b3c4d)],
      'section header at byte 0: block length 12, expected at least 28'],
    ['an interface block that is too short', [...LE.section(), ...LE.block(1, [1, 0, 0, 0])],
      'interface description at byte 28: block length 16, expected at least 20'],
    ['an option longer than its block', [...LE.section(),
      ...LE.iface(1, 0, changed(LE.option(NAME, ascii('tap0')), 2, 99))],
      'interface description at byte 28: option 2 of 99 bytes, but the block has 8 left'],
    ['an option one byte longer than its block', [...LE.section(),
      ...LE.block(1, [1, 0, 0, 0, 0, 0, 0, 0, ...LE.u16(NAME, 5), 1, 2, 3, 4])],
      'interface description at byte 28: option 2 of 5 bytes, but the block has 4 left'],
    ['an if_tsresol that is not one byte', [...LE.section(), ...LE.iface(1, 0, LE.option(TSRESOL, [9, 9]))],
      'interface description at byte 28: if_tsresol of 2 bytes, expected 1'],
    ['an if_tsoffset that is not eight', [...LE.section(), ...LE.iface(1, 0, LE.option(TSOFFSET, [9]))],
      'interface description at byte 28: if_tsoffset of 1 bytes, expected 8'],
    ['a block length of 0', [...head, ...LE.u32(6, 0, 0)],
      `record 1 at byte ${at}: block length 0, expected at least 32`],
    ['an unknown block of length 8', [...head, ...LE.u32(0xbad, 8, 8)],
      `block of type 0xbad at byte ${at}: block length 8, expected at least 12`],
    ['a block length that is odd', [...head, ...LE.u32(6, 33, 0)],
      `record 1 at byte ${at}: block length 33 is not a multiple of 4`],
    ['a block length above the limit', [...head, ...LE.u32(0xbad, 0xfffffffc, 0)],
      `block of type 0xbad at byte ${at}: block length 4294967292 exceeds limit 16777216`],
    ['two lengths that differ', [...head, ...changed(epb, epb.length - 4, 44)],
      `record 1 at byte ${at}: block length 40 at its start, 44 at its end`],
    ['an interface nobody declared', [...head, ...LE.packet(1, 1n, DATA)],
      `record 1 at byte ${at}: interface 1, but the section has declared 1`],
    ['the largest interface id', [...head, ...changed(epb, 8, 255, 255, 255, 255)],
      `record 1 at byte ${at}: interface 4294967295, but the section has declared 1`],
    ['a simple packet without an interface', [...LE.section(), ...LE.simple(5, DATA)],
      'record 1 at byte 28: interface 0, but the section has declared 0'],
    ['a captured length longer than the block', [...head, ...changed(epb, 20, 9)],
      `record 1 at byte ${at}: captured length 9, but the block has room for 8`],
    ['a captured length above the limit', [...head, ...changed(epb, 20, 255, 255, 255, 255)],
      `record 1 at byte ${at}: captured length 4294967295 exceeds limit 262144`],
    ['a simple packet longer than its block', [...head, ...LE.simple(1500, DATA)],
      `record 1 at byte ${at}: captured length 1500, but the block has room for 8`],
    ['flags that are not four bytes', [...head, ...LE.packet(0, 1n, DATA, LE.option(FLAGS, [1]))],
      `record 1 at byte ${at}: flags option of 1 bytes, expected 4`],
  ])('%s', (_name, file, message) => {
    const { error, records } = parseCapture(bytes(file, LE.packet(0, 1n, DATA)))
    expect(error?.message).toBe(message)
    expect(records).toEqual([])
  })

  it('more interfaces than the limit', () => {
    const file = bytes(LE.section(), LE.iface(1, 0), LE.iface(1, 0), BE.section(), BE.iface(1, 0))
    expect(parseCapture(file, { maxInterfaces: 3 }).error).toBeNull()
    expect(parseCapture(file, { maxInterfaces: 2 }).error?.message)
      .toBe('interface description at byte 96: more than 2 interfaces')
  })

  it('a byte order that is not the section\'s', () => {
    expect(parseCapture(bytes(LE.section(), BE.iface(1, 0))).error?.message)
      .toBe('block of type 0x1000000 at byte 28: block length 335544320 exceeds limit 16777216')
  })

  it('a block that never comes costs no memory', () => {
    const reader = createReader()
    readerPush(reader, bytes(head, LE.u32(6, 16_000_000, 0)), () => {})
    expect(reader.need).toBe(16_000_000)
    expect(reader.buf.length).toBeLessThanOrEqual(1024)
  })
})

describe('§3.5: options', () => {
  it('after opt_endofopt are not looked at, and the list needs no end', () => {
    const ended = one(LE.section(), LE.iface(1, 0), LE.packet(0, 1n, DATA, [0, 0, 0, 0], LE.option(COMMENT, [65])))
    expect(ended.comments).toEqual([])
    const open = LE.block(6, [...LE.u32(0, 0, 1, 0, 0), ...LE.option(COMMENT, [65]), ...LE.option(COMMENT, [66])])
    expect(one(LE.section(), LE.iface(1, 0), open).comments).toEqual(['A', 'B'])
  })

  it('that are not UTF-8 are replaced, names are kept to 1,024 bytes', () => {
    const { interfaces, records } = parseCapture(bytes(
      LE.section(), LE.iface(1, 0, LE.option(NAME, ascii('n'.repeat(5000)))),
      LE.packet(0, 1n, [], LE.option(COMMENT, [0xff, 0xc3, 0xa9]))))
    expect(interfaces[0]?.name).toBe('n'.repeat(1024))
    expect(records[0]?.comments).toEqual(['\ufffdé'])
  })
})
