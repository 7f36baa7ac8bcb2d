/** ARP for IPv4 over Ethernet (RFC 826): the fixed form with 6-octet hardware and 4-octet protocol addresses. */
import { ip4Print, macPrint } from '../lib/addr.ts'
import { ETHERTYPE_IP } from './ethernet.ts'
import { byte, decodeHeader, encodeHeader, half, header, mac, offsetOf, signedWord } from './layout.ts'
import type { HeaderRecord } from './layout.ts'

// The RFC's ar$ names without the prefix.
const ARP = header(
  half('hrd'), half('pro'), byte('hln'), byte('pln'), half('op'),
  mac('sha'), signedWord('spa'), mac('tha'), signedWord('tpa'))

export type ArpHeader = HeaderRecord<typeof ARP>

export const ARP_HRD = offsetOf(ARP, 'hrd')
export const ARP_PRO = offsetOf(ARP, 'pro')
export const ARP_HLN = offsetOf(ARP, 'hln')
export const ARP_PLN = offsetOf(ARP, 'pln')
export const ARP_OP = offsetOf(ARP, 'op')
export const ARP_SHA = offsetOf(ARP, 'sha')
export const ARP_SPA = offsetOf(ARP, 'spa')
export const ARP_THA = offsetOf(ARP, 'tha')
export const ARP_TPA = offsetOf(ARP, 'tpa')
export const ARP_LEN = ARP.size

export const ARPHRD_ETHER = 1
export const ARPHRD_IEEE802 = 6
export const ARPOP_REQUEST = 1
export const ARPOP_REPLY = 2

export function decodeArp(bytes: Uint8Array, at: number): ArpHeader {
  return decodeHeader(ARP, bytes, at)
}

export function encodeArp(h: Readonly<ArpHeader>, bytes: Uint8Array, at: number): number {
  return encodeHeader(ARP, h, bytes, at)
}

/** True for the only form this stack speaks: Ethernet (or 802) hardware, IPv4 protocol, lengths 6 and 4. */
export function arpIsEtherIp4(view: DataView, at: number): boolean {
  const hrd = view.getUint16(at + ARP_HRD)
  return (hrd === ARPHRD_ETHER || hrd === ARPHRD_IEEE802) && view.getUint16(at + ARP_PRO) === ETHERTYPE_IP &&
    view.getUint8(at + ARP_HLN) === 6 && view.getUint8(at + ARP_PLN) === 4
}

/** tcpdump's words: `Request who-has 10.66.0.2 tell 10.66.0.1`. */
export function printArp(h: Readonly<ArpHeader>): string {
  if (h.pro !== ETHERTYPE_IP || h.hln !== 6 || h.pln !== 4) {
    return `hardware type ${h.hrd}, protocol 0x${h.pro.toString(16).padStart(4, '0')}, op ${h.op}`
  }
  if (h.op === ARPOP_REPLY) return `Reply ${ip4Print(h.spa)} is-at ${macPrint(h.sha)}`
  if (h.op !== ARPOP_REQUEST) return `op ${h.op}, ${ip4Print(h.spa)} to ${ip4Print(h.tpa)}`
  const asked = h.tha === 0 ? '' : ` (${macPrint(h.tha)})`
  return `Request who-has ${ip4Print(h.tpa)}${asked} tell ${ip4Print(h.spa)}`
}
