import { describe, expect, test } from 'vitest'
import { createTcp, passive, run } from './harness.ts'
import type { Conn } from './harness.ts'

const ON = { 'net.inet.tcp.pmtud_blackhole_detection': 1 }

/**
 * Answers like a path that silently loses segments with more than `most` bytes of text; returns the bytes that arrived.
 */
function throughHole(c: Conn, most: number, total: number, seconds: number): number {
  let got = 1
  for (let ms = 0; ms < seconds * 1000 && got <= total; ms += 100) {
    for (const seg of c.t.sent.splice(0)) {
      const seq = (seg.seq - c.tcb.iss) | 0
      if (seg.len <= most && seq === got) got += seg.len
    }
    c.in('.', { ack: got })
    run(c.t, 100)
  }
  return got - 1
}

describe('path MTU black hole (RFC 2923 §2.1)', () => {
  test('two timeouts of a full segment, then smaller ones get through', () => {
    const c = passive(createTcp({ sysctls: ON }))
    c.write(20_000)
    expect(throughHole(c, 1200, 20_000, 60)).toBe(20_000)
    expect(c.tcb.mss).toBe(1200)
    expect(c.t.vnet.state.tcp.stats.pmtudBlackholeActivated).toBe(1)
    expect(c.t.vnet.state.tcp.stats.pmtudBlackholeFailed).toBe(0)
  })

  test('off, it does not heal', () => {
    const c = passive(createTcp({ sysctls: { 'net.inet.tcp.pmtud_blackhole_detection': 0 } }))
    c.write(20_000)
    expect(throughHole(c, 1200, 20_000, 20)).toBe(0)
    expect(c.tcb.mss).toBe(1460)
  })

  test('when size was not the reason the old one comes back', () => {
    const c = passive(createTcp({ sysctls: ON }))
    c.write(20_000)
    expect(throughHole(c, 0, 20_000, 120)).toBe(0)
    expect(c.t.vnet.state.tcp.stats.pmtudBlackholeFailed).toBe(1)
    expect(c.tcb.mss).toBe(1460)
  })

  test('the loss window is one segment of the size of the time (RFC 5681 §3.1)', () => {
    const c = passive(createTcp({ sysctls: ON }))
    c.write(20_000)
    while (c.t.vnet.state.tcp.stats.pmtudBlackholeFailed === 0) run(c.t, 100)
    expect([c.tcb.mss, c.tcb.cwnd]).toEqual([1460, 1460])
  })
})
