/** Names of ICMP and ICMPv6 types and codes in scripts. */

import {
  ICMP_ECHO, ICMP_ECHOREPLY, ICMP_PARAMPROB, ICMP_REDIRECT, ICMP_SOURCEQUENCH, ICMP_TIMXCEED, ICMP_TSTAMP,
  ICMP_TSTAMPREPLY, ICMP_UNREACH,
} from '../wire/icmp.ts'

/** The number, or -1. */
export function icmpTypeNumber(name: string, v6: boolean): number {
  const types = v6 ? TYPES6 : TYPES
  return Object.hasOwn(types, name) ? types[name] : -1
}

export function icmpTypeName(type: number, v6: boolean): string {
  return Object.entries(v6 ? TYPES6 : TYPES).find(([, n]) => n === type)?.[0] ?? `type ${type}`
}

/** The number, or -1. */
export function icmpCodeNumber(type: number, name: string, v6: boolean): number {
  return (v6 ? CODES6 : CODES)[type]?.indexOf(name) ?? -1
}

export function icmpCodeName(type: number, code: number, v6: boolean): string {
  return (v6 ? CODES6 : CODES)[type]?.[code] ?? `code ${code}`
}

const TYPES: Readonly<Record<string, number>> = Object.freeze({
  echo_reply: ICMP_ECHOREPLY, unreachable: ICMP_UNREACH, source_quench: ICMP_SOURCEQUENCH, redirect: ICMP_REDIRECT,
  echo_request: ICMP_ECHO, time_exceeded: ICMP_TIMXCEED, parameter_problem: ICMP_PARAMPROB,
  timestamp_request: ICMP_TSTAMP, timestamp_reply: ICMP_TSTAMPREPLY,
})

const CODES: Readonly<Record<number, readonly string[]>> = Object.freeze({
  [ICMP_UNREACH]: Object.freeze([
    'net_unreachable', 'host_unreachable', 'protocol_unreachable', 'port_unreachable', 'frag_needed',
    'source_route_failed', 'net_unknown', 'host_unknown', 'source_host_isolated', 'net_prohibited', 'host_prohibited',
    'net_unreachable_for_tos', 'host_unreachable_for_tos', 'packet_filtered', 'precedence_violation',
    'precedence_cutoff']),
  [ICMP_TIMXCEED]: Object.freeze(['ttl_exceeded', 'reassembly_exceeded']),
  [ICMP_REDIRECT]: Object.freeze(['net_redirect', 'host_redirect', 'tos_net_redirect', 'tos_host_redirect']),
})

/** RFC 4443 §2.1. */
const TYPES6: Readonly<Record<string, number>> = Object.freeze({
  unreachable: 1, packet_too_big: 2, time_exceeded: 3, parameter_problem: 4, echo_request: 128, echo_reply: 129,
})

const CODES6: Readonly<Record<number, readonly string[]>> = Object.freeze({
  1: Object.freeze(['no_route', 'admin_prohibited', 'not_neighbour', 'address_unreachable', 'port_unreachable']),
  3: Object.freeze(['exceeded_hop_limit', 'exceeded_frag_reassembly']),
  4: Object.freeze(['err_hdr_field', 'err_next_hdr', 'err_opt']),
})
