import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { loadRawSocket, openRawIp } from '../../src/host/raw-ip.ts'
import { createFramePool } from '../../src/lib/frame.ts'
import { describeInNetns, openNetns } from './netns.ts'
import type { NetnsChild } from './netns.ts'

const SCENARIOS = new URL('raw-ip-scenarios.ts', import.meta.url)
const INSIDE = 0x0a420002
const LOOPBACK = 0x7f000001
const PEER = 0xc0000202

// eslint-disable-next-line @typescript-eslint/no-explicit-any -- each scenario returns a record of its own
type Outcome = any

const loaded = loadRawSocket()

describe('raw-socket', () => {
  it('is loaded, or one sentence says why not', () => {
    if (loaded.available) expect(loaded.raw.createSocket).toBeTypeOf('function')
    else expect(loaded.why).toMatch(/^Packets over raw sockets need the package raw-socket, and it is not .*\.$/)
  })

  it('masquerades ICMP only: other protocols carry the address in their checksum', () => {
    expect(() => openRawIp({ pool: createFramePool(), protocol: 17, mode: 'masquerade' })).toThrow(/EPROTONOSUPPORT/)
  })
})

describeInNetns('raw IP device against the kernel', () => {
  let ns: NetnsChild
  const run = (name: string, ...args: unknown[]): Promise<Outcome> => ns.call(SCENARIOS, name, ...args)
  beforeAll(async () => { ns = await openNetns() })
  afterAll(() => ns.close())

  it('RFC 792: a ping from an address the host does not have is answered to it, no other is let in', async () => {
    const r = await run('pingLoopback')
    expect(r.foreign).toBe(0)
    const reply = { type: 0, id: 0x1234, src: LOOPBACK, dst: INSIDE, headerSum: 0, sum: 0 }
    expect(r.packets).toMatchObject([{ ...reply, seq: 1, data: 'first' }, { ...reply, seq: 2, length: 1228 }])
    expect(r.stats).toMatchObject({ txFrames: 2, txDropped: 0, rxFrames: 2, rxErrors: 0, txBytes: 33 + 1228 })
    expect(r.inUse).toBe(0)
  })

  it('pings a host behind a veth pair', async () => {
    const r = await run('pingPeer')
    const reply = { type: 0, src: PEER, dst: INSIDE, data: 'over the veth pair', headerSum: 0, sum: 0 }
    expect(r.packets).toMatchObject([reply])
  })

  it('RFC 5508 §4.2: an error comes back about the packet as the Vnet sent it, checksums right', async () => {
    const r = await run('errors')
    const error = { src: PEER, dst: INSIDE, qsrc: INSIDE, headerSum: 0, sum: 0 }
    expect(r.packets).toMatchObject([
      { ...error, type: 11, qdst: 0xc6336401, qid: 0x99 }, { ...error, type: 3, qdst: 0xcb007101, qid: 0x9a },
    ])
  })

  it('drops and counts what may not leave: replies, errors, other protocols, IPv6, what is too long', async () => {
    const r = await run('refusals')
    expect(r.stats).toMatchObject({ txFrames: 1, txDropped: 6 })
  })

  it('transparent ICMP: the packet goes as it is; the kernel answers it too', async () => {
    const r = await run('transparent', 1)
    expect(r.packets).toMatchObject([
      { type: 8, src: LOOPBACK + 1, dst: LOOPBACK, headerSum: 0 }, { type: 0, src: LOOPBACK, dst: LOOPBACK + 1 },
    ])
  })

  it('transparent, a protocol of nobody (253, RFC 3692)', async () => {
    const r = await run('transparent', 253)
    expect(r.packets).toMatchObject([{ src: LOOPBACK + 1, dst: LOOPBACK, data: 'as it is' }])
  })

  it('EPERM without CAP_NET_RAW: says so', async () => {
    const restricted = await openNetns({ enter: ['unshare', '--net', '--', 'setpriv', '--bounding-set', '-net_raw'] })
    const denied = await restricted.call<{ code: string; message: string }>(SCENARIOS, 'openAsIs')
    await restricted.close()
    expect(denied.code).toBe('EPERM')
    expect(denied.message).toContain('needs CAP_NET_RAW')
  })

  it('stays open without anybody holding it, across a garbage collection', async () => {
    expect(await run('survivesCollection')).toEqual({ before: 2, after: 4 })
  })

  it('bounds its queue: 2000 packets at once are sent or counted as dropped', async () => {
    const r = await run('burst', 2000)
    expect(r.stats.txFrames + r.stats.txDropped).toBe(2000)
    expect(r.stats.txFrames).toBeGreaterThanOrEqual(256)
    expect(r.packets.length).toBe(r.stats.txFrames)
    expect(r.inUse).toBe(0)
  })
}, loaded.available ? '' : loaded.why)
