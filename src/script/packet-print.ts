/** Packets in the script's own words, for messages. */

import { addrPrint, macPrint } from '../lib/addr.ts'
import {
  ND_NEIGHBOR_SOLICIT, ND_OPT_NONCE, ND_OPT_SOURCE_LINKADDR, ND_OPT_TARGET_LINKADDR,
} from '../wire/icmpv6.ts'
import {
  TH_ACK, TH_AE, TH_CWR, TH_ECE, TH_FIN, TH_PUSH, TH_RST, TH_SYN, TH_URG,
} from '../wire/tcp.ts'
import { ECT01 } from './ast.ts'
import type { IcmpSpec, NdSpec, PacketSpec, TcpSpec } from './ast.ts'
import { icmpCodeName, icmpTypeName } from './icmp-names.ts'
import { printMessage } from './message-print.ts'
import { printOptions } from './packet-options.ts'
import { printHeader } from './packet-six.ts'
import { printNa } from './parse-six.ts'

/** `like` is the packet that it is compared with: what that one leaves open is left out. */
export function printPacket(spec: PacketSpec, like: PacketSpec = spec): string {
  const words: string[] = [spec.direction]
  if (spec.fromPort >= 0) words.push(`(${spec.fromPort} > ${spec.toPort})`)
  const ip = [
    ...(like.ecn >= 0 ? [printEcn(spec.ecn)] : []),
    ...(like.tos >= 0 ? [`tos 0x${spec.tos.toString(16)}`] : []),
    ...(like.ttl >= 0 ? [`ttl ${spec.ttl}`] : []),
    ...(like.ipOptions !== null ? [`ipopt ${printOctets(spec.ipOptions ?? [])}`] : []),
    ...(spec.via !== '' ? [`via ${spec.via}`] : []),
    ...(like.src !== null && spec.src !== null ? [`src ${addrPrint(spec.src)}`] : []),
    ...(like.dst !== null && spec.dst !== null ? [`dst ${addrPrint(spec.dst)}`] : []),
    ...(like.flow >= 0 ? [`flow ${spec.flow}`] : []),
    ...(like.plen >= 0 ? [`plen ${spec.plen}`] : []),
    ...(like.mac >= 0 ? [`mac ${macPrint(spec.mac)}`] : []),
  ]
  if (ip.length > 0) words.push(`[${ip.join(', ')}]`)
  words.push(...spec.headers.map(printHeader))
  const { body } = spec
  if (body.proto === 'udp') words.push(`udp (${body.len})`)
  else if (body.proto === 'nd') words.push(printNd(body))
  else if (body.proto === 'message') words.push(printMessage(body))
  else if (body.proto === 'raw') words.push(body.number < 0 ? 'rest' : `proto ${body.number} (${body.len})`)
  else if (body.proto === 'icmp') words.push(printIcmp(body))
  else words.push(printTcp(body, like.body.proto === 'tcp' ? like.body : body))
  return words.join(' ')
}

export function printOctets(octets: readonly number[]): string {
  return octets.length === 0 ? 'none' : octets.map((n) => n.toString(16).padStart(2, '0')).join('')
}

export function printFlags(flags: number): string {
  return LETTERS.filter(([bit]) => (flags & bit) !== 0).map(([, letter]) => letter).join('') || '-'
}

function printTcp(tcp: TcpSpec, like: TcpSpec): string {
  const end = (tcp.seq + tcp.len) % 0x100000000
  const words = [printFlags(tcp.flags), `${tcp.seq}:${end}(${tcp.len})`]
  if ((tcp.flags & TH_ACK) !== 0 || tcp.ack !== 0) words.push(`ack ${tcp.ack}`)
  if (like.win >= 0) words.push(`win ${tcp.win}`)
  if (tcp.urg !== 0) words.push(`urg ${tcp.urg}`)
  if (tcp.anyOptions) words.push('<...>')
  else if (tcp.options.length > 0) words.push(`<${printOptions(tcp.options)}>`)
  return words.join(' ')
}

function printIcmp(icmp: IcmpSpec): string {
  const words = [icmp.v6 ? 'icmpv6' : 'icmp', icmpTypeName(icmp.type, icmp.v6)]
  const code = icmpCodeName(icmp.type, icmp.code, icmp.v6)
  if (code !== 'code 0') words.push(code)
  if (icmp.mtu >= 0) words.push(`mtu ${icmp.mtu}`)
  if (icmp.id >= 0) words.push(`id ${icmp.id}`)
  if (icmp.seq >= 0) words.push(`seq ${icmp.seq}`)
  if (icmp.ptr >= 0) words.push(`ptr ${icmp.ptr}`)
  if (icmp.len > 0) words.push(`(${icmp.len})`)
  const q = icmp.quoted
  if (q !== null) words.push(q.proto === 'udp' ? `[udp (${q.len})]` : `[${q.seq}:${q.seq + q.len}(${q.len})]`)
  return words.join(' ')
}

function printNd(nd: NdSpec): string {
  const words = ['nd', nd.type === ND_NEIGHBOR_SOLICIT ? 'ns' : 'na', addrPrint(nd.target)]
  if (nd.flags !== 0) words.push(printNa(nd.flags))
  if (nd.code !== 0) words.push(`code ${nd.code}`)
  if (nd.anyOptions) words.push('<...>')
  else if (nd.options.length > 0) words.push(printNdOptions(nd))
  return words.join(' ')
}

export function printNdOptions(nd: NdSpec): string {
  const hex = (bytes: readonly number[], by = ''): string => bytes.map((b) => b.toString(16).padStart(2, '0')).join(by)
  return `<${nd.options.map(({ bytes }) => {
    if (bytes === null) return 'nonce ...'
    const name = bytes.length === 8 ? ND_OPTIONS[bytes[0]] : undefined
    if (name === undefined) return `raw ${hex(bytes)}`
    return `${name} ${hex(bytes.slice(2), name === 'nonce' ? '' : ':')}`
  }).join(', ')}>`
}

const ND_OPTIONS: Readonly<Record<number, string>> = Object.freeze({
  [ND_OPT_SOURCE_LINKADDR]: 'slla', [ND_OPT_TARGET_LINKADDR]: 'tlla', [ND_OPT_NONCE]: 'nonce',
})

function printEcn(ecn: number): string {
  return ecn === ECT01 ? 'ect01' : ECN_NAMES[ecn] ?? String(ecn)
}

const ECN_NAMES: readonly string[] = Object.freeze(['noecn', 'ect1', 'ect0', 'ce'])

const LETTERS: readonly (readonly [number, string])[] = Object.freeze([
  [TH_FIN, 'F'], [TH_SYN, 'S'], [TH_RST, 'R'], [TH_PUSH, 'P'], [TH_ACK, '.'], [TH_URG, 'U'], [TH_ECE, 'E'],
  [TH_CWR, 'W'], [TH_AE, 'A'],
] as const)
