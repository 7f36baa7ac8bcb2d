/**
 * Zones of the DNS server: lines as in a master file (RFC 1035 §5.1), without its directives and parentheses:
 * "owner [ttl] [IN] type data". "@" is the zone itself, a name that does not end with a dot is below it.
 */

import { encode } from 'dns-packet'
import type { Answer, SoaAnswer } from 'dns-packet'
import { addrIsV4, addrParse } from '../lib/addr.ts'

/** As written: records by the zone's name. */
export type DnsZones = Readonly<Record<string, readonly string[]>>

export interface DnsZone {
  /** In lower case and without the last dot; '' is the root. */
  name: string
  soa: SoaAnswer
  /** By owner, in lower case. A name that has no records but names below it is there with none (RFC 4592 §2.2.2). */
  nodes: Map<string, Answer[]>
}

const DEFAULT_TTL = 3600
const MAX_TTL = 0x7fffffff

/** Throws a RangeError that quotes the line that is wrong. A zone without SOA gets one. */
export function parseZones(zones: DnsZones): DnsZone[] {
  return Object.entries(zones).map(([name, lines]) => parseZone(canonicalName(name), lines))
}

/** Names are compared without regard to case (RFC 4343). */
export function canonicalName(name: string): string {
  return name.toLowerCase().replace(/\.$/, '')
}

/** The name without its first label. */
export function parentOf(name: string): string {
  const dot = name.indexOf('.')
  return dot < 0 ? '' : name.slice(dot + 1)
}

export function isWithin(name: string, zone: string): boolean {
  return zone === '' || name === zone || name.endsWith(`.${zone}`)
}

function parseZone(name: string, lines: readonly string[]): DnsZone {
  const nodes = new Map<string, Answer[]>([[name, []]])
  for (const line of lines) {
    const record = parseRecord(line, name)
    const owner = canonicalName(record.name)
    if (!isWithin(owner, name)) throw new RangeError(`"${line}" is not in the zone ${name}`)
    for (let at = owner; at !== name; at = parentOf(at)) if (!nodes.has(at)) nodes.set(at, [])
    const node = nodes.get(owner) ?? []
    // RFC 1034 §3.6.2
    if (node.length > 0 && [record, ...node].some((r) => r.type === 'CNAME')) {
      throw new RangeError(`"${line}": a name that has a CNAME has nothing else`)
    }
    node.push(record)
  }
  const apex = nodes.get(name) ?? []
  let soa = apex.find((r) => r.type === 'SOA')
  if (soa === undefined) {
    const ns = apex.find((r) => r.type === 'NS')
    soa = defaultSoa(name, ns?.type === 'NS' ? ns.data : below('ns', name))
    apex.push(soa)
  }
  return { name, soa, nodes }
}

function defaultSoa(zone: string, mname: string): SoaAnswer {
  const rname = below('hostmaster', zone)
  return {
    type: 'SOA', class: 'IN', name: zone, ttl: DEFAULT_TTL,
    data: { mname, rname, serial: 1, refresh: 7200, retry: 900, expire: 1_209_600, minimum: 300 },
  }
}

function parseRecord(line: string, zone: string): Answer {
  const words = line.match(/"(?:[^"\\]|\\.)*"|\S+/g) ?? []
  const owner = words.shift() ?? ''
  let ttl = DEFAULT_TTL
  if (/^\d+$/.test(words[0] ?? '')) ttl = Number(words.shift())
  if ((words[0] ?? '').toUpperCase() === 'IN') words.shift()
  const type = (words.shift() ?? '').toUpperCase()
  const data = ttl > MAX_TTL ? null : parseData(type, words, zone)
  if (data === null) throw new RangeError(`"${line}" is not a record like "www 300 A 10.0.0.1"`)
  const record = { type, class: 'IN', name: absolute(owner, zone), ttl, data } as Answer
  try {
    encode({ answers: [record] })
    if (record.name.split('.').some((label) => Buffer.byteLength(label) > 63)) throw new RangeError('a label is too long')
  } catch (error) {
    throw new RangeError(`"${line}": ${(error as Error).message}`, { cause: error })
  }
  return record
}

/** Null for what is no data of `type`. */
function parseData(type: string, words: string[], zone: string): unknown {
  const [first = ''] = words
  const name = (at: number): string => absolute(words[at], zone)
  const numbers = (count: number, max: number, from = 0): number[] | null => {
    const found = words.slice(from, from + count).map((w) => (/^\d{1,10}$/.test(w) ? Number(w) : -1))
    return found.length === count && found.every((n) => n >= 0 && n <= max) ? found : null
  }
  const addr = words.length === 1 ? addrParse(first) : null
  switch (type) {
    case 'A': return addr !== null && addrIsV4(addr) && !first.includes(':') ? first : null
    case 'AAAA': return addr !== null && first.includes(':') ? first : null
    case 'CNAME':
    case 'NS':
    case 'PTR': return words.length === 1 ? name(0) : null
    case 'MX': {
      const n = numbers(1, 0xffff)
      return n !== null && words.length === 2 ? { preference: n[0], exchange: name(1) } : null
    }
    case 'SRV': {
      const n = numbers(3, 0xffff)
      return n !== null && words.length === 4 ? { priority: n[0], weight: n[1], port: n[2], target: name(3) } : null
    }
    case 'TXT': return words.length > 0 ? words.map(unquoted) : null
    case 'SOA': {
      const n = numbers(5, 0xffffffff, 2)
      return n === null || words.length !== 7 ? null
        : { mname: name(0), rname: name(1), serial: n[0], refresh: n[1], retry: n[2], expire: n[3], minimum: n[4] }
    }
    default: return null
  }
}

function unquoted(word: string): string {
  return word.startsWith('"') ? word.slice(1, -1).replace(/\\(.)/g, '$1') : word
}

function absolute(name: string, zone: string): string {
  if (name === '@') return zone
  return name.endsWith('.') ? name.slice(0, -1) : below(name, zone)
}

function below(label: string, zone: string): string {
  return zone === '' ? label : `${label}.${zone}`
}
