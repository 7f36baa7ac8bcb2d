/** The user timeout option (RFC 5482): each side says for how long it wants to wait, and the longer wish may hold. */

import type { Vn } from '../kern/vn.ts'
import type { Addr } from '../lib/addr.ts'
import { TCP_MAXOLEN, TOF_UTO, tcpOptionsLen } from '../wire/tcp-options.ts'
import type { TcpOptions } from '../wire/tcp-options.ts'
import { tcpSignatureLen } from './auth/room.ts'
import { tcpSackPending } from './sackgen.ts'
import { TCPS_ESTABLISHED } from './state.ts'
import type { Tcb } from './state.ts'

const OPTION_LEN = 4
/** What the 15 bits can say in seconds; beyond it the option speaks of minutes (§3.3). */
const SECONDS_MAX = 0x7fff
const MINUTES = 0x8000

/**
 * USER_TIMEOUT in ms, 0 for none: the user's own (CHANGEABLE is false then, §3.1), else by what both sides advertise,
 * min(U_LIMIT, max(ADV_UTO, REMOTE_UTO, L_LIMIT)); in synchronized states only (§3.3).
 */
export function tcpUserTimeoutMs(vn: Vn, tcb: Tcb): number {
  if (tcb.userTimeoutMs > 0 || tcb.utoRemoteMs === 0 || tcb.state < TCPS_ESTABLISHED || !enabled(vn)) {
    return tcb.userTimeoutMs
  }
  const { sysctl } = vn.state
  // L_LIMIT must be larger than the retransmission timeout
  const lower = Math.max(sysctl['net.inet.tcp.uto.lower'], Math.ceil(tcb.rto / 1000) + 1)
  return Math.min(sysctl['net.inet.tcp.uto.upper'], Math.max(advertised(vn, tcb), tcb.utoRemoteMs, lower))
}

/** The peer's option in an acceptable segment; zero is reserved (§3.4). */
export function tcpUtoInput(vn: Vn, tcb: Tcb, opt: TcpOptions): void {
  if (!enabled(vn)) return
  const value = opt.uto & SECONDS_MAX
  if (value !== 0) tcb.utoRemoteMs = value * ((opt.uto & MINUTES) !== 0 ? 60_000 : 1000)
}

/** The next segment that has room shall carry the option: the first without SYN, or after a change (§3). */
export function tcpUtoAnnounce(vn: Vn, tcb: Tcb): void {
  if (enabled(vn)) tcb.utoOwed = true
}

/** What the next segment's data must give up for the option. */
export function tcpUtoLen(tcb: Tcb): number {
  return tcb.utoOwed && !tcpSackPending(tcb) ? OPTION_LEN : 0
}

/**
 * Adds the option to those of a SYN to `faddr`, or of a segment that owes it, where it finds room. It is not sent reliably
 * (§3.2).
 */
export function tcpUtoOption(vn: Vn, tcb: Tcb, faddr: Addr, syn: boolean, opt: TcpOptions): void {
  if (!syn) tcb.utoOwed = false
  if (!enabled(vn)) return
  const used = tcpOptionsLen(opt) + tcpSignatureLen(vn, tcb.inp.lport, faddr)
  if (used + OPTION_LEN > TCP_MAXOLEN) return
  const seconds = Math.max(1, Math.round(advertised(vn, tcb) / 1000))
  opt.flags |= TOF_UTO
  opt.uto = seconds <= SECONDS_MAX ? seconds : MINUTES | Math.min(SECONDS_MAX, Math.round(seconds / 60))
}

/** ADV_UTO: the user's own limit, or the Vnet's. */
function advertised(vn: Vn, tcb: Tcb): number {
  return tcb.userTimeoutMs > 0 ? tcb.userTimeoutMs : vn.state.sysctl['net.inet.tcp.uto.advertise']
}

function enabled(vn: Vn): boolean {
  return vn.state.sysctl['net.inet.tcp.uto.enable'] === 1
}
