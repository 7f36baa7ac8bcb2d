/** TCP options (RFC 9293 §3.1 and §3.2, RFC 7323, RFC 2018). */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { toSeq } from '../../src/lib/seq.ts'
import * as wire from '../../src/wire/index.ts'
import type { TcpOptions } from '../../src/wire/index.ts'

const parse = (...octets: number[]): { ok: boolean; opts: TcpOptions } => {
  const opts = wire.createTcpOptions()
  return { ok: wire.tcpParseOptions(wire.viewOf(Uint8Array.from(octets)), 0, octets.length, opts), opts }
}

const uint32 = fc.integer({ min: 0, max: 0xffffffff })

const options: fc.Arbitrary<TcpOptions> = fc.record({
  flags: fc.subarray([wire.TOF_MSS, wire.TOF_SCALE, wire.TOF_SACKPERM, wire.TOF_TS, wire.TOF_SACK, wire.TOF_FASTOPEN])
    .map((bits) => bits.reduce((all, bit) => all | bit, 0)),
  mss: fc.nat(0xffff),
  wscale: fc.nat(14),
  tsVal: uint32,
  tsEcr: uint32,
  aoAt: fc.constant(0), aoLen: fc.constant(0), sigAt: fc.constant(0),
  sackCount: fc.nat(4),
  sack: fc.array(fc.integer({ min: -0x80000000, max: 0x7fffffff }).map(toSeq), { minLength: 8, maxLength: 8 }),
  uto: fc.nat(0xffff),
  fastLen: fc.constantFrom(0, 4, 6, 8, 14, 16),
  fast: fc.array(fc.integer({ min: -0x80000000, max: 0x7fffffff }), { minLength: 4, maxLength: 4 }),
}).map((o) => ({ ...o, fast: o.fast.map((w, i) => w & (o.fastLen >= 4 * i + 4 ? -1 : o.fastLen > 4 * i ? -65536 : 0)) }))

describe('TCP options', () => {
  it('what was written is parsed again; padded to 4, at most 40 octets, nothing else touched', () => {
    fc.assert(fc.property(options, fc.nat(7), (opts, at) => {
      const bytes = new Uint8Array(64).fill(0xa5)
      const len = wire.tcpWriteOptions(wire.viewOf(bytes), at, opts)
      expect(len).toBe(wire.tcpOptionsLen(opts))
      expect(len % 4).toBe(0)
      expect(len).toBeLessThanOrEqual(40)
      expect(bytes.filter((b, i) => (i < at || i >= at + len) && b !== 0xa5)).toHaveLength(0)

      const back = wire.createTcpOptions()
      expect(wire.tcpParseOptions(wire.viewOf(bytes), at, len, back)).toBe(true)
      const has = (bit: number): boolean => (opts.flags & bit) !== 0
      expect(back.flags & ~wire.TOF_SACK).toBe(opts.flags & ~wire.TOF_SACK)
      expect(back.fastLen).toBe(has(wire.TOF_FASTOPEN) ? opts.fastLen : 0)
      if (has(wire.TOF_FASTOPEN)) expect(back.fast).toEqual(opts.fast)
      expect(back.mss).toBe(has(wire.TOF_MSS) ? opts.mss : 0)
      expect(back.wscale).toBe(has(wire.TOF_SCALE) ? opts.wscale : 0)
      expect([back.tsVal, back.tsEcr]).toEqual(has(wire.TOF_TS) ? [opts.tsVal, opts.tsEcr] : [0, 0])
      const used = wire.tcpOptionsLen({ ...opts, flags: opts.flags & ~wire.TOF_SACK })
      const fits = has(wire.TOF_SACK) ? Math.max(0, Math.min(opts.sackCount, Math.floor((40 - used - 4) / 8))) : 0
      expect(back.sackCount).toBe(fits)
      expect(back.sack.slice(0, fits * 2)).toEqual(opts.sack.slice(0, fits * 2))
    }))
  })

  it('RFC 2018 §3: three SACK blocks fit beside a timestamp, four without', () => {
    const opts = { ...wire.createTcpOptions(), flags: wire.TOF_SACK | wire.TOF_TS, sackCount: 4 }
    expect(wire.tcpOptionsLen(opts)).toBe(12 + 4 + 3 * 8)
    expect(wire.tcpOptionsLen({ ...opts, flags: wire.TOF_SACK })).toBe(4 + 4 * 8)
  })

  it.each([
    ['MSS, scale, SACK, time', 0x17, false, [2, 4, 0, 9, 1, 3, 3, 7, 4, 2, 8, 10, 0, 0, 0, 1, 0, 0, 0, 2]],
    ['MSS, scale, SACK', 0x07, false, [2, 4, 0, 9, 1, 3, 3, 7, 4, 2, 0, 0]],
    ['MSS, SACK', 0x05, false, [2, 4, 0, 9, 4, 2, 0, 0]],
    ['MSS, scale, time', 0x13, false, [2, 4, 0, 9, 1, 3, 3, 7, 1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 2]],
    ['MSS, SACK, time, scale', 0x17, true, [2, 4, 0, 9, 4, 2, 8, 10, 0, 0, 0, 1, 0, 0, 0, 2, 1, 3, 3, 7]],
    ['MSS, SACK, scale', 0x07, true, [2, 4, 0, 9, 1, 1, 4, 2, 1, 3, 3, 7]],
  ])('order of a SYN: %s', (_what, flags, scaleLast, octets) => {
    const opts = { ...wire.createTcpOptions(), flags, mss: 9, wscale: 7, tsVal: 1, tsEcr: 2 }
    const bytes = new Uint8Array(40)
    const len = wire.tcpWriteOptions(wire.viewOf(bytes), 0, opts, scaleLast)
    expect([...bytes.subarray(0, len)]).toEqual(octets)
    expect(wire.tcpOptionsLen(opts)).toBe(len)
  })

  it('never reads past its length, throws or hangs; malformed exactly when the printer says so', () => {
    const dull = fc.constantFrom(0, 1, 2, 3, 4, 5, 8, 10, 18, 19, 28, 29, 34, 254)
    const octets = fc.array(fc.oneof(dull, dull, fc.nat(255)), { maxLength: 40 })
    fc.assert(fc.property(octets, (list) => {
      const { ok } = parse(...list)
      const text = wire.printTcpOptions(wire.viewOf(Uint8Array.from(list)), 0, list.length, list.length)
      expect(ok).toBe(!/\[bad opt\]|\[len/.test(text))
    }), { numRuns: 500 })
  })

  it('RFC 5482 §3.1: a user timeout is told in seconds, whichever its unit', () => {
    const print = (...octets: number[]): string =>
      wire.printTcpOptions(wire.viewOf(Uint8Array.from(octets)), 0, octets.length, octets.length)
    expect([print(28, 4, 0, 90), print(28, 4, 0x80, 3), print(28, 5, 0, 0, 0)]).toEqual(['uto 90s', 'uto 180s', 'uto [len 5]'])
  })

  it('MUST-7: a length of 0 or 1, one past the end, or a missing one ends the walk; what came before is kept', () => {
    for (const tail of [[8, 0], [8, 1], [99, 0], [8, 10, 0, 0], [5, 10, 1, 2], [8]]) {
      const { ok, opts } = parse(2, 4, 5, 180, ...tail)
      expect(ok).toBe(false)
      expect(opts).toEqual({ ...wire.createTcpOptions(), flags: wire.TOF_MSS, mss: 1460 })
    }
  })

  it('a known option of the wrong length is reported and passed over', () => {
    const { ok, opts } = parse(2, 3, 5, 3, 3, 7, 4, 3, 0, 8, 4, 0, 0)
    expect(ok).toBe(false)
    expect(opts).toEqual({ ...wire.createTcpOptions(), flags: wire.TOF_SCALE, wscale: 7 })
  })

  it('MUST-6: unknown options (fast open, experiments) are skipped by length', () => {
    const { ok, opts } = parse(34, 4, 1, 2, 254, 3, 9, 250, 2, 1, 4, 2, 0)
    expect(ok).toBe(true)
    expect(opts.flags).toBe(wire.TOF_SACKPERM)
  })

  it('RFC 9293 §3.2: nothing after the end of the list is read', () => {
    const { ok, opts } = parse(1, 0, 2, 4, 5, 180, 8, 0)
    expect(ok).toBe(true)
    expect(opts.flags).toBe(0)
  })

  it('RFC 7323 §2.3: a shift above 14 counts as 14', () => {
    expect(parse(3, 3, 15).opts.wscale).toBe(14)
    expect(parse(3, 3, 255).opts.wscale).toBe(14)
  })

  it('a reused record keeps nothing from the segment before', () => {
    const opts = { ...wire.createTcpOptions(), flags: 0xff, mss: 1, wscale: 2, tsVal: 3, tsEcr: 4, sackCount: 4 }
    expect(wire.tcpParseOptions(new DataView(new ArrayBuffer(0)), 0, 0, opts)).toBe(true)
    expect(opts).toEqual(wire.createTcpOptions())
  })
})
