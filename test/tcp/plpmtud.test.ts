/** Path MTU discovery without a word from the path (RFC 4821): a black hole heals, and a path that grows is used again. */
import { describe, expect, test } from 'vitest'
import { SOCK_STREAM } from '../../src/inet/sockopt.ts'
import { AF_INET } from '../../src/inet/state.ts'
import { EV_ACCEPT } from '../../src/kern/vn.ts'
import { createAddr } from '../../src/lib/addr.ts'
import { EINPROGRESS } from '../../src/lib/errno.ts'
import type { Tcb } from '../../src/tcp/state.ts'
import { soAccept, soBind, soConnect, soCreate, soListen, soRecv, soSend } from '../../src/vnet/so.ts'
import { addr } from './harness.ts'
import { Pair } from './pair.ts'
import { tcpStats } from '../../src/tcp/stats.ts'

const SEC = 1e6
const BUF = new Uint8Array(65_536)
/** IP and TCP header, and the timestamps. */
const HEADERS = 52

class Transfer {
  readonly p: Pair
  readonly id: number
  got = 0
  #child = 0

  constructor(mtu: number, sysctls: Record<string, number> = {}) {
    this.p = new Pair(1, { delayUs: 10_000, mtu }, sysctls)
    const { p } = this
    const [a, b] = p.vnets
    const l = soCreate(b, 0, AF_INET, SOCK_STREAM, 0)
    expect(soBind(b, 0, l, createAddr(), 7)).toBe(0)
    expect(soListen(b, 0, l, 5)).toBe(0)
    this.id = soCreate(a, 0, AF_INET, SOCK_STREAM, 0)
    expect(soConnect(a, 0, this.id, addr('10.0.0.2'), 7)).toBe(EINPROGRESS)
    p.onEvent = (side, id, what) => {
      if (side === 1 && id === l && (what & EV_ACCEPT) !== 0) this.#child = soAccept(b, p.now, l)
    }
    p.settle()
    p.runUntil(() => this.#child !== 0, SEC)
  }

  get tcb(): Tcb {
    return this.p.vnets[0].state.tcp.tcbs.get(this.id) as Tcb
  }

  /** Sends `total` bytes and reads them; returns how long it took, in seconds. */
  move(total: number, within: number): number {
    const { p } = this
    const [a, b] = p.vnets
    const from = p.now
    const goal = this.got + total
    let left = total
    p.runUntil(() => {
      while (left > 0) {
        const n = soSend(a, p.now, this.id, BUF, 0, Math.min(left, BUF.length), 0)
        if (n <= 0) break
        left -= n
      }
      for (let n = 1; n > 0;) {
        n = soRecv(b, p.now, this.#child, BUF, 0, BUF.length, 0, { addr: createAddr(), port: 0, truncated: false })
        if (n > 0) this.got += n
      }
      p.settle()
      return this.got === goal
    }, within * SEC)
    return (p.now - from) / SEC
  }

  /** Nothing happens for so long. */
  pause(seconds: number): void {
    const { p } = this
    const until = p.now + seconds * SEC
    while (p.step(until)) { /* on */ }
    p.now = until
    for (const v of p.vnets) v.advance(until)
    p.settle()
  }
}

describe('RFC 4821: a path of 1,400 octets that never sends ICMP', () => {
  test('the transfer is through soon, in segments of nearly the size that passes', () => {
    const t = new Transfer(1400)
    // two timeouts (§7.7), then at the speed of the window: a clean path takes some 0.5 s for the same
    expect(t.move(5_000_000, 60)).toBeLessThan(5)
    const stats = tcpStats(t.p.vnets[0].vn)
    expect(stats.pmtudBlackholeActivated).toBe(1)
    expect(stats.mtuprobeok).toBeGreaterThan(0)
    expect(stats.mtuprobelost).toBeGreaterThan(0)
    expect(t.tcb.mss + HEADERS).toBeLessThanOrEqual(1400)
    expect(t.tcb.mss + HEADERS).toBeGreaterThan(1400 - 9)
  })

  test('lost probes are no congestion: no timeout for them, and the window is not halved (§7.6.1)', () => {
    const t = new Transfer(1400)
    t.move(1_000_000, 60)
    const stats = tcpStats(t.p.vnets[0].vn)
    const { rexmttimeo } = stats
    const { cwnd } = t.tcb
    expect(stats.mtuprobelost).toBeGreaterThan(0)
    t.move(4_000_000, 60)
    expect(stats.rexmttimeo).toBe(rexmttimeo)
    expect(t.tcb.cwnd).toBeGreaterThanOrEqual(cwnd)
  })

  test('when the path grows, so do the segments, ten minutes later (§7.7, RFC 1191 §6.3)', () => {
    const t = new Transfer(1400)
    t.move(2_000_000, 60)
    t.p.path.mtu = 1500
    t.move(2_000_000, 60)
    expect(t.tcb.mss + HEADERS).toBeLessThanOrEqual(1400)
    t.pause(600)
    t.move(2_000_000, 60)
    expect(t.tcb.mss + HEADERS).toBe(1500)
  })

  test('when it has not grown, the search costs little and comes to the same end', () => {
    const t = new Transfer(1400)
    t.move(2_000_000, 60)
    const { mss } = t.tcb
    t.pause(600)
    expect(t.move(5_000_000, 60)).toBeLessThan(5)
    expect(Math.abs(t.tcb.mss - mss)).toBeLessThan(9)
  })

  test('a path that shrinks under a connection heals as well', () => {
    const t = new Transfer(1500)
    t.move(1_000_000, 60)
    expect(t.tcb.mss + HEADERS).toBe(1500)
    t.p.path.mtu = 1300
    expect(t.move(6_000_000, 60)).toBeLessThan(10)
    expect(t.tcb.mss + HEADERS).toBeLessThanOrEqual(1300)
    expect(t.tcb.mss + HEADERS).toBeGreaterThan(1300 - 9)
  })

  test('switched off, nothing gets through', () => {
    const t = new Transfer(1400, { 'net.inet.tcp.pmtud_blackhole_detection': 0 })
    expect(() => t.move(100_000, 60)).toThrow('not done')
  })
})
