/** Every header: fast accessors at derived offsets against the slow path, on random bytes. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { macRead } from '../../src/lib/addr.ts'
import * as wire from '../../src/wire/index.ts'

type Access = 'u8' | 'u16' | 'u32' | 's32' | 'mac' | 'u16le'
type Rec = Record<string, number>

interface Case {
  title: string
  size: number
  decode: (bytes: Uint8Array, at: number) => Rec
  encode: (h: never, bytes: Uint8Array, at: number) => number
  /** Every field of the decoded record: where the fast path finds it, and how it reads it. */
  fields: Record<string, readonly [number, Access]>
}

const READ: Record<Access, (view: DataView, at: number) => number> = {
  u8: (view, at) => view.getUint8(at),
  u16: (view, at) => view.getUint16(at),
  u32: (view, at) => view.getUint32(at),
  s32: (view, at) => view.getInt32(at),
  mac: macRead,
  u16le: (view, at) => view.getUint16(at, true)
}

const ICMP_START: Case['fields'] = {
  type: [wire.ICMP_TYPE, 'u8'], code: [wire.ICMP_CODE, 'u8'], sum: [wire.ICMP_SUM, 'u16']
}

const IGMP_START: Case['fields'] = {
  type: [wire.IGMP_TYPE, 'u8'], code: [wire.IGMP_CODE, 'u8'], sum: [wire.IGMP_SUM, 'u16'], group: [wire.IGMP_GROUP, 's32']
}

const CASES: readonly Case[] = [
  {
    title: 'MLD (RFC 2710)', size: wire.MLD_HDR_LEN, decode: wire.decodeMld, encode: wire.encodeMld,
    fields: {
      type: [wire.MLD_TYPE, 'u8'], code: [1, 'u8'], sum: [wire.MLD_SUM, 'u16'], maxdelay: [wire.MLD_MAXDELAY, 'u16'],
      reserved: [6, 'u16']
    }
  },
  {
    title: 'MLDv2 report', size: wire.MLD_REPORT2_LEN, decode: wire.decodeMldReport2, encode: wire.encodeMldReport2,
    fields: {
      type: [wire.MLD_TYPE, 'u8'], code: [1, 'u8'], sum: [wire.MLD_SUM, 'u16'], rsv: [4, 'u16'],
      numgrps: [wire.MLD_NUMGRPS, 'u16']
    }
  },
  {
    title: 'DHCP (RFC 2131)', size: wire.DHCP_HDR_LEN, decode: wire.decodeDhcp, encode: wire.encodeDhcp,
    fields: {
      op: [wire.DHCP_OP, 'u8'], htype: [wire.DHCP_HTYPE, 'u8'], hlen: [wire.DHCP_HLEN, 'u8'],
      hops: [wire.DHCP_HOPS, 'u8'], xid: [wire.DHCP_XID, 'u32'], secs: [wire.DHCP_SECS, 'u16'],
      flags: [wire.DHCP_FLAGS, 'u16'], ciaddr: [wire.DHCP_CIADDR, 's32'], yiaddr: [wire.DHCP_YIADDR, 's32'],
      siaddr: [wire.DHCP_SIADDR, 's32'], giaddr: [wire.DHCP_GIADDR, 's32'], chaddr: [wire.DHCP_CHADDR, 'mac']
    }
  },
  {
    title: 'IGMP (RFC 2236)', size: wire.IGMP_LEN, decode: wire.decodeIgmp, encode: wire.encodeIgmp, fields: IGMP_START
  },
  {
    title: 'IGMPv3 query (RFC 3376)', size: wire.IGMP_QUERY3_LEN, decode: wire.decodeIgmpQuery3,
    encode: wire.encodeIgmpQuery3,
    fields: {
      ...IGMP_START, misc: [wire.IGMP_MISC, 'u8'], qqi: [wire.IGMP_QQI, 'u8'], numsrc: [wire.IGMP_NUMSRC, 'u16']
    }
  },
  {
    title: 'IGMPv3 report', size: wire.IGMP_REPORT3_LEN, decode: wire.decodeIgmpReport3, encode: wire.encodeIgmpReport3,
    fields: {
      type: [wire.IGMP_TYPE, 'u8'], rsv0: [1, 'u8'], sum: [wire.IGMP_SUM, 'u16'], rsv1: [4, 'u16'],
      numgrps: [wire.IGMP_NUMGRPS, 'u16']
    }
  },
  {
    title: 'IGMPv3 group record', size: wire.IGMP_RECORD3_LEN, decode: wire.decodeIgmpRecord3,
    encode: wire.encodeIgmpRecord3,
    fields: {
      type: [0, 'u8'], datalen: [1, 'u8'], numsrc: [wire.IGMP_REC_NUMSRC, 'u16'], group: [wire.IGMP_REC_GROUP, 's32']
    }
  },
  {
    title: 'Ethernet (RFC 894)', size: wire.ETHER_HDR_LEN, decode: wire.decodeEther, encode: wire.encodeEther,
    fields: { dst: [wire.ETHER_DST, 'mac'], src: [wire.ETHER_SRC, 'mac'], type: [wire.ETHER_TYPE, 'u16'] }
  },
  {
    title: '802.1Q tag', size: wire.VLAN_TAG_LEN, decode: wire.decodeVlan, encode: wire.encodeVlan,
    fields: { tci: [wire.VLAN_TCI, 'u16'], type: [wire.VLAN_TYPE, 'u16'] }
  },
  {
    title: 'LLC/SNAP (RFC 1042)', size: wire.SNAP_HDR_LEN, decode: wire.decodeSnap, encode: wire.encodeSnap,
    fields: {
      dsap: [0, 'u8'], ssap: [1, 'u8'], control: [2, 'u8'], oui0: [3, 'u8'], oui12: [4, 'u16'],
      type: [wire.SNAP_TYPE, 'u16']
    }
  },
  {
    title: 'ARP (RFC 826)', size: wire.ARP_LEN, decode: wire.decodeArp, encode: wire.encodeArp,
    fields: {
      hrd: [wire.ARP_HRD, 'u16'], pro: [wire.ARP_PRO, 'u16'], hln: [wire.ARP_HLN, 'u8'], pln: [wire.ARP_PLN, 'u8'],
      op: [wire.ARP_OP, 'u16'], sha: [wire.ARP_SHA, 'mac'], spa: [wire.ARP_SPA, 's32'], tha: [wire.ARP_THA, 'mac'],
      tpa: [wire.ARP_TPA, 's32']
    }
  },
  {
    title: 'IPv4 (RFC 791)', size: wire.IP_HDR_LEN, decode: wire.decodeIpv4, encode: wire.encodeIpv4,
    fields: {
      vhl: [wire.IP_VHL, 'u8'], tos: [wire.IP_TOS, 'u8'], len: [wire.IP_LEN, 'u16'], id: [wire.IP_ID, 'u16'],
      off: [wire.IP_OFF, 'u16'], ttl: [wire.IP_TTL, 'u8'], p: [wire.IP_P, 'u8'], sum: [wire.IP_SUM, 'u16'],
      src: [wire.IP_SRC, 's32'], dst: [wire.IP_DST, 's32']
    }
  },
  {
    title: 'ICMP (RFC 792)', size: wire.ICMP_HDR_LEN, decode: wire.decodeIcmp, encode: wire.encodeIcmp,
    fields: { ...ICMP_START, rest: [wire.ICMP_REST, 'u32'] }
  },
  {
    title: 'ICMP echo (RFC 792)', size: wire.ICMP_HDR_LEN, decode: wire.decodeIcmpEcho, encode: wire.encodeIcmpEcho,
    fields: { ...ICMP_START, id: [wire.ICMP_ID, 'u16'], seq: [wire.ICMP_SEQ, 'u16'] }
  },
  {
    title: 'ICMP unreachable (RFC 1191 §4)', size: wire.ICMP_HDR_LEN,
    decode: wire.decodeIcmpUnreach, encode: wire.encodeIcmpUnreach,
    fields: { ...ICMP_START, unused: [4, 'u16'], mtu: [wire.ICMP_MTU, 'u16'] }
  },
  {
    title: 'ICMP redirect (RFC 792)', size: wire.ICMP_HDR_LEN,
    decode: wire.decodeIcmpRedirect, encode: wire.encodeIcmpRedirect,
    fields: { ...ICMP_START, gateway: [wire.ICMP_GATEWAY, 's32'] }
  },
  {
    title: 'ICMP parameter problem (RFC 792)', size: wire.ICMP_HDR_LEN,
    decode: wire.decodeIcmpParamProb, encode: wire.encodeIcmpParamProb,
    fields: { ...ICMP_START, pointer: [wire.ICMP_POINTER, 'u8'], unused0: [5, 'u8'], unused1: [6, 'u16'] }
  },
  {
    title: 'ICMP timestamp (RFC 792)', size: wire.ICMP_TIMESTAMP_LEN,
    decode: wire.decodeIcmpTimestamp, encode: wire.encodeIcmpTimestamp,
    fields: {
      ...ICMP_START, id: [wire.ICMP_ID, 'u16'], seq: [wire.ICMP_SEQ, 'u16'], originate: [wire.ICMP_OTIME, 'u32'],
      receive: [wire.ICMP_RTIME, 'u32'], transmit: [wire.ICMP_TTIME, 'u32']
    }
  },
  {
    title: 'UDP (RFC 768)', size: wire.UDP_HDR_LEN, decode: wire.decodeUdp, encode: wire.encodeUdp,
    fields: {
      sport: [wire.UDP_SPORT, 'u16'], dport: [wire.UDP_DPORT, 'u16'], len: [wire.UDP_LEN, 'u16'],
      sum: [wire.UDP_SUM, 'u16']
    }
  },
  {
    title: 'TCP (RFC 9293 §3.1)', size: wire.TCP_HDR_LEN, decode: wire.decodeTcp, encode: wire.encodeTcp,
    fields: {
      sport: [wire.TCP_SPORT, 'u16'], dport: [wire.TCP_DPORT, 'u16'], seq: [wire.TCP_SEQ, 's32'],
      ack: [wire.TCP_ACK, 's32'], offFlags: [wire.TCP_OFF_FLAGS, 'u16'], win: [wire.TCP_WIN, 'u16'],
      sum: [wire.TCP_SUM, 'u16'], urp: [wire.TCP_URP, 'u16']
    }
  },
  {
    title: 'IPv6 (RFC 8200 §3)', size: wire.IP6_HDR_LEN, decode: wire.decodeIpv6, encode: wire.encodeIpv6,
    fields: {
      vtcflow: [wire.IP6_VTCFLOW, 'u32'], plen: [wire.IP6_PLEN, 'u16'], nxt: [wire.IP6_NXT, 'u8'],
      hlim: [wire.IP6_HLIM, 'u8'], src0: [wire.IP6_SRC, 's32'], src1: [wire.IP6_SRC + 4, 's32'],
      src2: [wire.IP6_SRC + 8, 's32'], src3: [wire.IP6_SRC + 12, 's32'], dst0: [wire.IP6_DST, 's32'],
      dst1: [wire.IP6_DST + 4, 's32'], dst2: [wire.IP6_DST + 8, 's32'], dst3: [wire.IP6_DST + 12, 's32']
    }
  },
  {
    title: 'IPv6 fragment (RFC 8200 §4.5)', size: wire.IP6F_LEN,
    decode: wire.decodeIpv6Fragment, encode: wire.encodeIpv6Fragment,
    fields: {
      nxt: [wire.IP6F_NXT, 'u8'], reserved: [1, 'u8'], offlg: [wire.IP6F_OFFLG, 'u16'], ident: [wire.IP6F_IDENT, 'u32']
    }
  },
  {
    title: 'ICMPv6 (RFC 4443)', size: wire.ICMP6_HDR_LEN, decode: wire.decodeIcmp6, encode: wire.encodeIcmp6,
    fields: {
      type: [wire.ICMP6_TYPE, 'u8'], code: [wire.ICMP6_CODE, 'u8'], sum: [wire.ICMP6_SUM, 'u16'],
      rest: [wire.ICMP6_REST, 'u32']
    }
  },
  {
    title: 'virtio_net_hdr (VIRTIO 1.2 §5.1.6)', size: wire.VNET_HDR_LEN,
    decode: wire.decodeVnetHdr, encode: wire.encodeVnetHdr,
    fields: {
      flags: [wire.VNET_FLAGS, 'u8'], gsoType: [wire.VNET_GSO_TYPE, 'u8'],
      hdrLen: [wire.VNET_HDR_LEN_FIELD, 'u16le'], gsoSize: [wire.VNET_GSO_SIZE, 'u16le'],
      csumStart: [wire.VNET_CSUM_START, 'u16le'], csumOffset: [wire.VNET_CSUM_OFFSET, 'u16le']
    }
  }
]

const MARGIN = 16

describe.each(CASES)('$title', ({ size, decode, encode, fields }) => {
  const buffers = fc.uint8Array({ minLength: size + MARGIN, maxLength: size + MARGIN })
  const places = fc.nat(MARGIN)

  it('fast accessors equal decode', () => {
    fc.assert(fc.property(buffers, places, (bytes, at) => {
      const fast = Object.fromEntries(
        Object.entries(fields).map(([name, [offset, access]]) => [name, READ[access](wire.viewOf(bytes), at + offset)]))
      expect({ ...decode(bytes, at) }).toEqual(fast)
    }))
  })

  it('encode(decode(x)) is x, and nothing outside the header is touched', () => {
    fc.assert(fc.property(buffers, buffers, places, (bytes, other, at) => {
      const expected = other.slice()
      expected.set(bytes.subarray(at, at + size), at)
      expect(encode(decode(bytes, at) as never, other, at)).toBe(size)
      expect(other).toEqual(expected)
    }))
  })

  it('works on a view into a larger buffer', () => {
    const whole = Uint8Array.from({ length: size + 9 }, (_, i) => i * 37 + 11)
    expect(decode(whole.subarray(5), 2)).toEqual(decode(whole, 7))
  })
})

describe('words that hold several fields', () => {
  it('RFC 791 §3.1: version, IHL, flags and fragment offset', () => {
    fc.assert(fc.property(fc.nat(15), fc.nat(15), fc.nat(7), fc.nat(0x1fff), (version, ihl, flags, offset) => {
      const view = new DataView(new ArrayBuffer(24))
      view.setUint8(4 + wire.IP_VHL, version << 4 | ihl)
      view.setUint16(4 + wire.IP_OFF, flags << 13 | offset)
      expect(wire.ipVersion(view, 4)).toBe(version)
      expect(wire.ipHeaderLen(view, 4)).toBe(ihl * 4)
      expect(wire.ipFragOffset(view, 4)).toBe(offset * 8)
      expect(wire.ipIsFragment(view, 4)).toBe((flags & 1) === 1 || offset > 0)
    }))
  })

  it('RFC 9293 §3.1: data offset and flags', () => {
    fc.assert(fc.property(fc.nat(15), fc.nat(0xfff), (words, flags) => {
      const view = new DataView(new ArrayBuffer(24))
      view.setUint16(4 + wire.TCP_OFF_FLAGS, wire.tcpOffFlags(words * 4, flags))
      expect(wire.tcpDataOffset(view, 4)).toBe(words * 4)
      expect(wire.tcpFlags(view, 4)).toBe(flags & 0x1ff)
    }))
  })

  it('RFC 9293 §3.1: the control bits as drawn, CWR first', () => {
    const drawn = [
      wire.TH_CWR, wire.TH_ECE, wire.TH_URG, wire.TH_ACK, wire.TH_PUSH, wire.TH_RST, wire.TH_SYN, wire.TH_FIN
    ]
    expect(drawn).toEqual([128, 64, 32, 16, 8, 4, 2, 1])
  })

  it('RFC 1042: only AA AA 03 with a zero organisation code is SNAP', () => {
    const view = new DataView(Uint8Array.of(0xaa, 0xaa, 3, 0, 0, 0, 8, 0).buffer)
    expect(wire.isSnap(view, 0)).toBe(true)
    for (let i = 0; i < 6; i++) {
      const was = view.getUint8(i)
      view.setUint8(i, was ^ 1)
      expect(wire.isSnap(view, 0)).toBe(false)
      view.setUint8(i, was)
    }
  })

  it('RFC 826: any field that is not Ethernet and IPv4 is told apart', () => {
    const good = { hrd: 1, pro: 0x0800, hln: 6, pln: 4, op: 1, sha: 1, spa: 1, tha: 0, tpa: 2 }
    const bytes = new Uint8Array(wire.ARP_LEN)
    const check = (h: wire.ArpHeader): boolean => {
      wire.encodeArp(h, bytes, 0)
      return wire.arpIsEtherIp4(wire.viewOf(bytes), 0)
    }
    expect(check(good)).toBe(true)
    expect(check({ ...good, hrd: 6 })).toBe(true)
    for (const bad of [{ hrd: 2 }, { pro: 0x86dd }, { hln: 8 }, { pln: 16 }]) {
      expect(check({ ...good, ...bad })).toBe(false)
    }
  })

  it('RFC 1122 §3.2.2: which ICMP types are errors', () => {
    const errors = Array.from({ length: 256 }, (_, type) => type).filter(wire.icmpIsError)
    expect(errors).toEqual([3, 4, 5, 11, 12])
  })
})
