/**
 * TCP Fast Open, the server's side (RFC 7413 §4.1.2, §4.2.2, §5.1): cookies that prove a client's address, made with two
 * keys that take turns, and the limit on connections whose handshake has not been completed.
 */

import { randomInt32 } from '../kern/random.ts'
import type { Inpcb } from '../inet/state.ts'
import type { Vn } from '../kern/vn.ts'
import { addrIsV4 } from '../lib/addr.ts'
import type { Addr } from '../lib/addr.ts'
import { sipHash32, sipHashHigh32 } from '../lib/siphash.ts'
import type { SipKey } from '../lib/siphash.ts'
import { TCP_MAXOLEN, TOF_FASTEXP, TOF_FASTOPEN, tcpOptionsLen } from '../wire/tcp-options.ts'
import type { TcpOptions } from '../wire/tcp-options.ts'
import { tcpSignatureLen } from './auth/room.ts'
import { FO_EXP, FO_GIVE, FO_PASSIVE } from './state-open.ts'
import type { Tcb } from './state.ts'
import type { Listener } from './state-small.ts'
import { tcpStats } from './stats.ts'

const COOKIE_LEN = 8
/** A handshake that was reset counts as pending for so long, or resets would make room for the next (§5.1). */
const RESET_US = 60e6

/**
 * What to do with a SYN's option (FO_*): FO_PASSIVE when it opens the connection at once, FO_GIVE when the SYN,ACK shall
 * have a cookie, FO_EXP when in the option's experimental form; 0 is a SYN like any other.
 */
export function tcpFastOpenVerdict(
  vn: Vn, tcb: Tcb, listener: Listener, laddr: Addr, faddr: Addr, opt: TcpOptions,
): number {
  const { sysctl, tcp } = vn.state
  if ((opt.flags & TOF_FASTOPEN) === 0 || tcb.fastQlen === 0) return 0
  if (sysctl['net.inet.tcp.fastopen.server_enable'] === 0) return 0
  const form = (opt.flags & TOF_FASTEXP) !== 0 ? FO_EXP : 0
  if (opt.fastLen === 0) {
    tcpStats(vn).fastopenReq++
    return FO_GIVE | form
  }
  if (tcpFastOpenPending(vn, listener) >= Math.min(tcb.fastQlen, listener.backlog)) {
    tcpStats(vn).fastopenOverflow++
    return 0
  }
  const key = validKey(vn, laddr, faddr, opt)
  if (key < 0) {
    tcpStats(vn).fastopenBadcookie++
    return FO_GIVE | form
  }
  // a cookie of the key that was relieved is good for the last time
  return FO_PASSIVE | form | (key === tcp.fast.current ? 0 : FO_GIVE)
}

/** Puts the client's cookie into the options of a SYN,ACK between these addresses, where it finds room. */
export function tcpFastOpenGive(vn: Vn, { laddr, lport, faddr }: Inpcb, exp: boolean, opt: TcpOptions): void {
  const used = tcpOptionsLen(opt) + tcpSignatureLen(vn, lport, faddr)
  if (used + COOKIE_LEN + (exp ? 4 : 2) > TCP_MAXOLEN) return
  rekeyIfDue(vn)
  opt.flags |= TOF_FASTOPEN | (exp ? TOF_FASTEXP : 0)
  opt.fastLen = COOKIE_LEN
  for (let i = 0; i < 4; i++) opt.fast[i] = i < COOKIE_LEN / 4 ? word(vn, vn.state.tcp.fast.current, laddr, faddr, i) : 0
}

/** Connections of a listener that were opened by a SYN and still wait for the handshake's last ACK (§4.2). */
export function tcpFastOpenPending(vn: Vn, listener: Listener): number {
  const { fastReset } = listener
  while (fastReset.length > 0 && fastReset[0] <= vn.state.now) fastReset.shift()
  return listener.fastPending + fastReset.length
}

/** The handshake of a connection opened by a SYN is over, well or not; it is one less to wait for. */
export function tcpFastOpenSettled(vn: Vn, tcb: Tcb, reset: boolean): void {
  tcb.fastFlags &= ~(FO_PASSIVE | FO_GIVE | FO_EXP)
  if (tcb.fastListener === 0) return
  const listener = vn.state.tcp.listeners.get(tcb.fastListener)
  tcb.fastListener = 0
  if (listener === undefined) return
  listener.fastPending--
  if (reset) listener.fastReset.push(vn.state.now + RESET_US)
}

/** Which key has made the cookie (0 or 1), or −1. */
function validKey(vn: Vn, laddr: Addr, faddr: Addr, opt: TcpOptions): number {
  rekeyIfDue(vn)
  const { current } = vn.state.tcp.fast
  if (vn.state.sysctl['net.inet.tcp.fastopen.acceptany'] === 1) return current
  if (opt.fastLen !== COOKIE_LEN) return -1
  for (let turn = 0; turn < 2; turn++) {
    const key = current ^ turn
    if (opt.fast[0] === word(vn, key, laddr, faddr, 0) && opt.fast[1] === word(vn, key, laddr, faddr, 1)) return key
  }
  return -1
}

/**
 * Half `i` of the client's cookie as it is on the wire: SipHash-2-4 of the client's address and ours, octet by octet. It is
 * what Linux makes of the same key, so that servers behind one address may share theirs (§6.3.4).
 */
function word(vn: Vn, key: number, laddr: Addr, faddr: Addr, i: number): number {
  const { keys } = vn.state.tcp.fast
  const at = key * 4
  const sipKey: SipKey = [keys[at], keys[at + 1], keys[at + 2], keys[at + 3]]
  const words = addrIsV4(faddr) ? [swapped(faddr.w3), swapped(laddr.w3)] : [
    swapped(faddr.w0), swapped(faddr.w1), swapped(faddr.w2), swapped(faddr.w3),
    swapped(laddr.w0), swapped(laddr.w1), swapped(laddr.w2), swapped(laddr.w3),
  ]
  return swapped(i === 0 ? sipHash32(sipKey, words) : sipHashHigh32(sipKey, words))
}

function swapped(word: number): number {
  return word << 24 | (word & 0xff00) << 8 | word >>> 8 & 0xff00 | word >>> 24
}

/** Keys change (§4.1.2, 5): at the first use after the time, and both when nobody has asked for long. */
function rekeyIfDue(vn: Vn): void {
  const { fast } = vn.state.tcp
  const period = vn.state.sysctl['net.inet.tcp.fastopen.autokey'] * 1e6
  const age = vn.state.now - fast.since
  if (period === 0 ? fast.since >= 0 : age < period) return
  const both = age >= 2 * period
  fast.current ^= 1
  fast.since = vn.state.now
  for (let i = 0; i < 4; i++) {
    fast.keys[fast.current * 4 + i] = randomInt32(vn.state.random)
    if (both) fast.keys[(fast.current ^ 1) * 4 + i] = randomInt32(vn.state.random)
  }
}
