import { describe, expect, it } from 'vitest'
import { codelDequeue, createCodelState } from '../../src/device/codel.ts'
import type { CodelPacket, CodelQueue } from '../../src/device/codel.ts'
import { impairDevice } from '../../src/device/impair.ts'
import type { ImpairConfig } from '../../src/device/impair-plan.ts'
import { createFramePool, frameBytes } from '../../src/lib/frame.ts'
import { checksumAdd, checksumFold } from '../../src/lib/checksum.ts'
import { SimClock } from '../../src/sim/clock.ts'
import { viewOf } from '../../src/wire/layout.ts'
import { etherBytes, sendBytes, testDevice } from './fixture.ts'

const TARGET = 5000
const INTERVAL = 100_000

/** A queue that never runs out: each packet has waited `delayUs` when it is taken, and `left` bytes are behind it. */
function endless(ecn = false) {
  const q = {
    delayUs: 10_000, left: 100_000, now: 0, drops: [] as number[], marks: [] as number[],
    get bytes() { return q.left },
    shift: (): CodelPacket => ({ at: q.now - q.delayUs, frameBytes: 1000 }),
    mark: () => {
      if (ecn) q.marks.push(q.now)
      return ecn
    },
    drop: () => { q.drops.push(q.now) },
  }
  return q satisfies CodelQueue<CodelPacket>
}

function serve(q: ReturnType<typeof endless>, c: ReturnType<typeof createCodelState>, untilUs: number): void {
  for (; q.now < untilUs; q.now += 1000) codelDequeue(c, q, q.now, TARGET, INTERVAL)
}

/** When the dequeues of each millisecond see a deadline pass. */
function ms(at: number): number {
  return Math.ceil(at / 1000) * 1000
}

describe('CoDel (RFC 8289)', () => {
  it('§4: drops nothing before the delay has been above the target for an interval', () => {
    const q = endless()
    const c = createCodelState()
    serve(q, c, INTERVAL)
    expect(q.drops).toEqual([])
    serve(q, c, INTERVAL + 1000)
    expect(q.drops).toEqual([INTERVAL])
  })

  it('§5.6: the time between drops shrinks with the square root of their number', () => {
    const q = endless()
    serve(q, createCodelState(), 500_000)
    const expected = [INTERVAL]
    let next = 2 * INTERVAL
    for (let count = 2; next < 499_000; count++) {
      expected.push(ms(next))
      next += INTERVAL / Math.sqrt(count)
    }
    expect(q.drops).toEqual(expected)
    expect(q.drops.length).toBeGreaterThan(6)
  })

  it('§4: one short delay ends the drop state', () => {
    const q = endless()
    const c = createCodelState()
    serve(q, c, 150_000)
    q.delayUs = 4999
    serve(q, c, 151_000)
    expect(c.dropping).toBe(false)
    q.delayUs = 10_000
    serve(q, c, 251_000)
    expect(q.drops.length).toBe(1)
  })

  it('§5.5: soon after, it goes on with the drop rate of the last time', () => {
    const q = endless()
    const c = createCodelState()
    serve(q, c, 600_000)
    const { count } = c
    expect(count).toBeGreaterThan(5)
    q.delayUs = 0
    serve(q, c, 610_000)
    q.delayUs = 10_000
    serve(q, c, 712_000)
    expect(c.dropping).toBe(true)
    expect(c.count).toBeGreaterThanOrEqual(count - 1)
  })

  it('§4.1: with no more than a packet left nothing is dropped, whatever the delay', () => {
    const q = endless()
    q.left = 1000
    serve(q, createCodelState(), 500_000)
    expect(q.drops).toEqual([])
  })

  it('marks at the same times when the transport is ECN-capable, and loses nothing', () => {
    const [plain, ecn] = [endless(), endless(true)]
    serve(plain, createCodelState(), 500_000)
    serve(ecn, createCodelState(), 500_000)
    expect(ecn.drops).toEqual([])
    expect(ecn.marks).toEqual(plain.drops)
  })
})

/** Sends `count` frames, one every `everyUs`, into 8 Mb/s (a frame of 1,000 bytes takes 1 ms). */
function overload(config: Partial<ImpairConfig>, count: number, everyUs: number, frame: (i: number) => Uint8Array) {
  const pool = createFramePool({ poison: true })
  const clock = new SimClock()
  const medium = testDevice(pool, 'm')
  const out: { at: number; bytes: Uint8Array }[] = []
  medium.send = (f) => { out.push({ at: clock.now(), bytes: frameBytes(f).slice() }) }
  const device = impairDevice(medium, { clock, pool, seed: [1], tx: { rateBps: 8e6, codel: true, ...config } })
  for (let i = 0; i < count; i++) clock.at(i * everyUs, () => { sendBytes(pool, device, frame(i)) })
  while (clock.next() < Infinity) clock.take()
  expect(pool.inUse).toBe(0)
  return { out, stats: device.tx.stats, held: device.tx.held }
}

const plain = (i: number): Uint8Array => etherBytes(2, 4, i & 0xff, 1000)

/** An IP packet of 986 bytes with the given ECN bits, behind an Ethernet header. */
function ip(version: number, ecn: number): Uint8Array {
  const bytes = etherBytes(2, 4, 0x11, 1000)
  const view = viewOf(bytes)
  view.setUint16(12, version === 4 ? 0x0800 : 0x86dd)
  if (version === 6) view.setUint16(14, 0x6000 | ecn << 4)
  else {
    view.setUint16(14, 0x4500 | ecn)
    view.setUint16(24, 0)
    view.setUint16(24, checksumFold(checksumAdd(0, view, 14, 20)))
  }
  return bytes
}

describe('bottleneck with CoDel', () => {
  it('sends at its rate, in order, and behind the delay of the link', () => {
    const { out, stats } = overload({ delayUs: 7000 }, 50, 100, plain)
    expect(stats).toMatchObject({ frames: 50, passed: 50, codelDropped: 0, queueFull: 0 })
    expect(out.map((o) => o.at)).toEqual(Array.from({ length: 50 }, (_, i) => 7000 + (i + 1) * 1000))
    expect(out.map((o) => o.bytes[14])).toEqual(Array.from({ length: 50 }, (_, i) => i))
  })

  it('keeps the queue short under load that drop-tail would let it fill with', () => {
    const [aqm, tail] = [overload({}, 10_000, 990, plain), overload({ codel: false }, 10_000, 990, plain)]
    expect(tail.stats.passed).toBe(10_000)
    expect(aqm.stats.codelDropped).toBeGreaterThan(10)
    expect(aqm.stats.passed + aqm.stats.codelDropped).toBe(10_000)
    // 1 % too much for 9.9 s: the queue would be 100 ms long
    expect((tail.out.at(-1) as { at: number }).at - 9999 * 990).toBeGreaterThan(90_000)
    expect((aqm.out.at(-1) as { at: number }).at - 9999 * 990).toBeLessThan(20_000)
    expect(aqm.held).toBe(0)
  })

  it('drops at its tail what finds no room', () => {
    const { stats, out } = overload({ queueBytes: 5000 }, 20, 0, plain)
    // one is being sent, five wait
    expect([stats.queueFull, out.length]).toEqual([14, 6])
  })

  it.each([4, 6])('RFC 3168 §5: marks IPv%i packets that are ECN-capable, checksum and all, and drops the others', (v) => {
    const { out, stats } = overload({ ecn: true }, 1000, 500, (i) => ip(v, i & 1))
    const marks = out.filter(({ bytes }) => (v === 4 ? bytes[15] : bytes[15] >> 4) === 3)
    expect(stats.marked).toBe(marks.length)
    expect([marks.length > 3, stats.codelDropped > 3]).toEqual([true, true])
    if (v === 4) for (const { bytes } of marks) expect(checksumFold(checksumAdd(0, viewOf(bytes), 14, 20))).toBe(0)
    expect(overload({ ecn: false }, 1000, 500, (i) => ip(v, i & 1)).stats.marked).toBe(0)
  })

  it('loses what waits when it is closed', () => {
    const pool = createFramePool({ poison: true })
    const clock = new SimClock()
    const medium = testDevice(pool, 'm')
    const device = impairDevice(medium, { clock, pool, seed: [1], tx: { rateBps: 8e6, codel: true, delayUs: 10 } })
    for (let i = 0; i < 10; i++) sendBytes(pool, device, plain(i))
    device.close()
    while (clock.next() < Infinity) clock.take()
    expect([medium.sent.length, device.tx.held, pool.inUse]).toEqual([0, 0, 0])
  })

  it('wants a rate', () => {
    expect(() => overload({ rateBps: Infinity }, 1, 1, plain)).toThrow('rateBps is infinite')
  })
})
