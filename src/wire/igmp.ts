/** IGMP: version 1 (RFC 1112 appendix I), version 2 (RFC 2236 §2), version 3 queries and reports (RFC 3376 §4). */

import { ip4Print } from '../lib/addr.ts'
import { byte, decodeHeader, encodeHeader, half, header, offsetOf, signedWord } from './layout.ts'
import type { HeaderRecord } from './layout.ts'

const IGMP = header(byte('type'), byte('code'), half('sum'), signedWord('group'))
const QUERY3 = header(
  byte('type'), byte('code'), half('sum'), signedWord('group'), byte('misc'), byte('qqi'), half('numsrc'))
const REPORT3 = header(byte('type'), byte('rsv0'), half('sum'), half('rsv1'), half('numgrps'))
const RECORD3 = header(byte('type'), byte('datalen'), half('numsrc'), signedWord('group'))

/** Messages of versions 1 and 2; `code` is the maximum response time in tenths of a second, 0 in version 1. */
export type Igmp = HeaderRecord<typeof IGMP>
/** `misc` is Resv (4 bits), S (1), QRV (3). */
export type IgmpQuery3 = HeaderRecord<typeof QUERY3>
export type IgmpReport3 = HeaderRecord<typeof REPORT3>
export type IgmpRecord3 = HeaderRecord<typeof RECORD3>

export const IGMP_TYPE = offsetOf(IGMP, 'type')
export const IGMP_CODE = offsetOf(IGMP, 'code')
export const IGMP_SUM = offsetOf(IGMP, 'sum')
export const IGMP_GROUP = offsetOf(IGMP, 'group')
export const IGMP_MISC = offsetOf(QUERY3, 'misc')
export const IGMP_QQI = offsetOf(QUERY3, 'qqi')
export const IGMP_NUMSRC = offsetOf(QUERY3, 'numsrc')
export const IGMP_NUMGRPS = offsetOf(REPORT3, 'numgrps')
export const IGMP_REC_NUMSRC = offsetOf(RECORD3, 'numsrc')
export const IGMP_REC_GROUP = offsetOf(RECORD3, 'group')

/** Octets of a message of version 1 or 2, and least of any. */
export const IGMP_LEN = IGMP.size
/** Octets before the sources of a version 3 query, before the records of a report, before the sources of a record. */
export const IGMP_QUERY3_LEN = QUERY3.size
export const IGMP_REPORT3_LEN = REPORT3.size
export const IGMP_RECORD3_LEN = RECORD3.size

export const IGMP_HOST_MEMBERSHIP_QUERY = 0x11
export const IGMP_V1_HOST_MEMBERSHIP_REPORT = 0x12
export const IGMP_V2_HOST_MEMBERSHIP_REPORT = 0x16
export const IGMP_HOST_LEAVE_MESSAGE = 0x17
export const IGMP_V3_HOST_MEMBERSHIP_REPORT = 0x22

/** Types of group records, the same in MLDv2 (RFC 3376 §4.2.12, RFC 3810 §5.2.12). */
export const MODE_IS_INCLUDE = 1
export const MODE_IS_EXCLUDE = 2
export const CHANGE_TO_INCLUDE = 3
export const CHANGE_TO_EXCLUDE = 4
export const ALLOW_NEW_SOURCES = 5
export const BLOCK_OLD_SOURCES = 6

/** The value of an octet that is a small float from 128 on: Max Resp Code, QQIC (RFC 3376 §4.1.1, §4.1.7). */
export function igmpFloat(code: number): number {
  return code < 128 ? code : ((code & 0x0f) | 0x10) << (((code >> 4) & 7) + 3)
}

export function decodeIgmp(bytes: Uint8Array, at: number): Igmp {
  return decodeHeader(IGMP, bytes, at)
}

export function encodeIgmp(h: Readonly<Igmp>, bytes: Uint8Array, at: number): number {
  return encodeHeader(IGMP, h, bytes, at)
}

export function decodeIgmpQuery3(bytes: Uint8Array, at: number): IgmpQuery3 {
  return decodeHeader(QUERY3, bytes, at)
}

export function encodeIgmpQuery3(h: Readonly<IgmpQuery3>, bytes: Uint8Array, at: number): number {
  return encodeHeader(QUERY3, h, bytes, at)
}

export function decodeIgmpReport3(bytes: Uint8Array, at: number): IgmpReport3 {
  return decodeHeader(REPORT3, bytes, at)
}

export function encodeIgmpReport3(h: Readonly<IgmpReport3>, bytes: Uint8Array, at: number): number {
  return encodeHeader(REPORT3, h, bytes, at)
}

export function decodeIgmpRecord3(bytes: Uint8Array, at: number): IgmpRecord3 {
  return decodeHeader(RECORD3, bytes, at)
}

export function encodeIgmpRecord3(h: Readonly<IgmpRecord3>, bytes: Uint8Array, at: number): number {
  return encodeHeader(RECORD3, h, bytes, at)
}

/** tcpdump's words for the message in view[at, end). Never throws; a record that is cut off ends the text. */
export function printIgmp(view: DataView, at: number, end: number): string {
  if (end - at < IGMP_LEN) return 'igmp [|igmp]'
  const type = view.getUint8(at + IGMP_TYPE)
  const group = ip4Print(view.getInt32(at + IGMP_GROUP))
  switch (type) {
    case IGMP_HOST_MEMBERSHIP_QUERY: return printQuery(view, at, end)
    case IGMP_V1_HOST_MEMBERSHIP_REPORT: return `igmp v1 report ${group}`
    case IGMP_V2_HOST_MEMBERSHIP_REPORT: return `igmp v2 report ${group}`
    case IGMP_HOST_LEAVE_MESSAGE: return `igmp leave ${group}`
    case IGMP_V3_HOST_MEMBERSHIP_REPORT: return printReport3(view, at, end)
    default: return `igmp-${type}`
  }
}

function printQuery(view: DataView, at: number, end: number): string {
  const code = view.getUint8(at + IGMP_CODE)
  const group = view.getInt32(at + IGMP_GROUP)
  const about = group === 0 ? '' : ` [gaddr ${ip4Print(group)}`
  if (end - at < IGMP_QUERY3_LEN) return `igmp query v${code === 0 ? 1 : 2}${about === '' ? '' : `${about}]`}`
  const n = view.getUint16(at + IGMP_NUMSRC)
  const list = n === 0 ? '' : ` ${printSources(view, at + IGMP_QUERY3_LEN, n, end)}`
  return `igmp query v3${about === '' ? '' : `${about}${list}]`}`
}

function printReport3(view: DataView, at: number, end: number): string {
  const n = view.getUint16(at + IGMP_NUMGRPS)
  let text = `igmp v3 report, ${n} group record(s)`
  let p = at + IGMP_REPORT3_LEN
  for (let i = 0; i < n; i++) {
    if (end - p < IGMP_RECORD3_LEN) return `${text} [|igmp]`
    const type = view.getUint8(p)
    const numsrc = view.getUint16(p + IGMP_REC_NUMSRC)
    const sources = printSources(view, p + IGMP_RECORD3_LEN, numsrc, end)
    text += ` [gaddr ${ip4Print(view.getInt32(p + IGMP_REC_GROUP))} ${RECORD_NAMES[type] ?? `type-${type}`} ${sources}]`
    p += IGMP_RECORD3_LEN + numsrc * 4 + view.getUint8(p + 1) * 4
  }
  return text
}

function printSources(view: DataView, at: number, n: number, end: number): string {
  const words: string[] = []
  for (let i = 0; i < n; i++) {
    if (end - at < (i + 1) * 4) return `{ ${words.join(' ')} [|igmp]`
    words.push(ip4Print(view.getInt32(at + i * 4)))
  }
  return `{ ${words.join(' ')}${n === 0 ? '' : ' '}}`
}

const RECORD_NAMES: Readonly<Record<number, string>> = Object.freeze({
  [MODE_IS_INCLUDE]: 'is_in', [MODE_IS_EXCLUDE]: 'is_ex', [CHANGE_TO_INCLUDE]: 'to_in', [CHANGE_TO_EXCLUDE]: 'to_ex',
  [ALLOW_NEW_SOURCES]: 'allow', [BLOCK_OLD_SOURCES]: 'block',
})
