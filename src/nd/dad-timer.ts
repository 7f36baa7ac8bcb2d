/** The timer of duplicate address detection: the next question, or another address for one that is taken (RFC 7217 §6). */

import { ip6AddAddr, ip6DelAddr, ip6LinkLocal } from '../ip6/ifaddr.ts'
import type { Ip6Addr, Ip6If } from '../ip6/state.ts'
import { NEVER, TIMER_IP6DAD, alarmDue } from '../kern/timer.ts'
import type { Vn } from '../kern/vn.ts'
import { sameWords } from '../lib/addr6.ts'
import { IFA_DUPLICATED, IFT_ETHER } from '../link/state.ts'
import type { Ifnet } from '../link/state.ts'
import { ndDadStep } from './dad.ts'
import { IDGEN_RETRIES } from './makeaddr.ts'

/** TIMER_IP6DAD fired. `owner` is the address id. */
export function ndDadTimer(vn: Vn, owner: number, at: number): void {
  const { timers, now, link } = vn.state
  for (const i6 of vn.state.ip6.ifs.values()) {
    const ia = i6.addrs.find((a) => a.id === owner)
    const ifp = link.ifnets.get(i6.ifId)
    if (ia === undefined || ifp === undefined) continue
    if (!alarmDue(timers, TIMER_IP6DAD, ia.id, ia, at, ia.deadline, now)) return
    ia.deadline = NEVER
    if (ia.status === IFA_DUPLICATED) another(vn, ifp, i6, ia)
    else ndDadStep(vn, ifp, ia)
    return
  }
}

/** Only for the link-local address that was made: those of prefixes are nd/prefix.ts's, those set by hand are the user's. */
function another(vn: Vn, ifp: Ifnet, i6: Ip6If, ia: Ip6Addr): void {
  if (ifp.type !== IFT_ETHER || i6.dadCounter >= IDGEN_RETRIES || vn.state.sysctl['net.inet6.ip6.stableaddr'] !== 1) return
  if (!sameWords(ia.addr, ip6LinkLocal(vn, ifp, i6.dadCounter))) return
  ip6DelAddr(vn, ifp.id, ia.addr)
  i6.dadCounter++
  ip6AddAddr(vn, ifp.id, ip6LinkLocal(vn, ifp, i6.dadCounter), ia.prefixLen, true, ia.flags)
}
