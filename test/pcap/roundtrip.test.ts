/** What the writers write, the reader reads: properties over both formats. */

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'

import { createCaptureEncoder, createReader, parseCapture, pcapHeader, pcapRecord, pcapngInterface, pcapngPacket,
  pcapngSection, pcapngSimplePacket, readerEnd, readerPush, timeFromUs } from '../../src/pcap/index.ts'
import type { CaptureRecord } from '../../src/pcap/index.ts'
import { bytes } from './build.ts'

const u32 = fc.integer({ min: 0, max: 0xffffffff })
const nsec = fc.integer({ min: 0, max: 999_999_999 })
const data = fc.uint8Array({ maxLength: 200 })
const linkType = fc.integer({ min: 0, max: 0xffff })
const cuts = fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 1, maxLength: 8 })

/** The records of a file that arrives in pieces of `sizes`, over and over. */
function inPieces(file: Uint8Array, sizes: readonly number[]): CaptureRecord[] {
  const reader = createReader()
  const records: CaptureRecord[] = []
  for (let at = 0, i = 0; at < file.length; i++) {
    const size = sizes[i % sizes.length]
    readerPush(reader, file.subarray(at, at + size), (r) => { records.push(r) })
    at += size
  }
  expect(readerEnd(reader).truncated).toBeNull()
  return records
}

function concat(parts: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts))
}

describe('classic', () => {
  it('any records, resolution, byte order and link type come back; microseconds cut the time', () => {
    const packet = fc.record({ sec: u32, nsec, data, origLen: u32 })
    fc.assert(fc.property(fc.boolean(), fc.boolean(), linkType, u32, fc.array(packet, { maxLength: 12 }), cuts,
      (nanos, bigEndian, type, snapLen, packets, sizes) => {
        const options = { nanos, bigEndian, linkType: type, snapLen }
        const file = concat([pcapHeader(options), ...packets.map((p) => pcapRecord(p, p.data, options, p.origLen))])
        const { interfaces, records, error } = parseCapture(file)
        expect(error).toBeNull()
        expect(interfaces).toMatchObject([{ linkType: type, snapLen, tsResol: nanos ? 9 : 6 }])
        expect(records.map(({ sec, nsec: ns, data: d, origLen }) => ({ sec, nsec: ns, data: d, origLen })))
          .toEqual(packets.map((p) => ({ ...p, nsec: nanos ? p.nsec : p.nsec - p.nsec % 1000 })))
        expect(records.every((r) => r.linkType === type && r.capLen === r.data.length)).toBe(true)
        expect(inPieces(file, sizes)).toEqual(records)
      }))
  })
})

describe('pcapng', () => {
  const iface = fc.record({
    linkType, snapLen: u32, name: fc.string({ unit: 'grapheme', maxLength: 40 }),
    description: fc.string({ maxLength: 40 }),
    tsResol: fc.constantFrom(0, 3, 6, 9, 12, 0x80, 0x8a, 0x94, 0x9e),
  })
  const packet = fc.record({
    on: fc.nat(), sec: fc.integer({ min: 0, max: 18_000_000 }), nsec, data, origLen: u32, flags: u32,
    comments: fc.array(fc.string({ unit: 'grapheme', maxLength: 30 }), { maxLength: 3 }),
  })
  const section = fc.record({
    bigEndian: fc.boolean(), interfaces: fc.array(iface, { minLength: 1, maxLength: 4 }),
    packets: fc.array(packet, { maxLength: 8 }),
  })

  it('any sections, interfaces and packets come back, times cut to the interface\'s resolution', () => {
    fc.assert(fc.property(fc.array(section, { minLength: 1, maxLength: 3 }), cuts, (sections, sizes) => {
      const parts: Uint8Array[] = []
      const expected: object[] = []
      let before = 0
      for (const { bigEndian, interfaces, packets } of sections) {
        parts.push(pcapngSection({ bigEndian }))
        for (const i of interfaces) parts.push(pcapngInterface({ ...i, bigEndian }))
        for (const { on, ...p } of packets) {
          const id = on % interfaces.length
          const { tsResol, linkType: type } = interfaces[id] as { tsResol: number; linkType: number }
          parts.push(pcapngPacket(p, p.data, { ...p, bigEndian, iface: id, tsResol }))
          expected.push({ ...p, nsec: cutTo(p.nsec, tsResol), iface: before + id, linkType: type, timed: true })
        }
        before += interfaces.length
      }
      const file = concat(parts)
      const { interfaces, records, error } = parseCapture(file)
      expect(error).toBeNull()
      expect(interfaces)
        .toEqual(sections.flatMap((s, n) => s.interfaces.map((i) => ({ ...i, section: n, tsOffset: 0 }))))
      expect(records).toHaveLength(expected.length)
      expect(records).toMatchObject(expected)
      expect(inPieces(file, sizes)).toEqual(records)
    }))
  })

  it('simple packets, cut to the snaplen', () => {
    fc.assert(fc.property(fc.boolean(), data, fc.integer({ min: 1, max: 250 }), (bigEndian, packetData, snapLen) => {
      const captured = packetData.subarray(0, snapLen)
      const file = concat([pcapngSection({ bigEndian }), pcapngInterface({ bigEndian, snapLen }),
        pcapngSimplePacket(captured, bigEndian, packetData.length)])
      expect(parseCapture(file)).toMatchObject({
        error: null, records: [{ data: captured, capLen: captured.length, origLen: packetData.length, timed: false }],
      })
    }))
  })

  it('any time that fits comes back exactly in nanoseconds', () => {
    fc.assert(fc.property(fc.integer({ min: 0, max: 18_446_744_072 }), nsec, (sec, ns) => {
      const file = concat([pcapngSection(), pcapngInterface({ tsResol: 9 }),
        pcapngPacket({ sec, nsec: ns }, bytes(), { tsResol: 9 })])
      expect(parseCapture(file).records[0]).toMatchObject({ sec, nsec: ns })
    }))
  })
})

describe('the encoder of both formats', () => {
  it('takes microseconds, cuts to the snaplen and keeps the original length', () => {
    for (const format of ['pcap', 'pcapng'] as const) {
      const encoder = createCaptureEncoder({ format, linkType: 101, snapLen: 3 })
      const file = concat([encoder.header, encoder.packet(1_500_000.25, bytes([1, 2, 3, 4])),
        encoder.packet({ sec: 2, nsec: 7 }, bytes([5]), { origLen: 9 })])
      const ns = format === 'pcapng'
      expect(parseCapture(file)).toMatchObject({
        format, error: null, records: [
          { linkType: 101, sec: 1, nsec: ns ? 500_000_250 : 500_000_000, data: bytes([1, 2, 3]), origLen: 4 },
          { linkType: 101, sec: 2, nsec: ns ? 7 : 0, data: bytes([5]), capLen: 1, origLen: 9 },
        ],
      })
    }
  })

  it('declares interfaces at the start and later, and marks direction and comment', () => {
    const encoder = createCaptureEncoder({ format: 'pcapng', interfaces: ['a', 'b'], nanos: false })
    const added = encoder.addInterface('raw', 101)
    const file = concat([encoder.header, added.bytes,
      encoder.packet(1, bytes([1]), { iface: 1, direction: 'in', comment: 'look' }),
      encoder.packet(2, bytes([2]), { iface: added.id, direction: 'out' })])
    const { interfaces, records } = parseCapture(file)
    expect(interfaces.map((i) => [i.name, i.linkType, i.tsResol])).toEqual([['a', 1, 6], ['b', 1, 6], ['raw', 101, 6]])
    expect(records).toMatchObject([
      { iface: 1, flags: 1, comments: ['look'], nsec: 1000 }, { iface: 2, flags: 2, comments: [], nsec: 2000 },
    ])
  })
})

describe('what does not fit the format is a RangeError that names the field', () => {
  const nothing = bytes()
  const classic = createCaptureEncoder({ format: 'pcap' })
  const ng = createCaptureEncoder({ format: 'pcapng' })
  it.each<[string, () => unknown]>([
    ['seconds 4294967296 is not in 0…4294967295', () => pcapRecord({ sec: 2 ** 32, nsec: 0 }, nothing)],
    ['seconds -1', () => pcapRecord({ sec: -1, nsec: 0 }, nothing)],
    ['seconds 1.5', () => pcapngPacket({ sec: 1.5, nsec: 0 }, nothing)],
    ['nanoseconds 1000000000 is not in 0…999999999', () => pcapRecord({ sec: 0, nsec: 1e9 }, nothing)],
    ['time 18446744074 s does not fit 64 bits at if_tsresol 9',
      () => pcapngPacket({ sec: 18_446_744_074, nsec: 0 }, nothing, { tsResol: 9 })],
    ['time NaN µs', () => timeFromUs(NaN)],
    ['time -1 µs', () => timeFromUs(-1)],
    ['original length -1', () => pcapRecord({ sec: 0, nsec: 0 }, nothing, {}, -1)],
    ['link type 65536 is not in 0…65535', () => pcapHeader({ linkType: 65536 })],
    ['if_tsresol 256', () => pcapngInterface({ tsResol: 256 })],
    ['option length 65536', () => pcapngPacket({ sec: 0, nsec: 0 }, nothing, { comments: ['x'.repeat(65536)] })],
    ['interface 1: a classic capture has only interface 0', () => classic.packet(0, nothing, { iface: 1 })],
    ['a classic capture has only one interface', () => classic.addInterface('x')],
    ['a classic capture names no interfaces', () => createCaptureEncoder({ format: 'pcap', interfaces: ['x'] })],
    ['snaplen 0', () => createCaptureEncoder({ format: 'pcap', snapLen: 0 })],
    ['interface 1, but the capture has declared 1', () => ng.packet(0, nothing, { iface: 1 })],
  ])('%s', (message, call) => {
    expect(call).toThrow(RangeError)
    expect(call).toThrow(message)
  })
})

/** Nanoseconds to the resolution and back, both times rounded down. */
function cutTo(ns: number, tsResol: number): number {
  const exponent = tsResol & 0x7f
  const units = (tsResol & 0x80) === 0 ? 10n ** BigInt(exponent) : 2n ** BigInt(exponent)
  return Number(BigInt(ns) * units / 1_000_000_000n * 1_000_000_000n / units)
}
