/** A script as data: what the parser makes and the runner walks. Times are in µs, numbers are as written. */

import type { Addr, Mac } from '../lib/addr.ts'

export interface Script {
  options: ScriptOption[]
  events: ScriptEvent[]
}

/** `--name=value`. */
export interface ScriptOption { line: number; name: string; value: string }

/**
 * When an event happens. `relative` counts from the event before, `any` is whenever it happens; `end` differs from
 * `start` in ranges only.
 */
export interface ScriptTime { kind: 'absolute' | 'relative' | 'any'; start: number; end: number; isRange: boolean }

export interface ScriptEvent { line: number; time: ScriptTime; what: PacketSpec | CallSpec | CommandSpec | CodeSpec }

export interface CommandSpec { kind: 'command'; text: string }

export interface CodeSpec { kind: 'code'; text: string }

/** A system call; `endUs` ≥ 0 is the time (as the event's own, not yet made absolute) at which a blocking one returns. */
export interface CallSpec {
  kind: 'call'
  name: string
  args: Expr[]
  result: Expr
  /** Name of the error behind `= -1`, or ''. */
  errno: string
  endUs: number
}

export type Expr =
  | { kind: 'number'; value: number }
  | { kind: 'ellipsis' }
  | { kind: 'string'; value: string }
  /** A symbolic constant, or several joined by `|`. */
  | { kind: 'names'; names: string[] }
  | { kind: 'list'; items: Expr[] }
  | { kind: 'struct'; fields: StructField[] }
  | { kind: 'apply'; name: string; args: Expr[] }

/** `name = value`; the name is '' for a bare value. */
export interface StructField { name: string; value: Expr }

export type Direction = '<' | '>'

export interface PacketSpec {
  kind: 'packet'
  direction: Direction
  /** Ports written as `(from > to)`, or -1. */
  fromPort: number
  toPort: number
  /** ECN codepoint 0…3, -1 where the script does not say, ECT01 for either ECT. */
  ecn: number
  /** Whole TOS octet and TTL, or -1. */
  tos: number
  ttl: number
  /** Octets of IP options, or null where the script does not say. */
  ipOptions: readonly number[] | null
  /** Where a packet of the stack goes first, on a source route; '' for its destination. */
  via: string
  /** What differs from the addresses of the script's options, or null. */
  src: Addr | null
  dst: Addr | null
  /** IPv6's flow label and payload length, or -1. */
  flow: number
  plen: number
  /** On an Ethernet link: who sent the frame, or (of the stack's) whom it goes to; -1 where the script does not say. */
  mac: Mac
  /** Extension headers of IPv6, in their order. */
  headers: HeaderSpec[]
  body: TcpSpec | UdpSpec | IcmpSpec | NdSpec | MessageSpec | RawSpec
}

export type HeaderSpec =
  /** Hop-by-hop (0) or destination options (60): the options as they stand, padded to a multiple of 8 octets. */
  | { kind: 'options'; proto: number; bytes: number[] }
  | { kind: 'routing'; type: number; left: number; bytes: number[] }
  /**
   * The octets first … next of what stands behind it. `more` is the flag, -1 for what follows from that; `at` the offset that
   * the header states (that of `first` at -1), `id` -1 for any.
   */
  | { kind: 'fragment'; first: number; next: number; more: number; at: number; id: number }

export const ECT01 = 4

export interface TcpSpec {
  proto: 'tcp'
  /** TH_* bits. */
  flags: number
  seq: number
  /** Length of the data. */
  len: number
  /** The sequence number is the one on the wire. */
  absolute: boolean
  ack: number
  /** Header's window, or -1 where the script does not say. */
  win: number
  urg: number
  options: TcpOptionSpec[]
  /** `<...>`: any options. */
  anyOptions: boolean
}

export type TcpOptionSpec =
  /** A value of -1 stands for any. */
  | { kind: 'mss' | 'wscale'; value: number }
  | { kind: 'nop' | 'eol' | 'sackOK' }
  | { kind: 'sack'; edges: number[] }
  /** The same. */
  | { kind: 'ts'; val: number; ecr: number }
  /** Any other: its number and its content. */
  | { kind: 'raw'; number: number; bytes: number[] }

/** `sum` is the checksum, -1 for the right one. */
export interface UdpSpec { proto: 'udp'; len: number; sum: number }

/** A protocol by its number, with so many zeros; -1: the rest of a packet whose first fragment said what it is. */
export interface RawSpec { proto: 'raw'; number: number; len: number }

/** A neighbour solicitation or advertisement (RFC 4861 §4.3, §4.4). */
export interface NdSpec {
  proto: 'nd'
  type: number
  code: number
  /** Second word of an advertisement. */
  flags: number
  target: Addr
  options: NdOptionSpec[]
  /** `<...>`: any options. */
  anyOptions: boolean
}

/** A router solicitation or advertisement, a redirect, or a message of MLD (RFC 4861 §4, RFC 3810 §5). */
export interface MessageSpec {
  proto: 'message'
  type: number
  code: number
  /** Octets behind the checksum, without options. */
  fixed: number[]
  /** Each option, or each record of a report, whole; of a query all its sources. */
  options: number[][]
  /** `<...>`: any options. */
  anyOptions: boolean
}

/** `bytes` are those of the whole option; null: a nonce, the one that the stack sent last. */
export interface NdOptionSpec { bytes: number[] | null }

export interface IcmpSpec {
  proto: 'icmp'
  /** ICMPv6. */
  v6: boolean
  type: number
  code: number
  /** MTU of frag_needed, identifier and number of echo; -1 where the script does not say. */
  mtu: number
  id: number
  seq: number
  /** Pointer of ICMPv6's parameter problem, or -1. */
  ptr: number
  /** Octets of echo data, or of what an error quotes (0: not compared). */
  len: number
  /** The quoted packet, or null for the last one that left. */
  quoted: QuotedSpec | null
}

/** The start of a quoted packet. */
export interface QuotedSpec { proto: 'tcp' | 'udp'; seq: number; len: number }
