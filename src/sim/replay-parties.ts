/** Who talks in a capture: the addresses that a replayed Vnet must know before it can take somebody's part. */

import { macIsMulticast, macRead } from '../lib/addr.ts'
import type { Ip4, Mac } from '../lib/addr.ts'
import { LINKTYPE_ETHERNET } from '../pcap/record.ts'
import type { CaptureRecord } from '../pcap/record.ts'
import { ARP_LEN, ARP_SHA, ARP_SPA, arpIsEtherIp4 } from '../wire/arp.ts'
import { ETHER_DST, ETHER_HDR_LEN, ETHER_SRC, ETHER_TYPE, ETHERTYPE_ARP, ETHERTYPE_IP } from '../wire/ethernet.ts'
import { IP_DST, IP_HDR_LEN, IP_SRC } from '../wire/ipv4.ts'
import { viewOf } from '../wire/layout.ts'

/** Sender and receiver of an Ethernet frame, as far as it says; plain 0 where it does not. */
export interface Parties {
  srcMac: Mac
  dstMac: Mac
  /** Of IPv4 packets, and the sender of ARP packets. */
  src: Ip4
  dst: Ip4
}

/** Never throws, however short the frame. */
export function etherParties(bytes: Uint8Array): Parties {
  const p: Parties = { srcMac: 0, dstMac: 0, src: 0, dst: 0 }
  if (bytes.length < ETHER_HDR_LEN) return p
  const view = viewOf(bytes)
  p.srcMac = macRead(view, ETHER_SRC)
  p.dstMac = macRead(view, ETHER_DST)
  const type = view.getUint16(ETHER_TYPE)
  const left = bytes.length - ETHER_HDR_LEN
  if (type === ETHERTYPE_IP && left >= IP_HDR_LEN) ipParties(view, ETHER_HDR_LEN, p)
  else if (type === ETHERTYPE_ARP && left >= ARP_LEN && arpIsEtherIp4(view, ETHER_HDR_LEN)) {
    p.src = view.getInt32(ETHER_HDR_LEN + ARP_SPA)
    p.srcMac = macRead(view, ETHER_HDR_LEN + ARP_SHA)
  }
  return p
}

/** Source address of a bare IP packet, 0 when it is not IPv4. */
export function rawSource(bytes: Uint8Array): Ip4 {
  const p: Parties = { srcMac: 0, dstMac: 0, src: 0, dst: 0 }
  if (bytes.length >= IP_HDR_LEN && (bytes[0]) >> 4 === 4) ipParties(viewOf(bytes), 0, p)
  return p.src
}

/** The hardware address of `ip` in a capture: what it sends from or, failing that, is sent to; 0 when it is absent. */
export function macOf(records: readonly CaptureRecord[], ip: Ip4): Mac {
  let sentTo = 0
  for (const r of records) {
    if (r.linkType !== LINKTYPE_ETHERNET) continue
    const p = etherParties(r.data)
    if (p.src === ip && !macIsMulticast(p.srcMac) && p.srcMac !== 0) return p.srcMac
    if (p.dst === ip && sentTo === 0 && !macIsMulticast(p.dstMac)) sentTo = p.dstMac
  }
  return sentTo
}

function ipParties(view: DataView, at: number, p: Parties): void {
  p.src = view.getInt32(at + IP_SRC)
  p.dst = view.getInt32(at + IP_DST)
}
