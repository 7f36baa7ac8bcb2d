import { describe, expect, it } from 'vitest'
import { createPathOptions, jainIndex, measurePath, pathQueueBytes } from '../../src/sim/path.ts'

const SHORT = { warmUpUs: 1e6, measureUs: 4e6 }

describe('a measured path', () => {
  it('over IPv6 full segments are 20 bytes shorter, and fill the link as well', () => {
    const { goodputShare, flowBytesPerSecond } = measurePath({ ...SHORT, family: 'inet6', rttUs: 1000 })
    expect(goodputShare).toBeGreaterThan(0.97)
    expect(goodputShare).toBeLessThan(1.01)
    expect(flowBytesPerSecond[0] * 8 * 1500 / 1428).toBeCloseTo(goodputShare * 10e6, 0)
  })

  it('gives the same figures for the same seed, others for another', () => {
    const options = { ...SHORT, lossRate: 0.01, reorderRate: 0.01, rttUs: 30_000 }
    const once = measurePath(options)
    expect(measurePath(options)).toEqual(once)
    expect(measurePath({ ...options, seed: 2 }).flowBytesPerSecond).not.toEqual(once.flowBytesPerSecond)
  })

  it('counts a share of what full segments can bring: a clean short path is full', () => {
    const { goodputShare, retransmittedShare, flowBytesPerSecond } = measurePath({ ...SHORT, rttUs: 1000 })
    expect(goodputShare).toBeGreaterThan(0.97)
    expect(goodputShare).toBeLessThan(1.01)
    expect(retransmittedShare).toBeLessThan(0.05)
    expect(flowBytesPerSecond[0] * 8 * 1500 / 1448).toBeCloseTo(goodputShare * 10e6, 0)
  })

  it('a queue holds one bandwidth-delay product, or ten packets; CoDel\'s a thousand', () => {
    const queue = (o: Parameters<typeof createPathOptions>[0]): number => pathQueueBytes(createPathOptions(o))
    expect(queue({ rttUs: 100_000, rateBps: 10e6 })).toBe(125_000)
    expect(queue({ rttUs: 1000, rateBps: 10e6 })).toBe(15_000)
    expect(queue({ queue: 'codel' })).toBe(1_500_000)
    expect(queue({ queueBytes: 7000 })).toBe(7000)
  })

  it('random loss is what it says, and none of it is on the way back', () => {
    const { lost, dropped, goodputShare } = measurePath({ ...SHORT, lossRate: 0.02, rttUs: 20_000 })
    expect(lost).toBeGreaterThan(10)
    expect(dropped).toBe(0)
    expect(goodputShare).toBeLessThan(0.8)
  })

  it('CoDel drops where drop-tail with as much room does not', () => {
    const options = { ...SHORT, rttUs: 20_000, queueBytes: 1_500_000, sysctls: { 'net.inet.tcp.sendspace': 300_000 } }
    expect(measurePath(options).dropped).toBe(0)
    expect(measurePath({ ...options, queue: 'codel' }).dropped).toBeGreaterThan(0)
  })

  it('tells the course of a connection when asked', () => {
    const { trace } = measurePath({ ...SHORT, traceUs: 100_000 })
    expect(trace.map((s) => s.atUs)).toEqual(Array.from({ length: 51 }, (_, i) => i * 100_000))
    expect(Math.max(...trace.map((s) => s.cwnd))).toBeGreaterThan(trace[0].cwnd)
    expect(Math.max(...trace.map((s) => s.queueUs))).toBeGreaterThan(5000)
  })

  it('refuses what it does not know', () => {
    expect(() => measurePath({ family: 'ipx' as 'inet' })).toThrow('no address family is called ipx: inet, inet6')
    expect(() => measurePath({ cc: 'vegas' })).toThrow('no congestion control is called vegas')
    expect(() => measurePath({ sysctls: { 'net.inet.tcp.nothing': 1 } })).toThrow('net.inet.tcp.nothing')
  })

  it('Jain\'s index', () => {
    expect([jainIndex([5, 5, 5, 5]), jainIndex([1, 0, 0, 0]), jainIndex([])]).toEqual([1, 0.25, 1])
    expect(jainIndex([3, 1])).toBeCloseTo(0.8)
  })
})
