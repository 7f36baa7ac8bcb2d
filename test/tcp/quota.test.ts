/** Memory of all connections together: net.inet.tcp.maxmem, fair shares, and what is given up first. */

import { describe, expect, test } from 'vitest'
import { seqDiff } from '../../src/lib/seq.ts'
import { TCP_SHARE_MIN } from '../../src/tcp/quota.ts'
import { TF_SACK_PERMIT } from '../../src/tcp/state.ts'
import { createTcp, passive } from './harness.ts'
import type { Tcp } from './harness.ts'
import { tcbsSeen } from '../support/tcbs.ts'

const MAXMEM = 65_536

function small(): Tcp {
  return createTcp({ sysctls: { 'net.inet.tcp.maxmem': MAXMEM, 'net.inet.tcp.recvspace': 40_000 } })
}

/** Segments of 1000 in order until `bytes` are there. */
function fill(c: ReturnType<typeof passive>, bytes: number): void {
  for (let at = 0; at < bytes; at += 1000) c.in('.', { seq: 1 + at, data: Math.min(1000, bytes - at) })
}

function sum(t: Tcp): number {
  let held = 0
  for (const tcb of tcbsSeen(t.vnet.state.tcp)) held += tcb.held
  return held
}

describe('memory quota', () => {
  test('what is booked is what the buffers hold: unread, to be sent, and up to the last octet parked', () => {
    const t = small()
    const c = passive(t)
    fill(c, 3000)
    expect(t.vnet.state.tcp.held).toBe(3000)
    c.in('.', { seq: 5001, data: 1000 })
    expect(t.vnet.state.tcp.held).toBe(6000)
    c.write(700)
    expect(t.vnet.state.tcp.held).toBe(6700)
    c.read()
    expect(t.vnet.state.tcp.held).toBe(3700)
    c.in('R', { seq: 3001 })
    expect(t.vnet.state.tcp.held).toBe(0)
    t.sent.length = 0
  })

  test('the longest out-of-order queue of another goes first, for data in order; its range is told no more', () => {
    const t = small()
    const reader = passive(t, { lport: 1 })
    const a = passive(t, { lport: 2 })
    const b = passive(t, { lport: 3 })
    a.in('.', { seq: 10_001, data: 1000 })
    b.in('.', { seq: 29_001, data: 1000 })
    fill(reader, 24_000)
    expect(t.vnet.state.tcp.stats.reassevicted).toBe(0)
    reader.in('.', { seq: 24_001, data: 1000 })
    expect(t.vnet.state.tcp.stats.reassevicted).toBe(1)
    expect([a.tcb.reass.length, b.tcb.reass.length]).toEqual([2, 0])
    expect(reader.tcb.rcvBuf.len).toBe(25_000)
    t.sent.length = 0
  })

  test('with nothing left to give up, promised data is refused without a word, but a first share is always taken', () => {
    const t = small()
    const a = passive(t, { lport: 1 })
    const b = passive(t, { lport: 2 })
    const late = passive(t, { lport: 3 })
    fill(a, 40_000)
    fill(b, 40_000)
    expect(t.drops).toContain('tcp.rcvquota')
    expect(sum(t)).toBeLessThanOrEqual(MAXMEM)
    fill(late, 4000)
    expect(late.tcb.rcvBuf.len).toBe(4000)
    t.sent.length = 0
    late.in('.', { seq: 4001, data: 1000 })
    expect(t.sent).toEqual([])
    expect(late.tcb.rcvBuf.len).toBeLessThanOrEqual(TCP_SHARE_MIN)
    // read, and what comes again is taken
    a.read()
    late.in('.', { seq: 4001, data: 1000 })
    expect(late.tcb.rcvBuf.len).toBe(5000)
    t.sent.length = 0
  })

  test('under pressure windows open no further than the share, and nothing promised is taken back (RFC 9293 §3.8.6)', () => {
    const t = small()
    const a = passive(t, { lport: 1 })
    const b = passive(t, { lport: 2 })
    const edge = b.tcb.rcvAdv
    fill(a, 40_000)
    fill(b, 20_000)
    // 52,000 of 65,536 are held then, and the 12,000 that b has are more than its share
    b.read(8000)
    expect(t.vnet.state.tcp.held).toBe(52_000)
    expect(seqDiff(b.tcb.rcvAdv, edge)).toBe(0)
    // with memory again the window opens
    a.read()
    b.in('.', { seq: 20_001, data: 1000 })
    b.in('.', { seq: 21_001, data: 1000 })
    expect(seqDiff(b.tcb.rcvAdv, edge)).toBeGreaterThan(0)
    t.sent.length = 0
  })

  test('writers get their share only, and each always something', () => {
    const t = createTcp({ sysctls: { 'net.inet.tcp.maxmem': MAXMEM, 'net.inet.tcp.sendspace': 60_000 } })
    const a = passive(t, { lport: 1 })
    const b = passive(t, { lport: 2 })
    expect(a.write(60_000)).toBe(60_000)
    const n = b.write(60_000)
    expect(n).toBe(Math.max(TCP_SHARE_MIN, Math.floor(MAXMEM / 2 / t.vnet.state.tcp.tcbs.size)))
    t.sent.length = 0
  })

  test('many connections: the sum stays within the quota and a first share each, and all data gets through in the end', () => {
    const t = small()
    const all = Array.from({ length: 40 }, (_, i) => passive(t, { lport: 100 + i }))
    for (let round = 0; round < 60; round++) {
      all.forEach((c, i) => {
        const next = seqDiff(c.tcb.rcvNxt, c.tcb.irs)
        if (next <= 20_000) c.in('.', { seq: next + (round % 7 === i % 7 ? 1000 : 0), data: 1000 })
        expect(t.vnet.state.tcp.held).toBeLessThanOrEqual(MAXMEM + 40 * TCP_SHARE_MIN)
        expect(t.vnet.state.tcp.held).toBe(sum(t))
        if ((round + i) % 3 === 0) c.read()
      })
      t.sent.length = 0
    }
    for (const c of all) expect(seqDiff(c.tcb.rcvNxt, c.tcb.irs)).toBeGreaterThan(20_000)
  })
})

describe('out-of-order ranges beyond net.inet.tcp.reass.maxqueuelen', () => {
  test('without SACK the furthest is given up for a nearer one', () => {
    const t = createTcp({ sysctls: { 'net.inet.tcp.reass.maxqueuelen': 2 } })
    const c = passive(t)
    for (const seq of [201, 401, 101]) c.in('.', { seq, data: 50 })
    expect(t.vnet.state.tcp.stats.reassfurthest).toBe(1)
    expect(c.tcb.reass.map((s) => seqDiff(s, c.tcb.irs))).toEqual([101, 151, 201, 251])
    t.sent.length = 0
  })

  test('RFC 2018 §8: what a SACK block told is kept, and the new one dropped', () => {
    const t = createTcp({ sysctls: { 'net.inet.tcp.reass.maxqueuelen': 2 } })
    const c = passive(t)
    c.tcb.flags |= TF_SACK_PERMIT
    for (const seq of [201, 401, 101]) c.in('.', { seq, data: 50 })
    expect(t.drops).toEqual(['tcp.rcvmemdrop'])
    expect(c.tcb.reass.map((s) => seqDiff(s, c.tcb.irs))).toEqual([201, 251, 401, 451])
    t.sent.length = 0
  })
})
