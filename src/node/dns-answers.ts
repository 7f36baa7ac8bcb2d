/** Records of dns-packet in the forms that Node's `dns` gives its callers. */

import type { Answer, StringAnswer } from 'dns-packet'
import type { QueryType } from './dns-exchange.ts'

/** What a query of `type` results in, and the TTLs beside it (A and AAAA). */
export function answerOf(type: QueryType, all: readonly Answer[]): { result: unknown; ttls: number[] } {
  if (type === 'ANY') return { result: all.map(any).filter((x) => x !== null), ttls: [] }
  const answers = all.filter((a) => a.type === type)
  if (type === 'SOA') return { result: answers.length === 0 ? undefined : typed(answers[0]), ttls: [] }
  return { result: answers.map(typed), ttls: answers.map((a) => (a as StringAnswer).ttl ?? 0) }
}

/** Node's records have had a `type` since version 24: its name, or nothing in those that Node itself leaves without. */
function typed(a: Answer): unknown {
  const record = plain(a)
  if (Number(process.versions.node.split('.')[0]) < 24) return record
  switch (a.type) {
    case 'MX':
    case 'SRV':
    case 'CAA':
    case 'TLSA': return { ...record as object, type: a.type }
    case 'NAPTR':
    case 'SOA': return { ...record as object, type: undefined }
    default: return record
  }
}

function plain(a: Answer): unknown {
  switch (a.type) {
    case 'MX': return { exchange: a.data.exchange, priority: a.data.preference ?? 0 }
    case 'TXT': return [a.data].flat().map((part) => Buffer.isBuffer(part) ? part.toString('latin1') : part)
    case 'SRV': return { name: a.data.target, port: a.data.port, priority: a.data.priority ?? 0, weight: a.data.weight ?? 0 }
    case 'NAPTR': return {
      flags: a.data.flags, service: a.data.services, regexp: a.data.regexp, replacement: a.data.replacement,
      order: a.data.order, preference: a.data.preference,
    }
    case 'SOA': return {
      nsname: a.data.mname, hostmaster: a.data.rname, serial: a.data.serial ?? 0, refresh: a.data.refresh ?? 0,
      retry: a.data.retry ?? 0, expire: a.data.expire ?? 0, minttl: a.data.minimum ?? 0,
    }
    case 'CAA': return { critical: a.data.issuerCritical === true ? 128 : 0, [a.data.tag]: a.data.value }
    case 'TLSA': return {
      certUsage: a.data.usage, selector: a.data.selector, match: a.data.matchingType, data: arrayBuffer(a.data.certificate),
    }
    default: return (a as StringAnswer).data
  }
}

function any(a: Answer): unknown {
  switch (a.type) {
    case 'A':
    case 'AAAA': return { address: a.data, ttl: a.ttl ?? 0, type: a.type }
    case 'CNAME':
    case 'NS':
    case 'PTR': return { value: a.data, type: a.type }
    case 'TXT': return { entries: plain(a), type: a.type }
    case 'MX':
    case 'SRV':
    case 'NAPTR':
    case 'SOA':
    case 'CAA':
    case 'TLSA': return { ...plain(a) as object, type: a.type }
    default: return null
  }
}

function arrayBuffer(bytes: Buffer): ArrayBuffer {
  return new Uint8Array(bytes).buffer
}
