/** The one-line dissector: exact lines, and no bytes that make it throw. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import * as wire from '../../src/wire/index.ts'

const A = 0x0a000001
const B = 0x0a000002
const MAC_A = 0x020000000001
const MAC_B = 0x020000000002

const cat = (...parts: ArrayLike<number>[]): Uint8Array => Uint8Array.from(parts.flatMap((p) => Array.from(p)))

function enc<H>(encode: (h: H, bytes: Uint8Array, at: number) => number, h: H): Uint8Array {
  const scratch = new Uint8Array(64)
  return scratch.slice(0, encode(h, scratch, 0))
}

const ether = (type: number, ...body: ArrayLike<number>[]): Uint8Array =>
  cat(enc(wire.encodeEther, { dst: MAC_B, src: MAC_A, type }), ...body)

function ip4(p: number, body: ArrayLike<number>, over: Partial<wire.Ipv4Header> = {}): Uint8Array {
  const h = { vhl: 0x45, tos: 0, len: 20 + body.length, id: 7, off: 0, ttl: 64, p, sum: 0, src: A, dst: B, ...over }
  return cat(enc(wire.encodeIpv4, h), body)
}

function ip6(nxt: number, body: ArrayLike<number>): Uint8Array {
  const src = { src0: 0x20010db8, src1: 0, src2: 0, src3: 1 }
  const dst = { dst0: 0x20010db8, dst1: 0, dst2: 0, dst3: 2 }
  return cat(enc(wire.encodeIpv6, { vtcflow: 0x60000000, plen: body.length, nxt, hlim: 64, ...src, ...dst }), body)
}

function tcp(
  flags: number, options: number[] = [], data: number[] = [], over: Partial<wire.TcpHeader> = {}
): Uint8Array {
  const offFlags = wire.tcpOffFlags(20 + options.length, flags)
  const h = { sport: 80, dport: 1234, seq: 1, ack: 2, offFlags, win: 65535, sum: 0, urp: 0, ...over }
  return cat(enc(wire.encodeTcp, h), options, data)
}

const udp = (length: number, len = 8 + length): Uint8Array =>
  cat(enc(wire.encodeUdp, { sport: 5000, dport: 53, len, sum: 0 }), new Uint8Array(length))

const icmp = (type: number, code: number, rest: number, body: ArrayLike<number> = []): Uint8Array =>
  cat(enc(wire.encodeIcmp, { type, code, sum: 0, rest }), body)

const arp = (op: number, over: Partial<wire.ArpHeader> = {}): Uint8Array => enc(wire.encodeArp, {
  hrd: 1, pro: 0x0800, hln: 6, pln: 4, op, sha: MAC_A, spa: 0x0a420001, tha: 0, tpa: 0x0a420002, ...over
})

const raw = (datagram: Uint8Array): string => wire.printFrame(datagram, 0, datagram.length, wire.LINKTYPE_RAW)
const frame = (bytes: Uint8Array): string => wire.printFrame(bytes, 0, bytes.length)

const IP = 'IP 10.0.0.1 > 10.0.0.2:'
const TCP = 'IP 10.0.0.1.80 > 10.0.0.2.1234:'
const UDP = 'IP 10.0.0.1.5000 > 10.0.0.2.53:'

describe('printFrame: TCP (RFC 9293)', () => {
  it.each([
    ['SYN and ACK with options', tcp(0x12, [2, 4, 5, 180, 1, 3, 3, 6]),
      `${TCP} Flags [S.], seq 1, ack 2, win 65535, options [mss 1460,nop,wscale 6], length 0`],
    ['data: the range of sequence numbers, modulo 2^32', tcp(0x18, [], [1, 2, 3], { seq: -2 }),
      `${TCP} Flags [P.], seq 4294967294:1, ack 2, win 65535, length 3`],
    ['a bare acknowledgment has no sequence number', tcp(0x10), `${TCP} Flags [.], ack 2, win 65535, length 0`],
    ['every flag', tcp(0x1ff), `${TCP} Flags [FSRP.UEWe], seq 1, ack 2, win 65535, urg 0, length 0`],
    ['no flags', tcp(0), `${TCP} Flags [none], win 65535, length 0`],
    ['timestamps and SACK',
      tcp(0x10, [1, 1, 8, 10, 0, 0, 0, 1, 255, 255, 255, 255, 1, 1, 5, 10, 0, 0, 0, 9, 0, 0, 0, 12]),
      `${TCP} Flags [.], ack 2, win 65535, options [nop,nop,TS val 1 ecr 4294967295,nop,nop,sack 1 {9:12}], length 0`],
    ['SACK-permitted, fast open, unknown, end', tcp(0x02, [4, 2, 34, 2, 34, 4, 0xab, 0xcd, 99, 3, 7, 0]),
      `${TCP} Flags [S], seq 1, win 65535, ` +
      'options [sackOK,tfo cookiereq,tfo cookie abcd,unknown-99 0x07,eol], length 0'],
    ['an option length that cannot be', tcp(0x02, [3, 3, 7, 1, 8, 0, 0, 0]),
      `${TCP} Flags [S], seq 1, win 65535, options [wscale 7,nop,[bad opt]], length 0`],
    ['a header length below 20', tcp(0, [], [], { offFlags: 0x4000 }),
      `${TCP} tcp [bad hdr length 16 - too short, < 20]`],
    ['a header length past the datagram', tcp(0, [], [], { offFlags: 0x6000 }),
      `${TCP} tcp [bad hdr length 24 - too long, > 20]`]
  ])('%s', (_, segment, line) => {
    expect(raw(ip4(6, segment))).toBe(line)
    expect(raw(ip6(6, segment))).toBe(line.replace('IP 10.0.0.1', 'IP6 2001:db8::1').replace('10.0.0.2', '2001:db8::2'))
  })
})

describe('printFrame: UDP (RFC 768)', () => {
  it.each([
    ['the length of the data', udp(12), `${UDP} UDP, length 12`],
    ['a length below 8', udp(0, 4), `${UDP} UDP, bad length 4`],
    ['a length past the datagram', udp(0, 20), `${UDP} UDP, bad length 12 > 0`]
  ])('%s', (_, datagram, line) => {
    expect(raw(ip4(17, datagram))).toBe(line)
  })
})

describe('printFrame: ICMP (RFC 792)', () => {
  const quoted = ip4(17, udp(0, 1008), { len: 1028, src: B, dst: A }).subarray(0, 28)
  const quotedText = '(IP 10.0.0.2.5000 > 10.0.0.1.53: UDP, length 1000)'
  it.each([
    ['echo request', icmp(8, 0, 0x00010001, new Uint8Array(56)), 'ICMP echo request, id 1, seq 1, length 64'],
    ['echo reply', icmp(0, 0, 0x12340002), 'ICMP echo reply, id 4660, seq 2, length 8'],
    ['port unreachable', icmp(3, 3, 0, quoted), `ICMP 10.0.0.1 udp port 53 unreachable, length 36 ${quotedText}`],
    ['protocol unreachable', icmp(3, 2, 0, quoted), `ICMP 10.0.0.1 protocol 17 unreachable, length 36 ${quotedText}`],
    ['host unreachable', icmp(3, 1, 0, quoted), `ICMP host 10.0.0.1 unreachable, length 36 ${quotedText}`],
    ['RFC 1191: fragmentation needed', icmp(3, 4, 1400, quoted),
      `ICMP 10.0.0.1 unreachable - need to frag (mtu 1400), length 36 ${quotedText}`],
    ['fragmentation needed from an old router', icmp(3, 4, 0, quoted),
      `ICMP 10.0.0.1 unreachable - need to frag, length 36 ${quotedText}`],
    ['RFC 1812: filtered', icmp(3, 13, 0, quoted),
      `ICMP host 10.0.0.1 unreachable - admin prohibited filter, length 36 ${quotedText}`],
    ['an unknown unreachable code', icmp(3, 77, 0, quoted), `ICMP 10.0.0.1 unreachable - #77, length 36 ${quotedText}`],
    ['redirect', icmp(5, 1, 0x0a0000fe, quoted), `ICMP redirect 10.0.0.1 to host 10.0.0.254, length 36 ${quotedText}`],
    ['time exceeded', icmp(11, 0, 0, quoted), `ICMP time exceeded in-transit, length 36 ${quotedText}`],
    ['reassembly time exceeded', icmp(11, 1, 0, quoted), `ICMP ip reassembly time exceeded, length 36 ${quotedText}`],
    ['parameter problem', icmp(12, 0, 0x14000000, quoted),
      `ICMP parameter problem - octet 20, length 36 ${quotedText}`],
    ['timestamp', icmp(13, 0, 0x00010002, new Uint8Array(12)), 'ICMP time stamp query, id 1, seq 2, length 20'],
    ['timestamp reply', icmp(14, 0, 0x00010002, [0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3]),
      'ICMP time stamp reply, id 1, seq 2, org 1, recv 2, xmit 3, length 20'],
    ['an unknown type', icmp(200, 0, 0), 'ICMP type-#200, length 8'],
    ['a quotation cut inside the header', icmp(11, 0, 0, quoted.subarray(0, 19)),
      'ICMP time exceeded in-transit, length 27 (IP [|ip])'],
    ['RFC 792: only eight octets of a TCP header quoted',
      icmp(11, 0, 0, ip4(6, tcp(0x10), { src: B, dst: A }).subarray(0, 28)),
      'ICMP time exceeded in-transit, length 36 (IP 10.0.0.2.80 > 10.0.0.1.1234: seq 1 [|tcp])']
  ])('%s', (_, message, text) => {
    expect(raw(ip4(1, message))).toBe(`${IP} ${text}`)
  })
})

describe('printFrame: IPv4 (RFC 791)', () => {
  it.each([
    ['the first fragment', ip4(17, udp(8, 2008), { off: wire.IP_MF }), `${UDP} UDP, length 2000 (frag 7:16@0+)`],
    ['a middle fragment', ip4(17, new Uint8Array(16), { off: wire.IP_MF | 2 }), `${IP} udp (frag 7:16@16+)`],
    ['the last fragment', ip4(1, new Uint8Array(3), { off: 4 }), `${IP} icmp (frag 7:3@32)`],
    ['octets after the datagram (Ethernet padding) do not count', cat(ip4(17, udp(1)), new Uint8Array(17)),
      `${UDP} UDP, length 1`],
    ['options are stepped over', ip4(17, cat([1, 1, 1, 0], udp(1)), { vhl: 0x46 }), `${UDP} UDP, length 1`],
    ['another protocol', ip4(99, [1, 2, 3]), `${IP} ip-proto-99, length 3`],
    ['a datagram in a datagram', ip4(4, ip4(17, udp(1))), `${IP} ${UDP} UDP, length 1`],
    ['a header length below 20', ip4(17, udp(1), { vhl: 0x44 }), 'IP [bad-hlen 16]'],
    ['a total length below the header', ip4(17, udp(1), { len: 19 }), 'IP [bad-len 19]'],
    ['a version that is not', ip4(17, udp(1), { vhl: 0x75 }), 'IP [bad version 7], length 29']
  ])('%s', (_, datagram, line) => {
    expect(raw(datagram)).toBe(line)
  })
})

describe('printFrame: IPv6 (RFC 8200) and ICMPv6 (RFC 4443, RFC 4861)', () => {
  const head = 'IP6 2001:db8::1 > 2001:db8::2:'
  const target = cat([0x20, 1, 0xd, 0xb8], new Uint8Array(11), [9])
  it.each([
    ['echo request', 58, icmp(128, 0, 0x00010001), `${head} ICMP6, echo request, id 1, seq 1, length 8`],
    ['packet too big', 58, icmp(2, 0, 1280, ip6(17, udp(0))),
      `${head} ICMP6, packet too big, mtu 1280, length 56 (IP6 2001:db8::1.5000 > 2001:db8::2.53: UDP, length 0)`],
    ['neighbour solicitation', 58, icmp(135, 0, 0, target),
      `${head} ICMP6, neighbor solicitation, who has 2001:db8::9, length 24`],
    ['neighbour advertisement', 58, icmp(136, 0, 0, target),
      `${head} ICMP6, neighbor advertisement, tgt is 2001:db8::9, length 24`],
    ['hop-by-hop options', 0, cat([58, 0, 5, 2, 0, 0, 1, 0], icmp(143, 0, 0)),
      `${head} HBH ICMP6, multicast listener report v2, length 8`],
    ['the first fragment', 44, cat([17, 0, 0, 1, 0, 0, 0, 1], udp(8, 2008)),
      'IP6 2001:db8::1.5000 > 2001:db8::2.53: frag (0|16+) UDP, length 2000'],
    ['a later fragment', 44, cat([17, 0, 0, 16, 0, 0, 0, 1], new Uint8Array(8)), `${head} frag (16|8) udp`],
    ['no next header', 59, [], `${head} no next header`],
    ['an extension header past the payload', 0, [17, 1, 0, 0, 0, 0, 0, 0], `${head} HBH [bad length]`]
  ])('%s', (_, nxt, body, line) => {
    expect(raw(ip6(nxt, body))).toBe(line)
  })

  it('an IPv4-mapped address shows as one', () => {
    expect(wire.printIp6Addr({ w0: 0, w1: 0, w2: 0xffff, w3: A, zone: 0 })).toBe('::ffff:10.0.0.1')
  })
})

describe('printFrame: Ethernet (RFC 894, RFC 1042, 802.1Q) and ARP (RFC 826)', () => {
  const datagram = ip4(17, udp(1))
  it.each([
    ['who-has', ether(0x0806, arp(1)), 'ARP, Request who-has 10.66.0.2 tell 10.66.0.1, length 28'],
    ['who-has sent to one host', ether(0x0806, arp(1, { tha: MAC_B })),
      'ARP, Request who-has 10.66.0.2 (02:00:00:00:00:02) tell 10.66.0.1, length 28'],
    ['is-at', ether(0x0806, arp(2), new Uint8Array(18)), 'ARP, Reply 10.66.0.1 is-at 02:00:00:00:00:01, length 46'],
    ['another operation', ether(0x0806, arp(8)), 'ARP, op 8, 10.66.0.1 to 10.66.0.2, length 28'],
    ['another kind of address', ether(0x0806, arp(1, { hln: 8 })),
      'ARP, hardware type 1, protocol 0x0800, op 1, length 28'],
    ['IPv4', ether(0x0800, datagram), `${UDP} UDP, length 1`],
    ['IPv6', ether(0x86dd, ip6(59, [])), 'IP6 2001:db8::1 > 2001:db8::2: no next header'],
    ['a tag', ether(0x8100, [0x60, 5, 8, 0], datagram), `vlan 5, p 3, ${UDP} UDP, length 1`],
    ['two tags', ether(0x88a8, [0, 9, 0x81, 0, 0, 5, 8, 0], datagram),
      `vlan 9, p 0, vlan 5, p 0, ${UDP} UDP, length 1`],
    ['LLC/SNAP', ether(8 + datagram.length, [0xaa, 0xaa, 3, 0, 0, 0, 8, 0], datagram, [0, 0]),
      `SNAP, ${UDP} UDP, length 1`],
    ['802.3 without SNAP', ether(3, [0x42, 0x42, 3]), '802.3, length 3'],
    ['another EtherType', ether(0x88cc, [1, 2]), 'ethertype Unknown (0x88cc), length 2']
  ])('%s', (_, bytes, line) => {
    expect(frame(bytes)).toBe(line)
  })

  it('a link type that is not known', () => {
    expect(wire.printFrame(datagram, 0, datagram.length, 105)).toBe('linktype 105, length 29')
  })

  it('reads from where it is told, and no further', () => {
    const inside = cat([9, 9, 9], datagram, [9, 9])
    expect(wire.printFrame(inside, 3, datagram.length, wire.LINKTYPE_RAW)).toBe(`${UDP} UDP, length 1`)
  })
})

describe('header lines', () => {
  it('Ethernet, IPv4 and IPv6 in verbose words', () => {
    expect(wire.printEther({ dst: MAC_B, src: MAC_A, type: 0x0806 }))
      .toBe('02:00:00:00:00:01 > 02:00:00:00:00:02, ethertype ARP (0x0806)')
    expect(wire.printIpv4(wire.decodeIpv4(ip4(6, tcp(0), { off: wire.IP_DF }), 0)))
      .toBe('tos 0x0, ttl 64, id 7, offset 0, flags [DF], proto TCP (6), length 40, 10.0.0.1 > 10.0.0.2')
    expect(wire.printIpv6(wire.decodeIpv6(ip6(6, []), 0)))
      .toBe('class 0x00, flow 0x00000, hlim 64, next-header 6, length 0, 2001:db8::1 > 2001:db8::2')
  })
})

describe('printFrame never throws', () => {
  const linkTypes = fc.constantFrom(wire.LINKTYPE_ETHERNET, wire.LINKTYPE_RAW)

  it('on random bytes', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), linkTypes, (bytes, link) => {
      expect(wire.printFrame(bytes, 0, bytes.length, link)).not.toMatch(/undefined|NaN/)
    }), { numRuns: 500 })
  })

  const samples = [
    ip4(6, tcp(0x12, [2, 4, 5, 180, 1, 3, 3, 6, 1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 2])),
    ip4(17, udp(20)),
    ip4(1, icmp(3, 3, 0, ip4(6, tcp(0x10)))),
    ip4(1, icmp(14, 0, 0, new Uint8Array(12))),
    ip4(4, ip6(0, cat([43, 0, 0, 0, 0, 0, 0, 0, 44, 0, 0, 0, 0, 0, 0, 0, 58, 0, 0, 0, 0, 0, 0, 1], icmp(135, 0, 0))))
  ]

  it('on frames cut at every length: the mark is there when the header is not', () => {
    for (const sample of samples) {
      const bytes = ether(0x0800, sample)
      for (let len = 0; len < bytes.length; len++) {
        const line = wire.printFrame(bytes, 0, len)
        expect(line).not.toMatch(/undefined|NaN/)
        expect(wire.printFrame(bytes.slice(0, len), 0, len)).toBe(line)
        if (len < 34) expect(line).toMatch(/\[\|(ether|ip)\]/)
        else if (len < 42) expect(line).toMatch(/\[\|\w+\]/)
      }
    }
  })

  it('on valid frames with octets changed', () => {
    const change = fc.tuple(fc.nat(199), fc.nat(255))
    fc.assert(fc.property(fc.constantFrom(...samples), fc.array(change, { maxLength: 6 }), (sample, changes) => {
      const bytes = sample.slice()
      for (const [at, value] of changes) bytes[at % bytes.length] = value
      expect(raw(bytes)).not.toMatch(/undefined|NaN/)
    }), { numRuns: 1000 })
  })

  it('on tunnels nested to no end; the text stays bounded', () => {
    let nested = ip4(17, udp(0))
    for (let i = 0; i < 200; i++) nested = ip4(4, nested)
    expect(raw(nested)).toMatch(/\[too deep\]$/)
    const tags = ether(0x8100, new Uint8Array(4000).map((_, i) => [0, 1, 0x81, 0][i & 3]))
    expect(frame(tags).length).toBeLessThan(200)
  })
})
