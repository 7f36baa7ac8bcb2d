/** Address and port translation of what nobody's stack sends. Its behaviour between real stacks: test/testing/faults.test.ts. */

import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { NatDevice } from '../../src/device/nat.ts'
import { ip4Parse } from '../../src/lib/addr.ts'
import { createFramePool } from '../../src/lib/frame.ts'
import type { FramePool } from '../../src/lib/frame.ts'
import { createRandom, randomBelow } from '../../src/kern/random.ts'
import { viewOf } from '../../src/wire/layout.ts'
import { collect, sendBytes, testDevice } from './fixture.ts'
import type { TestDevice } from './fixture.ts'

const [INSIDE, OUTSIDE, PEER] = ['192.168.0.2', '203.0.113.1', '198.51.100.7'].map((a) => ip4Parse(a) as number)
let pool: FramePool
let wire: TestDevice
let nat: NatDevice
let time: number

beforeEach(() => {
  pool = createFramePool({ poison: true })
  wire = testDevice(pool, 'eth1')
  time = 0
  nat = new NatDevice(wire, { now: () => time }, pool, {
    outside: OUTSIDE, firstPort: 20_000, filtering: 'endpoint-independent', midstream: 'drop',
    timeouts: { udpUs: 30e6, tcpUs: 300e6, tcpClosingUs: 10e6, icmpUs: 60e6 },
  })
})
afterEach(() => { expect(pool.inUse).toBe(0) })

/** An IPv4 packet in a frame, without checksums; `len` bytes of it behind the IP header. */
function packet(proto: number, src: number, dst: number, ports: [number, number], len: number, ihl = 5): Uint8Array {
  const bytes = new Uint8Array(14 + 20 + len)
  const view = viewOf(bytes)
  view.setUint16(12, 0x0800)
  bytes[14] = 0x40 | ihl
  view.setUint16(16, 20 + len)
  bytes[23] = proto
  view.setInt32(26, src)
  view.setInt32(30, dst)
  if (len >= 4) {
    view.setUint16(34, ports[0])
    view.setUint16(36, ports[1])
  }
  return bytes
}

describe('NAT: headers that are not whole', () => {
  it.each([
    ['UDP of 7 bytes', packet(17, INSIDE, PEER, [1000, 53], 7)],
    ['TCP of 19 bytes', packet(6, INSIDE, PEER, [1000, 80], 19)],
    ['a protocol without ports', packet(47, INSIDE, PEER, [1, 2], 40)],
    ['nothing behind the header', packet(17, INSIDE, PEER, [0, 0], 0)],
  ])('%s does not leave, and is counted', (_, bytes) => {
    sendBytes(pool, nat, bytes)
    expect(wire.sent).toEqual([])
    expect(nat.natStats.unsupported).toBe(1)
  })

  it('a later fragment has no ports (RFC 4787 §11): neither out nor in', () => {
    const got = collect(nat)
    for (const [src, dst] of [[INSIDE, PEER], [PEER, OUTSIDE]]) {
      const bytes = packet(17, src, dst, [1000, 53], 40)
      viewOf(bytes).setUint16(20, 5)
      if (src === INSIDE) sendBytes(pool, nat, bytes)
      else wire.arrive(bytes)
    }
    expect([wire.sent, got]).toEqual([[], []])
    expect(nat.natStats.unsupported).toBe(2)
  })

  it('ten thousand damaged packets in each direction neither throw nor leave with the address inside', () => {
    const random = createRandom([7])
    const got = collect(nat)
    for (let i = 0; i < 10_000; i++) {
      time += 1000
      const len = randomBelow(random, 70)
      const proto = [1, 6, 17, randomBelow(random, 256)][randomBelow(random, 4)]
      const ihl = randomBelow(random, 8) === 0 ? randomBelow(random, 16) : 5
      const out = packet(proto, INSIDE, PEER, [randomBelow(random, 65_536), 80], len, ihl)
      const back = packet(proto, PEER, OUTSIDE, [80, 20_000 + randomBelow(random, 100)], len, randomBelow(random, 16))
      for (let n = randomBelow(random, 3); n > 0 && len > 4; n--) {
        out[38 + randomBelow(random, len - 4)] = randomBelow(random, 256)
        back[34 + randomBelow(random, len)] = randomBelow(random, 256)
      }
      sendBytes(pool, nat, out)
      wire.arrive(back)
    }
    expect(wire.sent.length).toBeGreaterThan(1000)
    expect(wire.sent.filter((b) => viewOf(b).getInt32(26) !== OUTSIDE)).toEqual([])
    expect(got.length).toBeGreaterThan(100)
    expect(nat.natStats.unsupported).toBeGreaterThan(1000)
  })
})

describe('NAT: mappings', () => {
  it('one for each address and port inside, whoever is asked (RFC 4787 REQ-1)', () => {
    for (const peer of [PEER, PEER + 1]) sendBytes(pool, nat, packet(17, INSIDE, peer, [1000, 53], 8))
    sendBytes(pool, nat, packet(17, INSIDE, PEER, [1001, 53], 8))
    expect(wire.sent.map((b) => viewOf(b).getUint16(34))).toEqual([20_000, 20_000, 20_001])
    expect(nat.mappings).toBe(2)
  })

  it('of UDP lives as long after the last packet out as was said (RFC 4787 REQ-5, REQ-6)', () => {
    const got = collect(nat)
    sendBytes(pool, nat, packet(17, INSIDE, PEER, [1000, 53], 8))
    const back = packet(17, PEER, OUTSIDE, [53, 20_000], 8)
    time = 30e6
    wire.arrive(back)
    expect(viewOf(got[0]).getInt32(30)).toBe(INSIDE)
    expect(viewOf(got[0]).getUint16(36)).toBe(1000)
    time = 30e6 + 1
    wire.arrive(back)
    expect(got).toHaveLength(1)
    expect(nat.natStats).toMatchObject({ unmapped: 1, expired: 1 })
  })
})
