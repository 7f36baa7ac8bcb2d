/** Router discovery, redirects and MLD in the script's own words, for messages. */

import { addrPrint } from '../lib/addr.ts'
import {
  ND_OPT_DNSSL, ND_OPT_MTU, ND_OPT_PREFIX_INFO, ND_OPT_RDNSS, ND_OPT_ROUTE_INFO, ND_OPT_SOURCE_LINKADDR, ND_OPT_TARGET_LINKADDR,
  ND_REDIRECT, ND_ROUTER_ADVERT, ND_ROUTER_SOLICIT,
} from '../wire/icmpv6.ts'
import { ip6ReadAddr } from '../wire/ipv6.ts'
import { MLD_LISTENER_DONE, MLD_LISTENER_QUERY, MLD_LISTENER_REPORT } from '../wire/mld.ts'
import type { MessageSpec } from './ast.ts'
import { MLD_RECORDS } from './parse-message.ts'

export function printMessage(spec: MessageSpec): string {
  const words = [`${messageName(spec)}${printFixed(spec)}`]
  if (spec.code !== 0) words.push(`code ${spec.code}`)
  if (spec.anyOptions) words.push('<...>')
  else if (spec.type !== MLD_LISTENER_QUERY && spec.options.length > 0) words.push(printMessageOptions(spec))
  return words.join(' ')
}

export function messageName({ type, fixed }: MessageSpec): string {
  switch (type) {
    case ND_ROUTER_SOLICIT: return 'nd rs'
    case ND_ROUTER_ADVERT: return 'nd ra'
    case ND_REDIRECT: return 'nd redirect'
    case MLD_LISTENER_QUERY: return fixed.length > V1_LEN ? 'mld query' : 'mld query1'
    case MLD_LISTENER_REPORT: return 'mld report1'
    case MLD_LISTENER_DONE: return 'mld done'
    default: return 'mld report'
  }
}

export function printMessageOptions(spec: MessageSpec): string {
  const isNd = spec.type >= ND_ROUTER_SOLICIT && spec.type <= ND_REDIRECT
  return `<${spec.options.map((o) => isNd ? printOption(o) : printRecord(o)).join(', ')}>`
}

/** Octets behind the checksum in a message of version 1. */
const V1_LEN = 20

function printFixed({ type, fixed, options }: MessageSpec): string {
  switch (type) {
    case ND_ROUTER_ADVERT: {
      const [hops, flags] = fixed
      const bits = `${(flags & 0x80) !== 0 ? ' M' : ''}${(flags & 0x40) !== 0 ? ' O' : ''}${preference(flags)}`
      return ` hlim ${hops}${bits} life ${number(fixed, 2, 2)} reach ${number(fixed, 4, 4)} retrans ${number(fixed, 8, 4)}`
    }
    case ND_REDIRECT: return ` ${address(fixed, 4)} ${address(fixed, 20)}`
    case MLD_LISTENER_REPORT: case MLD_LISTENER_DONE: return ` ${address(fixed, 4)}`
    case MLD_LISTENER_QUERY: {
      const start = ` ${address(fixed, 4)} delay ${number(fixed, 0, 2)}`
      if (fixed.length === V1_LEN) return start
      const sources = options.length === 0 ? '' : ` sources ${addresses(options[0], 0)}`
      return `${start}${(fixed[V1_LEN] & 8) !== 0 ? ' S' : ''} qrv ${fixed[V1_LEN] & 7} qqic ${fixed[V1_LEN + 1]}${sources}`
    }
    default: return ''
  }
}

function printOption(o: readonly number[]): string {
  const raw = `raw ${hex(o, '')}`
  if (o.length < 8 || o.length !== o[1] * 8) return raw
  switch (o[0]) {
    case ND_OPT_SOURCE_LINKADDR: return `slla ${hex(o.slice(2), ':')}`
    case ND_OPT_TARGET_LINKADDR: return `tlla ${hex(o.slice(2), ':')}`
    case ND_OPT_MTU: return `mtu ${number(o, 4, 4)}`
    case ND_OPT_PREFIX_INFO: {
      if (o.length !== 32) return raw
      const flags = `${(o[3] & 0x80) !== 0 ? 'L' : ''}${(o[3] & 0x40) !== 0 ? 'A' : ''}`
      return `prefix ${address(o, 16)}/${o[2]} ${flags} valid ${number(o, 4, 4)} pref ${number(o, 8, 4)}`
    }
    case ND_OPT_ROUTE_INFO: {
      const whole = [...o.slice(8), ...new Array<number>(16).fill(0)]
      return `route ${address(whole, 0)}/${o[2]}${preference(o[3])} life ${number(o, 4, 4)}`
    }
    case ND_OPT_RDNSS: return `rdnss ${number(o, 4, 4)} ${addresses(o, 8)}`
    case ND_OPT_DNSSL: return `dnssl ${number(o, 4, 4)} ${names(o.slice(8))}`
    default: return raw
  }
}

function printRecord(o: readonly number[]): string {
  if (o.length < 20) return `raw ${hex(o, '')}`
  return [MLD_RECORDS[o[0]] ?? `type ${o[0]}`, addresses(o, 4)].join(' ')
}

/** RFC 4191 §2.1. */
function preference(flags: number): string {
  return ['', ' high', ' reserved', ' low'][(flags >> 3) & 3]
}

function names(bytes: readonly number[]): string {
  const list: string[] = []
  let labels: string[] = []
  for (let p = 0; p < bytes.length; p += bytes[p] + 1) {
    if (bytes[p] > 0) labels.push(String.fromCharCode(...bytes.slice(p + 1, p + 1 + bytes[p])))
    else if (labels.length > 0) {
      list.push(labels.join('.'))
      labels = []
    }
  }
  return list.join(' ')
}

function addresses(bytes: readonly number[], at: number): string {
  const list: string[] = []
  for (let p = at; p + 16 <= bytes.length; p += 16) list.push(address(bytes, p))
  return list.join(' ')
}

function address(bytes: readonly number[], at: number): string {
  return addrPrint(ip6ReadAddr(new DataView(Uint8Array.from(bytes).buffer), at))
}

function number(bytes: readonly number[], at: number, count: number): number {
  return bytes.slice(at, at + count).reduce((n, b) => n * 256 + b, 0)
}

function hex(bytes: readonly number[], by: string): string {
  return bytes.map((b) => b.toString(16).padStart(2, '0')).join(by)
}
