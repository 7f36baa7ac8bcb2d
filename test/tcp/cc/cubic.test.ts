import { describe, expect, test } from 'vitest'
import type { Vn } from '../../../src/kern/vn.ts'
import { seqAdd } from '../../../src/lib/seq.ts'
import { ccAckReceived, ccChange, ccEcnMarked, ccLossDetected, ccTimedOut, ccUndo } from '../../../src/tcp/cc/cc.ts'
import { CUBIC_ALPHA, cubicK, cubicWindow } from '../../../src/tcp/cc/cubic.ts'
import { CC_CUBIC, CC_NEWRENO } from '../../../src/tcp/cc/names.ts'
import { createTcb } from '../../../src/tcp/state.ts'
import type { Tcb } from '../../../src/tcp/state.ts'
import { AF_INET } from '../../../src/inet/state.ts'
import { Vnet } from '../../../src/vnet/vnet.ts'
import { sysctlsIn } from '../../../src/vnet/sysctl.ts'

const MSS = 1000

interface Sender { vn: Vn; tcb: Tcb }

/** A sender with a window of `segments` that it uses fully. */
function sender(segments: number, rttUs = 100_000, cc = CC_CUBIC): Sender {
  const { vn } = new Vnet({ seed: [1] })
  vn.state.now = 1e6
  const tcb = createTcb(1, AF_INET)
  tcb.cc = cc === CC_CUBIC ? CC_NEWRENO : CC_CUBIC
  tcb.mss = MSS
  tcb.cwnd = segments * MSS
  tcb.srtt = rttUs
  ccChange(vn, tcb, cc)
  return { vn, tcb }
}

/** A loss is found out and repaired at once: the window is the threshold. */
function lose({ vn, tcb }: Sender): void {
  ccLossDetected(vn, tcb, tcb.cwnd)
  tcb.cwnd = tcb.ssthresh
}

/** `rtts` round trips, one ACK for each segment of the window at even distances. */
function rounds({ vn, tcb }: Sender, rtts: number): void {
  for (let i = 0; i < rtts; i++) {
    const n = Math.floor(tcb.cwnd / MSS)
    const start = vn.state.now
    for (let k = 1; k <= n; k++) {
      vn.state.now = start + tcb.srtt * k / n
      tcb.sndMax = seqAdd(tcb.sndMax, MSS)
      tcb.sndNxt = tcb.sndMax
      ccAckReceived(vn, tcb, MSS, tcb.cwnd)
    }
  }
}

describe('CUBIC (RFC 9438)', () => {
  test('§4.2: W_cubic is W_max at t = K, and its start at t = 0', () => {
    const k = cubicK(100, 70)
    // K = ∛(30/0.4) = ∛75
    expect(k).toBeCloseTo(4.217163, 5)
    expect(cubicWindow(k, k, 100)).toBe(100)
    expect(cubicWindow(0, k, 100)).toBeCloseTo(70, 9)
    expect(cubicWindow(k + 1, k, 100)).toBeCloseTo(100.4, 9)
    expect(cubicK(70, 100)).toBe(0)
  })

  test('§4.6: after a loss the threshold is 0.7 of the flight, two segments at least', () => {
    const s = sender(100)
    ccLossDetected(s.vn, s.tcb, 100 * MSS)
    expect(s.tcb.ssthresh).toBe(70 * MSS)
    ccLossDetected(s.vn, s.tcb, 2 * MSS)
    expect(s.tcb.ssthresh).toBe(2 * MSS)
  })

  test('§4.4, §4.5: the window follows W_cubic, concave up to W_max at K and convex behind it', () => {
    const s = sender(1000, 50_000)
    lose(s)
    const start = s.vn.state.now
    // ∛(300/0.4) s
    const k = Math.cbrt(750)
    for (let i = 0; i < 300; i++) {
      rounds(s, 1)
      const t = (s.vn.state.now - start) / 1e6
      expect(Math.abs(s.tcb.cwnd / MSS - (0.4 * (t - k) ** 3 + 1000))).toBeLessThan(7)
    }
    expect((s.vn.state.now - start) / 1e6).toBeGreaterThan(k)
    expect(s.tcb.cwnd / MSS).toBeGreaterThan(1050)
  })

  test('§4.3: on a short path the window is the one of a Reno with the slope 3·(1−β)/(1+β), then 1', () => {
    const s = sender(20, 1000)
    lose(s)
    expect(CUBIC_ALPHA).toBeCloseTo(9 / 17, 9)
    rounds(s, 8)
    // 14 and 8 round trips with 9/17 of a segment each
    expect(s.tcb.cwnd / MSS).toBeGreaterThan(14 + 8 * 9 / 17 - 0.5)
    expect(s.tcb.cwnd / MSS).toBeLessThan(14 + 8 * 9 / 17 + 0.2)
    while (s.tcb.cwnd < 20 * MSS) rounds(s, 1)
    const before = s.tcb.cwnd
    rounds(s, 8)
    expect((s.tcb.cwnd - before) / MSS).toBeGreaterThan(7.5)
    expect((s.tcb.cwnd - before) / MSS).toBeLessThan(8.1)
  })

  test('§4.7: fast convergence: a loss below the last W_max aims lower than where it happened', () => {
    const s = sender(100, 300_000)
    lose(s)
    lose(s)
    // the second loss at 70: W_max = 70·(1+0.7)/2 = 59.5, below 49 by nothing: plateau at 59.5, K = ∛((59.5−49)/0.4)
    rounds(s, 10)
    expect(s.vn.state.now).toBe(4e6)
    // K = 2.97 s: at 3 s the window is at the plateau
    expect(s.tcb.cwnd / MSS).toBeGreaterThan(58)
    expect(s.tcb.cwnd / MSS).toBeLessThan(61)
  })

  test('§4.2: the window grows by a half in a round trip at most', () => {
    const s = sender(10, 300_000)
    lose(s)
    rounds(s, 1)
    s.vn.state.now += 60e6
    const before = s.tcb.cwnd
    rounds(s, 1)
    expect(s.tcb.cwnd / before).toBeGreaterThan(1.4)
    expect(s.tcb.cwnd / before).toBeLessThan(1.7)
  })

  test('§4.2, §5.8: time in which the window is not used is no part of the epoch', () => {
    const [used, paused] = [sender(100), sender(100)]
    for (const s of [used, paused]) {
      lose(s)
      rounds(s, 5)
    }
    ccAckReceived(paused.vn, paused.tcb, MSS, 10 * MSS)
    paused.vn.state.now += 30e6
    for (const s of [used, paused]) rounds(s, 5)
    expect(Math.abs(paused.tcb.cwnd - used.tcb.cwnd)).toBeLessThan(MSS)
  })

  test('§4.8: a timeout: 0.7 of the flight, one segment; the epoch after slow start is flat at its beginning', () => {
    const s = sender(100)
    ccTimedOut(s.vn, s.tcb, 100 * MSS, true)
    expect([s.tcb.ssthresh, s.tcb.cwnd]).toEqual([70 * MSS, MSS])
    ccTimedOut(s.vn, s.tcb, MSS, false)
    expect(s.tcb.ssthresh).toBe(70 * MSS)
    while (s.tcb.cwnd < s.tcb.ssthresh) rounds(s, 1)
    const start = s.tcb.cwnd
    rounds(s, 10)
    // K = 0: 70 + 0.4·1³ one second later; Reno's slope gives 10·9/17 more, and is followed
    expect((s.tcb.cwnd - start) / MSS).toBeGreaterThan(4.5)
    expect((s.tcb.cwnd - start) / MSS).toBeLessThan(6)
  })

  test('§4.9: a loss that was none leaves no trace', () => {
    const [plain, fooled] = [sender(100), sender(100)]
    for (const s of [plain, fooled]) {
      lose(s)
      rounds(s, 10)
    }
    lose(fooled)
    ccUndo(fooled.vn, fooled.tcb)
    expect(fooled.tcb.ccVars.slice(0, 12)).toEqual(plain.tcb.ccVars.slice(0, 12))
    for (const s of [plain, fooled]) rounds(s, 10)
    expect(fooled.tcb.cwnd).toBe(plain.tcb.cwnd)
  })
})

describe('Alternative backoff with ECN (RFC 8511 §3.1)', () => {
  test.each([
    ['CUBIC', CC_CUBIC, 1, 85], ['CUBIC without', CC_CUBIC, 0, 70], ['NewReno', CC_NEWRENO, 1, 80],
    ['NewReno without', CC_NEWRENO, 0, 50],
  ])('%s', (_name, cc, abe, left) => {
    const s = sender(100, 100_000, cc)
    sysctlsIn(s.vn.state)['net.inet.tcp.cc.abe'] = abe
    ccEcnMarked(s.vn, s.tcb, 100 * MSS)
    expect([s.tcb.cwnd, s.tcb.ssthresh]).toEqual([left * MSS, left * MSS])
  })
})
