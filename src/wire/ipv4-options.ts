/**
 * IPv4 options (RFC 791 §3.1): record route, timestamp, loose and strict source route, and router alert (RFC 2113) are
 * located; anything else is skipped by its length (RFC 1122 §3.2.1.8).
 */
import { ip4Print } from '../lib/addr.ts'
import { IP_HDR_LEN, ipHeaderLen } from './ipv4.ts'

/** Where the options of one header lie: octets from the start of the IP header, or -1 when absent. */
export interface IpOptions {
  recordRouteAt: number
  timestampAt: number
  sourceRouteAt: number
  /** 1 when the source route is the strict one. */
  sourceRouteStrict: number
  routerAlertAt: number
}

/** Bit of an option's type: it is copied into every fragment. */
export const IPOPT_COPIED = 0x80

export const IPOPT_EOL = 0
export const IPOPT_NOP = 1
export const IPOPT_RR = 7
export const IPOPT_TS = 68
export const IPOPT_SECURITY = 130
export const IPOPT_LSRR = 131
export const IPOPT_SATID = 136
export const IPOPT_SSRR = 137
export const IPOPT_RA = 148

/** Octets within an option; the pointer counts from 1. */
export const IPOPT_OPTVAL = 0
export const IPOPT_OLEN = 1
export const IPOPT_OFFSET = 2
/** Least legal pointer of a route option, and of a timestamp option. */
export const IPOPT_MINOFF = 4
export const IPOPT_TS_MINOFF = 5

/** The octet with the timestamp option's overflow count (high four bits) and kind. */
export const IPOPT_TS_OFLW = 3
export const IPOPT_TS_TSONLY = 0
export const IPOPT_TS_TSANDADDR = 1
export const IPOPT_TS_PRESPEC = 3

/** What `ipParseOptions` returns when nothing is wrong. */
export const IP_OPTIONS_OK = -1

/**
 * Walks the options of the header at `at` (whose length the caller has validated) into `out`. Returns
 * `IP_OPTIONS_OK`, or the offset from the header's start of the octet at fault, which is what a parameter problem
 * message points at (RFC 1122 §3.2.2.5); what lies before the fault is kept. Never allocates or throws.
 */
export function ipParseOptions(view: DataView, at: number, out: IpOptions): number {
  ipOptionsReset(out)
  const end = ipHeaderLen(view, at)
  let p = IP_HDR_LEN
  while (p < end) {
    const type = view.getUint8(at + p)
    if (type === IPOPT_EOL) return IP_OPTIONS_OK
    if (type === IPOPT_NOP) {
      p++
      continue
    }
    if (p + IPOPT_OLEN >= end) return p
    const len = view.getUint8(at + p + IPOPT_OLEN)
    if (len < 2 || p + len > end) return p + IPOPT_OLEN
    const fault = locate(view, at, p, type, len, out)
    if (fault !== IP_OPTIONS_OK) return fault
    p += len
  }
  return IP_OPTIONS_OK
}

/** A record with nothing in it, to be kept and reused. */
export function createIpOptions(): IpOptions {
  return { recordRouteAt: -1, timestampAt: -1, sourceRouteAt: -1, sourceRouteStrict: 0, routerAlertAt: -1 }
}

export function ipOptionsReset(out: IpOptions): void {
  out.recordRouteAt = -1
  out.timestampAt = -1
  out.sourceRouteAt = -1
  out.sourceRouteStrict = 0
  out.routerAlertAt = -1
}

/**
 * `NOP,RR 10.0.0.1 ^0.0.0.0,EOL` (the caret stands before the slot that the pointer names), for the `len` octets at
 * `at`.
 */
export function printIpOptions(view: DataView, at: number, len: number): string {
  const words: string[] = []
  const end = at + len
  let p = at
  while (p < end) {
    const type = view.getUint8(p)
    const name = IPOPT_NAMES[type] ?? `unknown-${type}`
    if (type === IPOPT_EOL || type === IPOPT_NOP) {
      words.push(name)
      if (type === IPOPT_EOL) break
      p++
      continue
    }
    const optLen = p + 1 < end ? view.getUint8(p + IPOPT_OLEN) : 0
    if (optLen < 2 || p + optLen > end) {
      words.push(`${name} [bad length ${optLen}]`)
      break
    }
    words.push(isRoute(type) && optLen > 2 ? `${name}${printRoute(view, p, optLen)}` : name)
    p += optLen
  }
  return words.join(',')
}

function locate(view: DataView, at: number, p: number, type: number, len: number, out: IpOptions): number {
  // Each of these appears at most once in a datagram (RFC 791 §3.1), and the two source routes count as one
  // (RFC 1122 §3.2.1.8 (c)).
  switch (type) {
    case IPOPT_RR:
      if (out.recordRouteAt >= 0) return p
      out.recordRouteAt = p
      return pointerFault(view, at, p, len, IPOPT_MINOFF)
    case IPOPT_LSRR:
    case IPOPT_SSRR:
      if (out.sourceRouteAt >= 0) return p
      out.sourceRouteAt = p
      out.sourceRouteStrict = type === IPOPT_SSRR ? 1 : 0
      return pointerFault(view, at, p, len, IPOPT_MINOFF)
    case IPOPT_TS:
      if (out.timestampAt >= 0) return p
      out.timestampAt = p
      return pointerFault(view, at, p, len, IPOPT_TS_MINOFF)
    case IPOPT_RA:
      if (len !== 4) return p + IPOPT_OLEN
      out.routerAlertAt = p
      return IP_OPTIONS_OK
    default:
      return IP_OPTIONS_OK
  }
}

/** A pointer may stand past the end: the list is then full. */
function pointerFault(view: DataView, at: number, p: number, len: number, least: number): number {
  if (len < least - 1) return p + IPOPT_OLEN
  return view.getUint8(at + p + IPOPT_OFFSET) < least ? p + IPOPT_OFFSET : IP_OPTIONS_OK
}

function isRoute(type: number): boolean {
  return type === IPOPT_RR || type === IPOPT_LSRR || type === IPOPT_SSRR
}

function printRoute(view: DataView, p: number, optLen: number): string {
  const pointer = view.getUint8(p + IPOPT_OFFSET)
  let text = ''
  for (let slot = IPOPT_MINOFF; slot + 3 <= optLen; slot += 4) {
    text += `${slot === pointer ? ' ^' : ' '}${ip4Print(view.getInt32(p + slot - 1))}`
  }
  return text
}

const IPOPT_NAMES: Readonly<Record<number, string>> = Object.freeze({
  [IPOPT_EOL]: 'EOL',
  [IPOPT_NOP]: 'NOP',
  [IPOPT_RR]: 'RR',
  [IPOPT_TS]: 'timestamp',
  [IPOPT_SECURITY]: 'security',
  [IPOPT_LSRR]: 'LSRR',
  [IPOPT_SATID]: 'SATID',
  [IPOPT_SSRR]: 'SSRR',
  [IPOPT_RA]: 'RA'
})
