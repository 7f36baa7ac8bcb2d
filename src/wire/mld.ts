/** MLD: version 1 (RFC 2710 §3), version 2 queries and reports (RFC 3810 §5). All are ICMPv6 messages. */

import { byte, decodeHeader, encodeHeader, half, header, offsetOf } from './layout.ts'
import type { HeaderRecord } from './layout.ts'

/** The common start; the group's sixteen octets follow at MLD_GROUP. */
const MLD = header(byte('type'), byte('code'), half('sum'), half('maxdelay'), half('reserved'))
const REPORT2 = header(byte('type'), byte('code'), half('sum'), half('rsv'), half('numgrps'))

export type Mld = HeaderRecord<typeof MLD>
export type MldReport2 = HeaderRecord<typeof REPORT2>

export const MLD_TYPE = offsetOf(MLD, 'type')
export const MLD_SUM = offsetOf(MLD, 'sum')
export const MLD_MAXDELAY = offsetOf(MLD, 'maxdelay')
export const MLD_HDR_LEN = MLD.size
export const MLD_GROUP = MLD.size
/** Octets of a message of version 1. */
export const MLD_LEN = MLD.size + 16
/** In a version 2 query: S flag and QRV, QQIC, number of sources, the sources. */
export const MLD_MISC = MLD_LEN
export const MLD_QQI = MLD_LEN + 1
export const MLD_NUMSRC = MLD_LEN + 2
export const MLD_QUERY2_LEN = MLD_LEN + 4
export const MLD_NUMGRPS = offsetOf(REPORT2, 'numgrps')
/** Octets before a report's records; a record is type, length of auxiliary data, number of sources, group, sources. */
export const MLD_REPORT2_LEN = REPORT2.size
export const MLD_REC_NUMSRC = 2
export const MLD_REC_GROUP = 4
export const MLD_RECORD2_LEN = 20

export const MLD_LISTENER_QUERY = 130
export const MLD_LISTENER_REPORT = 131
export const MLD_LISTENER_DONE = 132
export const MLD_V2_LISTENER_REPORT = 143

/** The Router Alert option of a hop-by-hop header, for MLD (RFC 2711 §2.1). */
export const IP6OPT_ROUTER_ALERT = 5

/** The value of Maximum Response Code: a small float from 32,768 on (RFC 3810 §5.1.3). */
export function mldFloat(code: number): number {
  return code < 0x8000 ? code : ((code & 0x0fff) | 0x1000) << (((code >> 12) & 7) + 3)
}

export function decodeMld(bytes: Uint8Array, at: number): Mld {
  return decodeHeader(MLD, bytes, at)
}

export function encodeMld(h: Readonly<Mld>, bytes: Uint8Array, at: number): number {
  return encodeHeader(MLD, h, bytes, at)
}

export function decodeMldReport2(bytes: Uint8Array, at: number): MldReport2 {
  return decodeHeader(REPORT2, bytes, at)
}

export function encodeMldReport2(h: Readonly<MldReport2>, bytes: Uint8Array, at: number): number {
  return encodeHeader(REPORT2, h, bytes, at)
}
