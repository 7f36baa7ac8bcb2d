/** Derived offsets against the figures that the RFCs draw. */
import { describe, expect, it } from 'vitest'
import * as wire from '../../src/wire/index.ts'

describe('offsets derived from the layouts', () => {
  const figures: readonly (readonly [string, Partial<Record<keyof typeof wire, number>>])[] = [
    ['RFC 894 / IEEE 802.3 header', { ETHER_DST: 0, ETHER_SRC: 6, ETHER_TYPE: 12, ETHER_HDR_LEN: 14 }],
    ['IEEE 802.1Q tag', { VLAN_TCI: 0, VLAN_TYPE: 2, VLAN_TAG_LEN: 4 }],
    ['RFC 1042 LLC/SNAP', { SNAP_TYPE: 6, SNAP_HDR_LEN: 8 }],
    ['RFC 826 packet', {
      ARP_HRD: 0, ARP_PRO: 2, ARP_HLN: 4, ARP_PLN: 5, ARP_OP: 6, ARP_SHA: 8, ARP_SPA: 14, ARP_THA: 18,
      ARP_TPA: 24, ARP_LEN: 28
    }],
    ['RFC 791 §3.1 figure 4', {
      IP_VHL: 0, IP_TOS: 1, IP_LEN: 2, IP_ID: 4, IP_OFF: 6, IP_TTL: 8, IP_P: 9, IP_SUM: 10, IP_SRC: 12,
      IP_DST: 16, IP_HDR_LEN: 20
    }],
    ['RFC 792 messages', {
      ICMP_TYPE: 0, ICMP_CODE: 1, ICMP_SUM: 2, ICMP_REST: 4, ICMP_ID: 4, ICMP_SEQ: 6, ICMP_GATEWAY: 4, ICMP_POINTER: 4,
      ICMP_OTIME: 8, ICMP_RTIME: 12, ICMP_TTIME: 16, ICMP_HDR_LEN: 8, ICMP_TIMESTAMP_LEN: 20
    }],
    ['RFC 1191 §4 next-hop MTU', { ICMP_MTU: 6 }],
    ['RFC 768 format', { UDP_SPORT: 0, UDP_DPORT: 2, UDP_LEN: 4, UDP_SUM: 6, UDP_HDR_LEN: 8 }],
    ['RFC 9293 §3.1 figure 1', {
      TCP_SPORT: 0, TCP_DPORT: 2, TCP_SEQ: 4, TCP_ACK: 8, TCP_OFF_FLAGS: 12, TCP_WIN: 14, TCP_SUM: 16,
      TCP_URP: 18, TCP_HDR_LEN: 20
    }],
    ['VIRTIO 1.2 §5.1.6 virtio_net_hdr', {
      VNET_FLAGS: 0, VNET_GSO_TYPE: 1, VNET_HDR_LEN_FIELD: 2, VNET_GSO_SIZE: 4, VNET_CSUM_START: 6, VNET_CSUM_OFFSET: 8,
      VNET_HDR_LEN: 10
    }]
  ]
  for (const [title, expected] of figures) {
    it(title, () => {
      const actual = Object.fromEntries(Object.keys(expected).map((name) => [name, wire[name as keyof typeof wire]]))
      expect(actual).toEqual(expected)
    })
  }
})
