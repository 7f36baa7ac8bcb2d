import fc from 'fast-check'
import { expect, test } from 'vitest'
import { AF_INET } from '../../src/inet/state.ts'
import { createAddr } from '../../src/lib/addr.ts'
import { udpAttach, udpBind, udpRecvFrom } from '../../src/udp/usrreq.ts'
import { checkRest, createNet, inject, ip, settle, udpFrame } from '../inet/net.ts'
import { udpStats } from '../../src/udp/state.ts'

const mutation = fc.record({ at: fc.integer({ min: 34, max: 57 }), value: fc.integer({ min: 0, max: 255 }) })

test('whatever arrives, each datagram is either received or counted under the reason for its loss', () => {
  fc.assert(fc.property(
    fc.uint8Array({ maxLength: 16 }), fc.array(mutation, { maxLength: 3 }), fc.nat({ max: 30 }), fc.boolean(),
    (data, mutations, cut, unsummed) => {
      const net = createNet()
      const { vn } = net.b
      const id = udpAttach(vn, AF_INET)
      expect(udpBind(vn, id, ip('0.0.0.0'), 2000)).toBe(0)
      const frame = udpFrame({ data, padding: cut, ...(unsummed ? { sum: 'none' as const } : {}) })
      for (const m of mutations) if (m.at < frame.length) frame[m.at] = m.value
      inject(net, net.b, frame)
      settle(net)
      const stats = udpStats(vn)
      const buf = new Uint8Array(100)
      const from = { addr: createAddr(), port: 0, truncated: false }
      const n = udpRecvFrom(vn, id, buf, 0, 100, from, 0)
      const lost = stats.hdrops + stats.badlen + stats.badsum + stats.noport
      expect(stats.ipackets).toBe(1)
      expect(lost + (n >= 0 ? 1 : 0)).toBe(1)
      if (mutations.length === 0) expect(buf.subarray(0, n)).toEqual(data)
      checkRest(net)
    }), { numRuns: 60 })
})
