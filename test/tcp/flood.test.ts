/** A flood of SYNs (RFC 4987 §2): what it may cost, and that others still get in. */

import { describe, expect, test } from 'vitest'
import { routeAdd } from '../../src/ip/route.ts'
import { RTF_GATEWAY, RTF_STATIC, RTF_UP } from '../../src/ip/state.ts'
import { checksumAdd, checksumFold } from '../../src/lib/checksum.ts'
import { CSUM_NONE, CSUM_VALID, frameRelease } from '../../src/lib/frame.ts'
import { TF_SACK_PERMIT, TF_SCALE, TF_TSTMP } from '../../src/tcp/state.ts'
import { Conn, PEER, accept, createTcp, inject, listen, passive, pattern, run, take } from './harness.ts'
import type { Tcp } from './harness.ts'
import { build } from './packet.ts'

const SYNS = 1_000_000
/** Twenty seconds of virtual time: longer than half-open connections and keys of cookies last. */
const SYNS_PER_MS = 50
const LIMIT = 4096

describe('a million SYNs from many sources (RFC 4987 §2, §3.6)', () => {
  test('memory is bounded, who is connected stays so, and a client gets in with its options', () => {
    const t = createTcp({ clean: true, sysctls: { 'net.inet.tcp.syncache.listenlimit': LIMIT } })
    expect(routeAdd(t.vn, 0, 0, PEER.w3, t.ifp.id, RTF_UP | RTF_GATEWAY | RTF_STATIC)).toBe(0)
    const l = listen(t)
    const before = passive(t, {}, l)
    const { tcp, timers } = t.vn.state
    flood(t, 0, SYNS / 2)
    const size = t.vnet.snapshot().length
    let most = 0
    flood(t, SYNS / 2, SYNS / 2, () => { most = Math.max(most, tcp.syncache.size, timers.at.length) })
    expect(t.vnet.snapshot().length).toBeLessThan(size * 1.05)
    // an entry of the heap for each record, and one that is stale for each retransmission at most
    expect(most).toBeLessThanOrEqual(2 * LIMIT + 16)
    expect(tcp.syncache.size).toBeLessThanOrEqual(LIMIT)
    expect(tcp.stats.scOverflow).toBe(0)
    expect(tcp.stats.scSendcookie).toBeGreaterThan(SYNS * 0.9)
    expect(tcp.stats.scSendcookie + tcp.stats.scAdded).toBe(SYNS + 1)

    before.in('P.', { data: pattern(0, 100) })
    expect(before.read()).toEqual(pattern(0, 100))

    const client = new Conn(t, { ts: true, ws: 9 }, 80, 50_000)
    client.peerIss = 77
    inject(t, {
      flags: 'S', seq: 77, sport: 50_000, win: 65_535, mss: 1400, ws: 9, sackOk: true, ts: [client.stamp()[0], 0],
    })
    const synAck = take(t)
    expect(synAck).toMatchObject({ flags: 'S.', sackOk: true, mss: 1460 })
    client.iss = synAck.seq
    client.lastTs = synAck.ts?.[0] ?? 0
    flood(t, SYNS, 1000)
    client.in('.')
    client.id = accept(t, l)
    expect(client.tcb).toMatchObject({ sndWscale: 9, peerMss: 1400, state: 4 })
    expect(client.tcb.flags & (TF_SACK_PERMIT | TF_SCALE | TF_TSTMP)).toBe(TF_SACK_PERMIT | TF_SCALE | TF_TSTMP)
    expect(client.write(1000)).toBe(1000)
    client.out('P.', { seq: 1, len: 1000 })
    expect(tcp.stats.scRecvcookie).toBe(1)
    // 3 µs a SYN on a machine of its own
  }, 60_000)

  test('a flood of ACKs finds no cookie (RFC 4987 §3.6: 24 bits have to be guessed)', () => {
    const t = createTcp({ sysctls: { 'net.inet.tcp.syncookies_only': 1, 'net.inet.tcp.blackhole': 1 } })
    listen(t)
    inject(t, { flags: 'S', seq: 1, sport: 1 })
    const iss = take(t).seq
    for (let i = 0; i < 20_000; i++) inject(t, { flags: '.', seq: 2, ack: iss + 1 + 256 * (i + 1) | 0, sport: 1 })
    expect(t.vn.state.tcp.stats.scRecvcookie).toBe(0)
    expect(t.vn.state.tcp.stats.scFailcookie).toBe(20_000)
    t.sent.length = 0
    inject(t, { flags: '.', seq: 2, ack: iss + 1, sport: 1 })
    expect(t.vn.state.tcp.stats.scRecvcookie).toBe(1)
  })
})

/** SYNs from 198.18.0.0/15, each with another source, port and number; answers are thrown away. */
function flood(t: Tcp, first: number, count: number, look: () => void = nothing): void {
  const { vnet, vn } = t
  const f = build(vn.pool, { flags: 'S', mss: 1460 })
  const { off, len } = f
  for (let i = first; i < first + count; i++) {
    if (i % SYNS_PER_MS === 0) {
      run(t, 1)
      t.sent.length = 0
      look()
    }
    f.off = off
    f.len = len
    f.view.setInt32(off + 12, 0xc6120000 + (Math.imul(i, 40_503) & 0x1ffff) | 0)
    f.view.setUint16(off + 20, 1024 + i % 60_000)
    f.view.setInt32(off + 24, Math.imul(i, 0x9e3779b1))
    f.view.setUint16(off + 10, 0)
    f.view.setUint16(off + 10, checksumFold(checksumAdd(0, f.view, off, 20)))
    // as from a device that has verified it
    f.csum = CSUM_VALID
    vnet.input(t.ifp.id, f, t.now)
    vnet.drainFrames(nothing)
  }
  f.csum = CSUM_NONE
  frameRelease(vn.pool, f)
}

function nothing(): void {
  // not looked at
}
