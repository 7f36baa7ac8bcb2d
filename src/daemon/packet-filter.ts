/**
 * A small packet filter in tcpdump's words: terms joined by "and" (which may be left out), each perhaps after "not".
 *
 *   arp | ip | icmp | tcp | udp | [src | dst] host ADDR | [src | dst] net NET/LEN | [src | dst] port N
 */

import { ip4Mask, ip4Parse, ip4ParsePrefix } from '../lib/addr.ts'
import { ManageError } from '../vimage/error.ts'
import { ARP_SPA, ARP_TPA, ARP_LEN } from '../wire/arp.ts'
import { ETHER_HDR_LEN, ETHER_TYPE, ETHERTYPE_ARP, ETHERTYPE_IP } from '../wire/ethernet.ts'
import {
  IP_DST, IP_HDR_LEN, IP_OFF, IP_OFFMASK, IP_P, IP_SRC, IP_VHL, IPPROTO_ICMP, IPPROTO_TCP, IPPROTO_UDP,
} from '../wire/ipv4.ts'
import { viewOf } from '../wire/layout.ts'
import { LINKTYPE_ETHERNET } from '../wire/print.ts'

type End = 'src' | 'dst' | 'either'

interface Term {
  not: boolean
  kind: 'arp' | 'ip' | 'proto' | 'net' | 'port'
  end: End
  /** Protocol, port or network. */
  value: number
  mask: number
}

export type PacketFilter = readonly Term[]

/** What a filter asks about; -1 for what the packet does not have. */
interface Facts {
  etherType: number
  proto: number
  src: number
  dst: number
  hasAddresses: boolean
  srcPort: number
  dstPort: number
}

const EXPECTED = 'expected arp, ip, icmp, tcp, udp, host ADDR, net NET/LEN or port N, joined by "and"'

/** ManageError EINVAL that names the word which is not understood. */
export function parseFilter(text: string): PacketFilter {
  const words = text.split(/\s+/).filter((w) => w !== '')
  const terms: Term[] = []
  for (let i = 0; i < words.length;) {
    if (terms.length > 0 && words[i] === 'and') i++
    const not = words[i] === 'not' || words[i] === '!'
    if (not) i++
    const directed = words[i] === 'src' || words[i] === 'dst'
    const end: End = directed ? (words[i++] as End) : 'either'
    const word = words[i++] ?? 'the end'
    const term = directed ? null : plainTerm(word)
    if (term !== null) terms.push({ ...term, not, end })
    else {
      terms.push({ ...valueTerm(word, words[i]), not, end })
      i++
    }
  }
  return terms
}

/** True when every term holds of the frame. */
export function filterMatches(filter: PacketFilter, bytes: Uint8Array, linkType: number): boolean {
  if (filter.length === 0) return true
  const facts = factsOf(bytes, linkType)
  return filter.every((term) => holds(term, facts) !== term.not)
}

function plainTerm(word: string): Omit<Term, 'not' | 'end'> | null {
  switch (word) {
    case 'arp': return { kind: 'arp', value: 0, mask: 0 }
    case 'ip': return { kind: 'ip', value: 0, mask: 0 }
    case 'icmp': return { kind: 'proto', value: IPPROTO_ICMP, mask: 0 }
    case 'tcp': return { kind: 'proto', value: IPPROTO_TCP, mask: 0 }
    case 'udp': return { kind: 'proto', value: IPPROTO_UDP, mask: 0 }
    default: return null
  }
}

function valueTerm(word: string, value: string | undefined): Omit<Term, 'not' | 'end'> {
  const bad = (): ManageError => {
    const said = value === undefined ? word : `${word} ${value}`
    return new ManageError('EINVAL', `filter: "${said}" is not understood; ${EXPECTED}`)
  }
  if (value === undefined) throw bad()
  if (word === 'host') {
    const ip = ip4Parse(value)
    if (ip === null) throw bad()
    return { kind: 'net', value: ip, mask: -1 }
  }
  if (word === 'net') {
    const net = ip4ParsePrefix(value)
    if (net === null) throw bad()
    const mask = ip4Mask(net.prefixLen)
    return { kind: 'net', value: net.ip & mask, mask }
  }
  if (word !== 'port' || !/^\d{1,5}$/.test(value) || Number(value) > 65_535) throw bad()
  return { kind: 'port', value: Number(value), mask: 0 }
}

function holds(term: Term, f: Facts): boolean {
  switch (term.kind) {
    case 'arp': return f.etherType === ETHERTYPE_ARP
    case 'ip': return f.etherType === ETHERTYPE_IP
    case 'proto': return f.proto === term.value
    case 'net':
      return f.hasAddresses && either(term, (f.src & term.mask) === term.value, (f.dst & term.mask) === term.value)
    case 'port': return either(term, f.srcPort === term.value, f.dstPort === term.value)
  }
}

function either(term: Term, src: boolean, dst: boolean): boolean {
  return (src && term.end !== 'dst') || (dst && term.end !== 'src')
}

function factsOf(bytes: Uint8Array, linkType: number): Facts {
  const facts: Facts = { etherType: -1, proto: -1, src: 0, dst: 0, hasAddresses: false, srcPort: -1, dstPort: -1 }
  const view = viewOf(bytes)
  let at = 0
  if (linkType === LINKTYPE_ETHERNET) {
    if (bytes.length < ETHER_HDR_LEN) return facts
    facts.etherType = view.getUint16(ETHER_TYPE)
    at = ETHER_HDR_LEN
  } else if (bytes.length > 0 && (bytes[0]) >> 4 === 4) facts.etherType = ETHERTYPE_IP
  if (facts.etherType === ETHERTYPE_ARP && bytes.length >= at + ARP_LEN) {
    facts.src = view.getInt32(at + ARP_SPA)
    facts.dst = view.getInt32(at + ARP_TPA)
    facts.hasAddresses = true
  } else if (facts.etherType === ETHERTYPE_IP && bytes.length >= at + IP_HDR_LEN) ipFacts(facts, view, at)
  return facts
}

function ipFacts(facts: Facts, view: DataView, at: number): void {
  facts.proto = view.getUint8(at + IP_P)
  facts.src = view.getInt32(at + IP_SRC)
  facts.dst = view.getInt32(at + IP_DST)
  facts.hasAddresses = true
  const l4 = at + ((view.getUint8(at + IP_VHL) & 15) << 2)
  const hasPorts = facts.proto === IPPROTO_TCP || facts.proto === IPPROTO_UDP
  if (!hasPorts || (view.getUint16(at + IP_OFF) & IP_OFFMASK) !== 0 || view.byteLength < l4 + 4) return
  facts.srcPort = view.getUint16(l4)
  facts.dstPort = view.getUint16(l4 + 2)
}
