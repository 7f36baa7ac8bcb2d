/** Sleep of idle connections (tcp/dormant.ts): what lets them sleep, what wakes them, and that nobody can tell. */

import { describe, expect, test } from 'vitest'
import {
  SOCK_STREAM, SOL_SOCKET, SOL_TCP, SO_KEEPALIVE, TCP_CONGESTION, TCP_KEEPCNT, TCP_KEEPIDLE, TCP_KEEPINTVL, TCP_NODELAY,
} from '../../src/inet/sockopt.ts'
import { AF_INET } from '../../src/inet/state.ts'
import { addrFromIp4 } from '../../src/lib/addr.ts'
import { EAGAIN, EINPROGRESS, EINVAL } from '../../src/lib/errno.ts'
import { seqAdd } from '../../src/lib/seq.ts'
import { tableIn } from '../../src/lib/table.ts'
import { diffDumps } from '../../src/snapshot/diff.ts'
import { SnapshotError } from '../../src/snapshot/fault.ts'
import { dormantOf, isDormant, tcbOfDormant, tcbSeen } from '../../src/tcp/state-dormant.ts'
import type { TcpSocketRecord } from '../../src/tcp/state-dormant.ts'
import { tcbImage, tcbOfImage } from '../../src/tcp/state-image.ts'
import { createTcb, TCPS_CLOSED, TCPS_ESTABLISHED, TCPS_FIN_WAIT_2, TCPS_LISTEN } from '../../src/tcp/state.ts'
import { createPmtu } from '../../src/tcp/state-pmtu.ts'
import { createUserOptions, USER_DEFAULTS } from '../../src/tcp/state-user.ts'
import { tcpNewTcb } from '../../src/tcp/tcb.ts'
import { soBind, soConnect, soCreate, soGetOpt, soInfo, soListen, soReady, soSetOpt, soShutdown } from '../../src/vnet/so.ts'
import { sysctlSet } from '../../src/vnet/sysctl.ts'
import { Vnet } from '../../src/vnet/vnet.ts'
import { accept, createTcp, listen, passive, run, synTo } from './harness.ts'
import type { Conn, Tcp } from './harness.ts'

function recordOf(t: Tcp, id: number): TcpSocketRecord {
  const record = t.vnet.state.tcp.tcbs.get(id)
  if (record === undefined) throw new Error(`no socket ${id}`)
  return record
}

const sleeps = (t: Tcp, c: Conn): boolean => isDormant(recordOf(t, c.id))

/** A connection that has said something each way, and sleeps. */
function asleep(): { t: Tcp; c: Conn } {
  const t = createTcp()
  const c = passive(t)
  c.in('.', { data: 100 })
  expect(c.read().valueOf()).not.toBe(-EAGAIN)
  run(t, 2500)
  t.sent.length = 0
  expect(sleeps(t, c)).toBe(true)
  return { t, c }
}

describe('a new socket', () => {
  const create = (t: Tcp): number => soCreate(t.vnet, t.now, AF_INET, SOCK_STREAM, 0)

  test('has no block, and is what a block would be, with what its Vnet has set', () => {
    const t = createTcp()
    const names = ['sendspace', 'recvspace', 'cc.algorithm', 'quickacks', 'rexmit_initial'].map((name) => `net.inet.tcp.${name}`)
    for (const [i, text] of ['65537', '99999', 'newreno', '3', '1500'].entries()) {
      const id = create(t)
      expect(isDormant(recordOf(t, id))).toBe(true)
      const block = tcpNewTcb(t.vnet.vn, AF_INET)
      expect(tcbSeen(recordOf(t, id))).toEqual({ ...block, inp: { ...block.inp, id } })
      sysctlSet(t.vnet.state, names[i], text)
    }
  })

  test('is bound and listens without one, until the first SYN', () => {
    const t = createTcp()
    const id = create(t)
    expect(soBind(t.vnet, t.now, id, addrFromIp4(0), 80)).toBe(0)
    expect(soBind(t.vnet, t.now, id, addrFromIp4(0), 81)).toBe(EINVAL)
    expect(soListen(t.vnet, t.now, id, 5)).toBe(0)
    expect(soReady(t.vnet, id)).toBe(0)
    expect(t.vnet.nextDeadline()).toBe(Infinity)
    const record = recordOf(t, id)
    expect(isDormant(record)).toBe(true)
    expect(record.state).toBe(TCPS_LISTEN)
    expect(soBind(t.vnet, t.now, id, addrFromIp4(0), 81)).toBe(EINVAL)
    expect(diffDumps(t.vnet.dump(), Vnet.restore(t.vnet.snapshot()).dump())).toEqual([])
    synTo(t)
    expect(isDormant(recordOf(t, id))).toBe(false)
  })

  test('has one where nothing sleeps, or is traced', () => {
    for (const name of ['net.inet.tcp.idlesleep', 'net.inet.tcp.trace']) {
      const t = createTcp()
      sysctlSet(t.vnet.state, name, name.endsWith('trace') ? '1' : '0')
      // the trace begins with what happens next
      soConnect(t.vnet, t.now, create(t), addrFromIp4(0x7f000001), 9)
      expect(isDormant(recordOf(t, create(t)))).toBe(false)
    }
  })

  test('that was used is no new one: it does not listen', () => {
    const t = createTcp()
    const id = create(t)
    expect(soConnect(t.vnet, t.now, id, addrFromIp4(0x7f000001), 9)).toBe(EINPROGRESS)
    run(t, 3000)
    expect(recordOf(t, id).state).toBe(TCPS_CLOSED)
    expect(isDormant(recordOf(t, id))).toBe(false)
    expect(soListen(t.vnet, t.now, id, 5)).toBe(EINVAL)
  })
})

describe('falling asleep', () => {
  test('a second after the last segment, and then no timer is left', () => {
    const t = createTcp()
    const c = passive(t)
    run(t, 999)
    expect(sleeps(t, c)).toBe(false)
    run(t, 1001)
    expect(sleeps(t, c)).toBe(true)
    expect(t.vnet.nextDeadline()).toBe(Infinity)
  })

  test('not with data that nobody has read, but once it is read', () => {
    const t = createTcp()
    const c = passive(t)
    c.in('.', { data: 10 })
    run(t, 5000)
    expect(sleeps(t, c)).toBe(false)
    c.read()
    run(t, 2000)
    expect(sleeps(t, c)).toBe(true)
  })

  test('not with data that the peer has not acknowledged, but once it has', () => {
    const t = createTcp()
    const c = passive(t)
    c.write(10)
    run(t, 1900)
    expect(sleeps(t, c)).toBe(false)
    c.in('.', { ack: 11 })
    run(t, 2000)
    expect(sleeps(t, c)).toBe(true)
  })

  test('not before it is accepted; a listener sleeps, and what comes wakes it', () => {
    const t = createTcp()
    const c = passive(t)
    const id = listen(t, 81)
    run(t, 2000)
    expect(isDormant(recordOf(t, id))).toBe(true)
    expect(soReady(t.vnet, id)).toBe(0)
    expect(accept(t, id)).toBe(-EAGAIN)
    expect(sleeps(t, c)).toBe(true)
    const d = passive(t, { lport: 81 }, id)
    expect(d.tcb.state).toBe(TCPS_ESTABLISHED)
  })

  test('never, where the peer has reset it before it is accepted', () => {
    const t = createTcp()
    const id = listen(t, 81)
    const c = synTo(t, { lport: 81 })
    c.in('.', { seq: 1, ack: 1 })
    c.in('R', { seq: 1 })
    const child = accept(t, id)
    expect(recordOf(t, child)).toMatchObject({ dormant: false, state: TCPS_CLOSED })
    run(t, 5000)
    expect(t.vnet.nextDeadline()).toBe(Infinity)
  })

  test('half closed, once the peer has acknowledged our FIN', () => {
    const t = createTcp()
    const c = passive(t)
    expect(soShutdown(t.vnet, t.now, c.id, 1)).toBe(0)
    run(t, 1)
    c.in('.', { ack: 2 })
    run(t, 2500)
    expect(recordOf(t, c.id)).toMatchObject({ dormant: true, state: TCPS_FIN_WAIT_2 })
  })

  test('not where net.inet.tcp.idlesleep is 0; a longer time is waited for', () => {
    const t = createTcp({ sysctls: { 'net.inet.tcp.idlesleep': 0 } })
    const c = passive(t)
    run(t, 5000)
    const u = createTcp({ sysctls: { 'net.inet.tcp.idlesleep': 60_000 } })
    const d = passive(u)
    run(u, 59_999)
    expect([sleeps(t, c), sleeps(u, d)]).toEqual([false, false])
    run(u, 60_001)
    expect(sleeps(u, d)).toBe(true)
  })

  test('not while connections are traced', () => {
    const t = createTcp({ sysctls: { 'net.inet.tcp.trace': 100 } })
    const c = passive(t)
    run(t, 5000)
    expect(sleeps(t, c)).toBe(false)
  })
})

describe('waking', () => {
  test('for data, which is acknowledged and read as ever', () => {
    const { t, c } = asleep()
    c.in('.', { seq: 101, data: 7 })
    expect(sleeps(t, c)).toBe(false)
    run(t, 40)
    c.out('.', { ack: 108 })
    run(t, 3000)
    // unread
    expect(sleeps(t, c)).toBe(false)
  })

  test('to send', () => {
    const { t, c } = asleep()
    c.write(5)
    c.out('P.', { seq: 1, ack: 101, len: 5 })
    c.in('.', { seq: 101, ack: 6 })
    run(t, 2000)
    expect(sleeps(t, c)).toBe(true)
  })

  test('an option that is set holds, also after the next sleep', () => {
    const { t, c } = asleep()
    expect(soSetOpt(t.vnet, t.now, c.id, SOL_TCP, TCP_NODELAY, 1)).toBe(0)
    run(t, 2000)
    expect(sleeps(t, c)).toBe(true)
    expect(soGetOpt(t.vnet, t.now, c.id, SOL_TCP, TCP_NODELAY)).toBe(1)
  })

  test('not to be looked at: options, TCP_INFO, readiness', () => {
    const { t, c } = asleep()
    expect(soGetOpt(t.vnet, t.now, c.id, SOL_TCP, TCP_CONGESTION)).toBeGreaterThanOrEqual(0)
    expect(soInfo(t.vnet, t.now, c.id)?.tcpi_state).toBe(1)
    expect(soReady(t.vnet, c.id)).toBeGreaterThan(0)
    expect(sleeps(t, c)).toBe(true)
  })

  test('for a keep-alive probe in its time, and to sleep again between probes', () => {
    const t = createTcp()
    const c = passive(t)
    for (const [level, name, value] of [
      [SOL_TCP, TCP_KEEPIDLE, 10], [SOL_TCP, TCP_KEEPINTVL, 5], [SOL_TCP, TCP_KEEPCNT, 3], [SOL_SOCKET, SO_KEEPALIVE, 1],
    ] as const) expect(soSetOpt(t.vnet, t.now, c.id, level, name, value)).toBe(0)
    run(t, 9999)
    expect(sleeps(t, c)).toBe(true)
    c.none()
    run(t, 1)
    c.out('.', { seq: 0, at: 10_000 })
    run(t, 4000)
    expect(sleeps(t, c)).toBe(true)
    run(t, 1000)
    c.out('.', { seq: 0, at: 15_000 })
  })
})

describe('the image', () => {
  test('brings every number of a block back, whatever it is', () => {
    const odd = [1, -1, 127, 128, 2 ** 31, -(2 ** 31), 2 ** 40 + 1, 2 ** 53, 0.1, -1e300, Infinity, -Infinity, -0]
    const tcb = { ...createTcb(4, AF_INET), user: createUserOptions(), pmtu: createPmtu() }
    let n = 0
    const spoil = (record: Record<string, unknown>): void => {
      for (const [key, value] of Object.entries(record)) {
        if (['alarmAt', 'dormant', 'inp', 'state', 'sndBuf', 'rcvBuf'].includes(key)) continue
        if (typeof value === 'number') record[key] = odd[n++ % odd.length]
        else if (typeof value === 'boolean') record[key] = !value
        else if (Array.isArray(value)) record[key] = odd.slice(n++ % 7)
        else spoil(value as Record<string, unknown>)
      }
    }
    spoil(tcb)
    expect(n).toBeGreaterThan(150)
    expect(tcbOfImage(tcbImage(tcb), tcb.inp)).toEqual(tcb)
  })

  test('of a fresh block is empty, and makes one that shares what fresh ones share', () => {
    const tcb = createTcb(4, AF_INET)
    expect(tcbImage(tcb)).toBe('')
    expect(tcbOfImage('', tcb.inp)).toEqual(tcb)
    expect(tcbOfImage('', tcb.inp).user).toBe(USER_DEFAULTS)
  })

  test('of a quiet connection is short', () => {
    const { t, c } = asleep()
    const record = recordOf(t, c.id)
    expect(isDormant(record) && record.image.length).toBeLessThan(350)
  })
})

describe('snapshots', () => {
  test('a connection that sleeps is saved, restored and cloned asleep, and goes on', () => {
    const { t, c } = asleep()
    const bytes = t.vnet.snapshot()
    for (const again of [Vnet.restore(bytes), t.vnet.clone()]) {
      expect(again.state.tcp.tcbs.get(c.id)).toEqual(recordOf(t, c.id))
      expect(again.snapshot()).toEqual(bytes)
      expect(again.state.tcp.tcbs.get(c.id)?.inp).not.toBe(recordOf(t, c.id).inp)
    }
  })

  test('one that is said to sleep though it has something to do is refused', () => {
    const { t, c } = asleep()
    const record = recordOf(t, c.id)
    if (!isDormant(record)) throw new Error('awake')
    const tcb = tcbOfDormant(record)
    tcb.sndMax = seqAdd(tcb.sndMax, 1)
    tableIn(t.vnet.state.tcp, 'tcbs').set(c.id, dormantOf(tcb))
    expect(() => Vnet.restore(t.vnet.snapshot())).toThrow(SnapshotError)
  })

  test('what is read of it is a copy', () => {
    const { t, c } = asleep()
    const seen = tcbSeen(recordOf(t, c.id))
    expect(seen).not.toBe(tcbSeen(recordOf(t, c.id)))
    expect(seen).toEqual(tcbSeen(recordOf(t, c.id)))
  })
})
