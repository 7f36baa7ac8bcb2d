import { describe, expect, test } from 'vitest'
import { CTL_MSGSIZE, CTL_PARAMPROB, CTL_TIMXCEED, CTL_UNREACH_HARD, CTL_UNREACH_SOFT } from '../../src/inet/ctl.ts'
import { ECONNREFUSED, EHOSTUNREACH } from '../../src/lib/errno.ts'
import { checksumAdd, checksumFold } from '../../src/lib/checksum.ts'
import { frameFrom, frameRelease } from '../../src/lib/frame.ts'
import type { Frame } from '../../src/lib/frame.ts'
import { seqAdd, toSeq } from '../../src/lib/seq.ts'
import { tcpCtlInput } from '../../src/tcp/ctlinput.ts'
import { TCPS_CLOSED, TCPS_ESTABLISHED, TCPS_SYN_SENT } from '../../src/tcp/state.ts'
import { tcpInfo } from '../../src/tcp/info.ts'
import { viewOf } from '../../src/wire/layout.ts'
import { ME, PEER, accept, addr, connecting, createTcp, listen, passive, run, settle, synTo } from './harness.ts'
import type { Conn, Tcp } from './harness.ts'

/** An ICMP error that quotes the segment of `c` with relative number `seq`. */
function ctl(t: Tcp, c: Conn, kind: number, errno: number, seq: number, mtu = 0, haveSeq = true): void {
  tcpCtlInput(t.vn, {
    kind, errno, proto: 6, src: { ...ME }, dst: { ...PEER }, lport: c.lport, fport: c.fport, mtu,
    seq: seqAdd(toSeq(c.iss), seq), haveSeq, icmpType: 3, icmpCode: 0,
  })
  settle(t)
}

/** A real "fragmentation needed" from a router, quoting the first 28 octets of a packet of ours. */
function fragNeeded(t: Tcp, c: Conn, seq: number, mtu: number, src = addr('10.0.0.9')): void {
  const p = new Uint8Array(20 + 8 + 28)
  const v = viewOf(p)
  const ip = (at: number, from: number, to: number, proto: number, len: number): void => {
    v.setUint32(at, 0x45000000 | len)
    v.setUint32(at + 4, 0x00014000)
    v.setUint32(at + 8, 64 << 24 | proto << 16)
    v.setInt32(at + 12, from)
    v.setInt32(at + 16, to)
    v.setUint16(at + 10, checksumFold(checksumAdd(0, v, at, 20)))
  }
  ip(0, src.w3, ME.w3, 1, p.length)
  v.setUint32(20, 0x03040000)
  v.setUint32(24, mtu)
  ip(28, ME.w3, PEER.w3, 6, 1500)
  v.setUint16(48, c.lport)
  v.setUint16(50, c.fport)
  v.setInt32(52, seqAdd(toSeq(c.iss), seq))
  v.setUint16(22, checksumFold(checksumAdd(0, v, 20, p.length - 20)))
  const f = frameFrom(t.vn.pool, p) as Frame
  t.vnet.input(t.ifp.id, f, t.now)
  frameRelease(t.vn.pool, f)
  settle(t)
}

describe('path MTU discovery (RFC 1191, RFC 5927 §7)', () => {
  test('a smaller MTU: smaller segments, the lost ones again at once (MUST-54), no sign of congestion', () => {
    const t = createTcp()
    const c = passive(t)
    c.write(4000)
    expect(t.sent.length).toBe(3)
    t.sent.length = 0
    const { ssthresh } = c.tcb
    fragNeeded(t, c, 1, 1000)
    c.out('.', { seq: 1, len: 960, df: true })
    c.out('.', { seq: 961, len: 960 })
    c.out('.', { seq: 1921, len: 960 })
    c.out('.', { seq: 2881, len: 960 })
    c.out('P.', { seq: 3841, len: 160 })
    c.none()
    expect(c.tcb.ssthresh).toBe(ssthresh)
    expect(t.vn.state.tcp.stats.mturesent).toBe(1)
  })

  test('the next connection to the same place knows', () => {
    const t = createTcp()
    const c = passive(t)
    c.write(1460)
    fragNeeded(t, c, 1, 1000)
    t.sent.length = 0
    const d = passive(t, { fport: 2 })
    d.write(2000)
    d.out('.', { seq: 1, len: 960 })
    t.sent.length = 0
  })

  test('an error that quotes nothing in flight is ignored (RFC 5927 §4.1)', () => {
    const t = createTcp()
    const c = passive(t)
    c.write(1460)
    t.sent.length = 0
    for (const seq of [0, -5, 1461, 100_000]) fragNeeded(t, c, seq, 600)
    ctl(t, c, CTL_MSGSIZE, 0, 1, 600, false)
    c.none()
    expect(c.tcb.mss).toBe(1460)
    expect(t.drops.filter((d) => d === 'tcp.ctlignored').length).toBe(5)
  })

  test('an absurd MTU does not go below net.inet.tcp.minmss', () => {
    const t = createTcp()
    const c = passive(t)
    c.write(1460)
    t.sent.length = 0
    ctl(t, c, CTL_MSGSIZE, 0, 1, 10)
    expect(c.tcb.mss).toBe(216)
    t.sent.length = 0
  })

  test('with path_mtu_discovery off DF is not set', () => {
    const t = createTcp({ sysctls: { 'net.inet.tcp.path_mtu_discovery': 0 } })
    const c = passive(t)
    c.write(10)
    c.out('P.', { df: false })
  })
})

describe('unreachable and its kin (RFC 9293 §3.9.2.2, RFC 5461, RFC 5927 §5)', () => {
  test.each([
    ['unreachable', CTL_UNREACH_SOFT], ['time exceeded', CTL_TIMXCEED], ['parameter problem', CTL_PARAMPROB],
    ['port unreachable', CTL_UNREACH_HARD],
  ])('%s does not abort an established connection (MUST-56), it is made known (SHLD-25)', (_name, kind) => {
    const t = createTcp()
    const c = passive(t)
    c.write(100)
    c.out('P.')
    ctl(t, c, kind, EHOSTUNREACH, 1)
    expect(c.tcb.state).toBe(TCPS_ESTABLISHED)
    expect(tcpInfo(t.vn, c.id)?.softError).toBe(EHOSTUNREACH)
    c.in('.', { ack: 101 })
    expect(tcpInfo(t.vn, c.id)?.softError).toBe(0)
  })

  test('the soft error is what a timeout reports (MUST-47)', () => {
    const t = createTcp({ sysctls: { 'net.inet.tcp.retries': 2 } })
    const c = passive(t)
    c.write(100)
    ctl(t, c, CTL_UNREACH_SOFT, EHOSTUNREACH, 1)
    run(t, 10_000)
    t.sent.length = 0
    expect(c.tcb.state).toBe(TCPS_CLOSED)
    expect(c.read()).toBe(-EHOSTUNREACH)
  })

  test('SYN-SENT: a hard error refuses at once (SHLD-26), a soft one after three retransmissions', () => {
    const t = createTcp()
    const a = connecting(t, { fport: 1 })
    ctl(t, a, CTL_UNREACH_HARD, ECONNREFUSED, 0)
    expect(a.tcb.state).toBe(TCPS_CLOSED)
    expect(a.read()).toBe(-ECONNREFUSED)
    const b = connecting(t, { fport: 2 })
    ctl(t, b, CTL_UNREACH_SOFT, EHOSTUNREACH, 0)
    run(t, 14_999)
    expect(b.tcb.state).toBe(TCPS_SYN_SENT)
    run(t, 1)
    t.sent.length = 0
    expect(b.tcb.state).toBe(TCPS_CLOSED)
    expect(b.read()).toBe(-EHOSTUNREACH)
  })

  test('a half-open connection survives a hard error until it was retransmitted three times', () => {
    const t = createTcp()
    const l = listen(t)
    const c = synTo(t)
    ctl(t, c, CTL_UNREACH_HARD, ECONNREFUSED, 0)
    expect(t.vn.state.tcp.syncache.size).toBe(1)
    run(t, 7000)
    t.sent.length = 0
    ctl(t, c, CTL_UNREACH_HARD, ECONNREFUSED, 0)
    expect(t.vn.state.tcp.syncache.size).toBe(0)
    expect(accept(t, l)).toBeLessThan(0)
  })

  test('errors about connections that do not exist are ignored and counted', () => {
    const t = createTcp()
    const c = passive(t)
    tcpCtlInput(t.vn, {
      kind: CTL_UNREACH_HARD, errno: ECONNREFUSED, proto: 6, src: { ...ME }, dst: { ...PEER }, lport: 1, fport: 2,
      mtu: 0, seq: toSeq(0), haveSeq: true, icmpType: 3, icmpCode: 3,
    })
    expect(t.drops).toEqual(['tcp.ctlignored'])
    expect(c.tcb.state).toBe(TCPS_ESTABLISHED)
  })
})
