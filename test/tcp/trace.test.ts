import { describe, expect, test } from 'vitest'
import { SOL_TCP, TCP_CORK, TCP_TRACE } from '../../src/inet/sockopt.ts'
import { frameRelease } from '../../src/lib/frame.ts'
import { toSeq } from '../../src/lib/seq.ts'
import { CC_NEWRENO } from '../../src/tcp/cc/names.ts'
import { tcpTraceChain, tcpTraceLine, tcpTraceShort } from '../../src/tcp/trace-read.ts'
import type { TcpTraceEvent } from '../../src/tcp/trace-read.ts'
import { TRACE_WIDTH } from '../../src/tcp/state-trace.ts'
import { soClose, soGetOpt, soRecv, soSetOpt } from '../../src/vnet/so.ts'
import { sysctlSet } from '../../src/vnet/sysctl.ts'
import { Vnet } from '../../src/vnet/vnet.ts'
import { createAddr } from '../../src/lib/addr.ts'
import { SnapshotError } from '../../src/snapshot/fault.ts'
import { setIn } from '../../src/lib/table.ts'
import { build } from './packet.ts'
import { accept, active, createTcp, inject, listen, passive, run, settle } from './harness.ts'
import type { Conn, Tcp } from './harness.ts'

const TRACED = { 'net.inet.tcp.trace': 200 }

function events(c: Conn): TcpTraceEvent[] {
  return c.t.vnet.tcpTrace({ socket: c.id })
}

/** Kinds and words of the chain behind the newest event that `matches`. */
function chain(c: Conn, matches: (e: TcpTraceEvent) => boolean): string[] {
  const all = events(c)
  const e = all.findLast(matches)
  if (e === undefined) throw new Error(`no such event in\n${all.map((x) => tcpTraceLine(x, all)).join('\n')}`)
  return tcpTraceChain(all, e.id).map(tcpTraceShort)
}

function newestOut(c: Conn): TcpTraceEvent {
  const e = events(c).findLast((x) => x.kind === 'out')
  if (e === undefined) throw new Error('nothing was sent')
  return e
}

describe('causes', () => {
  test('a retransmission was caused by the timer, that by the segment it timed, that by the call (RFC 6298 §5.1, §5.4)', () => {
    const c = passive(createTcp({ sysctls: TRACED }))
    c.write(100)
    c.out('P.')
    run(c.t, 300)
    c.out('P.', { seq: 1 })
    expect(chain(c, (e) => e.kind === 'out')).toEqual([
      'out P. 1:101(100) ack 1', 'timer rexmt', 'out P. 1:101(100) ack 1', 'call send 100',
    ])
    expect(newestOut(c)).toMatchObject({ clause: 'RFC 6298 §5.4', why: expect.stringContaining('its timer went off') as string })
  })

  test('the second timeout was caused by the first retransmission', () => {
    const c = passive(createTcp({ sysctls: TRACED }))
    c.write(100)
    run(c.t, 1000)
    const sent = c.t.sent.length
    expect(sent).toBeGreaterThan(2)
    expect(chain(c, (e) => e.kind === 'out').filter((x) => x === 'timer rexmt').length).toBe(sent - 1)
  })

  test('new data after an ACK: the ACK, the segment that it acknowledges, the call', () => {
    const c = active(createTcp({ sysctls: TRACED }), { mss: 1000, win: 1000 })
    c.write(2000)
    c.in('.', { ack: 1001 })
    expect(chain(c, (e) => e.kind === 'out')).toEqual([
      'out P. 1001:2001(1000) ack 1', 'in . 1:1(0) ack 1001', 'out . 1:1001(1000) ack 1', 'call send 2000',
    ])
    expect(newestOut(c).why).toContain('made room')
  })

  test('a delayed ACK: its timer, the segment; and the wait is an event of its own (RFC 9293 §3.8.6.3)', () => {
    const c = passive(createTcp({ sysctls: TRACED }))
    c.in('P.', { data: 100 })
    const hold = events(c).find((e) => e.kind === 'hold')
    expect(hold?.why).toContain('acknowledgment waits')
    run(c.t, 100)
    expect(chain(c, (e) => e.kind === 'out')).toEqual([
      'out . 1:1(0) ack 101', 'timer delack', 'hold', 'in P. 1:101(100) ack 1',
    ])
  })

  test('an out-of-order segment is answered at once, and why (RFC 5681 §4.2)', () => {
    const c = passive(createTcp({ sysctls: TRACED }))
    c.in('P.', { seq: 201, data: 100 })
    expect(chain(c, (e) => e.kind === 'out')).toEqual(['out . 1:1(0) ack 1', 'in P. 201:301(100) ack 1'])
    expect(newestOut(c).clause).toBe('RFC 5681 §4.2')
  })

  test('three duplicate ACKs: recovery begins, and the retransmission says so', () => {
    const c = passive(createTcp({ sysctls: { ...TRACED, 'net.inet.tcp.cc.algorithm': CC_NEWRENO } }), { mss: 1000 })
    c.write(8000)
    for (let i = 0; i < 3; i++) c.in('.', { ack: 1 })
    const sent = events(c).find((e) => e.kind === 'out' && e.clause === 'RFC 5681 §3.2')
    expect(sent).toMatchObject({ seq: 1, len: 1000 })
    expect(events(c).find((e) => e.kind === 'cc' && e.what === 'recovery')).toMatchObject({
      cause: sent?.cause, why: expect.stringContaining('ssthresh 4000') as string,
    })
  })

  test('what the user does not see sent: Nagle, cork, the peer\'s window, the congestion window, each with its clause', () => {
    const t = createTcp({ sysctls: { ...TRACED, 'net.inet.tcp.initcwnd_segments': 1 } })
    const c = active(t, { mss: 1000, win: 4000 })
    const held = (): string => events(c).findLast((e) => e.kind === 'hold')?.clause ?? ''
    c.write(100)
    c.write(100)
    expect(held()).toBe('RFC 9293 §3.7.4')
    c.in('.', { ack: 101 })
    c.in('.', { ack: 201 })
    c.write(9000)
    expect(held()).toBe('RFC 5681 §3.1')
    c.in('.', { ack: 1201, win: 500 })
    expect(held()).toBe('RFC 9293 §3.8.6')
  })

  test('a cork', () => {
    const c = active(createTcp({ sysctls: TRACED }), { mss: 1000 })
    soSetOpt(c.t.vnet, c.t.now, c.id, SOL_TCP, TCP_CORK, 1)
    c.write(100)
    expect(events(c).findLast((e) => e.kind === 'hold')?.clause).toBe('TCP_CORK')
    soSetOpt(c.t.vnet, c.t.now, c.id, SOL_TCP, TCP_CORK, 0)
    settle(c.t)
    expect(chain(c, (e) => e.kind === 'out')).toEqual(['out P. 1:101(100) ack 1', 'call setsockopt'])
  })

  test('a read that opens the window is recorded, one without consequence is not', () => {
    const c = passive(createTcp({ sysctls: { ...TRACED, 'net.inet.tcp.recvspace': 4000 } }), { mss: 1000 })
    const from = { addr: createAddr(), port: 0, truncated: false }
    const read = (n: number): number => soRecv(c.t.vnet, c.t.now, c.id, new Uint8Array(n), 0, n, 0, from)
    for (let i = 0; i < 4; i++) c.in('P.', { seq: 1 + 1000 * i, data: 1000 })
    expect(read(10)).toBe(10)
    expect(events(c).some((e) => e.kind === 'call' && e.what === 'recv')).toBe(false)
    expect(read(4000)).toBe(3990)
    settle(c.t)
    expect(chain(c, (e) => e.kind === 'out')).toEqual(['out . 1:1(0) ack 4001', 'call recv 4000'])
    expect(newestOut(c).clause).toBe('RFC 9293 §3.8.6.2.2')
  })

  test('a handshake is part of the connection, from the SYN on, though a listener answered it', () => {
    const c = passive(createTcp({ sysctls: TRACED }))
    const lines = events(c).map(tcpTraceShort)
    expect(lines.slice(0, 3)).toEqual(['in S 0:0(0)', 'out S. 0:0(0) ack 1', 'in . 1:1(0) ack 1'])
    expect(lines).toContain('state SYN_RCVD → ESTABLISHED')
  })

  test('a SYN,ACK that goes again was caused by its timer', () => {
    const t = createTcp({ sysctls: TRACED })
    const listener = listen(t)
    inject(t, { flags: 'S', seq: toSeq(5000), mss: 1000 })
    run(t, 1100)
    const all = t.vnet.tcpTrace()
    const again = all.findLast((e) => e.kind === 'out')
    expect(again).toMatchObject({ flags: 'S.', socket: listener, clause: 'RFC 6298 §5.4' })
    expect(tcpTraceChain(all, again?.id ?? 0).map(tcpTraceShort)).toEqual([
      'out S. 0:0(0) ack 1', 'timer syn-ack', 'out S. 0:0(0) ack 1', 'in S 0:0(0)',
    ])
  })

  test('states change in order, each because of what happened', () => {
    const c = active(createTcp({ sysctls: TRACED }))
    soClose(c.t.vnet, c.t.now, c.id)
    run(c.t, 1)
    c.in('.', { ack: 2 })
    c.in('F.', { ack: 2 })
    const changes = events(c).filter((e) => e.kind === 'state').map((e) => e.what)
    expect(changes).toEqual([
      'CLOSED → SYN_SENT', 'SYN_SENT → ESTABLISHED', 'ESTABLISHED → FIN_WAIT_1', 'FIN_WAIT_1 → FIN_WAIT_2', 'FIN_WAIT_2 → TIME_WAIT',
    ])
    expect(newestOut(c)).toMatchObject({ flags: '.', why: 'acknowledgment of the FIN' })
  })
})

describe('drops', () => {
  const dropped = (t: Tcp): [string, string] => {
    const e = t.vnet.tcpTrace().findLast((x) => x.kind === 'drop')
    return [e?.what ?? '', e?.clause ?? '']
  }

  test('a segment beyond the window: the counter\'s name, its words, the clause, the segment', () => {
    const c = passive(createTcp({ sysctls: TRACED }))
    c.in('P.', { seq: 90_000_000, data: 10 })
    expect(dropped(c.t)).toEqual(['rcvoutwin', 'RFC 9293 §3.10.7.4'])
    expect(chain(c, (e) => e.kind === 'drop')[1]).toBe('in P. 90000000:90000010(10) ack 1')
  })

  test('a blind reset, and the challenge ACK (RFC 5961 §3.2)', () => {
    const c = passive(createTcp({ sysctls: TRACED }))
    c.in('R', { seq: 500 })
    expect(dropped(c.t)).toEqual(['badrst', 'RFC 5961 §3.2'])
    expect(newestOut(c).clause).toBe('RFC 5961 §3.2')
  })

  test('a bad checksum, though nobody knows whom it was for', () => {
    const t = createTcp({ sysctls: TRACED })
    const f = build(t.vn.pool, { flags: 'S', seq: toSeq(1) })
    f.view.setUint16(f.off + 20 + 16, f.view.getUint16(f.off + 20 + 16) ^ 0x5555)
    t.vnet.input(t.ifp.id, f, t.now)
    frameRelease(t.vn.pool, f)
    expect(dropped(t)).toEqual(['rcvbadsum', 'RFC 9293 §3.1'])
  })

  test('a port where nobody listens, and the reset', () => {
    const t = createTcp({ sysctls: TRACED })
    inject(t, { flags: 'S', seq: toSeq(1), dport: 81 })
    expect(dropped(t)).toEqual(['noport', 'RFC 9293 §3.10.7.1'])
    expect(t.vnet.tcpTrace().find((e) => e.kind === 'out')).toMatchObject({ flags: 'R.', why: 'the segment is for no connection' })
  })
})

describe('the ring', () => {
  test('is bounded; ids go on; a chain ends where a record is gone', () => {
    const c = passive(createTcp({ sysctls: { 'net.inet.tcp.trace': 10 } }))
    for (let i = 0; i < 100; i++) c.in('P.', { seq: 1 + i, data: 1 })
    const { trace } = c.t.vn.state.tcp
    expect(trace.records.length).toBe(10 * TRACE_WIDTH)
    const all = c.t.vnet.tcpTrace()
    expect(all.map((e) => e.id)).toEqual(Array.from({ length: 10 }, (_, i) => trace.next - 10 + i))
    for (const e of all) expect(tcpTraceChain(all, e.id).length).toBeLessThanOrEqual(10)
    expect(c.t.vnet.tcpTrace({ last: 3 })).toEqual(all.slice(-3))
  })

  test('off: nothing is recorded or remembered; on at any time; another length begins anew; off keeps it readable', () => {
    const c = passive(createTcp())
    const { trace } = c.t.vn.state.tcp
    c.write(10)
    expect([trace.next, trace.conns.size, c.t.vnet.tcpTrace()]).toEqual([1, 0, []])
    const set = (n: number): number => sysctlSet(c.t.vnet.state, 'net.inet.tcp.trace', String(n))
    set(50)
    c.write(10)
    const first = c.t.vnet.tcpTrace()
    expect(first.length).toBeGreaterThan(0)
    set(0)
    c.in('.', { ack: 11 })
    expect(c.t.vnet.tcpTrace()).toEqual(first)
    expect(trace.conns.size).toBe(0)
    set(20)
    c.in('.', { ack: 21 })
    expect(c.t.vnet.tcpTrace()[0]?.id).toBe((first.at(-1)?.id ?? 0) + 1)
  })

  test('TCP_TRACE traces one socket, and what a listener that has it accepts', () => {
    const t = createTcp()
    const other = active(t, { lport: 2000 })
    const listener = listen(t)
    expect(soSetOpt(t.vnet, t.now, listener, SOL_TCP, TCP_TRACE, 1)).toBe(0)
    expect(soGetOpt(t.vnet, t.now, listener, SOL_TCP, TCP_TRACE)).toBe(1)
    inject(t, { flags: 'S', seq: toSeq(5000), mss: 1000 })
    const synAck = t.sent.at(-1)
    inject(t, { flags: '.', seq: toSeq(5001), ack: toSeq((synAck?.seq ?? 0) + 1) })
    const child = accept(t, listener)
    expect(soGetOpt(t.vnet, t.now, child, SOL_TCP, TCP_TRACE)).toBe(1)
    other.write(10)
    const sockets = new Set(t.vnet.tcpTrace().map((e) => e.socket))
    expect([...sockets].sort()).toEqual([listener, child].sort())
    soClose(t.vnet, t.now, child)
    soClose(t.vnet, t.now, listener)
    run(t, 2_000_000)
    expect(t.vn.state.tcp.trace.sockets.size).toBe(0)
    expect(t.vn.state.tcp.trace.on).toBe(0)
  })

  test('a snapshot has it, and a copy goes on as the original would', () => {
    const c = passive(createTcp({ sysctls: TRACED }))
    c.write(100)
    const again = Vnet.restore(c.t.vnet.snapshot())
    expect(again.tcpTrace()).toEqual(c.t.vnet.tcpTrace())
    const fork = c.t.vnet.clone()
    for (const v of [c.t.vnet, fork]) {
      v.advance(c.t.now + 1_000_000)
      v.drainFrames(() => { /* gone */ })
      v.drainEvents(() => { /* nobody */ })
    }
    expect(fork.tcpTrace()).toEqual(c.t.vnet.tcpTrace())
    expect(fork.tcpTrace().some((e) => e.what === 'rexmt')).toBe(true)
  })

  test.each([
    ['records', (t: Tcp) => { t.vn.state.tcp.trace.records.pop() }],
    ['limit', (t: Tcp) => { t.vn.state.tcp.trace.limit = 0 }],
    ['limit', (t: Tcp) => { t.vn.state.tcp.trace.limit = 1e9 }],
    ['cause', (t: Tcp) => { t.vn.state.tcp.trace.cause = 1e6 }],
    ['first', (t: Tcp) => { t.vn.state.tcp.trace.first = 1e6 }],
    ['sockets', (t: Tcp) => { setIn(t.vn.state.tcp.trace, 'sockets').add(4000) }],
  ])('a forged snapshot is refused: %s', (path, forge) => {
    const c = passive(createTcp({ sysctls: TRACED }))
    forge(c.t)
    const bytes = c.t.vnet.snapshot()
    expect(() => Vnet.restore(bytes)).toThrow(SnapshotError)
    expect(() => Vnet.restore(bytes)).toThrow(new RegExp(`trace.${path}`))
    c.t.vn.state.tcp.trace.sockets.clear()
  })
})
