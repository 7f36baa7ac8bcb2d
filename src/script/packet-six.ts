/** Extension headers and neighbour messages of a script as bytes, and back (RFC 8200 §4, RFC 4861 §4). */

import { addr6Write } from '../lib/addr6.ts'
import {
  ICMP6_CODE, ICMP6_HDR_LEN, ICMP6_REST, ICMP6_TYPE, ND_NEIGHBOR_LEN, ND_OPT_NONCE, ND_TARGET,
} from '../wire/icmpv6.ts'
import {
  IP6F_IDENT, IP6F_LEN, IP6F_MORE_FRAG, IP6F_NXT, IP6F_OFFLG, IP6F_OFF_MASK, IP6_HDR_LEN, IP6_NXT, IP6_PLEN, IP6_VTCFLOW,
  IPPROTO_DSTOPTS, IPPROTO_FRAGMENT, IPPROTO_HOPOPTS, IPPROTO_ROUTING, ip6ReadAddr,
} from '../wire/ipv6.ts'
import { viewOf } from '../wire/layout.ts'
import type { HeaderSpec, NdOptionSpec, NdSpec, PacketSpec } from './ast.ts'

const OPT_PADN = 1

/** A finished packet without extension headers, with those of `spec` put in, and its flow label and payload length. */
export function sixWrap(spec: PacketSpec, bytes: Uint8Array): Uint8Array {
  if (spec.headers.length === 0 && spec.flow < 0 && spec.plen < 0) return bytes
  let payload: Uint8Array = bytes.slice(IP6_HDR_LEN)
  let proto = bytes[IP6_NXT]
  for (const header of [...spec.headers].reverse()) {
    payload = headerBytes(header, proto, payload)
    proto = header.kind === 'options' ? header.proto : header.kind === 'routing' ? IPPROTO_ROUTING : IPPROTO_FRAGMENT
  }
  const out = new Uint8Array(IP6_HDR_LEN + payload.length)
  out.set(bytes.subarray(0, IP6_HDR_LEN))
  out.set(payload, IP6_HDR_LEN)
  const view = viewOf(out)
  view.setUint16(IP6_PLEN, spec.plen >= 0 ? spec.plen : payload.length)
  view.setUint8(IP6_NXT, proto)
  if (spec.flow >= 0) view.setUint32(IP6_VTCFLOW, (view.getUint32(IP6_VTCFLOW) | spec.flow) >>> 0)
  return out
}

/** One header and what stands behind it. */
function headerBytes(h: HeaderSpec, proto: number, behind: Uint8Array): Uint8Array {
  if (h.kind === 'fragment') {
    const piece = new Uint8Array(h.next - h.first)
    piece.set(behind.subarray(h.first, h.next))
    const out = new Uint8Array(IP6F_LEN + piece.length)
    const view = viewOf(out)
    const more = h.more >= 0 ? h.more === 1 : h.next < behind.length
    view.setUint8(IP6F_NXT, proto)
    view.setUint16(IP6F_OFFLG, ((h.at >= 0 ? h.at : h.first) & IP6F_OFF_MASK) | (more ? IP6F_MORE_FRAG : 0))
    view.setUint32(IP6F_IDENT, Math.max(0, h.id))
    out.set(piece, IP6F_LEN)
    return out
  }
  const content = h.kind === 'options' ? padded(h.bytes) : [h.type, h.left, ...h.bytes]
  // zeros make a routing header whole
  const len = Math.ceil((2 + content.length) / 8) * 8
  const out = new Uint8Array(len + behind.length)
  out.set([proto, len / 8 - 1, ...content])
  out.set(behind, len)
  return out
}

/** Options up to the end of a header: Pad1 or PadN where the script's leave room. */
function padded(options: readonly number[]): number[] {
  const room = (8 - (options.length + 2) % 8) % 8
  if (room === 0) return [...options]
  return room === 1 ? [...options, 0] : [...options, OPT_PADN, room - 2, ...new Array<number>(room - 2).fill(0)]
}

/** The extension headers of a packet that the stack sent, and what stands behind them. */
export function sixUnwrap(bytes: Uint8Array): { headers: HeaderSpec[]; proto: number; at: number } {
  const view = viewOf(bytes)
  const headers: HeaderSpec[] = []
  let proto = bytes[IP6_NXT]
  let at = IP6_HDR_LEN
  while (at + 8 <= bytes.length && EXTENSIONS.includes(proto)) {
    const next = bytes[at]
    if (proto === IPPROTO_FRAGMENT) {
      const field = view.getUint16(at + IP6F_OFFLG)
      const first = field & IP6F_OFF_MASK
      headers.push({
        kind: 'fragment', first, next: first + bytes.length - at - IP6F_LEN, more: field & IP6F_MORE_FRAG, at: -1,
        id: view.getUint32(at + IP6F_IDENT),
      })
      at += IP6F_LEN
    } else {
      const end = at + (bytes[at + 1] + 1) * 8
      const content = [...bytes.subarray(at + 2, end)]
      headers.push(proto === IPPROTO_ROUTING ? { kind: 'routing', type: content[0], left: content[1], bytes: content.slice(2) }
        : { kind: 'options', proto, bytes: content })
      at = end
    }
    proto = next
  }
  return { headers, proto, at }
}

const EXTENSIONS: readonly number[] = Object.freeze([IPPROTO_HOPOPTS, IPPROTO_ROUTING, IPPROTO_FRAGMENT, IPPROTO_DSTOPTS])

/** Where a fragment is in its packet: −1 for what is none, 0 for the first, its offset for others. */
export function fragmentAt(headers: readonly HeaderSpec[]): number {
  const f = headers.find((h) => h.kind === 'fragment')
  return f?.kind === 'fragment' ? f.first : -1
}

/** The first header that is not as expected, in words, or ''. */
export function compareHeaders(expected: readonly HeaderSpec[], actual: readonly HeaderSpec[]): string {
  const [e, a] = [expected, actual].map((list) => list.map((h) => h.kind).join(' ') || 'no extension headers')
  if (e !== a) return `it has ${a}, expected ${e}`
  const wrong = expected.findIndex((h, i) => !sameHeader(h, actual[i]))
  return wrong < 0 ? '' : `extension header is ${printHeader(actual[wrong])}, expected ${printHeader(expected[wrong])}`
}

function sameHeader(e: HeaderSpec, a: HeaderSpec): boolean {
  if (e.kind === 'fragment' && a.kind === 'fragment') {
    return e.first === a.first && e.next === a.next && Math.max(0, e.more) === a.more && (e.id < 0 || e.id === a.id)
  }
  return headerBytes(e, 0, NOTHING).join() === headerBytes(a, 0, NOTHING).join()
}

const NOTHING: Uint8Array = new Uint8Array(0)

export function printHeader(h: HeaderSpec): string {
  const hex = (bytes: readonly number[]): string =>
    bytes.length === 0 ? '' : ` ${bytes.map((b) => b.toString(16).padStart(2, '0')).join('')}`
  switch (h.kind) {
    case 'options': return `{${h.proto === IPPROTO_HOPOPTS ? 'hop' : 'dst'}${hex(h.bytes)}}`
    case 'routing': return `{rt ${h.type} left ${h.left}${hex(h.bytes)}}`
    case 'fragment': return `{frag ${h.first}:${h.next}${h.more === 1 ? ' more' : ''}${h.id < 0 ? '' : ` id ${h.id}`}}`
  }
}

/** The bytes of a neighbour message; `nonce` is the one that the stack sent last. */
export function ndEncode(nd: NdSpec, nonce: readonly number[]): Uint8Array {
  const options = nd.options.flatMap((o) => [...o.bytes ?? nonce])
  const bytes = new Uint8Array(ND_NEIGHBOR_LEN + options.length)
  const view = viewOf(bytes)
  view.setUint8(ICMP6_TYPE, nd.type)
  view.setUint8(ICMP6_CODE, nd.code)
  view.setUint32(ICMP6_REST, nd.flags)
  addr6Write(view, ND_TARGET, nd.target)
  bytes.set(options, ND_NEIGHBOR_LEN)
  return bytes
}

/** A neighbour message at `at`, or null when it is cut off. */
export function ndDecode(bytes: Uint8Array, at: number): NdSpec | null {
  if (bytes.length < at + ND_NEIGHBOR_LEN) return null
  const view = viewOf(bytes)
  const options: NdOptionSpec[] = []
  for (let p = at + ND_NEIGHBOR_LEN; p + 1 < bytes.length && bytes[p + 1] !== 0; p += bytes[p + 1] * 8) {
    options.push({ bytes: [...bytes.subarray(p, p + bytes[p + 1] * 8)] })
  }
  return {
    proto: 'nd', type: bytes[at], code: bytes[at + ICMP6_CODE], flags: view.getUint32(at + ICMP6_REST),
    target: ip6ReadAddr(view, at + ICMP6_HDR_LEN), options, anyOptions: false,
  }
}

/** The nonce option of a message of the stack, or null. */
export function ndNonceOf(nd: NdSpec): number[] | null {
  return nd.options.find((o) => o.bytes?.[0] === ND_OPT_NONCE)?.bytes ?? null
}
