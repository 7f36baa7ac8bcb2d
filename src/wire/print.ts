/** One-line dissection of a captured frame in tcpdump's words. */
import { ARP_LEN, decodeArp, printArp } from './arp.ts'
import {
  ETHERTYPE_ARP, ETHERTYPE_IP, ETHERTYPE_IPV6, ETHERTYPE_QINQ, ETHERTYPE_VLAN, ETHER_HDR_LEN, ETHER_MAX_LEN_FIELD,
  ETHER_TYPE, SNAP_HDR_LEN, SNAP_TYPE, VLAN_PCP_SHIFT, VLAN_TAG_LEN, VLAN_TCI, VLAN_TYPE, VLAN_VID_MASK, isSnap,
  printEtherType
} from './ethernet.ts'
import type { Cut } from './cut.ts'
import { cutAt } from './cut.ts'
import { printIp } from './ip-print.ts'
import { viewOf } from './layout.ts'

/** Link-layer header types of capture files. */
export const LINKTYPE_ETHERNET = 1
export const LINKTYPE_RAW = 101
export const LINKTYPE_IPV4 = 228
export const LINKTYPE_IPV6 = 229

const MAX_TAGS = 4

/**
 * Describes the `len` octets at `at`: an Ethernet frame, or a bare datagram for the raw link types. Input that ends
 * early shows as `[|name]`. Never throws, whatever the bytes; the text is bounded.
 */
export function printFrame(bytes: Uint8Array, at: number, len: number, linkType: number = LINKTYPE_ETHERNET): string {
  const cut: Cut = { bytes, view: viewOf(bytes), end: Math.min(bytes.length, at + len), depth: 0 }
  switch (linkType) {
    case LINKTYPE_ETHERNET:
      return printEthernet(cut, at)
    case LINKTYPE_RAW:
    case LINKTYPE_IPV4:
    case LINKTYPE_IPV6:
      return printIp(cut, at)
    default:
      return `linktype ${linkType}, length ${len}`
  }
}

function printEthernet(cut: Cut, at: number): string {
  const { view, end } = cut
  if (end - at < ETHER_HDR_LEN) return '[|ether]'
  let type = view.getUint16(at + ETHER_TYPE)
  let p = at + ETHER_HDR_LEN
  let tags = ''
  for (let i = 0; i < MAX_TAGS && (type === ETHERTYPE_VLAN || type === ETHERTYPE_QINQ); i++) {
    if (end - p < VLAN_TAG_LEN) return `${tags}[|vlan]`
    const tci = view.getUint16(p + VLAN_TCI)
    tags += `vlan ${tci & VLAN_VID_MASK}, p ${tci >> VLAN_PCP_SHIFT}, `
    type = view.getUint16(p + VLAN_TYPE)
    p += VLAN_TAG_LEN
  }
  if (type > ETHER_MAX_LEN_FIELD) return tags + printPayload(cut, p, type)
  // The length field, not the frame, says where padding starts.
  const inner = cutAt(cut, p + type)
  if (inner.end - p < SNAP_HDR_LEN || !isSnap(view, p)) return `${tags}802.3, length ${type}`
  return `${tags}SNAP, ${printPayload(inner, p + SNAP_HDR_LEN, view.getUint16(p + SNAP_TYPE))}`
}

function printPayload(cut: Cut, at: number, type: number): string {
  const left = cut.end - at
  switch (type) {
    case ETHERTYPE_IP:
    case ETHERTYPE_IPV6:
      return printIp(cut, at)
    case ETHERTYPE_ARP:
      if (left < ARP_LEN) return 'ARP [|arp]'
      return `ARP, ${printArp(decodeArp(cut.bytes, at))}, length ${left}`
    default:
      return `ethertype ${printEtherType(type)}, length ${left}`
  }
}
