/** Duplicate address detection (RFC 4862 §5.4), with nonces against loops (RFC 7527). */

import { dhcp6AddrNotice } from '../dhcp6/notice.ts'
import { ip6AddrActivate } from '../ip6/activate.ts'
import { LOG_ERR, LOG_INFO, logWrite } from '../kern/log.ts'
import { randomBelow } from '../kern/random.ts'
import { TIMER_IP6DAD, alarmSet } from '../kern/timer.ts'
import type { Vn } from '../kern/vn.ts'
import { addrPrint } from '../lib/addr.ts'
import { IFA_DUPLICATED, IFA_PREFERRED, IFA_TENTATIVE, IFF_RUNNING, IFF_UP, IFT_ETHER } from '../link/state.ts'
import type { Ifnet } from '../link/state.ts'
import type { Ip6Addr } from '../ip6/state.ts'
import { ndAutoNotice } from './notice.ts'
import { ndNonce, ndProbe } from './send.ts'
import { ndStats } from './state.ts'

/** MAX_RTR_SOLICITATION_DELAY (RFC 4861 §10): hosts that come up together must not ask together (RFC 4862 §5.4.2). */
const MAX_DELAY = 1_000_000
/** Further questions after one of ours came back (RFC 7527 §4.1: MAX_MULTICAST_SOLICIT). */
const LOOPED_MORE = 3
const LOOPED_MOST = 16

/**
 * Begins to claim a tentative address. Where the interface is no Ethernet, or detection is off, it may be used at once; where
 * it is down, its coming up calls again.
 */
export function ndDadStart(vn: Vn, ifp: Ifnet, ia: Ip6Addr): void {
  if (ia.status !== IFA_TENTATIVE) return
  const wanted = vn.state.sysctl['net.inet6.ip6.dad_count']
  if (ifp.type !== IFT_ETHER || wanted === 0) return use(vn, ifp, ia)
  if (!isReady(ifp)) return
  ia.dadSent = 0
  ia.dadWanted = wanted
  schedule(vn, ia, randomBelow(vn.state.random, MAX_DELAY))
}

/** Another node asks for the same address, unless the nonce says that it was us (RFC 7527 §4.2). */
export function ndDadHeard(vn: Vn, ifp: Ifnet, ia: Ip6Addr, nonce: number): void {
  if (nonce > 0 && nonce === ia.nonce) {
    ndStats(vn).loopedback++
    ia.dadWanted = Math.min(LOOPED_MOST, Math.max(ia.dadWanted, ia.dadSent + LOOPED_MORE))
    return
  }
  ndDadFailed(vn, ifp, ia)
}

/** Somebody else has the tentative address: it is not used (RFC 4862 §5.4.5). */
export function ndDadFailed(vn: Vn, ifp: Ifnet, ia: Ip6Addr): void {
  ndStats(vn).dupaddr++
  ia.status = IFA_DUPLICATED
  // at once, but not from within the packet: another identifier (nd/dad-timer.ts)
  schedule(vn, ia, 0)
  ndAutoNotice(vn, ifp.id)
  dhcp6AddrNotice(vn, ifp.id)
  logWrite(vn.state.log, vn.state.now, LOG_ERR, `nd: ${addrPrint(ia.addr)} on ${ifp.name} is a duplicate`)
}

/** The next question, or the address may be used. */
export function ndDadStep(vn: Vn, ifp: Ifnet, ia: Ip6Addr): void {
  if (ia.status !== IFA_TENTATIVE || !isReady(ifp)) return
  if (ia.dadSent >= ia.dadWanted) {
    use(vn, ifp, ia)
    logWrite(vn.state.log, vn.state.now, LOG_INFO, `${ifp.name}: nobody else has ${addrPrint(ia.addr)}`)
    return
  }
  ia.nonce = ndNonce(vn)
  ia.dadSent++
  ndProbe(vn, ifp, ia.addr, ia.nonce)
  schedule(vn, ia, (vn.state.ip6.ifs.get(ifp.id)?.retransMs ?? 1000) * 1000)
}

function use(vn: Vn, ifp: Ifnet, ia: Ip6Addr): void {
  ia.status = IFA_PREFERRED
  ip6AddrActivate(vn, ifp, ia)
  dhcp6AddrNotice(vn, ifp.id)
}

function isReady(ifp: Ifnet): boolean {
  return (ifp.flags & IFF_UP) !== 0 && (ifp.flags & IFF_RUNNING) !== 0
}

function schedule(vn: Vn, ia: Ip6Addr, delayUs: number): void {
  ia.deadline = vn.state.now + delayUs
  alarmSet(vn.state.timers, TIMER_IP6DAD, ia.id, ia, ia.deadline)
}
