/** Names of ICMP types and codes in scripts. */

import {
  ICMP_ECHO, ICMP_ECHOREPLY, ICMP_PARAMPROB, ICMP_REDIRECT, ICMP_SOURCEQUENCH, ICMP_TIMXCEED, ICMP_TSTAMP,
  ICMP_TSTAMPREPLY, ICMP_UNREACH,
} from '../wire/icmp.ts'

/** The number, or -1. */
export function icmpTypeNumber(name: string): number {
  return Object.hasOwn(TYPES, name) ? TYPES[name] : -1
}

export function icmpTypeName(type: number): string {
  return Object.entries(TYPES).find(([, n]) => n === type)?.[0] ?? `type ${type}`
}

/** The number, or -1. */
export function icmpCodeNumber(type: number, name: string): number {
  return CODES[type]?.indexOf(name) ?? -1
}

export function icmpCodeName(type: number, code: number): string {
  return CODES[type]?.[code] ?? `code ${code}`
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
