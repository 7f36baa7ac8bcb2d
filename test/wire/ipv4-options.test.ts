/** IPv4 options (RFC 791 §3.1, RFC 1122 §3.2.1.8, RFC 2113). */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import * as wire from '../../src/wire/index.ts'
import type { IpOptions } from '../../src/wire/index.ts'

const AT = 3

/** Parses options behind a fixed header that starts at an odd place; pads to a whole word with EOL. */
function parse(...octets: number[]): { fault: number; found: IpOptions } {
  const words = Math.ceil(octets.length / 4)
  const bytes = new Uint8Array(AT + 20 + words * 4)
  bytes[AT] = 0x45 + words
  bytes.set(octets, AT + 20)
  const found = wire.createIpOptions()
  return { fault: wire.ipParseOptions(wire.viewOf(bytes), AT, found), found }
}

const NONE = wire.createIpOptions()

describe('IPv4 options', () => {
  it('are located from the start of the header', () => {
    const { fault, found } = parse(
      1, 7, 7, 4, 0, 0, 0, 0, 68, 8, 5, 0, 0, 0, 0, 0, 148, 4, 0, 0, 131, 7, 8, 10, 0, 0, 1)
    expect(fault).toBe(wire.IP_OPTIONS_OK)
    expect(found).toEqual({
      recordRouteAt: 21, timestampAt: 28, routerAlertAt: 36, sourceRouteAt: 40, sourceRouteStrict: 0
    })
    expect(parse(137, 7, 4, 10, 0, 0, 1).found).toEqual({ ...NONE, sourceRouteAt: 20, sourceRouteStrict: 1 })
  })

  it('RFC 1122 §3.2.1.8: unknown ones are skipped, and nothing after the end is read', () => {
    expect(parse(130, 11, 0, 0, 0, 0, 0, 0, 0, 0, 0, 94, 2, 0, 7, 0)).toEqual({ fault: -1, found: NONE })
  })

  it('RFC 1122 §3.2.2.5: a fault is given as the octet at fault', () => {
    expect(parse(1, 1, 1, 7).fault).toBe(23)
    expect(parse(1, 99, 0, 0).fault).toBe(22)
    expect(parse(99, 1).fault).toBe(21)
    expect(parse(99, 5, 0, 0).fault).toBe(21)
    expect(parse(7, 2, 0).fault).toBe(21)
    expect(parse(7, 7, 3, 0, 0, 0, 0).fault).toBe(22)
    expect(parse(68, 8, 4, 0, 0, 0, 0, 0).fault).toBe(22)
    expect(parse(148, 3, 0).fault).toBe(21)
  })

  it('RFC 1122 §3.2.1.8 (c): a second source route is a fault', () => {
    expect(parse(131, 3, 4, 137, 3, 4).fault).toBe(23)
  })

  it('RFC 791: a full route list (pointer past the end) is no fault', () => {
    expect(parse(7, 7, 8, 10, 0, 0, 1).fault).toBe(wire.IP_OPTIONS_OK)
  })

  it('never throws or hangs, and finds nothing outside the header', () => {
    const octet = fc.oneof(fc.constantFrom(0, 1, 3, 4, 5, 7, 8, 68, 131, 137, 148), fc.nat(255))
    fc.assert(fc.property(fc.array(octet, { maxLength: 40 }), (list) => {
      const { fault, found } = parse(...list)
      const end = 20 + Math.ceil(list.length / 4) * 4
      expect(fault === -1 || (fault >= 20 && fault < end)).toBe(true)
      for (const at of [found.recordRouteAt, found.timestampAt, found.sourceRouteAt, found.routerAlertAt]) {
        expect(at === -1 || (at >= 20 && at < end)).toBe(true)
      }
      expect(typeof wire.printIpOptions(wire.viewOf(Uint8Array.from(list)), 0, list.length)).toBe('string')
    }), { numRuns: 500 })
  })

  it('print: names, and the routes with the next free slot marked', () => {
    const list = [1, 7, 11, 8, 10, 0, 0, 1, 0, 0, 0, 0, 148, 4, 0, 0, 82, 4, 0, 0, 0]
    expect(wire.printIpOptions(wire.viewOf(Uint8Array.from(list)), 0, list.length))
      .toBe('NOP,RR 10.0.0.1 ^0.0.0.0,RA,unknown-82,EOL')
    expect(wire.printIpOptions(wire.viewOf(Uint8Array.of(7, 1)), 0, 2)).toBe('RR [bad length 1]')
  })
})
