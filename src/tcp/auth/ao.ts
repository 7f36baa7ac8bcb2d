/** The TCP Authentication Option (RFC 5925): segments signed on their way out (§7.4) and verified when they come (§7.5). */

import { countDrop } from '../../kern/vn.ts'
import type { Vn } from '../../kern/vn.ts'
import type { Frame } from '../../lib/frame.ts'
import { SEQ_ZERO, seqAdd, seqGt, toSeq } from '../../lib/seq.ts'
import {
  TCP_DPORT, TCP_HDR_LEN, TCP_OFF_FLAGS, TCP_SPORT, TCP_SUM, TH_ACK, TH_RST, TH_SYN, tcpAck, tcpDataOffset, tcpFlags,
  tcpSeq,
} from '../../wire/tcp.ts'
import { TCPOPT_AO, TCP_MAXOLEN, TOF_AO, TOF_AOTWICE, TOF_SIGNATURE } from '../../wire/tcp-options.ts'
import type { Seg } from '../state.ts'
import { AO_IRS, AO_ISS, AO_RECV, AO_SEND } from '../state-ao.ts'
import type { AoConn, TcpAoKey } from '../state-ao.ts'
import { tcpCookiesOut } from '../syncookie.ts'
import { AO_MAC_LEN, aoMac, aoTrafficKey } from './ao-alg.ts'
import { aoConnAdd, aoConnFind, aoConnIrs, aoConnIss, aoConnKey, aoConnSync, aoPairLive, aoSne } from './ao-conn.ts'
import { aoKeyById, aoKeyByRecvId, aoKeyBySendId, aoKeyFirst } from './ao-keys.ts'
import { tcpPseudo } from './pseudo.ts'
import { tcpStats } from '../stats.ts'

/** Kind, length, KeyID, RNextKeyID, MAC: a multiple of four. */
export const TCPOLEN_AO = 4 + AO_MAC_LEN

/** Not a matter of TCP-AO; dealt with; not to be sent, or discarded (and counted). */
export const AO_PASS = 0
export const AO_DONE = 1
export const AO_DROP = 2

const BOTH = AO_ISS | AO_IRS

/**
 * Signs the finished segment in `f` (header at f.off = f.l4, addresses set, checksum not yet), where its connection uses
 * TCP-AO. The frame must have room for TCPOLEN_AO more octets. AO_DROP: the options leave no room.
 */
export function tcpAoSign(vn: Vn, f: Frame): number {
  const { view, off, src, dst } = f
  const lport = view.getUint16(off + TCP_SPORT)
  const fport = view.getUint16(off + TCP_DPORT)
  const flags = tcpFlags(view, off)
  const first = (flags & (TH_SYN | TH_ACK)) === TH_SYN
  let conn = aoConnFind(vn, src, lport, dst, fport)
  if (first) {
    const key = aoKeyFirst(vn, lport, dst)
    if (key === null) return AO_PASS
    conn ??= aoConnAdd(vn, src, lport, dst, fport, key.id)
    if ((conn.known & AO_ISS) === 0 || conn.iss !== tcpSeq(view, off)) {
      conn.synCurrent = conn.synRnext = key.id
      aoConnIss(conn, tcpSeq(view, off))
    }
  } else if (conn === null) {
    // §5.2, §7.7: a reset for a connection that nobody here knows goes without; others are older than their key
    return aoKeyFirst(vn, lport, dst) === null || aoPairLive(vn, src, lport, dst, fport) ? AO_PASS : AO_DONE
  } else if (!aoConnSync(vn, conn) && (flags & TH_SYN) !== 0) {
    // answered with a SYN cookie: only the segment knows
    aoConnIss(conn, tcpSeq(view, off))
    aoConnIrs(conn, seqAdd(tcpAck(view, off), -1))
  }
  if (!first && conn.known !== BOTH) return AO_DONE
  return sign(vn, f, conn, first) ? AO_DONE : AO_DROP
}

/** Verifies a segment with its options parsed into `seg`. AO_DROP: it was never here, and has been counted. */
export function tcpAoInput(vn: Vn, f: Frame, seg: Seg): number {
  const stats = tcpStats(vn)
  const { view, l4, src, dst } = f
  const lport = view.getUint16(l4 + TCP_DPORT)
  const fport = view.getUint16(l4 + TCP_SPORT)
  const first = (seg.flags & (TH_SYN | TH_ACK)) === TH_SYN
  const signed = (seg.opt.flags & TOF_AO) !== 0
  // §2.2: one TCP-AO, not beside MD5, long enough for its fields
  if (signed && ((seg.opt.flags & (TOF_SIGNATURE | TOF_AOTWICE)) !== 0 || seg.opt.aoLen < 4)) return drop(vn, f, null, 'aoRcvMalformed')
  const conn = aoConnFind(vn, dst, lport, src, fport)
  if (conn === null) {
    if (aoKeyFirst(vn, lport, src) === null) return signed ? withoutKey(vn, f) : AO_PASS
    // a connection that is older than the key is not signed, and stays so
    if (!first && aoPairLive(vn, dst, lport, src, fport)) return signed ? drop(vn, f, null, 'aoRcvNokey') : AO_PASS
  }
  if (!signed) return drop(vn, f, conn, 'aoRcvNoopt')
  const keyId = view.getUint8(seg.opt.aoAt + 2)
  const key = aoKeyByRecvId(vn, lport, src, keyId)
  if (key === null) return drop(vn, f, conn, 'aoRcvNokey')
  if (seg.opt.aoLen !== TCPOLEN_AO) return drop(vn, f, conn, 'aoRcvMalformed')
  let sne = 0
  let traffic: Uint8Array
  let cookie = false
  if (conn !== null) aoConnSync(vn, conn)
  if (first) traffic = aoTrafficKey(key, src, fport, dst, lport, seg.seq, SEQ_ZERO)
  else if (conn?.known === BOTH) {
    sne = aoSne(conn.rcvSeq, conn.rcvSne, seg.seq)
    traffic = aoConnKey(conn, key, AO_RECV)
  } else if (conn !== null && conn.known === AO_ISS && (seg.flags & TH_SYN) !== 0) {
    traffic = aoTrafficKey(key, src, fport, dst, lport, seg.seq, conn.iss)
  } else if ((seg.flags & (TH_SYN | TH_RST | TH_ACK)) === TH_ACK && tcpCookiesOut(vn)) {
    // perhaps the end of a handshake that was not remembered
    cookie = true
    traffic = aoTrafficKey(key, src, fport, dst, lport, seqAdd(seg.seq, -1), seqAdd(seg.ack, -1))
  } else return drop(vn, f, conn, 'aoRcvNoconn')
  const { slab } = f
  const expected = digest(f, key, traffic, sne, seg.opt.aoAt)
  let differs = 0
  for (let i = 0; i < AO_MAC_LEN; i++) differs |= expected[i] ^ slab[seg.opt.aoAt + 4 + i]
  if (differs !== 0) return drop(vn, f, conn, 'aoRcvBad')
  stats.aoRcvGood++
  const known = conn ?? aoConnAdd(vn, dst, lport, src, fport, key.id)
  if (cookie) {
    aoConnIss(known, seqAdd(seg.ack, -1))
    aoConnIrs(known, seqAdd(seg.seq, -1))
  }
  accepted(vn, known, seg, key, keyId, view.getUint8(seg.opt.aoAt + 3), sne, first)
  return AO_DONE
}

function sign(vn: Vn, f: Frame, conn: AoConn, first: boolean): boolean {
  const { view, slab, off } = f
  const hdrLen = tcpDataOffset(view, off) + TCPOLEN_AO
  if (hdrLen > TCP_HDR_LEN + TCP_MAXOLEN) {
    tcpStats(vn).sigErrBuildsig++
    return false
  }
  const key = aoKeyById(vn, conn.currentKey)
  const seq = tcpSeq(view, off)
  // first of the options: nobody reads behind an end of the list
  const at = off + TCP_HDR_LEN
  slab.copyWithin(at + TCPOLEN_AO, at, off + f.len)
  f.len += TCPOLEN_AO
  view.setUint16(off + TCP_OFF_FLAGS, (view.getUint16(off + TCP_OFF_FLAGS) & 0xfff) | hdrLen >> 2 << 12)
  view.setUint16(at, TCPOPT_AO << 8 | TCPOLEN_AO)
  view.setUint8(at + 2, key.sendId)
  view.setUint8(at + 3, aoKeyById(vn, conn.rnextKey).recvId)
  const sne = first ? 0 : aoSne(conn.sndSeq, conn.sndSne, seq)
  // a reset's number need not be from the window
  if (seqGt(seq, conn.sndSeq) && (tcpFlags(view, off) & TH_RST) === 0) {
    conn.sndSeq = seq
    conn.sndSne = sne
  }
  const { inp } = conn
  const traffic = first ? aoTrafficKey(key, inp.laddr, inp.lport, inp.faddr, inp.fport, toSeq(seq), SEQ_ZERO)
    : aoConnKey(conn, key, AO_SEND)
  slab.set(digest(f, key, traffic, sne, at), at + 4)
  return true
}

/** §7.5 2.e, and what the user may ask for (§7.1). */
function accepted(
  vn: Vn, conn: AoConn, seg: Seg, key: TcpAoKey, keyId: number, rnextId: number, sne: number, first: boolean,
): void {
  const { inp } = conn
  conn.good++
  const wanted = aoKeyBySendId(vn, inp.lport, inp.faddr, rnextId)
  if (first) {
    // not yet a word of the connection that may be there: an old SYN verifies as well as a new one
    conn.synCurrent = wanted === null ? key.id : wanted.id
    conn.synRnext = key.id
    if (conn.known === BOTH) return
  }
  conn.peerKeyId = keyId
  conn.peerRnextId = rnextId
  if (wanted !== null) conn.currentKey = wanted.id
  if (conn.known === BOTH && seqGt(seg.seq, conn.rcvSeq)) {
    conn.rcvSeq = seg.seq
    conn.rcvSne = sne
  }
}

/** §7.3: what to do with a signed segment from a peer without a key is configured. */
function withoutKey(vn: Vn, f: Frame): number {
  if (vn.state.sysctl['net.inet.tcp.ao.drop_unknown'] === 1) return drop(vn, f, null, 'aoRcvNokey')
  tcpStats(vn).aoRcvUnchecked++
  return AO_PASS
}

function drop(
  vn: Vn, f: Frame, conn: AoConn | null,
  name: 'aoRcvBad' | 'aoRcvMalformed' | 'aoRcvNoconn' | 'aoRcvNokey' | 'aoRcvNoopt',
): number {
  if (conn !== null) conn.bad++
  countDrop(vn, tcpStats(vn), 'tcp', name, f)
  return AO_DROP
}

/** §5.1: extension, pseudo-header, header with the checksum and the MAC at zero, data. The option is at `at`. */
function digest(f: Frame, key: TcpAoKey, traffic: Uint8Array, sne: number, at: number): Uint8Array {
  const { slab, l4, view } = f
  const len = f.off + f.len - l4
  const hdrLen = tcpDataOffset(view, l4)
  const header = slab.slice(l4, l4 + hdrLen)
  header[TCP_SUM] = 0
  header[TCP_SUM + 1] = 0
  const option = at - l4
  header.fill(0, option + 4, option + TCPOLEN_AO)
  const extension = Uint8Array.of(sne >>> 24, sne >>> 16, sne >>> 8, sne)
  const data = slab.subarray(l4 + hdrLen, l4 + len)
  return aoMac(key.alg, traffic, key.options ? [extension, tcpPseudo(f.src, f.dst, len), header, data] : [
    extension, tcpPseudo(f.src, f.dst, len), header.subarray(0, TCP_HDR_LEN),
    header.subarray(option, option + TCPOLEN_AO), data,
  ])
}
