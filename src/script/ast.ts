/** A script as data: what the parser makes and the runner walks. Times are in µs, numbers are as written. */

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
  body: TcpSpec | UdpSpec | IcmpSpec
}

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

export interface UdpSpec { proto: 'udp'; len: number }

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
  /** Octets of echo data. */
  len: number
  /** The quoted packet, or null for the last one that left. */
  quoted: QuotedSpec | null
}

/** The start of a quoted packet. */
export interface QuotedSpec { proto: 'tcp' | 'udp'; seq: number; len: number }
