import fc from 'fast-check'
import { expect, test } from 'vitest'
import { portPick } from '../../src/inet/port.ts'
import type { Vn } from '../../src/kern/vn.ts'
import { addrFromIp4 } from '../../src/lib/addr.ts'
import { createSmallVn } from './vn.ts'
import { sysctlsIn } from '../../src/vnet/sysctl.ts'

const LOCAL = addrFromIp4(0x0a000001)
const REMOTE = addrFromIp4(0x0a000002)

function range(vn: Vn, first: number, last: number): void {
  sysctlsIn(vn.state)['net.inet.ip.portrange.first'] = first
  sysctlsIn(vn.state)['net.inet.ip.portrange.last'] = last
}

test('RFC 6056 §3.3.3: a picked port is in the range and not in use, and every free one is found', () => {
  fc.assert(fc.property(
    fc.integer({ min: 1, max: 65_000 }), fc.integer({ min: 0, max: 60 }), fc.nat(), fc.infiniteStream(fc.boolean()),
    (first, size, start, taken) => {
      const vn = createSmallVn()
      range(vn, first, first + size)
      vn.state.inet.nextEphemeral = start
      const used = new Set<number>()
      for (let p = first; p <= first + size; p++) if (taken.next().value) used.add(p)
      const free = size + 1 - used.size
      for (let i = 0; i < free; i++) {
        const port = portPick(vn, LOCAL, REMOTE, 80, (p) => used.has(p))
        expect(port).toBeGreaterThanOrEqual(first)
        expect(port).toBeLessThanOrEqual(first + size)
        expect(used.has(port)).toBe(false)
        used.add(port)
      }
      expect(portPick(vn, LOCAL, REMOTE, 80, (p) => used.has(p))).toBe(0)
    }))
})

test('RFC 6056 §3.3.3: all ports of the default range are reachable', () => {
  const vn = createSmallVn()
  const seen = new Set<number>()
  for (let i = 0; i < 55_536; i++) seen.add(portPick(vn, LOCAL, REMOTE, 80, () => false))
  expect(seen.size).toBe(55_536)
  expect(Math.min(...seen)).toBe(10_000)
  expect(Math.max(...seen)).toBe(65_535)
})

test('RFC 6056 §3.3.3: the offset depends on the secret and on each part of the connection', () => {
  const pick = (key: [number, number, number, number], laddr = LOCAL, faddr = REMOTE, fport = 80): number =>
    portPick(createSmallVn(key), laddr, faddr, fport, () => false)
  const ports = [
    pick([1, 2, 3, 4]), pick([1, 2, 3, 5]), pick([1, 2, 3, 4], REMOTE), pick([1, 2, 3, 4], LOCAL, LOCAL),
    pick([1, 2, 3, 4], LOCAL, REMOTE, 81),
  ]
  expect(new Set(ports).size).toBe(ports.length)
})

test('a range whose ends are swapped is the same range', () => {
  const vn = createSmallVn()
  range(vn, 5010, 5001)
  const seen = new Set(Array.from({ length: 10 }, () => portPick(vn, LOCAL, REMOTE, 80, () => false)))
  expect([...seen].sort()).toEqual([5001, 5002, 5003, 5004, 5005, 5006, 5007, 5008, 5009, 5010])
})
