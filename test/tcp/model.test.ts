import { describe, expect, test } from 'vitest'
import { SHUT_WR, SOCK_STREAM, SOL_TCP, TCP_NODELAY } from '../../src/inet/sockopt.ts'
import { AF_INET } from '../../src/inet/state.ts'
import { EV_ACCEPT } from '../../src/kern/vn.ts'
import { createRandom, randomBelow } from '../../src/kern/random.ts'
import { createAddr } from '../../src/lib/addr.ts'
import { EAGAIN, EINPROGRESS, errnoName } from '../../src/lib/errno.ts'
import {
  soAccept, soBind, soClose, soConnect, soCreate, soListen, soRecv, soSend, soSetOpt, soShutdown,
} from '../../src/vnet/so.ts'
import type { Vnet } from '../../src/vnet/vnet.ts'
import { addr, pattern, patternAt } from './harness.ts'
import { Pair } from './pair.ts'
import type { PathOptions } from './pair.ts'

/** One end of the transfer: writes and reads in pieces of random size whenever it can, and checks every octet. */
class End {
  readonly v: Vnet
  readonly id: number
  sent = 0
  got = 0
  eof = false
  closed = false
  error = 0

  constructor(v: Vnet, id: number) {
    this.v = v
    this.id = id
  }

  work(p: Pair, total: number, random: ReturnType<typeof createRandom>): void {
    if (this.closed) return
    while (this.sent < total) {
      const len = Math.min(total - this.sent, 1 + randomBelow(random, 5000))
      const n = soSend(this.v, p.now, this.id, pattern(this.sent, len), 0, len, 0)
      if (n < 0) {
        if (n !== -EAGAIN) this.error = -n
        break
      }
      this.sent += n
      if (this.sent === total) expect(soShutdown(this.v, p.now, this.id, SHUT_WR)).toBe(0)
      if (n < len || randomBelow(random, 4) === 0) break
    }
    const buf = new Uint8Array(8192)
    while (!this.eof) {
      const n = soRecv(this.v, p.now, this.id, buf, 0, 1 + randomBelow(random, buf.length), 0, from())
      if (n < 0) {
        if (n !== -EAGAIN) this.error = -n
        break
      }
      if (n === 0) this.eof = true
      for (let i = 0; i < n; i++) {
        if (buf[i] !== patternAt(this.got + i)) throw new Error(`octet ${this.got + i} is wrong`)
      }
      this.got += n
      if (randomBelow(random, 8) === 0) break
    }
    if (this.eof && this.sent === total) {
      expect(soClose(this.v, p.now, this.id)).toBe(0)
      this.closed = true
    }
  }
}

function transfer(
  seed: number, total: number, path: Partial<PathOptions>, sysctls: Record<string, number> = {}, mtu = 1500,
): Pair {
  const p = new Pair(seed, path, sysctls, mtu)
  const random = createRandom([seed, 5])
  const [a, b] = p.vnets
  const l = soCreate(b, 0, AF_INET, SOCK_STREAM, 0)
  expect(soBind(b, 0, l, createAddr(), 7)).toBe(0)
  expect(soListen(b, 0, l, 5)).toBe(0)
  const c = soCreate(a, 0, AF_INET, SOCK_STREAM, 0)
  if (seed % 2 === 0) soSetOpt(a, 0, c, SOL_TCP, TCP_NODELAY, 1)
  expect(soConnect(a, 0, c, addr('10.0.0.2'), 7)).toBe(EINPROGRESS)
  const ends: End[] = [new End(a, c)]
  p.onEvent = (side, id, what) => {
    if (side === 1 && id === l && (what & EV_ACCEPT) !== 0) {
      const child = soAccept(b, p.now, l)
      expect(child).toBeGreaterThan(0)
      ends.push(new End(b, child))
    }
  }
  p.settle()
  let idle = 0
  p.runUntil(() => {
    // the user looks in after every event, not only when told
    for (const e of ends) e.work(p, total, random)
    p.settle()
    for (const e of ends) if (e.error !== 0) throw new Error(`${errnoName(e.error)} at ${p.now} µs`)
    idle++
    return ends.length === 2 && ends.every((e) => e.closed)
  }, 4 * 3600e6)
  expect(idle).toBeGreaterThan(0)
  for (const e of ends) expect([e.sent, e.got]).toEqual([total, total])
  expect(soClose(b, p.now, l)).toBe(0)
  p.settle()
  p.runOut()
  for (const v of p.vnets) {
    const { tcp, timers } = v.state
    expect([tcp.tcbs.size, tcp.table.heads.size, tcp.table.ports.size, tcp.syncache.size, tcp.syncacheTable.heads.size,
      tcp.timewait.size, tcp.timewaitTable.heads.size, tcp.listeners.size, tcp.orphans]).toEqual(Array(9).fill(0))
    expect(timers.at.length).toBe(0)
  }
  p.assertClean()
  return p
}

function from(): { addr: ReturnType<typeof createAddr>; port: number; truncated: boolean } {
  return { addr: createAddr(), port: 0, truncated: false }
}

describe('two Vnets and a bad path: every octet once and in order, and nothing is left (RFC 9293 §2.2)', () => {
  test.each([1, 2, 3, 4])('clean path, seed %i', (seed) => {
    const p = transfer(seed, 300_000, {})
    for (const v of p.vnets) {
      expect(v.state.tcp.stats.sndrexmitpack).toBe(0)
      expect(v.state.tcp.stats.rexmttimeo).toBe(0)
    }
  })

  const seeds = Array.from({ length: 12 }, (_, i) => 100 + i)
  test.each(seeds)('loss 5 %%, reordering, duplication, corruption, seed %i', (seed) => {
    transfer(seed, 150_000, { delayUs: 5000, jitterUs: 4000, loss: 50, duplicate: 20, corrupt: 10 })
  })

  test.each([200, 201, 202, 203])('loss 25 %%, seed %i', (seed) => {
    transfer(seed, 30_000, { delayUs: 2000, jitterUs: 500, loss: 250 })
  })

  test.each([300, 301])('strong reordering without loss, seed %i', (seed) => {
    transfer(seed, 200_000, { delayUs: 100, jitterUs: 20_000, duplicate: 100 })
  })

  test.each([400, 401])('small buffers: the windows close and open, seed %i', (seed) => {
    transfer(seed, 100_000, { loss: 30, jitterUs: 1000 }, {
      'net.inet.tcp.sendspace': 3000, 'net.inet.tcp.recvspace': 2000,
    })
  })

  test.each([500, 501])('without options of RFC 7323, small MTU, seed %i', (seed) => {
    transfer(seed, 60_000, { loss: 40, jitterUs: 3000 }, { 'net.inet.tcp.rfc1323': 0 }, 300)
  })

  test('long fat path: 200 ms, 1 MiB', () => {
    transfer(600, 1_000_000, { delayUs: 100_000, loss: 1 })
  })
})
