/** What a user writes behind a full packet: when it waits to go with what he writes next, and when it goes without (src/tcp/bulk.ts). */

import { expect, it } from 'vitest'
import { SO_SNDBUF, SOL_SOCKET } from '../../src/inet/sockopt.ts'
import { IFCAP_TSO } from '../../src/link/state.ts'
import { soSetOpt } from '../../src/vnet/so.ts'
import { tcpDataOffset, tcpFlags, TH_FIN, TH_PUSH } from '../../src/wire/tcp.ts'
import { createTcp, passive } from './harness.ts'
import type { Conn, Tcp, TcpOptionsForTest } from './harness.ts'

const MSS = 1000
/** Whole segments in the longest packet there is. */
const PACKET = 65_000

/** A connection over a device that segments, with room in both windows; packets are left for `packets` to take. */
function sender(sndbuf: number, options: TcpOptionsForTest = {}, capabilities = IFCAP_TSO): { t: Tcp; c: Conn } {
  const t = createTcp(options)
  t.ifp.capabilities = capabilities
  const c = passive(t, { mss: MSS, ws: 4 })
  c.in('.')
  c.tcb.cwnd = 1_000_000
  expect(soSetOpt(t.vnet, t.now, c.id, SOL_SOCKET, SO_SNDBUF, sndbuf)).toBe(0)
  // whoever looks at segments one by one would find their checksum unfinished
  t.batching = true
  return { t, c }
}

/** Data in each packet that leaves at the end of this event, with P and F for its flags. */
function packets(t: Tcp): string[] {
  const list: string[] = []
  t.vnet.drainFrames((_ifId, f) => {
    const flags = tcpFlags(f.view, f.l4)
    const marks = ((flags & TH_PUSH) !== 0 ? 'P' : '') + ((flags & TH_FIN) !== 0 ? 'F' : '')
    list.push(`${f.off + f.len - f.l4 - tcpDataOffset(f.view, f.l4)}${marks}`)
  })
  t.vnet.drainEvents(() => undefined)
  return list
}

it('what is written in one event leaves together, but for what the first write filled', () => {
  const { t, c } = sender(400_000)
  for (let k = 0; k < 6; k++) expect(c.write(20_500)).toBe(20_500)
  // the short end of the first does not wait (RFC 9293 appendix A.3), that of the last does (Nagle, §3.7.4)
  expect(packets(t)).toEqual(['20000', '500P', '65000', '37000'])
})

it('what is written in an event of its own leaves in it', () => {
  const { t, c } = sender(400_000)
  const all = [0, 1, 2].flatMap(() => {
    c.write(20_000)
    return packets(t)
  })
  expect(all).toEqual(['20000P', '20000P', '20000P'])
})

it('RFC 9293 §3.8.6.2.1: no write waits that is not preceded by a packet of several segments', () => {
  const { t, c } = sender(400_000)
  for (let k = 0; k < 3; k++) c.write(MSS)
  expect(packets(t)).toEqual(['1000P', '1000P', '1000P'])
})

it('the end of a write that was cut short waits for the next one', () => {
  const { t, c } = sender(300_000)
  expect(c.write(400_000)).toBe(300_000)
  expect(packets(t)).toEqual(Array(4).fill('65000'))
  c.in('.', { ack: 1 + PACKET })
  expect(packets(t)).toEqual([])
  expect(c.write(100_000)).toBe(PACKET)
  expect(packets(t)).toEqual(['65000'])
  // that was all he had: what is left goes with it
  c.in('.', { ack: 1 + 2 * PACKET })
  expect(c.write(10_000)).toBe(10_000)
  expect(packets(t)).toEqual(['50000P'])
})

it('it goes when less than a packet is in flight, and when a packet is full', () => {
  const { t, c } = sender(100_000)
  c.write(200_000)
  expect(packets(t)).toEqual(['65000'])
  c.in('.', { ack: 1 + MSS })
  expect(packets(t)).toEqual(['35000P'])
})

it('it goes with a FIN', () => {
  const { t, c } = sender(300_000)
  c.write(400_000)
  packets(t)
  c.close()
  expect(packets(t)).toEqual(['40000PF'])
})

it('nothing waits on a device that does not segment, nor while connections are traced', () => {
  const plain = sender(100_000, {}, 0)
  plain.c.write(200_000)
  expect(packets(plain.t).length).toBe(100)
  const traced = sender(400_000, { sysctls: { 'net.inet.tcp.trace': 64 } })
  for (let k = 0; k < 3; k++) traced.c.write(20_000)
  expect(packets(traced.t)).toEqual(['20000P', '20000P', '20000P'])
})
