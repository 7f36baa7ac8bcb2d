/** What scripts say of IPv6 alone: addresses, extension headers `{hop …}`, neighbour messages `nd ns …`. */

import { addrParse, macParse } from '../lib/addr.ts'
import type { Addr, Mac } from '../lib/addr.ts'
import {
  ND_NA_OVERRIDE, ND_NA_ROUTER, ND_NA_SOLICITED, ND_NEIGHBOR_ADVERT, ND_NEIGHBOR_SOLICIT, ND_OPT_NONCE,
  ND_OPT_SOURCE_LINKADDR, ND_OPT_TARGET_LINKADDR,
} from '../wire/icmpv6.ts'
import { IPPROTO_DSTOPTS, IPPROTO_HOPOPTS } from '../wire/ipv6.ts'
import type { HeaderSpec, NdOptionSpec, NdSpec } from './ast.ts'
import type { Scanner } from './scanner.ts'

/** `{hop 3e000000}`, `{dst …}`, `{rt TYPE left N …}`, `{frag first:next [more|last] [at N] [id N]}`; the brace is eaten. */
export function parseHeader(s: Scanner): HeaderSpec {
  const m = s.take(/hop|dst|rt|frag/y)
  let header: HeaderSpec
  switch (m?.[0]) {
    case 'hop': header = { kind: 'options', proto: IPPROTO_HOPOPTS, bytes: parseHex(s) }; break
    case 'dst': header = { kind: 'options', proto: IPPROTO_DSTOPTS, bytes: parseHex(s) }; break
    case 'rt': {
      const type = s.integer('a routing type', 255)
      if (!s.eatWord('left')) throw s.fail('left')
      header = { kind: 'routing', type, left: s.integer('segments left', 255), bytes: parseHex(s) }
      break
    }
    case 'frag': header = parseFragment(s); break
    default: throw s.fail('hop, dst, rt or frag')
  }
  s.expect('}')
  return header
}

function parseFragment(s: Scanner): HeaderSpec {
  const first = s.integer('an offset', 0xffff)
  s.expect(':')
  const next = s.integer('the offset behind the fragment', 0xffff)
  if (next < first) throw s.fail('first:next')
  const more = s.eatWord('more') ? 1 : s.eatWord('last') ? 0 : -1
  const at = s.eatWord('at') ? s.integer('an offset', 0xffff) : -1
  return { kind: 'fragment', first, next, more, at, id: s.eatWord('id') ? s.integer('an identification') : -1 }
}

/** `ns TARGET <slla MAC, nonce HEX>`, `na TARGET RSO <tlla MAC>`; `code N` behind the target. */
export function parseNd(s: Scanner): NdSpec {
  const m = s.take(/n[sa]\b/y)
  if (m === null) throw s.fail('ns or na')
  const spec: NdSpec = {
    proto: 'nd', type: m[0] === 'ns' ? ND_NEIGHBOR_SOLICIT : ND_NEIGHBOR_ADVERT, code: 0, flags: 0, target: parseAddress(s),
    options: [], anyOptions: false,
  }
  for (const letter of s.take(/[RSO]+\b/y)?.[0] ?? '') spec.flags = (spec.flags | NA_FLAGS[letter]) >>> 0
  if (s.eatWord('code')) spec.code = s.integer('a code', 255)
  if (!s.eat('<')) return spec
  if (s.eat('...')) spec.anyOptions = true
  else do spec.options.push(parseOption(s)); while (s.eat(','))
  s.expect('>')
  return spec
}

const NA_FLAGS: Readonly<Record<string, number>> = Object.freeze({ R: ND_NA_ROUTER, S: ND_NA_SOLICITED, O: ND_NA_OVERRIDE })

function parseOption(s: Scanner): NdOptionSpec {
  const m = s.take(/slla|tlla|nonce|raw/y)
  switch (m?.[0]) {
    case 'slla': return { bytes: [ND_OPT_SOURCE_LINKADDR, 1, ...macBytes(parseMac(s))] }
    case 'tlla': return { bytes: [ND_OPT_TARGET_LINKADDR, 1, ...macBytes(parseMac(s))] }
    case 'nonce': return { bytes: s.eat('...') ? null : [ND_OPT_NONCE, 1, ...parseHex(s)] }
    case 'raw': return { bytes: parseHex(s) }
    default: throw s.fail('slla, tlla, nonce or raw')
  }
}

export function macBytes(mac: Mac): number[] {
  return [5, 4, 3, 2, 1, 0].map((i) => Math.floor(mac / 256 ** i) % 256)
}

export function parseMac(s: Scanner): Mac {
  const m = s.take(/[0-9a-f]{2}(?::[0-9a-f]{2}){5}\b/y)
  const mac = m === null ? null : macParse(m[0])
  if (mac === null) throw s.fail('an Ethernet address')
  return mac
}

/** An IPv6 address; zones are not written. */
export function parseAddress(s: Scanner): Addr {
  const m = s.take(/[0-9a-f:.]+/y)
  const addr = m === null ? null : addrParse(m[0])
  if (addr === null) throw s.fail('an address')
  return addr
}

export function printNa(flags: number): string {
  return Object.keys(NA_FLAGS).filter((l) => (flags & NA_FLAGS[l]) !== 0).join('')
}

export function parseHex(s: Scanner): number[] {
  const m = s.take(/(?:0x)?((?:[0-9a-fA-F]{2})+)\b/y)
  return m === null ? [] : (m[1].match(/../g) ?? []).map((pair) => parseInt(pair, 16))
}
