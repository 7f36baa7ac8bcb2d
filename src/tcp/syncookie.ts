/**
 * SYN cookies (RFC 4987 §3.6): a SYN that finds no room in the syncache is answered without being remembered. Our
 * initial sequence number, which the handshake's last ACK brings back, is then a keyed hash of the addresses and the
 * peer's number, with what must be known of the peer's options beside it; with timestamps (RFC 7323 §3.2), whose echo
 * comes back too, the options are kept in six bits there, and nothing of them gets lost.
 */

import { randomInt32 } from '../kern/random.ts'
import type { Vn } from '../kern/vn.ts'
import { addrIsV4 } from '../lib/addr.ts'
import type { Addr } from '../lib/addr.ts'
import type { Frame } from '../lib/frame.ts'
import { seqAdd, toSeq } from '../lib/seq.ts'
import type { Seq } from '../lib/seq.ts'
import { sipHash32 } from '../lib/siphash.ts'
import { TCP_DPORT, TCP_SPORT, TH_ACK, TH_RST, TH_SYN } from '../wire/tcp.ts'
import { TOF_MSS, TOF_SACKPERM, TOF_SCALE, TOF_TS, tcpOptionsReset } from '../wire/tcp-options.ts'
import type { TcpOptions } from '../wire/tcp-options.ts'
import { tcpTsNow } from './isn.ts'
import type { SynCookies } from './state-open.ts'
import { TF_SACK_PERMIT, TF_SCALE, TF_TSTMP } from './state.ts'
import type { Seg } from './state.ts'
import type { Syncache } from './state-small.ts'

/** How long a key makes cookies; it then checks those that are out for as long again. */
const LIFETIME_US = 15e6

/** What three bits can say: the largest that is not above the peer's (the first is the floor of minmss). */
const MSS4 = Object.freeze([88, 536, 1220, 1360, 1400, 1440, 1460, 8960])
/** IPv6: its least, tunnels, PPPoE, Ethernet and jumbo frames less 60 octets of headers (RFC 8200 §5). */
const MSS6 = Object.freeze([88, 536, 1220, 1360, 1400, 1432, 1440, 8940])
/** No window scale, and shifts: the largest that is not above the peer's. A window is never taken for larger than it is. */
const SHIFT = Object.freeze([-1, 0, 1, 2, 4, 6, 7, 8])

const TS_BITS = 6
const TS_MASK = (1 << TS_BITS) - 1
const TS_SCALE = 15
const TS_SACK = 16
const TS_ECN = 32
/** Without timestamps: not a value of the six bits. */
const TS_NONE = -1

/**
 * Turns a half-open record that is not going to be kept into a cookie: sets its initial sequence number and moves its
 * timestamp clock back by less than 64 ms, so that the stamp of its SYN,ACK has the options in it.
 */
export function tcpCookieMake(vn: Vn, sc: Syncache): void {
  const { cookies } = vn.state.tcp
  if (vn.state.now - cookies.since >= LIFETIME_US) rekey(vn, cookies)
  const sack = (sc.flags & TF_SACK_PERMIT) !== 0
  const shift = (sc.flags & TF_SCALE) !== 0 ? sc.sndWscale : -1
  const code = largest(sizes(sc.inp.faddr), sc.peerMss) << 5 | largest(SHIFT, shift) << 2 | (sack ? 2 : 0) | cookies.current
  let tsCode = TS_NONE
  if ((sc.flags & TF_TSTMP) !== 0) {
    tsCode = (shift < 0 ? TS_SCALE : shift) | (sack ? TS_SACK : 0) | (sc.ecn !== 0 ? TS_ECN : 0)
    const now = tcpTsNow(vn, sc.tsOffset)
    // behind the clock, never ahead: the connection's own clock goes on from there (RFC 7323 §3.2)
    sc.tsOffset = (sc.tsOffset - ((now - tsCode) & TS_MASK)) >>> 0
  }
  const { inp } = sc
  sc.iss = cookie(cookies, inp.laddr, inp.lport, inp.faddr, inp.fport, sc.irs, code, tsCode)
}

/** Whether a cookie that is out may still come back: without one, no ACK is worth a hash. */
export function tcpCookiesOut(vn: Vn): boolean {
  return vn.state.now - vn.state.tcp.cookies.since < 2 * LIFETIME_US
}

/**
 * True when the segment for a listener acknowledges a cookie of ours; `opt` then holds the options of the SYN that was
 * answered, as far as they could be kept.
 */
export function tcpCookieOpen(vn: Vn, f: Frame, seg: Seg, opt: TcpOptions): boolean {
  const { cookies } = vn.state.tcp
  if ((seg.flags & (TH_SYN | TH_RST | TH_ACK)) !== TH_ACK) return false
  const iss = seqAdd(seg.ack, -1)
  const code = iss & 0xff
  const age = vn.state.now - cookies.since
  if ((code & 1) !== cookies.current && age >= LIFETIME_US) return false
  const stamped = (seg.opt.flags & TOF_TS) !== 0
  const tsCode = stamped ? seg.opt.tsEcr & TS_MASK : TS_NONE
  const { view, l4 } = f
  const is = cookie(
    cookies, f.dst, view.getUint16(l4 + TCP_DPORT), f.src, view.getUint16(l4 + TCP_SPORT), seqAdd(seg.seq, -1), code, tsCode)
  if (is !== iss) return false
  tcpOptionsReset(opt)
  opt.flags = TOF_MSS
  opt.mss = sizes(f.src)[code >> 5 & 7]
  const shift = !stamped ? SHIFT[code >> 2 & 7] : (tsCode & 15) === TS_SCALE ? -1 : tsCode & 15
  if (shift >= 0) {
    opt.flags |= TOF_SCALE
    opt.wscale = shift
  }
  if (stamped ? (tsCode & TS_SACK) !== 0 : (code & 2) !== 0) opt.flags |= TOF_SACKPERM
  if (stamped) {
    opt.flags |= TOF_TS
    opt.tsVal = seg.opt.tsVal
  }
  return true
}

/** Whether the SYN behind a good cookie had agreed on ECN (RFC 3168 §6.1.1); without timestamps there is no room to say so. */
export function tcpCookieEcn(seg: Seg): boolean {
  return (seg.opt.flags & TOF_TS) !== 0 && (seg.opt.tsEcr & TS_ECN) !== 0
}

/** 24 bits of hash over all that the cookie stands for, and the code. */
function cookie(
  { keys }: SynCookies, laddr: Addr, lport: number, faddr: Addr, fport: number, irs: Seq, code: number, tsCode: number,
): Seq {
  const at = (code & 1) * 4
  const mac = sipHash32([keys[at], keys[at + 1], keys[at + 2], keys[at + 3]], [
    laddr.w0, laddr.w1, laddr.w2, laddr.w3, faddr.w0, faddr.w1, faddr.w2, faddr.w3,
    (lport << 16) | fport, irs, code << 16 | (tsCode & 0xffff),
  ])
  return toSeq(mac << 8 | code)
}

/** The other key, drawn anew, makes the cookies from now on. */
function rekey(vn: Vn, cookies: SynCookies): void {
  // after a pause nothing that is out is young enough for the key that rests
  cookies.current ^= 1
  for (let i = 0; i < 4; i++) cookies.keys[cookies.current * 4 + i] = randomInt32(vn.state.random)
  cookies.since = vn.state.now
}

function sizes(faddr: Addr): readonly number[] {
  return addrIsV4(faddr) ? MSS4 : MSS6
}

function largest(table: readonly number[], value: number): number {
  let i = table.length - 1
  while (i > 0 && table[i] > value) i--
  return i
}
