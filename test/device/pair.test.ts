import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { LINK_IP } from '../../src/device/device.ts'
import { createPair } from '../../src/device/pair.ts'
import { createFramePool, F_DF, frameFrom, frameRelease } from '../../src/lib/frame.ts'
import type { Frame, FramePool } from '../../src/lib/frame.ts'
import { collect, etherBytes, sendBytes } from './fixture.ts'

let pool: FramePool
beforeEach(() => { pool = createFramePool({ poison: true }) })
afterEach(() => { expect(pool.inUse).toBe(0) })

describe('pair', () => {
  it('delivers what is sent on one end at the other, both ways, and counts it', () => {
    const [a, b] = createPair(pool)
    const atA = collect(a)
    const atB = collect(b)
    sendBytes(pool, a, etherBytes(2, 4, 1))
    sendBytes(pool, a, etherBytes(2, 4, 2, 70))
    sendBytes(pool, b, etherBytes(4, 2, 3))
    expect(atB.map((x) => x[14])).toEqual([1, 2])
    expect(atA.map((x) => x[14])).toEqual([3])
    expect(a.stats).toMatchObject({ txFrames: 2, txBytes: 130, rxFrames: 1, rxBytes: 60, txDropped: 0 })
    expect(b.stats).toMatchObject({ txFrames: 1, rxFrames: 2 })
  })

  it('flush on one end is the end of a batch at the other', () => {
    const [a, b] = createPair(pool)
    let ends = 0
    b.onBatchEnd = () => { ends++ }
    a.flush()
    expect(ends).toBe(1)
  })

  it('drops packets above the MTU: 1500 bytes and an Ethernet header pass, one more does not', () => {
    const [a, b] = createPair(pool)
    const got = collect(b)
    sendBytes(pool, a, etherBytes(2, 4, 1, 1514))
    sendBytes(pool, a, etherBytes(2, 4, 2, 1515))
    expect(got.map((x) => x.length)).toEqual([1514])
    expect(a.stats.txDropped).toBe(1)
  })

  it('counts no Ethernet header on an IP link, and 4 more bytes for a VLAN tag', () => {
    const [a, b] = createPair(pool, { link: LINK_IP, mtu: 100 })
    const got = collect(b)
    sendBytes(pool, a, new Uint8Array(100))
    sendBytes(pool, a, new Uint8Array(101))
    expect(got.length).toBe(1)
    const [c, d] = createPair(pool)
    const tagged = collect(d)
    const bytes = etherBytes(2, 4, 0, 1518)
    bytes.set([0x81, 0x00], 12)
    sendBytes(pool, c, bytes)
    expect(tagged.length).toBe(1)
  })

  it('keeps the order, without recursion, of frames sent from inside a delivery', () => {
    const [a, b] = createPair(pool)
    const order: string[] = []
    let depth = 0
    let deepest = 0
    const enter = (name: string, f: Frame, then: () => void): void => {
      deepest = Math.max(deepest, ++depth)
      order.push(`${name}${f.slab[f.off + 14]}`)
      then()
      depth--
    }
    b.onFrame = (f) => enter('b', f, () => {
      sendBytes(pool, b, etherBytes(4, 2, (f.slab[f.off + 14]) + 10))
      sendBytes(pool, b, etherBytes(4, 2, (f.slab[f.off + 14]) + 20))
    })
    a.onFrame = (f) => enter('a', f, () => undefined)
    sendBytes(pool, a, etherBytes(2, 4, 1))
    sendBytes(pool, a, etherBytes(2, 4, 2))
    expect(order).toEqual(['b1', 'a11', 'a21', 'b2', 'a12', 'a22'])
    expect(deepest).toBe(1)
  })

  it('two ends that answer every frame come to an end', () => {
    const [a, b] = createPair(pool)
    let count = 0
    a.onFrame = () => { count++; sendBytes(pool, a, etherBytes(2, 4)) }
    b.onFrame = () => { count++; sendBytes(pool, b, etherBytes(4, 2)) }
    sendBytes(pool, a, etherBytes(2, 4))
    expect(count).toBeGreaterThan(1000)
    expect(count).toBeLessThan(1100)
    expect(a.stats.txDropped + b.stats.txDropped).toBeGreaterThan(0)
  })

  it('one stack learns nothing of the other from a frame but its bytes', () => {
    const [a, b] = createPair(pool)
    let seen = -1
    b.onFrame = (f) => { seen = f.flags | f.l3 | f.l4 | f.proto | f.ttl | f.tos }
    const f = frameFrom(pool, etherBytes(2, 4)) as Frame
    f.flags = F_DF
    f.l3 = f.off + 14
    f.l4 = f.off + 34
    f.proto = 17
    f.ttl = 64
    f.tos = 16
    a.send(f)
    frameRelease(pool, f)
    expect(seen).toBe(0)
  })

  it('a closed end cuts the cable', () => {
    const [a, b] = createPair(pool)
    const got = collect(b)
    a.close()
    sendBytes(pool, a, etherBytes(2, 4))
    sendBytes(pool, b, etherBytes(4, 2))
    expect(got).toEqual([])
    expect(b.stats.txDropped).toBe(1)
  })

  it('suggests different addresses for the two ends, the same ones every time', () => {
    const [a, b] = createPair(pool)
    expect(a.mac).not.toBe(b.mac)
    expect(createPair(pool)[0].mac).toBe(a.mac)
    expect(Math.floor(a.mac / 2 ** 40)).toBe(2)
  })
})

it('a pair without offload says so: what is sent on it is cut and summed before', () => {
  const pool = createFramePool()
  expect(createPair(pool).map((end) => end.offload)).toEqual([1, 1])
  expect(createPair(pool, { offload: false }).map((end) => end.offload)).toEqual([0, 0])
})
