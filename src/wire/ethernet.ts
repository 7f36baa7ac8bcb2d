/**
 * Ethernet framing: DIX header (RFC 894), 802.1Q tag, and the 802.2 LLC/SNAP form of RFC 1042.
 * No preamble and no frame check sequence: devices strip both.
 */
import { macPrint } from '../lib/addr.ts'
import { byte, decodeHeader, encodeHeader, half, header, mac, offsetOf } from './layout.ts'
import type { HeaderRecord } from './layout.ts'

const ETHER = header(mac('dst'), mac('src'), half('type'))
const VLAN = header(half('tci'), half('type'))
const SNAP = header(byte('dsap'), byte('ssap'), byte('control'), byte('oui0'), half('oui12'), half('type'))

/** `type` is an EtherType, or the 802.3 length when at most `ETHER_MAX_LEN_FIELD`. */
export type EtherHeader = HeaderRecord<typeof ETHER>
/** What follows the EtherType 0x8100: tag control information and the inner EtherType. */
export type VlanTag = HeaderRecord<typeof VLAN>
/** LLC and SNAP headers; the OUI is split 1 + 2 octets. */
export type SnapHeader = HeaderRecord<typeof SNAP>

export const ETHER_DST = offsetOf(ETHER, 'dst')
export const ETHER_SRC = offsetOf(ETHER, 'src')
export const ETHER_TYPE = offsetOf(ETHER, 'type')
export const ETHER_HDR_LEN = ETHER.size
/** Offsets within the four octets after an 0x8100 EtherType. */
export const VLAN_TCI = offsetOf(VLAN, 'tci')
export const VLAN_TYPE = offsetOf(VLAN, 'type')
export const VLAN_TAG_LEN = VLAN.size
export const SNAP_TYPE = offsetOf(SNAP, 'type')
export const SNAP_HDR_LEN = SNAP.size

export const ETHERMTU = 1500
/** Smallest frame without its check sequence; shorter ones are padded (RFC 894). */
export const ETHER_MIN_LEN = 60
/** A type field up to this value is an IEEE 802.3 length (RFC 1122 §2.3.3). */
export const ETHER_MAX_LEN_FIELD = 1500

export const ETHERTYPE_IP = 0x0800
export const ETHERTYPE_ARP = 0x0806
export const ETHERTYPE_REVARP = 0x8035
export const ETHERTYPE_VLAN = 0x8100
export const ETHERTYPE_IPV6 = 0x86dd
export const ETHERTYPE_QINQ = 0x88a8

/** Masks of the 802.1Q tag control information. */
export const VLAN_VID_MASK = 0x0fff
export const VLAN_DEI = 0x1000
export const VLAN_PCP_SHIFT = 13

/** Length of the header at `at`, a frame's first octet: 14, and four for each VLAN tag (IEEE 802.1Q; two at most). */
export function etherHeaderLen(view: DataView, at: number): number {
  let length = ETHER_HDR_LEN
  for (let i = 0; i < 2; i++) {
    const type = view.getUint16(at + length - 2)
    if (type !== ETHERTYPE_VLAN && type !== ETHERTYPE_QINQ) break
    length += VLAN_TAG_LEN
  }
  return length
}

/** True when the eight octets at `at` are the LLC/SNAP header of an RFC 1042 frame (AA AA 03, OUI 0). */
export function isSnap(view: DataView, at: number): boolean {
  return view.getUint32(at) === 0xaaaa0300 && view.getUint16(at + 4) === 0
}

export function decodeEther(bytes: Uint8Array, at: number): EtherHeader {
  return decodeHeader(ETHER, bytes, at)
}

export function encodeEther(h: Readonly<EtherHeader>, bytes: Uint8Array, at: number): number {
  return encodeHeader(ETHER, h, bytes, at)
}

export function decodeVlan(bytes: Uint8Array, at: number): VlanTag {
  return decodeHeader(VLAN, bytes, at)
}

export function encodeVlan(h: Readonly<VlanTag>, bytes: Uint8Array, at: number): number {
  return encodeHeader(VLAN, h, bytes, at)
}

export function decodeSnap(bytes: Uint8Array, at: number): SnapHeader {
  return decodeHeader(SNAP, bytes, at)
}

export function encodeSnap(h: Readonly<SnapHeader>, bytes: Uint8Array, at: number): number {
  return encodeHeader(SNAP, h, bytes, at)
}

/** `02:00:00:00:00:01 > ff:ff:ff:ff:ff:ff, ethertype ARP (0x0806)`. */
export function printEther(h: Readonly<EtherHeader>): string {
  const kind = h.type <= ETHER_MAX_LEN_FIELD ? '802.3' : `ethertype ${printEtherType(h.type)}`
  return `${macPrint(h.src)} > ${macPrint(h.dst)}, ${kind}`
}

/** `IPv4 (0x0800)`, or `Unknown (0x1234)`. */
export function printEtherType(type: number): string {
  return `${ETHERTYPE_NAMES[type] ?? 'Unknown'} (0x${type.toString(16).padStart(4, '0')})`
}

const ETHERTYPE_NAMES: Readonly<Record<number, string>> = Object.freeze({
  [ETHERTYPE_IP]: 'IPv4',
  [ETHERTYPE_ARP]: 'ARP',
  [ETHERTYPE_REVARP]: 'Reverse ARP',
  [ETHERTYPE_VLAN]: '802.1Q',
  [ETHERTYPE_IPV6]: 'IPv6',
  [ETHERTYPE_QINQ]: '802.1Q-QinQ'
})
