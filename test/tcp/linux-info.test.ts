import { describe, expect, test } from 'vitest'
import { tcpLinuxInfo } from '../../src/tcp/linux-info.ts'
import type { LinuxTcpInfo } from '../../src/tcp/linux-info.ts'
import { soInfo } from '../../src/vnet/so.ts'
import { Vnet } from '../../src/vnet/vnet.ts'
import { active, createTcp, listen, passive, run } from './harness.ts'
import type { Conn } from './harness.ts'

function info(c: Conn): LinuxTcpInfo {
  const found = soInfo(c.t.vnet, c.t.now, c.id)
  if (found === null) throw new Error('no such socket')
  return found
}

describe('TCP_INFO with the fields of Linux\'s struct tcp_info', () => {
  test('an id that does not exist has none', () => {
    expect(tcpLinuxInfo(createTcp().vn, 400)).toBe(null)
  })

  test('every field is a number from the first moment on, in every state', () => {
    const t = createTcp()
    const listener = listen(t)
    const c = active(t)
    for (const id of [listener, c.id]) {
      for (const [name, value] of Object.entries(soInfo(t.vnet, t.now, id) as object)) {
        expect(Number.isFinite(value), `${name} of ${id}: ${String(value)}`).toBe(true)
      }
    }
  })

  test('of a listener: connections that wait, and its backlog', () => {
    const t = createTcp()
    const listener = listen(t, 80, 7)
    expect(soInfo(t.vnet, t.now, listener)).toMatchObject({ tcpi_state: 10, tcpi_unacked: 0, tcpi_sacked: 7 })
  })

  test('reading changes nothing: the clocks of busy_time are the same however often they are looked at', () => {
    const c = active(createTcp())
    c.write(100)
    c.out('P.')
    for (let i = 0; i < 10; i++) {
      run(c.t, 5)
      info(c)
    }
    expect(info(c).tcpi_busy_time).toBe(50_000)
    expect(c.t.vnet.clone().dump()).toEqual(c.t.vnet.dump())
  })

  test('a connection that has ended is not busy', () => {
    const c = active(createTcp())
    c.write(100)
    c.out('P.')
    run(c.t, 20)
    c.in('R.', { seq: 1, ack: 1 })
    run(c.t, 500)
    expect(info(c)).toMatchObject({ tcpi_state: 7, tcpi_notsent_bytes: 0 })
    expect(info(c).tcpi_busy_time).toBeLessThanOrEqual(20_000)
  })

  test('what is measured survives a snapshot, and goes on from there', () => {
    const c = passive(createTcp())
    c.write(100)
    c.out('P.')
    run(c.t, 30)
    c.in('.', { ack: 101 })
    c.in('P.', { ack: 101, data: 50 })
    const before = info(c)
    const again = Vnet.restore(c.t.vnet.snapshot())
    expect(soInfo(again, c.t.now, c.id)).toEqual(before)
    expect(before).toMatchObject({ tcpi_bytes_acked: 100, tcpi_bytes_received: 50, tcpi_busy_time: 30_000 })
  })
})
