/** Snapshot, restore, clone, dump: the format, its refusals, reseeding, time that counts or does not. */

import { tableIn } from '../../src/lib/table.ts'
import { describe, expect, it } from 'vitest'
import { createTcb } from '../../src/tcp/state.ts'
import { dormantOf, isDormant } from '../../src/tcp/state-dormant.ts'
import { diffDumps } from '../../src/snapshot/diff.ts'
import { SnapshotError } from '../../src/snapshot/fault.ts'
import { BOOL, COUNT, record } from '../../src/snapshot/node.ts'
import { SNAPSHOT_HEADER, snapshotSign } from '../../src/snapshot/snapshot.ts'
import { Vnet } from '../../src/vnet/vnet.ts'
import { assertPlain } from '../support/plain.ts'
import { connecting, createTcp } from '../tcp/harness.ts'
import { richWorld } from './rich.ts'
import { sysctlsIn } from '../../src/vnet/sysctl.ts'
import { ipStats } from '../../src/ip/state.ts'
import { tcbSeenIn, tcbsAwake, tcbsSeen } from '../support/tcbs.ts'

/** The error that `fn` is refused with. */
function refusal(fn: () => unknown): SnapshotError {
  try {
    fn()
  } catch (e) {
    if (e instanceof SnapshotError) return e
    throw e
  }
  throw new Error('was not refused')
}

/** A snapshot of `vnet` after `change` on a clone of it, restored. */
function refusedAt(vnet: Vnet, change: (v: Vnet) => void): string {
  const copy = vnet.clone()
  change(copy)
  let path = 'not refused'
  try {
    Vnet.restore(copy.snapshot())
  } catch (e) {
    path = (e as SnapshotError).path
  }
  return path
}

describe('a snapshot', () => {
  it('of an empty Vnet is small, and of a rich one restores to the same bytes and the same dump', () => {
    const empty = new Vnet().snapshot()
    expect(empty.length).toBeLessThan(8192)
    const { a, b, world } = richWorld()
    for (const { vnet } of [a, b]) {
      const bytes = vnet.snapshot()
      const back = Vnet.restore(bytes, { pool: world.pool })
      expect(diffDumps(vnet.dump(), back.dump())).toEqual([])
      expect(Buffer.compare(back.snapshot(), bytes)).toBe(0)
      expect(back.nextDeadline()).toBe(vnet.nextDeadline())
      assertPlain(back.state, world.pool)
    }
    const { tcp, ip } = b.vnet.state
    expect(tcbsSeen(tcp).some((t) => t.reass.length > 0), 'parked data').toBe(true)
    expect(ip.reass.size).toBeGreaterThan(0)
    expect(a.vnet.state.tcp.timewait.size).toBeGreaterThan(0)
  })

  it('is taken between events only', () => {
    const { a } = richWorld()
    tableIn(a.vnet.vn, 'events').set(4, 1)
    for (const call of ['snapshot', 'clone', 'dump'] as const) expect(() => a.vnet[call]()).toThrow(/not between events/)
  })

  it('has the shapes that the factories make: the same hidden class, as far as field order tells', () => {
    const { b } = richWorld()
    const back = Vnet.restore(b.vnet.snapshot())
    const fresh = Object.keys(createTcb(0, 2))
    const asleep = Object.keys(dormantOf(createTcb(0, 2)))
    for (const record of back.state.tcp.tcbs.values()) expect(Object.keys(record)).toEqual(isDormant(record) ? asleep : fresh)
    for (const copy of [back, b.vnet.clone()]) {
      expect(Object.keys(copy.state)).toEqual(Object.keys(b.vnet.state))
      expect(Object.keys(copy.state.sysctl)).toEqual(Object.keys(b.vnet.state.sysctl))
    }
  })

  it('holds text that came with a crossing SYN, which waits at rcvNxt itself (RFC 9293 §3.5)', () => {
    const t = createTcp()
    const c = connecting(t)
    c.in('S', { seq: 0, mss: 1460, data: 20 })
    c.out('S.', { seq: 0, ack: 1 })
    const back = Vnet.restore(t.vnet.snapshot())
    expect(diffDumps(t.vnet.dump(), back.dump())).toEqual([])
    expect(tcbSeenIn(back.state.tcp, c.id)?.reass).toHaveLength(2)
    expect(diffDumps(t.vnet.dump(), t.vnet.clone().dump())).toEqual([])
  })

  it('holds live bytes only: a connection costs less than 3 KiB besides its data', () => {
    const { b } = richWorld()
    const { tcbs } = b.vnet.state.tcp
    const data = tcbsSeen(b.vnet.state.tcp).reduce((n, t) => n + t.sndBuf.len + t.rcvBuf.len +
      t.reass.reduce((sum, edge, i) => sum + (i % 2 === 0 ? 0 - edge : edge), 0), 0)
    const fragments = b.vnet.state.ip.reassBytes
    expect(b.vnet.snapshot().length - data - fragments).toBeLessThan(new Vnet().snapshot().length + 700 * tcbs.size)
  })

  it('lets downtime count when asked: deadlines are then due', () => {
    const { a } = richWorld()
    const bytes = a.vnet.snapshot()
    const { now } = a.vnet.state
    expect(Vnet.restore(bytes).state.now).toBe(now)
    const late = Vnet.restore(bytes, { elapsed: 5e6 })
    expect(late.state.now).toBe(now + 5e6)
    const sent = late.state.tcp.stats.sndtotal
    late.advance(late.state.now)
    expect(late.state.tcp.stats.sndtotal).toBeGreaterThan(sent)
    late.drainFrames(() => undefined)
    late.drainEvents(() => undefined)
    expect(() => Vnet.restore(bytes, { elapsed: -1 })).toThrow(/duration/)
    expect(() => Vnet.restore(bytes, { elapsed: NaN })).toThrow(/duration/)
  })
})

describe('a clone', () => {
  it('equals its original and shares nothing with it', () => {
    const { b } = richWorld()
    const bytes = b.vnet.snapshot()
    const copy = b.vnet.clone()
    expect(Buffer.compare(copy.snapshot(), bytes)).toBe(0)
    assertPlain([copy.state, b.vnet.state])
    copy.advance(copy.state.now + 1e9)
    copy.drainFrames(() => undefined)
    copy.drainEvents(() => undefined)
    expect(Buffer.compare(b.vnet.snapshot(), bytes)).toBe(0)
  })

  it('reseeded: every secret is new, every connection is still found, and nothing of them has changed', () => {
    const { b } = richWorld()
    const seed = [1, 2, 3, 4]
    const copy = b.vnet.clone({ reseed: seed })
    const { inet, tcp, ip, random } = copy.state
    expect(random.key).not.toEqual(b.vnet.state.random.key)
    expect(inet.hashKey).not.toEqual(b.vnet.state.inet.hashKey)
    expect(inet.portKey).not.toEqual(b.vnet.state.inet.portKey)
    expect(tcp.isnKey).not.toEqual(b.vnet.state.tcp.isnKey)
    expect(ip.hashKey).not.toEqual(b.vnet.state.ip.hashKey)
    expect(ip.reass.size).toBe(b.vnet.state.ip.reass.size)
    // a restore refuses a table in which a record stands in a wrong chain, or a datagram under a wrong key
    expect(Buffer.compare(Vnet.restore(copy.snapshot()).snapshot(), copy.snapshot())).toBe(0)
    const moved = /^state\.ip6\.(local|routes)/
    const secret = /^state\.(random|ip\.(hashKey|idents|reass)|inet\..*Key|tcp\.isnKey|\w+\.\w*[tT]able\.heads|.*\.hashNext)/
    const changed = diffDumps(b.vnet.dump(), copy.dump()).map((d) => d.path)
    expect(changed.filter((path) => !secret.test(path) && !moved.test(path))).toEqual([])
    expect(Buffer.compare(b.vnet.clone({ reseed: seed }).snapshot(), copy.snapshot())).toBe(0)
  })

  it('reseeded from the original, two copies differ from it and from each other', () => {
    const vnet = new Vnet()
    const keys = [vnet, vnet.clone({ reseed: true }), vnet.clone({ reseed: true })].map((v) => v.state.random.key.join())
    expect(new Set(keys).size).toBe(3)
  })
})

describe('a dump', () => {
  it('is JSON that tells two states apart by the paths at which they differ', () => {
    const { vnet } = richWorld().a
    const copy = vnet.clone()
    expect(JSON.parse(JSON.stringify(vnet.dump()))).toEqual(vnet.dump())
    const tcb = tcbsAwake(copy.vn).find((t) => t.sndBuf.len > 0) as ReturnType<typeof createTcb>
    const { id } = tcb.inp
    tcb.cwnd++
    tcb.sndBuf.len--
    copy.state.link.ifnets.delete(1)
    ipStats(copy.vn).total += 3
    const paths = diffDumps(vnet.dump(), copy.dump()).map((d) => d.path)
    expect(paths).toContain(`state.tcp.tcbs[${id}].cwnd`)
    expect(paths).toContain('state.link.ifnets[1]')
    expect(paths).toContain('state.ip.stats.total')
    expect(paths.every((path) => /\.cwnd$|sndBuf|ifnets\[1\]|ip\.stats\.total/.test(path))).toBe(true)
  })

  it('tells the order of a map where it means something', () => {
    const vnet = new Vnet()
    const copy = vnet.clone()
    for (const [v, dsts] of [[vnet, [1, 2]], [copy, [2, 1]]] as const) {
      for (const dst of dsts) tableIn(v.state.ip, 'pmtu').set(dst, { mtu: 1000, expires: 5 })
    }
    expect(diffDumps(vnet.dump(), copy.dump()).map((d) => d.path)).toEqual(['state.ip.pmtu order'])
  })
})

describe('refused, with the path of the first fault', () => {
  const { a, b } = richWorld()
  const bytes = b.vnet.snapshot()

  it('another kind of file, another version, a wrong length, damage', () => {
    const changed = (at: number): Uint8Array => bytes.map((x, i) => i === at ? x ^ 1 : x)
    expect(refusal(() => Vnet.restore(new Uint8Array(0))).path).toBe('header')
    expect(refusal(() => Vnet.restore(changed(0))).path).toBe('header.magic')
    expect(refusal(() => Vnet.restore(changed(4))).path).toBe('header.version')
    expect(refusal(() => Vnet.restore(changed(8))).path).toBe('header.length')
    expect(refusal(() => Vnet.restore(bytes.slice(0, -1))).path).toBe('header.length')
    expect(refusal(() => Vnet.restore(changed(bytes.length - 1))).path).toBe('header.checksum')
  })

  it('records of another version of the stack', () => {
    const other = bytes.slice()
    // the mark of the tree's first field, behind the number of kinds, the first one's place and its number of fields
    other[SNAPSHOT_HEADER + 6] ^= 1
    snapshotSign(other)
    expect(refusal(() => Vnet.restore(other))).toMatchObject({ path: 'state', fault: expect.stringMatching(/fields/) })
  })

  it('bytes behind the end', () => {
    const longer = new Uint8Array(bytes.length + 1)
    longer.set(bytes)
    new DataView(longer.buffer).setUint32(8, longer.length - SNAPSHOT_HEADER, true)
    snapshotSign(longer)
    expect(refusal(() => Vnet.restore(longer)).message).toMatch(/1 bytes too many/)
  })

  it('a value that the schema does not know is not even written: its path is told', () => {
    const wrong: [(v: Vnet) => void, string][] = [
      [(v) => { v.state.now = NaN }, 'state.now'],
      [(v) => { (v.state as unknown as { name: number }).name = 3 }, 'state.name'],
      [(v) => { v.state.tcp.nextRecord = 1.5 }, 'state.tcp.nextRecord'],
      [(v) => { ipStats(v.vn).total = -1 }, 'state.ip.stats.total'],
      [(v) => { Object.assign(v.state.arp, { more: 1 }) }, 'state.arp'],
      [(v) => { tableIn(v.state.ip, 'routes').set(33, new Map()) }, 'state.ip.routes[33]'],
    ]
    for (const [change, path] of wrong) {
      const copy = b.vnet.clone()
      change(copy)
      expect(refusal(() => copy.snapshot()).path).toBe(path)
    }
  })

  it('ids that name nothing, sums that are wrong, tables that do not list what is there', () => {
    const connection = tcbsSeen(b.vnet.state.tcp).find((t) => t.reass.length > 0)?.inp.id ?? 0
    const listener = [...b.vnet.state.tcp.listeners.keys()][0]
    const tcb = (v: Vnet): ReturnType<typeof createTcb> => v.state.tcp.tcbs.get(connection) as ReturnType<typeof createTcb>
    const wrong: [(v: Vnet) => void, RegExp][] = [
      [(v) => { v.state.link.loopIfId = 9 }, /^state\.link\.loopIfId$/],
      [(v) => { v.state.link.nextIfId = 1 }, /^state\.link\.ifnets\[1\]\.id$/],
      [(v) => { v.state.link.ifnets.delete(2) }, /^state\.arp\.tables\[2\]$/],
      [(v) => { v.state.arp.count++ }, /^state\.arp\.count$/],
      [(v) => { tableIn(v.state.ip, 'local').set(5, 77) }, /^state\.ip\.local\[5\]$/],
      [(v) => { v.state.ip.routeLens.reverse() }, /^state\.ip\.routeLens$/],
      [(v) => { v.state.ip.reassBytes-- }, /^state\.ip\.reassBytes$/],
      [(v) => { v.state.ip.reass = new Map([...v.state.ip.reass].map(([k, q]) => [k ^ 1, q])) }, /^state\.ip\.reass\[/],
      [(v) => { v.state.inet.nextSocket = 1 }, /\.inp\.id$/],
      [(v) => { v.state.inet.hashKey[0] ^= 1 }, /^state\.udp\.table\.heads\[/],
      [(v) => { tcb(v).listener = 4000 }, /\.listener$/],
      [(v) => { tcb(v).inp.hashNext = connection }, /^state\.tcp\.table\.heads\[/],
      [(v) => { tcb(v).inp.lport++ }, /^state\.tcp\.table\.ports\[/],
      [(v) => { tcb(v).state = 1 }, /\.state$/],
      [(v) => { tcb(v).reass.push(1 as never) }, /\.(reass|rcvBuf)$/],
      [(v) => { tcb(v).sndMax = (tcb(v).sndMax + 90) as never }, /\.sndMax$/],
      [(v) => { v.state.tcp.listeners.delete(listener) }, /\.(state|listener)$/],
      [(v) => { v.state.timers.at[0] = 1e15 }, /^state\.timers\.at\[/],
      [(v) => { v.state.timers.kind[0] = 99 }, /^state\.timers\.kind\[0\]$/],
      [(v) => { v.state.timers.tie.pop() }, /^state\.timers$/],
      [(v) => { sysctlsIn(v.state)['net.inet.ip.ttl'] = 100_000 }, /^state\.sysctl\.net\.inet\.ip\.ttl$/],
    ]
    for (const [change, path] of wrong) expect(refusedAt(b.vnet, change), String(change)).toMatch(path)
    expect(refusedAt(a.vnet, (v) => { for (const pcb of v.state.raw.pcbs.values()) pcb.queued++ })).toMatch(/\.queued$/)
  })

  it('a field without its schema, and a schema without its field, fail the type check', () => {
    interface Two { a: number; b: boolean }
    expect(record<Two>(null, { a: COUNT, b: BOOL }).keys).toEqual(['a', 'b'])
    // @ts-expect-error -- b is missing
    record<Two>(null, { a: COUNT })
    // @ts-expect-error -- c is none of its fields
    record<Two>(null, { a: COUNT, b: BOOL, c: COUNT })
    // @ts-expect-error -- b is no number
    record<Two>(null, { a: COUNT, b: COUNT })
  })
})
