import { afterEach, beforeEach, expect, it } from 'vitest'
import { captureDevice } from '../../src/device/capture.ts'
import { LINK_IP } from '../../src/device/device.ts'
import { printSeconds, traceDevice } from '../../src/device/tracer.ts'
import { checksumAdd, checksumFold, checksumPartial } from '../../src/lib/checksum.ts'
import { CSUM_PARTIAL, createFramePool, frameFrom, frameRelease } from '../../src/lib/frame.ts'
import type { Frame, FramePool } from '../../src/lib/frame.ts'
import { viewOf } from '../../src/wire/layout.ts'
import { IPPROTO_TCP } from '../../src/wire/ipv4.ts'
import { collect, etherBytes, sendBytes, testDevice } from './fixture.ts'
import type { TestDevice } from './fixture.ts'

let pool: FramePool
let medium: TestDevice
let time = 0
const clock = { now: (): number => time }

beforeEach(() => {
  pool = createFramePool({ poison: true })
  medium = testDevice(pool, 'eth7')
  time = 0
})
afterEach(() => { expect(pool.inUse).toBe(0) })

/** An ARP request, who-has 10.0.0.2 tell 10.0.0.1. */
function arpBytes(): Uint8Array {
  const bytes = etherBytes(0xffffffffffff, 0x020000000001, 0, 42)
  bytes.set([0x08, 0x06, 0, 1, 8, 0, 6, 4, 0, 1, 2, 0, 0, 0, 0, 1, 10, 0, 0, 1, 0, 0, 0, 0, 0, 0, 10, 0, 0, 2], 12)
  return bytes
}

it('capture: every frame with time and direction, and passed on unchanged with flush and batch end', () => {
  const seen: [number, number, string, number][] = []
  const device = captureDevice(medium, clock, (at, bytes, direction, linkType) => {
    seen.push([at, bytes[14], direction, linkType])
  })
  const got = collect(device)
  let ends = 0
  device.onBatchEnd = () => { ends++ }
  time = 5
  sendBytes(pool, device, etherBytes(2, 4, 1))
  device.flush()
  time = 9
  medium.arrive(etherBytes(4, 2, 2))
  medium.endBatch()
  expect(seen).toEqual([[5, 1, 'out', 1], [9, 2, 'in', 1]])
  expect(medium.sent).toEqual([etherBytes(2, 4, 1)])
  expect(got).toEqual([etherBytes(4, 2, 2)])
  expect([medium.flushes, ends, device.name, device.mtu]).toEqual([1, 1, 'eth7', 1500])
})

it('capture: bare IP packets are linktype raw', () => {
  const tun = testDevice(pool, 'tun0', 1500, LINK_IP)
  let type = -1
  const device = captureDevice(tun, clock, (_at, _bytes, _direction, linkType) => { type = linkType })
  sendBytes(pool, device, new Uint8Array(20))
  expect(type).toBe(101)
})

it('capture: a checksum left to the hardware is shown completed, and left partial in the frame', () => {
  let captured = new Uint8Array(0)
  const device = captureDevice(medium, clock, (_at, bytes) => { captured = bytes.slice() })
  const f = frameFrom(pool, etherBytes(2, 4, 0x21, 34 + 20 + 7)) as Frame
  f.l4 = f.off + 34
  f.proto = IPPROTO_TCP
  f.csum = CSUM_PARTIAL
  f.view.setUint16(f.l4 + 16, checksumPartial(0x4321))
  device.send(f)
  expect(checksumFold(checksumAdd(0x4321, viewOf(captured), 34, 27))).toBe(0)
  expect(f.view.getUint16(f.l4 + 16)).toBe(checksumPartial(0x4321))
  expect(f.csum).toBe(CSUM_PARTIAL)
  frameRelease(pool, f)
})

it('tracer: a line with time, device, direction and the dissection', () => {
  const lines: string[] = []
  const device = traceDevice(medium, clock, (line) => { lines.push(line) })
  time = 12_000_250
  sendBytes(pool, device, arpBytes())
  time = 12_000_251.9
  medium.arrive(arpBytes())
  expect(lines[0]).toBe('12.000250 eth7 Out ARP, Request who-has 10.0.0.2 tell 10.0.0.1, length 28')
  expect(lines[1]).toMatch(/^12\.000251 eth7 In {2}ARP/)
})

it('tracer: seconds have six digits', () => {
  expect([0, 1, 999_999, 1e6, 86_400e6 + 5].map(printSeconds)).toEqual(
    ['0.000000', '0.000001', '0.999999', '1.000000', '86400.000005'])
})
