/**
 * ARP packets from the wire: the algorithm of RFC 826 "Packet Reception", with the conflict checks of RFC 5227
 * §2.1.1, §2.4.
 */

import { ipIsBroadcast } from '../ip/addrs.ts'
import { routeLookup } from '../ip/route.ts'
import { LOG_NOTICE, logWrite } from '../kern/log.ts'
import { countDrop } from '../kern/vn.ts'
import type { Vn } from '../kern/vn.ts'
import { ip4IsLoopback, ip4IsMulticast, ip4Print, macIsMulticast, macPrint, macRead } from '../lib/addr.ts'
import type { Ip4, Mac } from '../lib/addr.ts'
import type { Frame } from '../lib/frame.ts'
import { IFA_DUPLICATED, IFA_PREFERRED, IFA_TENTATIVE } from '../link/state.ts'
import type { IfAddr, Ifnet } from '../link/state.ts'
import {
  ARPOP_REPLY, ARPOP_REQUEST, ARP_LEN, ARP_OP, ARP_SHA, ARP_SPA, ARP_TPA, arpIsEtherIp4,
} from '../wire/arp.ts'
import { arpLearn } from './learn.ts'
import { arpConflict } from './probe.ts'
import { arpSendReply } from './send.ts'
import { ARP_STATIC, arpStats } from './state.ts'
import type { ArpEntry } from './state.ts'
import { arpFind, arpInsert } from './table.ts'

const MOVE_LOG_INTERVAL = 10_000_000

/**
 * Takes an ARP packet (f.off at its header) that came in by `ifp`: learns, answers, detects conflicts. Borrows the
 * frame.
 */
export function arpInput(vn: Vn, ifp: Ifnet, f: Frame): void {
  const stats = arpStats(vn)
  stats.received++
  const { view, off } = f
  if (f.len < ARP_LEN) return countDrop(vn, stats, 'arp', 'tooshort', f)
  if (!arpIsEtherIp4(view, off)) return countDrop(vn, stats, 'arp', 'badform', f)
  const op = view.getUint16(off + ARP_OP)
  if (op === ARPOP_REQUEST) stats.rxrequests++
  else if (op === ARPOP_REPLY) stats.rxreplies++
  else return countDrop(vn, stats, 'arp', 'badop', f)
  const sha = macRead(view, off + ARP_SHA)
  const spa = view.getInt32(off + ARP_SPA)
  const tpa = view.getInt32(off + ARP_TPA)
  if (sha === ifp.mac) return countDrop(vn, stats, 'arp', 'own', f)
  // a group address can be nobody's: believing it would turn unicasts into floods (RFC 1812 §3.3.2)
  if (sha === 0 || macIsMulticast(sha)) return countDrop(vn, stats, 'arp', 'badsender', f)
  if (isImpossibleSender(vn, ifp, spa, op)) return countDrop(vn, stats, 'arp', 'badsenderip', f)
  const claimed = spa !== 0 ? addrOn(ifp, spa) : addrOn(ifp, tpa)
  // A probe for an address that we are probing too is a conflict (RFC 5227 §2.1.1); for one that we have, a question.
  // An address that was given up is its owner's, who is a neighbour like any other.
  if (claimed !== null && claimed.status !== IFA_DUPLICATED && (spa !== 0 || claimed.status === IFA_TENTATIVE)) {
    return arpConflict(vn, ifp, claimed, sha)
  }

  const target = addrOn(ifp, tpa)
  const forUs = target !== null && target.status === IFA_PREFERRED
  const merged = spa !== 0 && arpMerge(vn, ifp, spa, sha, forUs)
  if (forUs && op === ARPOP_REQUEST) arpSendReply(vn, ifp, tpa, sha, spa)
  else if (!merged) countDrop(vn, stats, 'arp', 'notforus', f)
}

/** RFC 826: an entry that exists is updated whoever was asked; a new one is made only when we were the target. */
function arpMerge(vn: Vn, ifp: Ifnet, spa: Ip4, sha: Mac, forUs: boolean): boolean {
  let entry = arpFind(vn, ifp.id, spa)
  if (entry === null) {
    // who is not on this link by our routes may have an answer, but no entry: nothing would ever be sent through it
    if (!forUs || !isOnLink(vn, ifp, spa)) return false
    entry = arpInsert(vn, ifp.id, spa)
    if (entry === null) return false
  } else if (entry.status === ARP_STATIC) {
    if (entry.mac !== sha) arpStats(vn).staticchange++
    return true
  } else if (entry.mac !== 0 && entry.mac !== sha) noteMove(vn, ifp, entry, sha)
  arpLearn(vn, ifp, entry, sha)
  return true
}

/** A probe's sender is 0.0.0.0; a reply's is not (RFC 5227 §2.1.1). */
function isImpossibleSender(vn: Vn, ifp: Ifnet, spa: Ip4, op: number): boolean {
  if (spa === 0) return op === ARPOP_REPLY
  return ip4IsMulticast(spa) || ip4IsLoopback(spa) || ipIsBroadcast(vn, spa, ifp.id)
}

function noteMove(vn: Vn, ifp: Ifnet, entry: ArpEntry, sha: Mac): void {
  const now = vn.state.now
  if (vn.state.sysctl['net.link.ether.inet.log_arp_movements'] === 0 || now - entry.movedAt < MOVE_LOG_INTERVAL) return
  entry.movedAt = now
  const text = `arp: ${ip4Print(entry.ip)} moved from ${macPrint(entry.mac)} to ${macPrint(sha)} on ${ifp.name}`
  logWrite(vn.state.log, now, LOG_NOTICE, text)
}

function isOnLink(vn: Vn, ifp: Ifnet, ip: Ip4): boolean {
  const route = routeLookup(vn, ip)
  return route !== null && route.gateway === 0 && route.ifId === ifp.id
}

function addrOn(ifp: Ifnet, ip: Ip4): IfAddr | null {
  for (let i = 0; i < ifp.addrs.length; i++) {
    const ia = ifp.addrs[i]
    if (ia.addr.w3 === ip) return ia
  }
  return null
}
