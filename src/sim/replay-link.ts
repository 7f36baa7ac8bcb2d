/** Link types of captures (tcpdump.org's list): which of them a Vnet can be fed, and what the others are called. */

import { LINKTYPE_ETHERNET, LINKTYPE_NULL, LINKTYPE_RAW } from '../pcap/record.ts'
import { LINK_ETHER, LINK_IP } from '../device/device.ts'
import { viewOf } from '../wire/layout.ts'

/** LINK_* of the interface that takes such packets, or 0: nobody does. */
export function replayLink(linkType: number): number {
  switch (linkType) {
    case LINKTYPE_ETHERNET: return LINK_ETHER
    case LINKTYPE_NULL: case LINKTYPE_RAW: return LINK_IP
    default: return 0
  }
}

/**
 * The packet as the interface takes it: for BSD loopback what follows the address family, which is in the byte order of
 * the machine that captured. Null: not an IP packet.
 */
export function replayPacket(linkType: number, data: Uint8Array): Uint8Array | null {
  if (linkType !== LINKTYPE_NULL) return data
  if (data.length < 4) return null
  const view = viewOf(data)
  const family = Math.min(view.getUint32(0), view.getUint32(0, true))
  return IP_FAMILIES.includes(family) ? data.subarray(4) : null
}

/** `IEEE802_11`, or `LINKTYPE_999`. */
export function linkTypeName(linkType: number): string {
  return NAMES[linkType] ?? `LINKTYPE_${linkType}`
}

/** AF_INET everywhere, AF_INET6 on NetBSD and OpenBSD, FreeBSD, macOS. */
const IP_FAMILIES: readonly number[] = Object.freeze([2, 24, 28, 30])

const NAMES: Readonly<Record<number, string>> = Object.freeze({
  0: 'NULL', 1: 'ETHERNET', 3: 'AX25', 6: 'IEEE802_5', 7: 'ARCNET_BSD', 8: 'SLIP', 9: 'PPP', 10: 'FDDI', 50: 'PPP_HDLC',
  51: 'PPP_ETHER', 100: 'ATM_RFC1483', 101: 'RAW', 104: 'C_HDLC', 105: 'IEEE802_11', 107: 'FRELAY', 108: 'LOOP',
  113: 'LINUX_SLL', 114: 'LTALK', 117: 'PFLOG', 119: 'IEEE802_11_PRISM', 122: 'IP_OVER_FC', 123: 'SUNATM',
  127: 'IEEE802_11_RADIOTAP', 129: 'ARCNET_LINUX', 138: 'APPLE_IP_OVER_IEEE1394', 139: 'MTP2_WITH_PHDR', 140: 'MTP2',
  141: 'MTP3', 142: 'SCCP', 143: 'DOCSIS', 144: 'LINUX_IRDA', 163: 'IEEE802_11_AVS', 187: 'BLUETOOTH_HCI_H4',
  189: 'USB_LINUX', 192: 'PPI', 195: 'IEEE802_15_4_WITHFCS', 201: 'BLUETOOTH_HCI_H4_WITH_PHDR', 215:
  'IEEE802_15_4_NONASK_PHY', 220: 'USB_LINUX_MMAPPED', 227: 'CAN_SOCKETCAN', 228: 'IPV4', 229: 'IPV6',
  230: 'IEEE802_15_4_NOFCS', 239: 'NFLOG', 249: 'USBPCAP', 276: 'LINUX_SLL2',
})
