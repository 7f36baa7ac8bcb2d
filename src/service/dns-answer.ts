/** What an authoritative server answers (RFC 1034 §4.3.2; wildcards RFC 4592, denials RFC 2308, EDNS RFC 6891). */

import { AUTHORITATIVE_ANSWER, decode, encode, RECURSION_DESIRED, TRUNCATED_RESPONSE } from 'dns-packet'
import type { Answer, DecodedPacket, OptAnswer, Packet, Question } from 'dns-packet'
import { canonicalName, isWithin, parentOf } from './dns-zone.ts'
import type { DnsZone } from './dns-zone.ts'

/** The least that everybody takes over UDP (RFC 1035 §4.2.1), and what we send at most there: one packet on nearly every path. */
const UDP_LEAST = 512
const UDP_MOST = 1232
/** CNAMEs followed within our zones. */
const CHAIN_MOST = 8
const HEADER = 12
const QR = 0x80

const NOERROR = 0
const FORMERR = 1
const SERVFAIL = 2
const NXDOMAIN = 3
const NOTIMP = 4
const REFUSED = 5

/** Sections of an answer. */
interface Found { rcode: number; authoritative: boolean; answers: Answer[]; authorities: Answer[]; additionals: Answer[] }

/** The response to a message, or null for what deserves none: responses, and what is too short to be a query. */
export function dnsAnswer(zones: readonly DnsZone[], message: Uint8Array, viaTcp: boolean): Uint8Array | null {
  if (message.length < HEADER || (message[2] & QR) !== 0) return null
  const bare = (rcode: number): Uint8Array => headerOnly(message, rcode)
  if ((message[2] & 0x78) !== 0) return bare(NOTIMP)
  let query: DecodedPacket
  try {
    query = decode(Buffer.from(message))
  } catch {
    return bare(FORMERR)
  }
  const opts = (query.additionals ?? []).filter((a) => a.type === 'OPT')
  if (query.questions?.length !== 1 || opts.length > 1) return bare(FORMERR)
  const opt: OptAnswer | undefined = opts.at(0)
  const found = opt === undefined || opt.ednsVersion === 0 ? resolve(zones, query.questions[0]) : nothing(NOERROR)
  const room = viaTcp ? 65_535 : Math.min(UDP_MOST, Math.max(UDP_LEAST, opt?.udpPayloadSize ?? UDP_LEAST))
  try {
    return encoded(query, opt, found, room)
  } catch {
    // a name that does not survive its way through text, or records beyond 64 KiB
    return bare(SERVFAIL)
  }
}

/** Additional records are the first to go; then the rest, with TC (RFC 2181 §9). */
function encoded(query: DecodedPacket, opt: OptAnswer | undefined, found: Found, room: number): Uint8Array {
  const own = opt === undefined ? [] : [{
    type: 'OPT', name: '.', udpPayloadSize: UDP_MOST, flags: 0, options: [], ednsVersion: 0,
    // BADVERS (RFC 6891 §6.1.3) is 16: its upper bits are here
    extendedRcode: opt.ednsVersion === 0 ? 0 : 1,
  } as unknown as Answer]
  const flags = found.rcode | (query.flag_rd ? RECURSION_DESIRED : 0) | (found.authoritative ? AUTHORITATIVE_ANSWER : 0)
  const whole: Packet = {
    type: 'response', id: query.id ?? 0, flags, questions: query.questions ?? [],
    answers: found.answers, authorities: found.authorities, additionals: [...found.additionals, ...own],
  }
  const all = encode(whole)
  if (all.length <= room) return all
  const fewer = encode({ ...whole, additionals: own })
  if (fewer.length <= room) return fewer
  return encode({ ...whole, flags: flags | TRUNCATED_RESPONSE, answers: [], authorities: [], additionals: own })
}

function resolve(zones: readonly DnsZone[], { name, type, class: klass }: Question): Found {
  if ((klass ?? 'IN') !== 'IN' || ['AXFR', 'IXFR'].includes(type)) return nothing(REFUSED)
  const found = nothing(REFUSED)
  let wanted = name
  for (let n = 0; n < CHAIN_MOST; n++) {
    const zone = zoneOf(zones, canonicalName(wanted))
    // a CNAME that leads out of our zones: the asker goes on elsewhere
    if (zone === null) return found
    const alias = lookUp(zone, wanted, type, found)
    if (alias === '') return found
    wanted = alias
  }
  return { ...nothing(SERVFAIL) }
}

/** Puts what `zone` says into `found`; the name to go on with after a CNAME, or ''. */
function lookUp(zone: DnsZone, name: string, type: string, found: Found): string {
  const wanted = canonicalName(name)
  const cut = delegation(zone, wanted)
  if (cut !== null) {
    found.rcode = NOERROR
    found.authorities.push(...cut)
    found.additionals.push(...glue(zone, cut))
    return ''
  }
  found.authoritative = true
  found.rcode = NOERROR
  const node = nodeOf(zone, wanted)
  const records = (node ?? []).filter((r) => r.type === type || type === 'ANY' || r.type === 'CNAME')
    .map((r): Answer => ({ ...r, name }))
  if (records.length === 0) {
    found.rcode = node === null ? NXDOMAIN : NOERROR
    found.authorities.push(denial(zone))
    return ''
  }
  found.answers.push(...records)
  found.additionals.push(...glue(zone, records))
  const [first] = records
  return first.type === 'CNAME' && type !== 'CNAME' && type !== 'ANY' ? first.data : ''
}

/** The records of a name, of the wildcard that covers it (RFC 4592 §3.3.1), or null where there is no such name. */
function nodeOf(zone: DnsZone, name: string): Answer[] | null {
  const node = zone.nodes.get(name)
  if (node !== undefined) return node
  let encloser = parentOf(name)
  while (!zone.nodes.has(encloser)) encloser = parentOf(encloser)
  return zone.nodes.get(encloser === '' ? '*' : `*.${encloser}`) ?? null
}

/** NS records of the uppermost name below the zone's own, on the way to `name`, that has some: a zone of somebody else's. */
function delegation(zone: DnsZone, name: string): Answer[] | null {
  let cut: Answer[] | null = null
  for (let at = name; at !== zone.name; at = parentOf(at)) {
    const ns = (zone.nodes.get(at) ?? []).filter((r) => r.type === 'NS')
    if (ns.length > 0) cut = ns
  }
  return cut
}

/** Addresses of the names that records name, as far as the zone has them. */
function glue(zone: DnsZone, records: readonly Answer[]): Answer[] {
  const names = records.flatMap((r) => r.type === 'NS' ? [r.data] : r.type === 'MX' ? [r.data.exchange]
    : r.type === 'SRV' ? [r.data.target] : [])
  return [...new Set(names.map(canonicalName))].flatMap((name) => zone.nodes.get(name) ?? [])
    .filter((r) => r.type === 'A' || r.type === 'AAAA')
}

/** How long the denial holds is its SOA's TTL (RFC 2308 §3). */
function denial({ soa }: DnsZone): Answer {
  return { ...soa, ttl: Math.min(soa.ttl ?? 0, soa.data.minimum ?? 0) }
}

/** The zone nearest to `name`. */
function zoneOf(zones: readonly DnsZone[], name: string): DnsZone | null {
  let best: DnsZone | null = null
  for (const zone of zones) {
    if (isWithin(name, zone.name) && (best === null || zone.name.length > best.name.length)) best = zone
  }
  return best
}

function nothing(rcode: number): Found {
  return { rcode, authoritative: false, answers: [], authorities: [], additionals: [] }
}

/** Nothing but the query's id, opcode and RD, and why. */
function headerOnly(message: Uint8Array, rcode: number): Uint8Array {
  const out = new Uint8Array(HEADER)
  out.set([message[0], message[1], QR | (message[2] & 0x79), rcode])
  return out
}
