/** What differs between a packet that a script expects and the one that came. */

import { addrPrint, macPrint } from '../lib/addr.ts'
import { sameWords } from '../lib/addr6.ts'
import { icmpIsError } from '../wire/icmp.ts'
import { icmp6IsError } from '../wire/icmpv6.ts'
import { TH_ACK } from '../wire/tcp.ts'
import { IPTOS_ECN_ECT0, IPTOS_ECN_ECT1 } from '../wire/ipv4.ts'
import { ECT01 } from './ast.ts'
import type { IcmpSpec, MessageSpec, NdSpec, PacketSpec, RawSpec, TcpOptionSpec, TcpSpec, UdpSpec } from './ast.ts'
import { messageName, printMessage, printMessageOptions } from './message-print.ts'
import { encodeOptions, printOptions } from './packet-options.ts'
import { printFlags, printNdOptions, printOctets } from './packet-print.ts'
import { compareHeaders } from './packet-six.ts'
import { printNa } from './parse-six.ts'

/** The first difference in words, or ''. Both packets are in the script's numbers. */
export function comparePackets(expected: PacketSpec, actual: PacketSpec): string {
  const e = expected.body
  const a = actual.body
  if (e.proto !== a.proto) return `it is ${a.proto}, not ${e.proto}`
  const ip = compareIp(expected, actual) || compareHeaders(expected.headers, actual.headers)
  if (ip !== '') return ip
  switch (e.proto) {
    case 'tcp': return compareTcp(e, a as TcpSpec)
    case 'icmp': return compareIcmp(e, a as IcmpSpec)
    case 'nd': return compareNd(e, a as NdSpec)
    case 'message': return compareMessage(e, a as MessageSpec)
    case 'raw': return differ('protocol', e.number, (a as RawSpec).number) || differ('length', e.len, (a as RawSpec).len)
    case 'udp': return differ('length', e.len, (a as UdpSpec).len)
  }
}

function compareNd(e: NdSpec, a: NdSpec): string {
  if (e.type !== a.type) return differ('ICMP type', e.type, a.type)
  if (!sameWords(e.target, a.target)) return `the target is ${addrPrint(a.target)}, expected ${addrPrint(e.target)}`
  if (e.flags !== a.flags) return `flags are ${printNa(a.flags) || 'none'}, expected ${printNa(e.flags) || 'none'}`
  const same = e.options.length === a.options.length &&
    e.options.every((o, i) => o.bytes === null || o.bytes.join() === a.options[i].bytes?.join())
  return e.anyOptions || same ? '' : `options are ${printNdOptions(a)}, expected ${printNdOptions(e)}`
}

function compareMessage(e: MessageSpec, a: MessageSpec): string {
  if (messageName(e) !== messageName(a)) return `it is ${messageName(a)}, not ${messageName(e)}`
  if (e.code !== a.code) return differ('code', e.code, a.code)
  // of a report the fixed part only counts records, which differ then
  if (!e.anyOptions && e.options.join(';') !== a.options.join(';')) {
    return `it has ${printMessageOptions(a)}, expected ${printMessageOptions(e)}`
  }
  return e.fixed.join() === a.fixed.join() || (e.anyOptions && messageName(e) === 'mld report') ? ''
    : `it is ${printMessage({ ...a, options: [] })}, expected ${printMessage({ ...e, options: [], anyOptions: false })}`
}

function compareIp(e: PacketSpec, a: PacketSpec): string {
  if (e.ecn === ECT01) {
    if (a.ecn !== IPTOS_ECN_ECT0 && a.ecn !== IPTOS_ECN_ECT1) return `ECN is ${a.ecn}, neither ECT(0) nor ECT(1)`
  } else if (e.ecn >= 0 && e.ecn !== a.ecn) return differ('ECN codepoint', e.ecn, a.ecn)
  if (e.tos >= 0 && e.tos !== a.tos) return differ('TOS', e.tos, a.tos)
  if (e.flow >= 0 && e.flow !== a.flow) return differ('flow label', e.flow, a.flow)
  if (e.plen >= 0 && e.plen !== a.plen) return differ('payload length', e.plen, a.plen)
  if (e.mac >= 0 && e.mac !== a.mac) return `it went to ${macPrint(a.mac)}, expected ${macPrint(e.mac)}`
  if (e.ttl >= 0 && e.ttl !== a.ttl) return differ('TTL', e.ttl, a.ttl)
  if (e.ipOptions === null || e.ipOptions.join() === a.ipOptions?.join()) return ''
  return `IP options are ${printOctets(a.ipOptions ?? [])}, expected ${printOctets(e.ipOptions)}`
}

function compareTcp(e: TcpSpec, a: TcpSpec): string {
  if (e.flags !== a.flags) return `flags are ${printFlags(a.flags)}, expected ${printFlags(e.flags)}`
  if (e.seq !== a.seq) return differ('sequence number', e.seq, a.seq)
  if (e.len !== a.len) return differ('length', e.len, a.len)
  if (((e.flags & TH_ACK) !== 0 || e.ack !== 0) && e.ack !== a.ack) return differ('acknowledgment', e.ack, a.ack)
  if (e.win >= 0 && e.win !== a.win) return differ('window', e.win, a.win)
  if (e.urg !== a.urg) return differ('urgent pointer', e.urg, a.urg)
  return e.anyOptions || sameOptions(e.options, a.options) ? ''
    : `options are <${printOptions(a.options)}>, expected <${printOptions(e.options)}>`
}

function sameOptions(e: readonly TcpOptionSpec[], a: readonly TcpOptionSpec[]): boolean {
  return e.length === a.length && e.every((o, i) => sameOption(o, a[i]))
}

function sameOption(e: TcpOptionSpec, a: TcpOptionSpec): boolean {
  if (e.kind !== a.kind) return false
  if ((e.kind === 'mss' || e.kind === 'wscale') && e.value < 0) return true
  if (e.kind === 'ts' && a.kind === 'ts') return (e.val < 0 || e.val === a.val) && (e.ecr < 0 || e.ecr === a.ecr)
  return encodeOptions([e]).join() === encodeOptions([a]).join()
}

function compareIcmp(e: IcmpSpec, a: IcmpSpec): string {
  if (e.type !== a.type) return differ('ICMP type', e.type, a.type)
  if (e.code !== a.code) return differ('ICMP code', e.code, a.code)
  if (e.mtu >= 0 && e.mtu !== a.mtu) return differ('MTU', e.mtu, a.mtu)
  if (e.id >= 0 && e.id !== a.id) return differ('identifier', e.id, a.id)
  if (e.seq >= 0 && e.seq !== a.seq) return differ('number', e.seq, a.seq)
  if (e.ptr >= 0 && e.ptr !== a.ptr) return differ('pointer', e.ptr, a.ptr)
  const error = e.v6 ? icmp6IsError(e.type) : icmpIsError(e.type)
  // how much an error quotes is compared where the script says it
  if (e.len !== a.len && !(error && e.len === 0)) return differ('length', e.len, a.len)
  if (e.quoted === null) return ''
  const q = a.quoted
  if (q?.proto !== e.quoted.proto) return `it quotes ${q?.proto ?? 'nothing known'}, not ${e.quoted.proto}`
  return differ('quoted sequence number', e.quoted.seq, q.seq) || differ('quoted length', e.quoted.len, q.len)
}

function differ(what: string, expected: number, actual: number): string {
  return expected === actual ? '' : `${what} is ${actual}, expected ${expected}`
}
