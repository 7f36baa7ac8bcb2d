/**
 * TCP options: end, no-op and MSS (RFC 9293 §3.2), window scale and timestamps (RFC 7323), SACK (RFC 2018),
 * Fast Open (RFC 7413 §4.1.1). Any other
 * kind is skipped by its length (RFC 9293 §3.1, MUST-6). Walked by hand, because options are read for every segment.
 */
import { SEQ_ZERO, toSeq } from '../lib/seq.ts'
import type { Seq } from '../lib/seq.ts'

/** What a segment's options said; `flags` (TOF_*) tells which of the other fields hold something. */
export interface TcpOptions {
  flags: number
  mss: number
  /** At most 14, whatever the wire says (RFC 7323 §2.3). */
  wscale: number
  /** Timestamps as uint32. */
  tsVal: number
  tsEcr: number
  sackCount: number
  /** Absolute offset of the 16 octets of an MD5 digest (RFC 2385). */
  sigAt: number
  /** Absolute offset of a TCP-AO option, and its length as it says (RFC 5925 §2.2). */
  aoAt: number
  aoLen: number
  /** Always eight entries: left and right edge of up to four blocks. */
  sack: Seq[]
  /** Octets of the Fast Open cookie (0: a request for one), and its big-endian words; zeros behind the end. */
  fastLen: number
  fast: number[]
  /** User timeout: 15 bits of seconds, or of minutes with the sixteenth set (RFC 5482 §3.3). */
  uto: number
}

export const TCPOPT_EOL = 0
export const TCPOPT_NOP = 1
export const TCPOPT_MAXSEG = 2
export const TCPOPT_WINDOW = 3
export const TCPOPT_SACK_PERMITTED = 4
export const TCPOPT_SACK = 5
export const TCPOPT_TIMESTAMP = 8
export const TCPOPT_SIGNATURE = 19
export const TCPOPT_USER_TIMEOUT = 28
export const TCPOPT_AO = 29
export const TCPOPT_FAST_OPEN = 34
/** Shared by experiments (RFC 6994 §3), told apart by their first two octets. */
export const TCPOPT_EXPERIMENT = 254
export const TCPEXID_FAST_OPEN = 0xf989

export const TCPOLEN_MAXSEG = 4
export const TCPOLEN_WINDOW = 3
export const TCPOLEN_SACK_PERMITTED = 2
export const TCPOLEN_SACKHDR = 2
export const TCPOLEN_SACK = 8
export const TCPOLEN_TIMESTAMP = 10
export const TCPOLEN_SIGNATURE = 18
export const TCPOLEN_USER_TIMEOUT = 4
/** With the two no-ops that align it (RFC 7323 appendix A). */
export const TCPOLEN_TSTAMP_APPA = 12

export const TCP_MAXOLEN = 40
export const TCP_MAX_WINSHIFT = 14
export const TCP_MAX_SACK = 4

export const TOF_MSS = 0x01
export const TOF_SCALE = 0x02
export const TOF_SACKPERM = 0x04
export const TOF_TS = 0x10
export const TOF_SACK = 0x80
export const TOF_SIGNATURE = 0x100
export const TOF_FASTOPEN = 0x200
/** The Fast Open option has its experimental form (RFC 7413 before it had a number of its own). */
export const TOF_FASTEXP = 0x400
export const TOF_UTO = 0x800
export const TOF_AO = 0x1000
/** There was more than one TCP-AO option. */
export const TOF_AOTWICE = 0x2000

/** Cookies have 4 to 16 octets, an even number (RFC 7413 §4.1.1). */
const FAST_COOKIE_MIN = 4
const FAST_COOKIE_MAX = 16

/**
 * Parses the `len` octets of options at `at` (the caller has checked that the view holds them) into `out`, which is
 * reset first. Returns false when a length is impossible or wrong for its kind; what was understood is kept. Never
 * allocates or throws.
 */
export function tcpParseOptions(view: DataView, at: number, len: number, out: TcpOptions): boolean {
  tcpOptionsReset(out)
  // what nearly every segment has, and nothing else (RFC 7323 appendix A)
  if (len === TCPOLEN_TSTAMP_APPA && view.getInt32(at) === TSTAMP_HDR) {
    out.tsVal = view.getUint32(at + 4)
    out.tsEcr = view.getUint32(at + 8)
    out.flags = TOF_TS
    return true
  }
  const end = at + len
  let ok = true
  let p = at
  while (p < end) {
    const kind = view.getUint8(p)
    if (kind === TCPOPT_EOL) return ok
    if (kind === TCPOPT_NOP) {
      p++
      continue
    }
    // A length octet outside the header, or one that would not advance or would leave it (RFC 9293 §3.1, MUST-7).
    if (p + 1 >= end) return false
    const optLen = view.getUint8(p + 1)
    if (optLen < 2 || p + optLen > end) return false
    if (!parseOne(view, p, kind, optLen, out)) ok = false
    p += optLen
  }
  return ok
}

/**
 * Writes what `opts.flags` names at `at` and returns the length: a multiple of 4, at most 40. SACK blocks that no longer
 * fit are left out. The order means nothing to a peer, but much to those who compare traces: MSS, window scale,
 * SACK-permitted, timestamps, SACK and the end of the list to fill up; or, `scaleLast`, SACK-permitted and timestamps
 * before window scale and no-ops to fill up. In both, values lie aligned behind no-ops.
 */
export function tcpWriteOptions(view: DataView, at: number, opts: Readonly<TcpOptions>, scaleLast = false): number {
  const flags = opts.flags
  if (flags === TOF_TS) {
    view.setInt32(at, TSTAMP_HDR)
    view.setUint32(at + 4, opts.tsVal)
    view.setUint32(at + 8, opts.tsEcr)
    return TCPOLEN_TSTAMP_APPA
  }
  let p = at
  if ((flags & TOF_MSS) !== 0) {
    view.setUint16(p, TCPOPT_MAXSEG << 8 | TCPOLEN_MAXSEG)
    view.setUint16(p + 2, opts.mss)
    p += TCPOLEN_MAXSEG
  }
  if (!scaleLast) p = writeScale(view, p, opts)
  if ((flags & TOF_SACKPERM) !== 0) {
    if (scaleLast && (flags & TOF_TS) === 0) {
      view.setUint16(p, TWO_NOPS)
      p += 2
    }
    view.setUint16(p, SACK_PERMITTED)
    p += TCPOLEN_SACK_PERMITTED
  }
  if ((flags & TOF_TS) !== 0) {
    // SACK-permitted takes the place of the two no-ops
    if ((p - at) % 4 === 0) {
      view.setUint16(p, TWO_NOPS)
      p += 2
    }
    view.setUint16(p, TCPOPT_TIMESTAMP << 8 | TCPOLEN_TIMESTAMP)
    view.setUint32(p + 2, opts.tsVal)
    view.setUint32(p + 6, opts.tsEcr)
    p += TCPOLEN_TIMESTAMP
  }
  if (scaleLast) p = writeScale(view, p, opts)
  if ((flags & TOF_UTO) !== 0) {
    view.setUint16(p, TCPOPT_USER_TIMEOUT << 8 | TCPOLEN_USER_TIMEOUT)
    view.setUint16(p + 2, opts.uto)
    p += TCPOLEN_USER_TIMEOUT
  }
  if ((flags & TOF_FASTOPEN) !== 0) {
    p = writeFastOpen(view, p, opts)
    if (scaleLast && (p - at) % 4 !== 0) {
      view.setUint16(p, TWO_NOPS)
      p += 2
    }
  }
  if ((flags & TOF_SACK) !== 0) p = writeSack(view, p, at, opts)
  if ((p - at) % 4 !== 0) {
    view.setUint16(p, TCPOPT_EOL)
    p += 2
  }
  return p - at
}

/** The length that `tcpWriteOptions` will write; what a segment's data must give up (RFC 9293 §3.7.1). */
export function tcpOptionsLen(opts: Readonly<TcpOptions>): number {
  let len = 0
  if ((opts.flags & TOF_MSS) !== 0) len += TCPOLEN_MAXSEG
  if ((opts.flags & TOF_SCALE) !== 0) len += 4
  if ((opts.flags & TOF_TS) !== 0) len += TCPOLEN_TSTAMP_APPA
  else if ((opts.flags & TOF_SACKPERM) !== 0) len += TCPOLEN_SACK_PERMITTED
  if ((opts.flags & TOF_UTO) !== 0) len += TCPOLEN_USER_TIMEOUT
  if ((opts.flags & TOF_FASTOPEN) !== 0) {
    len += 2 + opts.fastLen + ((opts.flags & TOF_FASTEXP) !== 0 ? 2 : 0)
  }
  const blocks = tcpSackBlocksThatFit(opts, len)
  if (blocks > 0) len += (len % 4 === 0 ? 4 : 2) + blocks * TCPOLEN_SACK
  return len + 3 & ~3
}

/** How many of the record's SACK blocks fit behind `used` octets of other options (RFC 2018 §3: three or four). */
export function tcpSackBlocksThatFit(opts: Readonly<TcpOptions>, used: number): number {
  if ((opts.flags & TOF_SACK) === 0) return 0
  return Math.max(0, Math.min(opts.sackCount, TCP_MAX_SACK, Math.floor((TCP_MAXOLEN - used - 4) / TCPOLEN_SACK)))
}

/** An empty record, to be kept and reused. */
export function createTcpOptions(): TcpOptions {
  return {
    flags: 0, mss: 0, wscale: 0, tsVal: 0, tsEcr: 0, sackCount: 0, sigAt: 0, aoAt: 0, aoLen: 0,
    sack: [SEQ_ZERO, SEQ_ZERO, SEQ_ZERO, SEQ_ZERO, SEQ_ZERO, SEQ_ZERO, SEQ_ZERO, SEQ_ZERO],
    fastLen: 0, fast: [0, 0, 0, 0], uto: 0,
  }
}

/** Empties a record; SACK edges beyond `sackCount` are left as they were. */
export function tcpOptionsReset(out: TcpOptions): void {
  out.flags = 0
  out.mss = 0
  out.wscale = 0
  out.tsVal = 0
  out.tsEcr = 0
  out.sackCount = 0
  out.sigAt = 0
  out.aoAt = 0
  out.aoLen = 0
  out.fastLen = 0
  out.uto = 0
}

/** Two no-ops, kind and length of timestamps: the lead of the layout that RFC 7323 appendix A recommends. */
const TSTAMP_HDR = TCPOPT_NOP << 24 | TCPOPT_NOP << 16 | TCPOPT_TIMESTAMP << 8 | TCPOLEN_TIMESTAMP
const TWO_NOPS = TCPOPT_NOP << 8 | TCPOPT_NOP
const SACK_PERMITTED = TCPOPT_SACK_PERMITTED << 8 | TCPOLEN_SACK_PERMITTED

function writeScale(view: DataView, p: number, opts: Readonly<TcpOptions>): number {
  if ((opts.flags & TOF_SCALE) === 0) return p
  view.setUint16(p, TCPOPT_NOP << 8 | TCPOPT_WINDOW)
  view.setUint16(p + 2, TCPOLEN_WINDOW << 8 | opts.wscale)
  return p + 4
}

function writeSack(view: DataView, from: number, at: number, opts: Readonly<TcpOptions>): number {
  let p = from
  const blocks = tcpSackBlocksThatFit(opts, p - at)
  if (blocks === 0) return p
  if ((p - at) % 4 === 0) {
    view.setUint16(p, TWO_NOPS)
    p += 2
  }
  view.setUint16(p, TCPOPT_SACK << 8 | (TCPOLEN_SACKHDR + blocks * TCPOLEN_SACK))
  p += TCPOLEN_SACKHDR
  for (let i = 0; i < blocks * 2; i++, p += 4) view.setInt32(p, opts.sack[i])
  return p
}

function parseOne(view: DataView, p: number, kind: number, optLen: number, out: TcpOptions): boolean {
  switch (kind) {
    case TCPOPT_MAXSEG:
      if (optLen !== TCPOLEN_MAXSEG) return false
      out.mss = view.getUint16(p + 2)
      out.flags |= TOF_MSS
      return true
    case TCPOPT_WINDOW:
      if (optLen !== TCPOLEN_WINDOW) return false
      out.wscale = Math.min(view.getUint8(p + 2), TCP_MAX_WINSHIFT)
      out.flags |= TOF_SCALE
      return true
    case TCPOPT_SACK_PERMITTED:
      if (optLen !== TCPOLEN_SACK_PERMITTED) return false
      out.flags |= TOF_SACKPERM
      return true
    case TCPOPT_TIMESTAMP:
      if (optLen !== TCPOLEN_TIMESTAMP) return false
      out.tsVal = view.getUint32(p + 2)
      out.tsEcr = view.getUint32(p + 6)
      out.flags |= TOF_TS
      return true
    case TCPOPT_SIGNATURE:
      if (optLen !== TCPOLEN_SIGNATURE) return false
      out.sigAt = p + 2
      out.flags |= TOF_SIGNATURE
      return true
    case TCPOPT_AO:
      out.aoAt = p
      out.aoLen = optLen
      out.flags |= (out.flags & TOF_AO) !== 0 ? TOF_AOTWICE : TOF_AO
      return optLen >= 4
    case TCPOPT_SACK:
      return parseSack(view, p, optLen, out)
    case TCPOPT_USER_TIMEOUT:
      if (optLen !== TCPOLEN_USER_TIMEOUT) return false
      out.uto = view.getUint16(p + 2)
      out.flags |= TOF_UTO
      return true
    case TCPOPT_FAST_OPEN:
      return parseFastOpen(view, p + 2, optLen - 2, 0, out)
    case TCPOPT_EXPERIMENT:
      if (optLen < 4 || view.getUint16(p + 2) !== TCPEXID_FAST_OPEN) return true
      return parseFastOpen(view, p + 4, optLen - 4, TOF_FASTEXP, out)
    default:
      return true
  }
}

function parseSack(view: DataView, p: number, optLen: number, out: TcpOptions): boolean {
  const edges = optLen - TCPOLEN_SACKHDR
  if (edges === 0 || edges % TCPOLEN_SACK !== 0) return false
  const words = Math.min(edges >> 2, TCP_MAX_SACK * 2)
  for (let i = 0; i < words; i++) out.sack[i] = toSeq(view.getInt32(p + TCPOLEN_SACKHDR + i * 4))
  out.sackCount = words >> 1
  out.flags |= TOF_SACK
  return true
}

function parseFastOpen(view: DataView, p: number, len: number, form: number, out: TcpOptions): boolean {
  if (len !== 0 && (len < FAST_COOKIE_MIN || len > FAST_COOKIE_MAX || len % 2 !== 0)) return true
  out.flags |= TOF_FASTOPEN | form
  out.fastLen = len
  out.fast.fill(0)
  for (let i = 0; i < len; i += 2) out.fast[i >> 2] |= view.getUint16(p + i) << ((i & 2) === 0 ? 16 : 0)
  return true
}

function writeFastOpen(view: DataView, from: number, opts: Readonly<TcpOptions>): number {
  const { fastLen } = opts
  let p = from
  if ((opts.flags & TOF_FASTEXP) !== 0) {
    view.setUint16(p, TCPOPT_EXPERIMENT << 8 | (4 + fastLen))
    view.setUint16(p + 2, TCPEXID_FAST_OPEN)
    p += 4
  } else {
    view.setUint16(p, TCPOPT_FAST_OPEN << 8 | (2 + fastLen))
    p += 2
  }
  for (let i = 0; i < fastLen; i += 2, p += 2) view.setUint16(p, opts.fast[i >> 2] >>> ((i & 2) === 0 ? 16 : 0) & 0xffff)
  return p
}
