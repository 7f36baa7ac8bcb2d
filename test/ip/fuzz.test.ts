import { describe, expect, it } from 'vitest'
import { createHost, addEther, ip, know, ME, pass, PEER, PEER_MAC, MY_MAC, rx } from './harness.ts'
import type { Host } from './harness.ts'
import { arpOf, fragmentsOf, frameOf, icmpOf, ipOf, pattern } from './packet.ts'

const SEED = Number(process.env['FUZZ_SEED'] ?? 20_261_122)
const ROUNDS = Number(process.env['FUZZ_ROUNDS'] ?? 4000)

/** xorshift32: its own, so that a failure is repeated by its seed. */
function createDice(seed: number): (n: number) => number {
  let x = seed | 1
  return (n) => {
    x ^= x << 13
    x ^= x >>> 17
    x ^= x << 5
    return (x >>> 0) % n
  }
}

function corpus(): Uint8Array[] {
  const quoted = ipOf({ src: ME, dst: ip('192.0.2.7'), p: 17, payload: pattern(28) })
  const options = Uint8Array.of(7, 7, 4, 0, 0, 0, 0, 68, 12, 5, 1, 0, 0, 0, 0, 0, 0, 0, 0, 131, 7, 4, 10, 1, 0, 9, 1, 0)
  const packets = [
    ipOf({ src: PEER, dst: ME, p: 1, payload: icmpOf(8, 0, 1, pattern(64)) }),
    ipOf({ src: PEER, dst: ME, p: 1, options, payload: icmpOf(8, 0, 1, pattern(8)) }),
    ipOf({ src: PEER, dst: ip('10.1.0.9'), p: 17, options, payload: pattern(30) }),
    ipOf({ src: PEER, dst: ip('10.1.0.77'), p: 6, payload: pattern(40) }),
    ipOf({ src: PEER, dst: ME, p: 1, payload: icmpOf(13, 0, 1, pattern(12)) }),
    ...[3, 4, 5, 11, 12].map((t) => icmpOf(t, t === 3 ? 4 : 0, 1300, quoted))
      .map((payload) => ipOf({ src: PEER, dst: ME, p: 1, payload })),
    ...fragmentsOf({ src: PEER, dst: ME, p: 17, id: 9, payload: pattern(3000) }, [0, 800, 1600, 2400]),
    ipOf({ src: PEER, dst: ME, p: 253, payload: pattern(10) }),
    ipOf({ src: PEER, dst: ip('10.0.0.255'), p: 1, payload: icmpOf(8, 0, 1) }),
  ]
  const snap = Uint8Array.of(0xaa, 0xaa, 3, 0, 0, 0, 8, 0)
  return [
    ...packets.map((p) => frameOf(MY_MAC, PEER_MAC, 0x0800, p)),
    ...[1, 2].map((op) => frameOf(0xffffffffffff, PEER_MAC, 0x0806, arpOf(op, PEER_MAC, PEER, 0, ME))),
    frameOf(MY_MAC, PEER_MAC, snap.length + packets[0].length, Uint8Array.of(...snap, ...packets[0])),
  ]
}

/** Up to six changes: bits, bytes, cuts and growth; half of the time the IP header checksum is made right again. */
function mutate(frame: Uint8Array, dice: (n: number) => number): Uint8Array {
  let bytes = frame.slice()
  for (let n = dice(6); n >= 0; n--) {
    const kind = dice(6)
    if (kind === 0) bytes = bytes.slice(0, dice(bytes.length + 1))
    else if (kind === 1) bytes = Uint8Array.of(...bytes, ...pattern(dice(64)))
    else if (bytes.length > 0) {
      const at = kind < 4 ? 14 + dice(Math.max(1, Math.min(60, bytes.length - 14))) : dice(bytes.length)
      const value = kind === 5 ? bytes[at] ^ (1 << dice(8)) : [0, 1, 0xff, 0x7f, dice(256)][dice(5)]
      if (at < bytes.length) bytes[at] = value
    }
  }
  return dice(2) === 0 ? bytes : withSum(bytes)
}

function withSum(bytes: Uint8Array): Uint8Array {
  const headerLen = (bytes[14] & 15) * 4
  if (bytes.length < 34 || headerLen < 20 || bytes.length < 14 + headerLen) return bytes
  bytes[24] = bytes[25] = 0
  let sum = 0
  for (let i = 14; i < 14 + headerLen; i += 2) sum += (bytes[i] << 8) | bytes[i + 1]
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16)
  bytes[24] = (~sum >> 8) & 255
  bytes[25] = ~sum & 255
  return bytes
}

function storm(h: Host, seed: number): void {
  const dice = createDice(seed)
  const frames = corpus()
  for (let i = 0; i < ROUNDS; i++) {
    rx(h, mutate(frames[dice(frames.length)], dice))
    if (dice(20) === 0) pass(h, dice(2_000_000))
    h.sent.length = 0
  }
}

describe(`mutated frames (seed ${SEED}, ${ROUNDS} rounds): nothing throws, hangs, leaks or grows`, () => {
  it.each<[string, Record<string, number>]>([
    ['a host', {}],
    ['a router that does everything', {
      'net.inet.ip.forwarding': 1, 'net.inet.ip.sourceroute': 1, 'net.inet.ip.accept_sourceroute': 1,
      'net.inet.icmp.bmcastecho': 1, 'net.inet.icmp.icmplim': 0,
    }],
    ['small tables', {
      'net.link.ether.inet.maxentries': 8, 'net.inet.ip.maxfragpackets': 2, 'net.inet.ip.maxfragbytes': 2000,
    }],
  ])('%s', (_name, sysctls) => {
    const h = createHost({ sysctls })
    addEther(h, 'eth1', '02:00:00:00:01:01', '10.1.0.1/24', 576)
    know(h, '10.1.0.9', '02:00:00:00:01:09')
    storm(h, SEED)
    pass(h, 3_000_000_000)
    const { ip: state, arp } = h.vn.state
    expect([state.reass.size, state.reassBytes, state.reassFragments]).toEqual([0, 0, 0])
    expect([arp.count, arp.heldBytes]).toEqual([1, 0])
    expect(state.redirects.size + state.pmtu.size).toBe(0)
    expect(h.vnet.nextDeadline()).toBe(Infinity)
    expect(Object.values(state.stats).every((n) => Number.isSafeInteger(n) && n >= 0)).toBe(true)
    h.sent.length = 0
  })
})
