/** Router discovery, redirects and MLD of a script as bytes, and back (RFC 4861 §4, RFC 3810 §5, RFC 2710 §3). */

import { ND_RA_LEN, ND_REDIRECT, ND_REDIRECT_LEN, ND_ROUTER_ADVERT, ND_ROUTER_SOLICIT, ND_RS_LEN } from '../wire/icmpv6.ts'
import {
  MLD_LEN, MLD_LISTENER_DONE, MLD_LISTENER_QUERY, MLD_LISTENER_REPORT, MLD_QUERY2_LEN, MLD_RECORD2_LEN, MLD_REC_NUMSRC,
  MLD_REPORT2_LEN, MLD_V2_LISTENER_REPORT,
} from '../wire/mld.ts'
import type { MessageSpec } from './ast.ts'

/** Octets of type, code and checksum; `fixed` begins behind them. */
const MESSAGE_AT = 4

/** The message with a checksum of 0. */
export function messageEncode({ type, code, fixed, options }: MessageSpec): Uint8Array {
  return Uint8Array.from([type, code, 0, 0, ...fixed, ...options.flat()])
}

/** The message at `at`, or null when it is none of these, or ends before its fixed part does. */
export function messageDecode(bytes: Uint8Array, at: number): MessageSpec | null {
  const type = bytes[at]
  const len = fixedLen(type, bytes.length - at)
  if (len === 0 || bytes.length < at + len) return null
  const rest = bytes.subarray(at + len)
  const report = type === MLD_V2_LISTENER_REPORT
  const isNd = type >= ND_ROUTER_SOLICIT && type <= ND_REDIRECT
  return {
    proto: 'message', type, code: bytes[at + 1], fixed: [...bytes.subarray(at + MESSAGE_AT, at + len)],
    options: report ? pieces(rest, recordLen) : isNd ? pieces(rest, optionLen) : rest.length > 0 ? [[...rest]] : [], anyOptions: false,
  }
}

/** Octets of a message before its options, records or sources; 0 for other types. */
function fixedLen(type: number, len: number): number {
  switch (type) {
    case ND_ROUTER_SOLICIT: return ND_RS_LEN
    case ND_ROUTER_ADVERT: return ND_RA_LEN
    case ND_REDIRECT: return ND_REDIRECT_LEN
    case MLD_LISTENER_REPORT: case MLD_LISTENER_DONE: return MLD_LEN
    // RFC 3810 §8.1: its length tells the version
    case MLD_LISTENER_QUERY: return len >= MLD_QUERY2_LEN ? MLD_QUERY2_LEN : MLD_LEN
    case MLD_V2_LISTENER_REPORT: return MLD_REPORT2_LEN
    default: return 0
  }
}

function pieces(rest: Uint8Array, lenAt: (rest: Uint8Array, p: number) => number): number[][] {
  const list: number[][] = []
  for (let p = 0; p < rest.length;) {
    const len = lenAt(rest, p)
    // what cannot be read goes as one piece, so that it differs from everything
    const end = len > 0 ? Math.min(rest.length, p + len) : rest.length
    list.push([...rest.subarray(p, end)])
    p = end
  }
  return list
}

function optionLen(rest: Uint8Array, p: number): number {
  return p + 1 < rest.length ? rest[p + 1] * 8 : 0
}

function recordLen(rest: Uint8Array, p: number): number {
  return p + MLD_REC_NUMSRC + 1 < rest.length ? MLD_RECORD2_LEN + (rest[p + MLD_REC_NUMSRC] * 256 + rest[p + MLD_REC_NUMSRC + 1]) * 16 : 0
}
