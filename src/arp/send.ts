/** ARP packets on their way out (RFC 826, RFC 5227 §1.1). */

import { countDrop } from '../kern/vn.ts'
import type { Vn } from '../kern/vn.ts'
import { MAC_BROADCAST, macWrite } from '../lib/addr.ts'
import type { Ip4, Mac } from '../lib/addr.ts'
import { frameAlloc } from '../lib/frame.ts'
import type { Ifnet } from '../link/state.ts'
import { etherOutput } from '../link/tx.ts'
import {
  ARPHRD_ETHER, ARPOP_REPLY, ARPOP_REQUEST, ARP_HLN, ARP_HRD, ARP_LEN, ARP_OP, ARP_PLN, ARP_PRO, ARP_SHA, ARP_SPA,
  ARP_THA, ARP_TPA,
} from '../wire/arp.ts'
import { ETHERTYPE_ARP, ETHERTYPE_IP } from '../wire/ethernet.ts'
import { arpStats } from './state.ts'

/** Asks who has `target`; `to` is the broadcast address, or the neighbour that is asked whether it is still there. */
export function arpSendRequest(vn: Vn, ifp: Ifnet, source: Ip4, target: Ip4, to: Mac): void {
  arpStats(vn).txrequests++
  arpSend(vn, ifp, ARPOP_REQUEST, source, to === MAC_BROADCAST ? 0 : to, target, to)
}

/** Answers a request from `sha`/`spa` with our Ethernet address for `ip`. */
export function arpSendReply(vn: Vn, ifp: Ifnet, ip: Ip4, sha: Mac, spa: Ip4): void {
  arpStats(vn).txreplies++
  arpSend(vn, ifp, ARPOP_REPLY, ip, sha, spa, sha)
}

/** An ARP probe: sender address 0, so that nobody's cache is touched (RFC 5227 §2.1.1). */
export function arpSendProbe(vn: Vn, ifp: Ifnet, ip: Ip4): void {
  arpStats(vn).txprobes++
  arpSend(vn, ifp, ARPOP_REQUEST, 0, 0, ip, MAC_BROADCAST)
}

/** An ARP announcement: sender and target are the address (RFC 5227 §2.3); also known as gratuitous ARP. */
export function arpSendAnnouncement(vn: Vn, ifp: Ifnet, ip: Ip4): void {
  arpStats(vn).txannouncements++
  arpSend(vn, ifp, ARPOP_REQUEST, ip, 0, ip, MAC_BROADCAST)
}

function arpSend(vn: Vn, ifp: Ifnet, op: number, spa: Ip4, tha: Mac, tpa: Ip4, to: Mac): void {
  const f = frameAlloc(vn.pool, ARP_LEN)
  if (f === null) {
    countDrop(vn, arpStats(vn), 'arp', 'nobuf', null)
    return
  }
  const { view, off } = f
  f.len = ARP_LEN
  view.setUint16(off + ARP_HRD, ARPHRD_ETHER)
  view.setUint16(off + ARP_PRO, ETHERTYPE_IP)
  view.setUint8(off + ARP_HLN, 6)
  view.setUint8(off + ARP_PLN, 4)
  view.setUint16(off + ARP_OP, op)
  macWrite(view, off + ARP_SHA, ifp.mac)
  view.setInt32(off + ARP_SPA, spa)
  macWrite(view, off + ARP_THA, tha)
  view.setInt32(off + ARP_TPA, tpa)
  if (etherOutput(vn, ifp, f, to, ETHERTYPE_ARP) !== 0) arpStats(vn).txerrors++
}
