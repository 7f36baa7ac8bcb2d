/** Aims a captured frame at somebody: destination hardware and IP address, and the checksums that cover them, made right. */

import { checksumAdd, checksumFold } from '../../src/lib/checksum.ts'
import { macWrite } from '../../src/lib/addr.ts'
import type { Ip4, Mac } from '../../src/lib/addr.ts'
import { ARP_LEN, ARP_TPA } from '../../src/wire/arp.ts'
import { ETHER_DST, ETHER_HDR_LEN, ETHER_TYPE, ETHERTYPE_ARP, ETHERTYPE_IP } from '../../src/wire/ethernet.ts'
import { ICMP_SUM } from '../../src/wire/icmp.ts'
import {
  IP_DST, IP_HDR_LEN, IP_LEN, IP_P, IP_SRC, IP_SUM, IPPROTO_ICMP, IPPROTO_TCP, IPPROTO_UDP, ipHeaderLen, ipIsFragment,
} from '../../src/wire/ipv4.ts'
import { viewOf } from '../../src/wire/layout.ts'
import { TCP_DPORT, TCP_HDR_LEN, TCP_SUM } from '../../src/wire/tcp.ts'
import { UDP_DPORT, UDP_HDR_LEN, UDP_SUM } from '../../src/wire/udp.ts'

/** A copy of an Ethernet frame, aimed. What is neither IPv4 nor ARP only gets the hardware address. */
export function aimEther(frame: Uint8Array, mac: Mac, ip: Ip4): Uint8Array {
  const bytes = frame.slice()
  if (bytes.length < ETHER_HDR_LEN) return bytes
  const view = viewOf(bytes)
  macWrite(view, ETHER_DST, mac)
  const type = view.getUint16(ETHER_TYPE)
  if (type === ETHERTYPE_IP) aim(view, ETHER_HDR_LEN, ip)
  if (type === ETHERTYPE_ARP && bytes.length >= ETHER_HDR_LEN + ARP_LEN) view.setInt32(ETHER_HDR_LEN + ARP_TPA, ip)
  return bytes
}

/** The same for a bare IP packet. */
export function aimIp(packet: Uint8Array, ip: Ip4): Uint8Array {
  const bytes = packet.slice()
  aim(viewOf(bytes), 0, ip)
  return bytes
}

/** Protocol and destination port of an IPv4 packet that has one, else null. */
export function portOf(view: DataView, at: number): { proto: number; port: number } | null {
  if (view.byteLength - at < IP_HDR_LEN || view.getUint8(at) >> 4 !== 4) return null
  const proto = view.getUint8(at + IP_P)
  const l4 = at + ipHeaderLen(view, at)
  if ((proto !== IPPROTO_TCP && proto !== IPPROTO_UDP) || l4 + 4 > view.byteLength) return null
  return { proto, port: view.getUint16(l4 + (proto === IPPROTO_TCP ? TCP_DPORT : UDP_DPORT)) }
}

function aim(view: DataView, at: number, ip: Ip4): void {
  if (view.byteLength - at < IP_HDR_LEN) return
  const headerLen = ipHeaderLen(view, at)
  view.setInt32(at + IP_DST, ip)
  if (headerLen < IP_HDR_LEN || at + headerLen > view.byteLength) return
  view.setUint16(at + IP_SUM, 0)
  view.setUint16(at + IP_SUM, checksumFold(checksumAdd(0, view, at, headerLen)))
  const total = view.getUint16(at + IP_LEN)
  const length = total - headerLen
  // what was cut by the capture, and fragments, have no checksum that could be made right
  if (total > view.byteLength - at || length < 0 || ipIsFragment(view, at)) return
  sumTransport(view, at, at + headerLen, length)
}

function sumTransport(view: DataView, ip: number, at: number, length: number): void {
  const proto = view.getUint8(ip + IP_P)
  const pseudo = checksumAdd(0, view, ip + IP_SRC, 8) + proto + length
  if (proto === IPPROTO_TCP && length >= TCP_HDR_LEN) sumInto(view, at, length, TCP_SUM, pseudo)
  else if (proto === IPPROTO_UDP && length >= UDP_HDR_LEN) sumInto(view, at, length, UDP_SUM, pseudo)
  else if (proto === IPPROTO_ICMP && length >= 4) sumInto(view, at, length, ICMP_SUM, 0)
}

function sumInto(view: DataView, at: number, length: number, field: number, sum: number): void {
  view.setUint16(at + field, 0)
  view.setUint16(at + field, checksumFold(checksumAdd(sum, view, at, length)))
}
