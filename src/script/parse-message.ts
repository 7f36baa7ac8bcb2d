/** `nd rs`, `nd ra`, `nd redirect` and `mld …` of scripts (RFC 4861 §4, RFC 4191 §2, RFC 8106 §5, RFC 3810 §5). */

import type { Addr } from '../lib/addr.ts'
import { addr6Write } from '../lib/addr6.ts'
import {
  ND_OPT_DNSSL, ND_OPT_MTU, ND_OPT_PI_AUTO, ND_OPT_PI_ONLINK, ND_OPT_PREFIX_INFO, ND_OPT_RDNSS, ND_OPT_ROUTE_INFO,
  ND_OPT_SOURCE_LINKADDR, ND_OPT_TARGET_LINKADDR, ND_RA_MANAGED, ND_RA_OTHER, ND_REDIRECT, ND_ROUTER_ADVERT, ND_ROUTER_SOLICIT,
} from '../wire/icmpv6.ts'
import { MLD_LISTENER_DONE, MLD_LISTENER_QUERY, MLD_LISTENER_REPORT, MLD_V2_LISTENER_REPORT } from '../wire/mld.ts'
import type { MessageSpec } from './ast.ts'
import type { Scanner } from './scanner.ts'
import { macBytes, parseAddress, parseHex, parseMac } from './parse-six.ts'

/** `rs`, `ra …`, `redirect TARGET DST`, each with options in `<…>`; null where none of these words stands here. */
export function parseDiscovery(s: Scanner): MessageSpec | null {
  const m = s.take(/(?:rs|ra|redirect)\b/y)
  if (m === null) return null
  const spec = message(m[0] === 'rs' ? ND_ROUTER_SOLICIT : m[0] === 'ra' ? ND_ROUTER_ADVERT : ND_REDIRECT)
  if (m[0] === 'ra') parseAdvert(s, spec)
  else spec.fixed.push(0, 0, 0, 0)
  if (m[0] === 'redirect') spec.fixed.push(...addressBytes(parseAddress(s)), ...addressBytes(parseAddress(s)))
  if (s.eatWord('code')) spec.code = s.integer('a code', 255)
  parseList(s, spec, parseOption)
  return spec
}

/**
 * `report <is_ex GROUP SOURCE…, …>` and `query GROUP delay N [S] [qrv N] [qqic N] [sources A…]` of version 2; `query1 GROUP
 * delay N`, `report1 GROUP`, `done GROUP` of version 1.
 */
export function parseMld(s: Scanner): MessageSpec {
  const m = s.take(/(?:query1|query|report1|report|done)\b/y)
  switch (m?.[0]) {
    case 'query1': case 'query': return parseQuery(s, m[0] === 'query')
    case 'report1': case 'done': {
      const spec = message(m[0] === 'done' ? MLD_LISTENER_DONE : MLD_LISTENER_REPORT)
      spec.fixed.push(0, 0, 0, 0, ...addressBytes(parseAddress(s)))
      return spec
    }
    case 'report': {
      const spec = message(MLD_V2_LISTENER_REPORT)
      parseList(s, spec, parseRecord)
      spec.fixed.push(0, 0, ...octets(spec.options.length, 2))
      return spec
    }
    default: throw s.fail('query, report, query1, report1 or done')
  }
}

function message(type: number): MessageSpec {
  return { proto: 'message', type, code: 0, fixed: [], options: [], anyOptions: false }
}

function parseAdvert(s: Scanner, spec: MessageSpec): void {
  let hops = 0
  let flags = 0
  let life = 0
  let reach = 0
  let retrans = 0
  for (;;) {
    const m = s.take(/(?:hlim|M|O|high|low|reserved|life|reach|retrans)\b/y)
    if (m === null) break
    switch (m[0]) {
      case 'hlim': hops = s.integer('a hop limit', 255); break
      case 'M': flags |= ND_RA_MANAGED; break
      case 'O': flags |= ND_RA_OTHER; break
      case 'life': life = s.integer('a lifetime in seconds', 0xffff); break
      case 'reach': reach = s.integer('a reachable time in milliseconds'); break
      case 'retrans': retrans = s.integer('an interval in milliseconds'); break
      default: flags |= PREFERENCES[m[0]]
    }
  }
  spec.fixed.push(hops, flags, ...octets(life, 2), ...octets(reach, 4), ...octets(retrans, 4))
}

/** RFC 4191 §2.1, in its place in the octet of flags. */
const PREFERENCES: Readonly<Record<string, number>> = Object.freeze({ high: 0x08, medium: 0, low: 0x18, reserved: 0x10 })

function parseOption(s: Scanner): number[] {
  const m = s.take(/(?:slla|tlla|mtu|prefix|rdnss|dnssl|route|raw)\b/y)
  switch (m?.[0]) {
    case 'slla': return [ND_OPT_SOURCE_LINKADDR, 1, ...macBytes(parseMac(s))]
    case 'tlla': return [ND_OPT_TARGET_LINKADDR, 1, ...macBytes(parseMac(s))]
    case 'mtu': return [ND_OPT_MTU, 1, 0, 0, ...octets(s.integer('an MTU'), 4)]
    case 'prefix': return parsePrefixInfo(s)
    case 'route': return parseRouteInfo(s)
    case 'rdnss': return sized(ND_OPT_RDNSS, [0, 0, ...octets(parseLife(s), 4), ...parseAddresses(s)])
    case 'dnssl': return sized(ND_OPT_DNSSL, [0, 0, ...octets(parseLife(s), 4), ...parseNames(s)])
    case 'raw': return parseHex(s)
    default: throw s.fail('slla, tlla, mtu, prefix, rdnss, dnssl, route or raw')
  }
}

/** `2001:db8::/64 LA valid N pref N`. */
function parsePrefixInfo(s: Scanner): number[] {
  const { prefix, len } = parsePrefix(s)
  let flags = 0
  for (const letter of s.take(/[LA]+\b/y)?.[0] ?? '') flags |= letter === 'L' ? ND_OPT_PI_ONLINK : ND_OPT_PI_AUTO
  if (!s.eatWord('valid')) throw s.fail('valid')
  const valid = parseLife(s)
  if (!s.eatWord('pref')) throw s.fail('pref')
  return sized(ND_OPT_PREFIX_INFO, [len, flags, ...octets(valid, 4), ...octets(parseLife(s), 4), 0, 0, 0, 0, ...prefix])
}

/** `2001:db8::/48 [high|low|reserved] life N`: no more octets of the prefix than its length asks for (RFC 4191 §2.3). */
function parseRouteInfo(s: Scanner): number[] {
  const { prefix, len } = parsePrefix(s)
  const m = s.take(/(?:high|low|reserved)\b/y)
  if (!s.eatWord('life')) throw s.fail('life')
  const kept = len === 0 ? 0 : len <= 64 ? 8 : 16
  return sized(ND_OPT_ROUTE_INFO, [len, PREFERENCES[m?.[0] ?? 'medium'], ...octets(parseLife(s), 4), ...prefix.slice(0, kept)])
}

function parsePrefix(s: Scanner): { prefix: number[]; len: number } {
  const prefix = addressBytes(parseAddress(s))
  s.expect('/')
  return { prefix, len: s.integer('the length of a prefix', 255) }
}

/** Seconds, or `inf`. */
function parseLife(s: Scanner): number {
  return s.eatWord('inf') ? 0xffffffff : s.integer('seconds, or inf')
}

function parseAddresses(s: Scanner): number[] {
  const list: number[] = []
  while (s.looksAtPattern(/[0-9a-f]*:/y)) list.push(...addressBytes(parseAddress(s)))
  return list
}

/** Names as RFC 1035 §3.1 writes them, padded with zeros. */
function parseNames(s: Scanner): number[] {
  const list: number[] = []
  for (;;) {
    const m = s.take(/[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*/y)
    if (m === null) break
    for (const label of m[0].split('.')) list.push(label.length, ...[...label].map((c) => c.charCodeAt(0)))
    list.push(0)
  }
  while (list.length % 8 !== 0) list.push(0)
  return list
}

function parseQuery(s: Scanner, second: boolean): MessageSpec {
  const spec = message(MLD_LISTENER_QUERY)
  const group = addressBytes(parseAddress(s))
  if (!s.eatWord('delay')) throw s.fail('delay')
  spec.fixed.push(...octets(s.integer('a maximum response code', 0xffff), 2), 0, 0, ...group)
  if (!second) return spec
  const misc = (s.eatWord('S') ? 8 : 0) | (s.eatWord('qrv') ? s.integer('a robustness variable', 7) : 2)
  const qqic = s.eatWord('qqic') ? s.integer('an interval code', 255) : 125
  const sources = s.eatWord('sources') ? parseAddresses(s) : []
  spec.fixed.push(misc, qqic, ...octets(sources.length / 16, 2))
  if (sources.length > 0) spec.options.push(sources)
  return spec
}

/** Types of records (RFC 3810 §5.2.12). */
export const MLD_RECORDS: readonly string[] = Object.freeze(['', 'is_in', 'is_ex', 'to_in', 'to_ex', 'allow', 'block'])

function parseRecord(s: Scanner): number[] {
  const m = s.take(/(?:is_in|is_ex|to_in|to_ex|allow|block)\b/y)
  if (m === null) throw s.fail('is_in, is_ex, to_in, to_ex, allow or block')
  const group = addressBytes(parseAddress(s))
  const sources = parseAddresses(s)
  return [MLD_RECORDS.indexOf(m[0]), 0, ...octets(sources.length / 16, 2), ...group, ...sources]
}

function parseList(s: Scanner, spec: MessageSpec, one: (s: Scanner) => number[]): void {
  if (!s.eat('<')) return
  if (s.eat('...')) spec.anyOptions = true
  else do spec.options.push(one(s)); while (s.eat(','))
  s.expect('>')
}

/** An option of neighbour discovery: type, length in eight octets, content. */
function sized(type: number, content: readonly number[]): number[] {
  return [type, Math.ceil((2 + content.length) / 8), ...content]
}

function octets(n: number, count: number): number[] {
  return Array.from({ length: count }, (_, i) => Math.floor(n / 256 ** (count - 1 - i)) % 256)
}

function addressBytes(a: Addr): number[] {
  const bytes = new Uint8Array(16)
  addr6Write(new DataView(bytes.buffer), 0, a)
  return [...bytes]
}
