import { describe, expect, it } from 'vitest'
import { createHost, know, ME, MY_MAC, PEER, PEER_MAC, rx, rxIp, take } from '../ip/harness.ts'
import { arpOf, frameOf, fragmentsOf, icmpOf, ipOf, pattern, sumOk } from '../ip/packet.ts'

describe('echo (RFC 792, RFC 1122 §3.2.2.6)', () => {
  it('a request of nothing but zeros gets a checksum of 0xffff, not 0 (RFC 1624 §3)', () => {
    const h = createHost()
    know(h)
    rxIp(h, ipOf({ src: PEER, dst: ME, p: 1, payload: icmpOf(8, 0, 0, new Uint8Array(8)) }))
    const payload = take(h)[0]?.payload ?? new Uint8Array(1)
    expect([payload[2], payload[3]]).toEqual([0xff, 0xff])
    expect(sumOk(payload)).toBe(true)
  })

  it('answers a request from a neighbour that asked for us by ARP first', () => {
    const h = createHost()
    rx(h, frameOf(0xffffffffffff, PEER_MAC, 0x0806, arpOf(1, PEER_MAC, PEER, 0, ME)))
    const [reply] = take(h)
    expect(reply?.arp).toMatchObject({ op: 2, sha: MY_MAC, spa: ME, tha: PEER_MAC, tpa: PEER })
    rxIp(h, ipOf({ src: PEER, dst: ME, p: 1, payload: icmpOf(8, 0, 0x00010002, pattern(56)) }))
    const [echo] = take(h)
    expect(echo?.ether).toEqual({ dst: PEER_MAC, src: MY_MAC, type: 0x0800 })
    expect(echo?.ip).toMatchObject({ src: ME, dst: PEER, ttl: 64, p: 1 })
    expect(echo?.icmp).toMatchObject({ type: 0, code: 0, rest: 0x00010002 })
    expect(echo?.data).toEqual(pattern(56))
    expect(sumOk(echo?.payload ?? new Uint8Array(1))).toBe(true)
  })

  it.each([0, 1, 17, 18, 19, 1471, 1472])('sends %i bytes of data back in one packet', (n) => {
    const h = createHost()
    know(h)
    rxIp(h, ipOf({ src: PEER, dst: ME, p: 1, payload: icmpOf(8, 0, 5, pattern(n)) }))
    const sent = take(h)
    expect(sent).toHaveLength(1)
    expect(sent[0]?.data).toEqual(pattern(n))
    expect(sent[0]?.bytes.length).toBe(Math.max(60, 42 + n))
  })

  it.each([1473, 8000, 65_507])('takes %i bytes in fragments and answers in fragments', (n) => {
    const h = createHost()
    know(h)
    const message = icmpOf(8, 0, 5, pattern(n))
    const offsets = Array.from({ length: Math.ceil(message.length / 1480) }, (_, i) => i * 1480)
    for (const f of fragmentsOf({ src: PEER, dst: ME, p: 1, payload: message }, offsets)) rxIp(h, f)
    const sent = take(h)
    expect(sent).toHaveLength(offsets.length)
    const back = new Uint8Array(message.length)
    for (const s of sent) back.set(s.payload, ((s.ip?.off ?? 0) & 0x1fff) * 8)
    expect(new Set(sent.map((s) => s.ip?.id)).size).toBe(1)
    expect(sumOk(back)).toBe(true)
    expect(back.slice(8)).toEqual(pattern(n))
  })
})
