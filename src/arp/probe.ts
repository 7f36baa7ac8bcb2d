/** Claiming and defending an IPv4 address on a link (RFC 5227: probe, announce, conflict). */

import { dhcpAddrNotice } from '../dhcp/notice.ts'
import { ipAddrActivate, ipAddrDeactivate } from '../ip/addrs.ts'
import { LOG_ERR, LOG_INFO, LOG_WARNING, logWrite } from '../kern/log.ts'
import { randomBelow } from '../kern/random.ts'
import { NEVER, TIMER_ADDRPROBE, alarmDue, alarmSet } from '../kern/timer.ts'
import type { Vn } from '../kern/vn.ts'
import { ip4Print, macPrint } from '../lib/addr.ts'
import type { Mac } from '../lib/addr.ts'
import { IFA_DUPLICATED, IFA_PREFERRED, IFA_TENTATIVE, IFF_RUNNING, IFF_UP, IFT_ETHER } from '../link/state.ts'
import type { IfAddr, Ifnet } from '../link/state.ts'
import { arpSendAnnouncement, arpSendProbe } from './send.ts'
import { arpStats } from './state.ts'

// RFC 5227 §1.1, in µs
const PROBE_WAIT = 1_000_000
const PROBE_NUM = 3
const PROBE_MIN = 1_000_000
const PROBE_MAX = 2_000_000
const ANNOUNCE_WAIT = 2_000_000
const ANNOUNCE_NUM = 2
const ANNOUNCE_INTERVAL = 2_000_000
const DEFEND_INTERVAL = 10_000_000

/**
 * Begins to claim an address: a usable one is announced once (a gratuitous ARP), any other is probed for from the
 * start (RFC 5227 §2.1). Where the interface is no Ethernet there is nobody to ask; where it is down, its coming up
 * calls again.
 */
export function arpProbeStart(vn: Vn, ifp: Ifnet, ia: IfAddr): void {
  if (ifp.type !== IFT_ETHER) {
    if (ia.status === IFA_PREFERRED) return
    ia.status = IFA_PREFERRED
    ipAddrActivate(vn, ifp, ia)
    return
  }
  if ((ifp.flags & IFF_UP) === 0 || (ifp.flags & IFF_RUNNING) === 0) return
  if (ia.status === IFA_PREFERRED) {
    ia.announcements = ANNOUNCE_NUM - 1
    announce(vn, ifp, ia)
    return
  }
  ia.status = IFA_TENTATIVE
  ia.probes = 0
  ia.announcements = 0
  // hosts that come up together must not probe together (RFC 5227 §2.1.1)
  schedule(vn, ia, randomBelow(vn.state.random, PROBE_WAIT))
}

/** TIMER_ADDRPROBE fired: the next probe, the end of probing, or the next announcement. `owner` is the address id. */
export function arpProbeTimer(vn: Vn, owner: number, at: number): void {
  for (const ifp of vn.state.link.ifnets.values()) {
    for (const ia of ifp.addrs) if (ia.id === owner) return probeStep(vn, ifp, ia, at)
  }
}

/**
 * Somebody else uses, or also wants, our address. A tentative address is given up; a usable one is defended once in
 * ten seconds, and given up on the next conflict unless sysctl net.link.ether.inet.defend says to keep it (RFC 5227
 * §2.4 b, c).
 */
export function arpConflict(vn: Vn, ifp: Ifnet, ia: IfAddr, sha: Mac): void {
  if (ia.status === IFA_DUPLICATED) return
  const now = vn.state.now
  arpStats(vn).dupips++
  const what = `arp: ${macPrint(sha)} is using my IP address ${ip4Print(ia.addr.w3)} on ${ifp.name}`
  if (ia.status === IFA_PREFERRED && now - ia.defendedAt >= DEFEND_INTERVAL) {
    ia.defendedAt = now
    logWrite(vn.state.log, now, LOG_WARNING, `${what}, defending it`)
    arpSendAnnouncement(vn, ifp, ia.addr.w3)
    return
  }
  if (ia.status === IFA_PREFERRED && vn.state.sysctl['net.link.ether.inet.defend'] === 1) return
  logWrite(vn.state.log, now, LOG_ERR, `${what}, giving it up`)
  if (ia.status === IFA_PREFERRED) ipAddrDeactivate(vn, ifp, ia)
  ia.status = IFA_DUPLICATED
  ia.deadline = NEVER
  dhcpAddrNotice(vn, ifp.id)
}

function probeStep(vn: Vn, ifp: Ifnet, ia: IfAddr, at: number): void {
  const { timers, now } = vn.state
  if (!alarmDue(timers, TIMER_ADDRPROBE, ia.id, ia, at, ia.deadline, now)) return
  ia.deadline = NEVER
  if (ia.status === IFA_DUPLICATED || (ifp.flags & IFF_UP) === 0 || (ifp.flags & IFF_RUNNING) === 0) return
  if (ia.status === IFA_TENTATIVE && ia.probes < PROBE_NUM) {
    arpSendProbe(vn, ifp, ia.addr.w3)
    ia.probes++
    const pause = PROBE_MIN + randomBelow(vn.state.random, PROBE_MAX - PROBE_MIN)
    schedule(vn, ia, ia.probes === PROBE_NUM ? ANNOUNCE_WAIT : pause)
    return
  }
  if (ia.status === IFA_TENTATIVE) {
    ia.status = IFA_PREFERRED
    ipAddrActivate(vn, ifp, ia)
    dhcpAddrNotice(vn, ifp.id)
    logWrite(vn.state.log, now, LOG_INFO, `${ifp.name}: nobody else has ${ip4Print(ia.addr.w3)}`)
  }
  announce(vn, ifp, ia)
}

function announce(vn: Vn, ifp: Ifnet, ia: IfAddr): void {
  arpSendAnnouncement(vn, ifp, ia.addr.w3)
  ia.announcements++
  if (ia.announcements < ANNOUNCE_NUM) schedule(vn, ia, ANNOUNCE_INTERVAL)
}

function schedule(vn: Vn, ia: IfAddr, delayUs: number): void {
  ia.deadline = vn.state.now + delayUs
  alarmSet(vn.state.timers, TIMER_ADDRPROBE, ia.id, ia, ia.deadline)
}
