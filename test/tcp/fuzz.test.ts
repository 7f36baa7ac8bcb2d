import { describe, expect, test } from 'vitest'
import { createRandom, randomBelow, randomInt32 } from '../../src/kern/random.ts'
import type { RandomState } from '../../src/kern/random.ts'
import { SHUT_WR } from '../../src/inet/sockopt.ts'
import { soAbort, soClose, soShutdown } from '../../src/vnet/so.ts'
import { active, connecting, createTcp, inject, listen, passive, run, runOut, settle, synTo } from './harness.ts'
import type { Conn, SegSpec, Tcp } from './harness.ts'
import { tcbSeenIn } from '../support/tcbs.ts'

const FLAGS = ['S', '.', 'P.', 'F.', 'R', 'R.', 'S.', '.U', 'FS', 'F', '', 'SFRP.U', 'FR.', 'SR', 'FP.']

/** A segment that is wrong in random ways, but near what the connection expects. */
function randomSeg(r: RandomState, c: Conn): SegSpec {
  const near = (): number => [0, 1, -1, 10, 1000, 65_535, -65_535, randomInt32(r)][randomBelow(r, 8)]
  const tcb = tcbSeenIn(c.t.vn.state.tcp, c.id)
  const spec: SegSpec = {
    flags: FLAGS[randomBelow(r, FLAGS.length)],
    seq: ((tcb?.rcvNxt ?? c.peerIss)) + near() | 0,
    ack: ((tcb?.sndUna ?? c.iss)) + near() | 0,
    win: [0, 1, 100, 65_535][randomBelow(r, 4)],
    data: [0, 1, 10, 1000, 1460][randomBelow(r, 5)],
    urp: randomBelow(r, 3) === 0 ? randomBelow(r, 65_536) : 0,
    sport: c.fport, dport: c.lport,
  }
  switch (randomBelow(r, 5)) {
    case 0: return { ...spec, rawOptions: noise(r, 4 * (1 + randomBelow(r, 10))) }
    case 1: return { ...spec, dataOffset: randomBelow(r, 16) }
    case 2: {
      const ts = [randomInt32(r) >>> 0, randomInt32(r) >>> 0] as const
      return { ...spec, ts, mss: randomBelow(r, 65_536), ws: randomBelow(r, 16) }
    }
    default: return spec
  }
}

function noise(r: RandomState, len: number): number[] {
  return Array.from({ length: len }, () => randomBelow(r, 256))
}

function scene(t: Tcp, r: RandomState): Conn[] {
  const l = listen(t, 80, 3)
  const conns = [
    passive(t, { fport: 1, ts: true, ws: 3 }, l), passive(t, { fport: 2 }, l), active(t, { fport: 3, ts: true }),
    connecting(t, { fport: 4 }), synTo(t, { fport: 5 }), passive(t, { fport: 6 }, l), active(t, { fport: 7 }),
  ]
  t.sent.length = 0
  for (const c of conns) {
    if (c.id === 0) continue
    if (randomBelow(r, 2) === 0) c.write(1 + randomBelow(r, 5000))
  }
  expect(soShutdown(t.vnet, t.now, (conns[5]).id, SHUT_WR)).toBe(0)
  ;(conns[6]).close()
  return conns
}

describe('segments from nobody\'s specification (invariant 5): no throw, no growth, every drop counted', () => {
  test.each(Array.from({ length: 30 }, (_, i) => i))('seed %i', (seed) => {
    const r = createRandom([seed, 99])
    const t = createTcp({ seed, sysctls: { 'net.inet.tcp.syncache.cachelimit': 20, 'net.inet.tcp.maxtcptw': 5 } })
    const conns = scene(t, r)
    for (let i = 0; i < 1500; i++) {
      const c = conns[randomBelow(r, conns.length)]
      const before = t.drops.length
      inject(t, randomSeg(r, c))
      expect(t.drops.length - before).toBeLessThanOrEqual(1)
      if (randomBelow(r, 50) === 0) run(t, randomBelow(r, 2000))
      if (randomBelow(r, 40) === 0 && t.vn.state.tcp.tcbs.has(c.id)) c.write(randomBelow(r, 3000))
      if (randomBelow(r, 40) === 0 && t.vn.state.tcp.tcbs.has(c.id)) c.read()
      if (randomBelow(r, 400) === 0) {
        soAbort(t.vnet, t.now, c.id)
        settle(t)
      }
      t.sent.length = 0
    }
    for (const id of [...t.vn.state.tcp.tcbs.keys()]) soClose(t.vnet, t.now, id)
    settle(t)
    runOut(t)
    const { tcp, timers } = t.vn.state
    expect([tcp.tcbs.size, tcp.syncache.size, tcp.timewait.size, tcp.listeners.size, tcp.orphans, tcp.table.heads.size,
      tcp.table.ports.size, tcp.syncacheTable.ports.size, tcp.timewaitTable.ports.size, timers.at.length])
      .toEqual([0, 0, 0, 0, 0, 0, 0, 0, 0, 0])
  })
})
