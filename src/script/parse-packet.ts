/** Packets of a script: `> P. 1:1001(1000) ack 1 win 512 <nop,nop,TS val 1 ecr 2>`, UDP and ICMP. */

import { TH_ACK, TH_AE, TH_CWR, TH_ECE, TH_FIN, TH_PUSH, TH_RST, TH_SYN, TH_URG } from '../wire/tcp.ts'
import {
  IPTOS_ECN_CE, IPTOS_ECN_ECT0, IPTOS_ECN_ECT1, IPTOS_ECN_NOTECT,
} from '../wire/ipv4.ts'
import {
  TCPOPT_AO, TCPOPT_EXPERIMENT, TCPOPT_FAST_OPEN, TCPOPT_SIGNATURE, TCPOPT_USER_TIMEOUT,
} from '../wire/tcp-options.ts'
import { ECT01 } from './ast.ts'
import type { IcmpSpec, PacketSpec, QuotedSpec, TcpOptionSpec, TcpSpec, UdpSpec } from './ast.ts'
import { icmpCodeNumber, icmpTypeNumber } from './icmp-names.ts'
import { parseDiscovery, parseMld } from './parse-message.ts'
import { parseAddress, parseHeader, parseHex, parseMac, parseNd } from './parse-six.ts'
import type { Scanner } from './scanner.ts'

export function parsePacket(s: Scanner): PacketSpec {
  const direction = s.eat('<') ? '<' : '>'
  if (direction === '>') s.expect('>')
  const spec: PacketSpec = {
    kind: 'packet', direction, fromPort: -1, toPort: -1, ecn: -1, tos: -1, ttl: -1, src: null, dst: null, flow: -1,
    plen: -1, mac: -1, headers: [], ipOptions: null, via: '', body: { proto: 'raw', number: -1, len: 0 },
  }
  for (;;) {
    if (s.eat('[')) parseIpInfo(s, spec)
    else if (s.eat('{')) spec.headers.push(parseHeader(s))
    else if (s.looksAt('(') || s.looksAtPattern(/\d+\s*>\s*\d+\s*:/y)) parsePorts(s, spec)
    else break
  }
  const other = s.take(/(?:ipv4|ipv6|ipip|mpls|gre|sctp|udplite|inject)\b/y)
  if (other !== null) throw s.unsupported(`packets with ${other[0]}`)
  const icmp = s.take(/icmp(v4|v6)?\b/y)
  if (icmp !== null) spec.body = parseIcmp(s, icmp[1] === 'v6')
  else if (s.eatWord('udp')) spec.body = parseUdp(s)
  else if (s.eatWord('nd')) spec.body = parseDiscovery(s) ?? parseNd(s)
  else if (s.eatWord('mld')) spec.body = parseMld(s)
  else if (s.eatWord('proto')) spec.body = { proto: 'raw', number: s.integer('a protocol', 255), len: parseLength(s) }
  else if (s.eatWord('rest')) spec.body = { proto: 'raw', number: -1, len: 0 }
  else spec.body = parseTcp(s)
  return spec
}

/** `(40000 > 80)` or `40000 > 80:`. */
function parsePorts(s: Scanner, spec: PacketSpec): void {
  const end = s.eat('(') ? ')' : ':'
  if (s.eatWord('flowlabel')) throw s.unsupported('(flowlabel) of a packet')
  spec.fromPort = s.integer('a port', 0xffff)
  s.expect('>')
  spec.toPort = s.integer('a port', 0xffff)
  s.expect(end)
}

function parseIpInfo(s: Scanner, spec: PacketSpec): void {
  do {
    const m = s.take(/[a-z0-9]+/y)
    switch (m?.[0]) {
      case 'src': spec.src = parseAddress(s); break
      case 'dst': spec.dst = parseAddress(s); break
      case 'flow': spec.flow = s.integer('a flow label', 0xfffff); break
      case 'plen': spec.plen = s.integer('a payload length', 0xffff); break
      case 'mac': spec.mac = parseMac(s); break
      case 'noecn': case 'nonecn': spec.ecn = IPTOS_ECN_NOTECT; break
      case 'ect0': spec.ecn = IPTOS_ECN_ECT0; break
      case 'ect1': spec.ecn = IPTOS_ECN_ECT1; break
      case 'ect01': spec.ecn = ECT01; break
      case 'ce': spec.ecn = IPTOS_ECN_CE; break
      case 'tos': spec.tos = s.integer('a TOS octet', 255); break
      case 'ttl': spec.ttl = s.integer('a TTL', 255); break
      case 'ipopt': spec.ipOptions = paddedTo4(parseHex(s)); break
      case 'via': spec.via = s.take(/\d+\.\d+\.\d+\.\d+/y)?.[0] ?? ''; break
      case undefined: throw s.fail('an ECN codepoint, tos or ttl')
      default: throw s.unsupported(`[${m?.[0] ?? ''}] of a packet`)
    }
  } while (s.eat(','))
  s.expect(']')
}

/** The header counts in words (RFC 791 §3.1). */
function paddedTo4(octets: number[]): number[] {
  while (octets.length % 4 !== 0) octets.push(0)
  return octets
}

function parseTcp(s: Scanner): TcpSpec {
  const flags = s.take(/[SFRP.UEWCAN0-7-]+(?=\s)/y)
  if (flags === null) throw s.fail('TCP flags, udp or icmp')
  const absolute = s.eatWord('abs')
  const { seq, len } = parseRange(s)
  const spec: TcpSpec = {
    proto: 'tcp', flags: flagBits(s, flags[0]), seq, len, absolute, ack: 0, win: -1, urg: 0, options: [],
    anyOptions: false,
  }
  if (s.eatWord('ack')) spec.ack = s.integer('an acknowledgment number')
  else if ((spec.flags & TH_ACK) !== 0) throw s.fail('ack and a number, for the flag "." is set')
  if (s.eatWord('win') && !eatAny(s)) spec.win = s.integer('a window', 0xffff)
  if (s.eatWord('urg')) spec.urg = s.integer('an urgent pointer', 0xffff)
  if (s.eat('<')) parseOptions(s, spec)
  return spec
}

/** `*` or `...`: any value. */
function eatAny(s: Scanner): boolean {
  return s.eat('...') || s.eat('*')
}

/** `first:next(length)`. */
function parseRange(s: Scanner): { seq: number; len: number } {
  const seq = s.integer('a sequence number')
  s.expect(':')
  const end = s.integer('the sequence number behind the data')
  const len = parseLength(s)
  if ((seq + len) % 0x100000000 !== end) throw s.fail(`${seq}:${(seq + len) % 0x100000000}(${len})`)
  return { seq, len }
}

function parseLength(s: Scanner): number {
  s.expect('(')
  // with the longest headers it still fits an IP packet
  const len = s.integer('a length', 65_455)
  s.expect(')')
  return len
}

function flagBits(s: Scanner, letters: string): number {
  let bits = 0
  for (const letter of letters) {
    switch (letter) {
      case 'S': bits |= TH_SYN; break
      case 'F': bits |= TH_FIN; break
      case 'R': bits |= TH_RST; break
      case 'P': bits |= TH_PUSH; break
      case '.': bits |= TH_ACK; break
      case 'U': bits |= TH_URG; break
      case 'E': bits |= TH_ECE; break
      case 'W': case 'C': bits |= TH_CWR; break
      case 'A': case 'N': bits |= TH_AE; break
      case '-': break
      // the three bits of AccECN's counter (RFC 9768 §3.1.1)
      default: {
        const ace = Number(letter)
        bits |= ((ace & 4) !== 0 ? TH_AE : 0) | ((ace & 2) !== 0 ? TH_CWR : 0) | ((ace & 1) !== 0 ? TH_ECE : 0)
      }
    }
  }
  if (letters.includes('-') && letters.length > 1) throw s.fail('flags, or "-" alone')
  return bits
}

function parseOptions(s: Scanner, spec: TcpSpec): void {
  if (s.eat('...')) {
    spec.anyOptions = true
    s.expect('>')
    return
  }
  if (s.eat('>')) return
  do spec.options.push(parseOption(s)); while (s.eat(','))
  s.expect('>')
  const length = spec.options.reduce((n, o) => n + optionLength(o), 0)
  if (length % 4 !== 0) throw s.fail(`options padded to a multiple of 4 octets (these are ${length})`)
  if (length > 40) throw s.fail(`options of 40 octets at most (these are ${length})`)
}

function parseOption(s: Scanner): TcpOptionSpec {
  const m = s.take(/[A-Za-z][\w-]*/y)
  switch (m?.[0]) {
    case 'mss': return { kind: 'mss', value: eatAny(s) ? -1 : s.integer('a segment size', 0xffff) }
    case 'wscale': return { kind: 'wscale', value: eatAny(s) ? -1 : s.integer('a window scale', 255) }
    case 'nop': case 'eol': return { kind: m[0] }
    case 'sackOK': case 'sackok': case 'SACKOK': return { kind: 'sackOK' }
    case 'sack': case 'SACK': return parseSack(s)
    case 'TS': case 'ts': return parseTimestamps(s)
    case 'FO': return { kind: 'raw', number: TCPOPT_FAST_OPEN, bytes: parseHex(s) }
    case 'FOEXP': case 'exp-fo': return { kind: 'raw', number: TCPOPT_EXPERIMENT, bytes: [0xf9, 0x89, ...parseHex(s)] }
    case 'uto': return { kind: 'raw', number: TCPOPT_USER_TIMEOUT, bytes: parseHex(s) }
    case 'md5': case 'MD5': return { kind: 'raw', number: TCPOPT_SIGNATURE, bytes: parseHex(s) }
    case 'ao': return { kind: 'raw', number: TCPOPT_AO, bytes: parseHex(s) }
    case 'ECN': case 'AccECN': case 'ACCECN': case 'accecn': return parseAccEcn(s)
    // any other by its number: `option-253 0102`, `kind 253 0102`
    case 'option': case 'kind': case 'opt':
      return { kind: 'raw', number: s.integer('the number of an option', 255), bytes: parseHex(s) }
    case undefined: throw s.fail('a TCP option')
    default: {
      const numbered = /^option-(\d{1,3})$/.exec(m?.[0] ?? '')
      if (numbered === null) throw s.unsupported(`TCP option ${m?.[0] ?? ''}`)
      return { kind: 'raw', number: Number(numbered[1]) & 255, bytes: parseHex(s) }
    }
  }
}

/**
 * `ECN e0b N ceb N e1b N`: counters of 24 bits (RFC 9768 §3.2.3). The order in which they stand, ECT(0) or ECT(1) first,
 * says which of the two kinds it is; from the end they may be left out.
 */
function parseAccEcn(s: Scanner): TcpOptionSpec {
  const names: string[] = []
  const bytes: number[] = []
  for (;;) {
    const m = s.take(/(?:e0b|ceb|e1b)\b/y)
    if (m === null) break
    names.push(m[0])
    const n = s.integer('a counter of 24 bits', 0xffffff)
    bytes.push(n >> 16, n >> 8 & 255, n & 255)
  }
  const order = names.join(' ')
  if (order !== '' && 'e1b ceb e0b'.startsWith(order)) return { kind: 'raw', number: TCPOPT_ACCECN1, bytes }
  if ('e0b ceb e1b'.startsWith(order)) return { kind: 'raw', number: TCPOPT_ACCECN0, bytes }
  throw s.fail('counters in the order e0b ceb e1b, or e1b ceb e0b')
}

/** Option kinds that only scripts name: AccECN's two. */
const TCPOPT_ACCECN0 = 172
const TCPOPT_ACCECN1 = 174

function parseSack(s: Scanner): TcpOptionSpec {
  const edges: number[] = []
  for (;;) {
    const m = s.take(/(\d+)\s*:\s*(\d+)/y)
    if (m === null) break
    edges.push(Number(m[1]), Number(m[2]))
  }
  if (edges.length === 0) throw s.fail('blocks like 1:1001')
  return { kind: 'sack', edges }
}

function parseTimestamps(s: Scanner): TcpOptionSpec {
  if (!s.eatWord('val')) throw s.fail('val')
  const val = s.eat('...') ? -1 : s.integer('a timestamp')
  if (!s.eatWord('ecr')) throw s.fail('ecr')
  return { kind: 'ts', val, ecr: s.eat('...') ? -1 : s.integer('a timestamp') }
}

function parseUdp(s: Scanner): UdpSpec {
  const len = parseLength(s)
  return { proto: 'udp', len, sum: s.eatWord('sum') ? s.integer('a checksum', 0xffff) : -1 }
}

function optionLength(o: TcpOptionSpec): number {
  switch (o.kind) {
    case 'nop': case 'eol': return 1
    case 'mss': return 4
    case 'wscale': return 3
    case 'sackOK': return 2
    case 'ts': return 10
    case 'sack': return 2 + o.edges.length * 4
    case 'raw': return 2 + o.bytes.length
  }
}

function parseIcmp(s: Scanner, v6: boolean): IcmpSpec {
  const spec: IcmpSpec = { proto: 'icmp', v6, type: 0, code: 0, mtu: -1, id: -1, seq: -1, ptr: -1, len: 0, quoted: null }
  const word = s.take(/[a-z_]+/y)
  if (word === null) throw s.fail('an ICMP type')
  spec.type = word[0] === 'type' ? s.integer('an ICMP type', 255) : icmpTypeNumber(word[0], v6)
  if (spec.type < 0) throw s.unsupported(`ICMP type ${word[0]}`)
  for (;;) {
    const m = s.take(/[a-z_]+/y)
    if (m === null) break
    switch (m[0]) {
      case 'mtu': spec.mtu = s.integer('an MTU', v6 ? 0xffffffff : 0xffff); break
      case 'id': spec.id = s.integer('an identifier', 0xffff); break
      case 'seq': spec.seq = s.integer('a number', 0xffff); break
      case 'ptr': spec.ptr = s.integer('a pointer'); break
      case 'code': spec.code = s.integer('an ICMP code', 255); break
      default:
        spec.code = icmpCodeNumber(spec.type, m[0], v6)
        if (spec.code < 0) throw s.unsupported(`ICMP code ${m[0]}`)
    }
  }
  if (s.looksAt('(')) spec.len = parseLength(s)
  if (s.eat('[')) spec.quoted = parseQuoted(s)
  return spec
}

function parseQuoted(s: Scanner): QuotedSpec {
  const quoted: QuotedSpec = s.eatWord('udp') ? { proto: 'udp', seq: 0, len: parseLength(s) }
    : { proto: 'tcp', ...parseRange(s) }
  s.expect(']')
  return quoted
}
