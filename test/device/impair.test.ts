import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { impairDevice } from '../../src/device/impair.ts'
import type { ImpairOptions } from '../../src/device/impair.ts'
import { SimClock } from '../../src/sim/clock.ts'
import { CSUM_PARTIAL, CSUM_VALID, createFramePool, frameBytes, frameFrom, frameRelease } from '../../src/lib/frame.ts'
import type { Frame, FramePool } from '../../src/lib/frame.ts'
import { checksumAdd, checksumFold, checksumPartial } from '../../src/lib/checksum.ts'
import { viewOf } from '../../src/wire/layout.ts'
import { IPPROTO_UDP } from '../../src/wire/ipv4.ts'
import { collect, etherBytes, sendBytes, testDevice } from './fixture.ts'
import type { TestDevice } from './fixture.ts'

let pool: FramePool
let clock: SimClock
let medium: TestDevice
beforeEach(() => {
  pool = createFramePool({ poison: true })
  clock = new SimClock()
  medium = testDevice(pool, 'm')
})
afterEach(() => { expect(pool.inUse).toBe(0) })

function impaired(options: Partial<ImpairOptions>): ReturnType<typeof impairDevice> {
  return impairDevice(medium, { clock, pool, seed: [1], ...options })
}

function runAll(): void {
  while (clock.next() < Infinity) clock.take()
}

function bitsChanged(a: Uint8Array, b: Uint8Array): number {
  return a.reduce((n, byte, i) => n + (byte ^ (b[i])).toString(2).replaceAll('0', '').length, 0)
}

/** A frame with a UDP packet whose checksum is left to the hardware. */
function partialFrame(): Frame {
  const f = frameFrom(pool, etherBytes(2, 4, 0x33, 14 + 20 + 40)) as Frame
  f.view.setUint16(f.off + 12, 0x0800)
  f.l4 = f.off + 34
  f.proto = IPPROTO_UDP
  f.csum = CSUM_PARTIAL
  f.view.setUint16(f.l4 + 6, checksumPartial(0x1234))
  return f
}

describe('impaired device', () => {
  it('passes frames straight through, without a copy, when nothing is configured', () => {
    const device = impaired({})
    let same: Frame | null = null
    const f = frameFrom(pool, etherBytes(2, 4)) as Frame
    medium.send = (g) => { same = g }
    device.send(f)
    frameRelease(pool, f)
    expect(same).toBe(f)
  })

  it('delays both directions apart from each other, with bytes of its own and an empty pool meanwhile', () => {
    const device = impaired({ tx: { delayUs: 3000 }, rx: { delayUs: 1000 } })
    const got = collect(device)
    let ends = 0
    device.onBatchEnd = () => { ends++ }
    sendBytes(pool, device, etherBytes(2, 4, 1))
    medium.arrive(etherBytes(4, 2, 2))
    expect([medium.sent.length, got.length, pool.inUse]).toEqual([0, 0, 0])
    clock.take()
    expect([clock.now(), got.length, ends]).toEqual([1000, 1, 1])
    clock.take()
    expect([clock.now(), medium.sent.length, medium.flushes]).toEqual([3000, 1, 1])
    expect(medium.sent[0]).toEqual(etherBytes(2, 4, 1))
    expect(got[0]).toEqual(etherBytes(4, 2, 2))
  })

  it('loses in one direction only when told so', () => {
    const device = impaired({ rx: { lossRate: 1 } })
    const got = collect(device)
    sendBytes(pool, device, etherBytes(2, 4))
    medium.arrive(etherBytes(4, 2))
    expect([medium.sent.length, got.length]).toEqual([1, 0])
    expect(device.rx.stats.lost).toBe(1)
    expect(device.tx.stats.passed).toBe(1)
  })

  it('the directions draw different random numbers', () => {
    const device = impaired({ tx: { lossRate: 0.5 }, rx: { lossRate: 0.5 } })
    const got = collect(device)
    for (let i = 0; i < 64; i++) {
      sendBytes(pool, device, etherBytes(2, 4, i))
      medium.arrive(etherBytes(4, 2, i))
    }
    expect(medium.sent.map((x) => x[14])).not.toEqual(got.map((x) => x[14]))
  })

  it('duplicates arrive twice, the same', () => {
    const device = impaired({ tx: { duplicateRate: 1 } })
    sendBytes(pool, device, etherBytes(2, 4, 5))
    expect(medium.sent).toEqual([etherBytes(2, 4, 5), etherBytes(2, 4, 5)])
  })

  it('a corrupted frame differs in one bit, and the sender\'s bytes are left alone', () => {
    const device = impaired({ tx: { corruptRate: 1 } })
    const original = etherBytes(2, 4, 0x55, 200)
    original.set([0x08, 0x00], 12)
    const f = frameFrom(pool, original) as Frame
    f.csum = CSUM_VALID
    device.send(f)
    expect(frameBytes(f)).toEqual(original)
    frameRelease(pool, f)
    expect(bitsChanged(medium.sent[0], original)).toBe(1)
  })

  it('ARP passes undamaged', () => {
    const device = impaired({ tx: { corruptRate: 1 } })
    const arp = etherBytes(2, 4, 0x55, 60)
    arp.set([0x08, 0x06], 12)
    sendBytes(pool, device, arp)
    expect(medium.sent).toEqual([arp])
    expect(device.tx.stats.corrupted).toBe(0)
  })

  it('nobody vouches for the checksum of a corrupted frame, and a partial one is completed first', () => {
    const device = impaired({ tx: { corruptRate: 1 } })
    let csum = -1
    const send = (f: Frame): void => { medium.sent.push(frameBytes(f).slice()) }
    medium.send = (f) => { csum = f.csum; send(f) }
    const f = partialFrame()
    const completed = frameBytes(f).slice()
    viewOf(completed).setUint16(40, checksumFold(checksumAdd(0, viewOf(completed), 34, 40)))
    device.send(f)
    frameRelease(pool, f)
    expect(csum).toBe(0)
    expect(bitsChanged(medium.sent[0], completed)).toBe(1)
  })

  it('a delayed frame keeps what its receiver needs to complete the checksum', () => {
    const device = impaired({ tx: { delayUs: 10 } })
    const f = partialFrame()
    device.send(f)
    frameRelease(pool, f)
    let seen: number[] = []
    medium.send = (g) => { seen = [g.csum, g.l4 - g.off, g.proto] }
    runAll()
    expect(seen).toEqual([CSUM_PARTIAL, 34, IPPROTO_UDP])
  })

  it('reordered frames come out behind those sent after them', () => {
    const device = impaired({ tx: { delayUs: 100, reorderRate: 0.3, reorderUs: 50 } })
    for (let i = 0; i < 40; i++) {
      clock.at(i * 10, () => { sendBytes(pool, device, etherBytes(2, 4, i)) })
    }
    runAll()
    const order = medium.sent.map((x) => x[14])
    expect([...order].sort((a, b) => a - b)).toEqual(Array.from({ length: 40 }, (_, i) => i))
    expect(order).not.toEqual([...order].sort((a, b) => a - b))
  })

  it('loses what is under way when it is closed', () => {
    const device = impaired({ tx: { delayUs: 1000 }, rx: { delayUs: 1000 } })
    const got = collect(device)
    sendBytes(pool, device, etherBytes(2, 4))
    medium.arrive(etherBytes(4, 2))
    device.close()
    runAll()
    expect([medium.sent.length, got.length]).toEqual([0, 0])
  })

  it('counts frames that find the pool exhausted on arrival', () => {
    pool = createFramePool({ smallLimit: 1 })
    medium = testDevice(pool, 'm')
    const device = impaired({ tx: { delayUs: 1000 } })
    sendBytes(pool, device, etherBytes(2, 4))
    const hog = frameFrom(pool, new Uint8Array(10)) as Frame
    runAll()
    frameRelease(pool, hog)
    expect(medium.sent.length).toBe(0)
    expect(device.tx.stats.noBuffer).toBe(1)
  })
})

describe('a partial checksum (RFC 1071)', () => {
  it('completed by hand equals the whole sum', () => {
    const f = partialFrame()
    const bytes = frameBytes(f).slice()
    frameRelease(pool, f)
    const view = viewOf(bytes)
    view.setUint16(40, 0)
    const whole = checksumFold(checksumAdd(0x1234, view, 34, 40))
    view.setUint16(40, checksumPartial(0x1234))
    expect(checksumFold(checksumAdd(0, view, 34, 40))).toBe(whole)
  })
})
