import fc from 'fast-check'
import { expect, it } from 'vitest'
import { Switch } from '../../src/device/switch.ts'
import { createFramePool } from '../../src/lib/frame.ts'
import { etherBytes, testDevice } from './fixture.ts'

const AGE_US = 1000
const LIMIT = 6
const MACS = [
  ...Array.from({ length: 10 }, (_, i) => 0x020000000001 + i), 0, 0x010000000001, 0xffffffffffff, 0x0180c2000003,
]

interface Seen { mac: number; port: number; at: number }

const frame = fc.record({
  port: fc.nat(3), src: fc.constantFrom(...MACS), dst: fc.constantFrom(...MACS), waitUs: fc.nat(600),
  len: fc.oneof({ weight: 9, arbitrary: fc.constant(60) }, { weight: 1, arbitrary: fc.integer({ min: 1, max: 13 }) }),
})

/** The rules of IEEE 802.1D §7.7-7.9 once more, as slow as possible. */
function expectedPorts(seen: Seen[], now: number, from: number, dst: number): number[] {
  const known = seen.find((e) => e.mac === dst && now - e.at < AGE_US)
  if (Math.floor(dst / 2 ** 40) % 2 === 0 && known !== undefined) return known.port === from ? [] : [known.port]
  return [0, 1, 2, 3].filter((p) => p !== from)
}

it('a switch does what a simple model does, for any frames', () => {
  fc.assert(fc.property(fc.array(frame, { maxLength: 60 }), (frames) => {
    const pool = createFramePool({ poison: true })
    let now = 0
    const sw = new Switch({ name: 'sw', clock: { now: () => now }, pool, macLimit: LIMIT, ageUs: AGE_US })
    const devices = [0, 1, 2, 3].map((i) => testDevice(pool, `d${i}`))
    for (const d of devices) sw.addDevice(d)
    // oldest first; an entry keeps its place when it is refreshed within a second, as here always
    const seen: Seen[] = []
    for (const { port, src, dst, waitUs, len } of frames) {
      now += waitUs
      for (const d of devices) d.sent.length = 0
      devices[port]?.arrive(etherBytes(dst, src, 1, 60).subarray(0, len))
      let expected: number[] = []
      if (len === 60 && src !== 0 && Math.floor(src / 2 ** 40) % 2 === 0) {
        const entry = seen.find((e) => e.mac === src)
        if (entry !== undefined) Object.assign(entry, { port, at: now })
        else {
          if (seen.length >= LIMIT) seen.shift()
          seen.push({ mac: src, port, at: now })
        }
        if (dst !== 0x0180c2000003) {
          expected = expectedPorts(seen, now, port, dst)
          const stale = seen.findIndex((e) => e.mac === dst && now - e.at >= AGE_US)
          if (stale >= 0) seen.splice(stale, 1)
        }
      }
      expect(devices.flatMap((d, i) => d.sent.map(() => i))).toEqual(expected)
      expect(sw.macs.entries.size).toBeLessThanOrEqual(LIMIT)
      expect(pool.inUse).toBe(0)
    }
  }), { numRuns: 300 })
})
