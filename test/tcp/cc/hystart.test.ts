import { describe, expect, test } from 'vitest'
import { AF_INET } from '../../../src/inet/state.ts'
import type { Vn } from '../../../src/kern/vn.ts'
import { seqAdd, seqDiff } from '../../../src/lib/seq.ts'
import { ccAckReceived, ccInit } from '../../../src/tcp/cc/cc.ts'
import { HS_CSS } from '../../../src/tcp/cc/hystart.ts'
import { CC_CUBIC } from '../../../src/tcp/cc/names.ts'
import { createTcb } from '../../../src/tcp/state.ts'
import type { Tcb } from '../../../src/tcp/state.ts'
import { Vnet } from '../../../src/vnet/vnet.ts'
import { sysctlsIn } from '../../../src/vnet/sysctl.ts'
import { tcpRate } from '../../../src/tcp/state-scratch.ts'

const MSS = 1000
const NO_LIMIT = 0x3fffffff

function start(on = 1): { vn: Vn; tcb: Tcb } {
  const { vn } = new Vnet({ seed: [1] })
  sysctlsIn(vn.state)['net.inet.tcp.cc.hystartplusplus'] = on
  const tcb = createTcb(1, AF_INET)
  tcb.cc = CC_CUBIC
  tcb.mss = MSS
  ccInit(vn, tcb)
  return { vn, tcb }
}

/** One round: the whole window is sent, then acknowledged segment by segment with this round trip. Growth in segments. */
function round({ vn, tcb }: { vn: Vn; tcb: Tcb }, rttMs: number): number {
  const before = tcb.cwnd
  tcb.sndMax = seqAdd(tcb.sndUna, Math.floor(tcb.cwnd / MSS) * MSS)
  tcb.sndNxt = tcb.sndMax
  const end = tcb.sndMax
  while (tcb.sndUna !== end) {
    tcpRate(vn).rttUs = rttMs * 1000
    ccAckReceived(vn, tcb, MSS, seqDiff(tcb.sndMax, tcb.sndUna))
    tcb.sndUna = seqAdd(tcb.sndUna, MSS)
    // each ACK lets out what it freed, so that rounds overlap as they do on a path
    tcb.sndMax = seqAdd(tcb.sndMax, MSS)
    tcb.sndNxt = tcb.sndMax
  }
  return (tcb.cwnd - before) / MSS
}

describe('HyStart++ (RFC 9406)', () => {
  test('§4.2: steady round trips: the window doubles each round', () => {
    const s = start()
    expect(round(s, 50)).toBe(10)
    expect(round(s, 50)).toBe(20)
    expect(s.tcb.ccVars[HS_CSS]).toBe(0)
  })

  test.each([
    ['4 ms at least', 8, 11, 0], ['4 ms at least', 8, 12, 1], ['an eighth', 80, 89, 0], ['an eighth', 80, 90, 1],
    ['16 ms at most', 400, 415, 0], ['16 ms at most', 400, 416, 1],
  ])('§4.2, §4.3: the threshold is %s: %i ms, then %i ms', (_what, last, now, css) => {
    const s = start()
    round(s, last)
    round(s, last)
    round(s, now)
    expect(s.tcb.ccVars[HS_CSS] > 0 ? 1 : 0).toBe(css)
  })

  test('§4.2: in CSS the window grows by a quarter', () => {
    const s = start()
    round(s, 50)
    round(s, 50)
    round(s, 80)
    const before = s.tcb.cwnd
    const grown = round(s, 80)
    expect(s.tcb.ccVars[HS_CSS]).toBeGreaterThan(0)
    expect(grown * MSS / before).toBeGreaterThan(0.24)
    expect(grown * MSS / before).toBeLessThan(0.26)
  })

  test('§4.2: five rounds of CSS end slow start, ssthresh is cwnd', () => {
    const s = start()
    round(s, 50)
    round(s, 50)
    let rounds = 0
    while (s.tcb.ssthresh === NO_LIMIT) {
      round(s, 80)
      rounds++
      expect(rounds).toBeLessThan(10)
    }
    expect(rounds).toBeGreaterThanOrEqual(5)
    expect(s.tcb.cwnd).toBeGreaterThanOrEqual(s.tcb.ssthresh)
  })

  test('§4.2: a smaller round trip in CSS resumes slow start', () => {
    const s = start()
    round(s, 50)
    round(s, 50)
    round(s, 80)
    round(s, 80)
    expect(s.tcb.ccVars[HS_CSS]).toBeGreaterThan(0)
    round(s, 50)
    expect(s.tcb.ccVars[HS_CSS]).toBe(0)
    expect(s.tcb.ssthresh).toBe(NO_LIMIT)
  })

  test('§4.2: fewer than eight samples say nothing', () => {
    const s = start()
    s.tcb.cwnd = 7 * MSS
    s.tcb.sndMax = seqAdd(s.tcb.sndUna, 7 * MSS)
    for (const rtt of [50, 50, 50]) {
      s.tcb.cwnd = 7 * MSS
      round(s, rtt)
    }
    s.tcb.cwnd = 7 * MSS
    round(s, 200)
    expect(s.tcb.ccVars[HS_CSS]).toBe(0)
  })

  test('off: nothing ends slow start but a loss', () => {
    const s = start(0)
    for (const rtt of [50, 50, 80, 120]) round(s, rtt)
    expect(s.tcb.cwnd).toBe(160 * MSS)
  })

  test('§4.3: only the initial slow start is watched', () => {
    const s = start()
    s.tcb.ssthresh = 1000 * MSS
    for (const rtt of [50, 50, 80, 120]) round(s, rtt)
    expect(s.tcb.cwnd).toBe(160 * MSS)
  })
})
