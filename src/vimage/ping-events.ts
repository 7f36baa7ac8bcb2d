/** What a ping is asked for, and what it tells; apart from the stack, for those who only talk about it. */

import { ICMP_HDR_LEN } from '../wire/icmp.ts'
import { IP_HDR_LEN, IP_MAXPACKET } from '../wire/ipv4.ts'

/** Most data bytes that fit into one IPv4 packet. */
export const PING_MAX_BYTES = IP_MAXPACKET - IP_HDR_LEN - ICMP_HDR_LEN

export interface PingOptions {
  host: string
  /** Requests to send; 0 goes on until `stop`. */
  count: number
  intervalMs: number
  /** Data bytes of a request, 0…PING_MAX_BYTES. */
  sizeBytes: number
  /** How long the last request may wait for its reply. */
  timeoutMs: number
  /** 0: the Vnet's default. */
  ttl: number
  /** Address to send from; '' leaves it to the routing table. */
  source: string
}

export type PingEvent =
  | { type: 'start'; host: string; sizeBytes: number }
  /** `ttl` 0: not known (IPv6). */
  | { type: 'reply'; from: string; bytes: number; seq: number; ttl: number; rttUs: number; duplicate: boolean }
  /** An ICMP error about one of the requests. */
  | { type: 'unreachable'; from: string; seq: number; icmpType: number; icmpCode: number }
  | { type: 'sendError'; seq: number; code: string; message: string }
  | PingSummary

export interface PingSummary {
  type: 'end'
  host: string
  transmitted: number
  received: number
  duplicates: number
  errors: number
  /** Of the replies, -1 when there were none. */
  rttMinUs: number
  rttAvgUs: number
  rttMaxUs: number
  rttStddevUs: number
}
