/** Packets of a script: those for the stack are sent to it, those of the stack are waited for and compared. */

import { addrIsV4, addrParse } from '../lib/addr.ts'
import { comparePackets } from './compare.ts'
import type { PacketSpec } from './ast.ts'
import { mismatch, unsupported } from './error.ts'
import { flowToLive, flowToScript } from './flow.ts'
import type { Flow } from './flow.ts'
import { decodePacket, encodePacket } from './packet.ts'
import type { LivePacket } from './packet.ts'
import { printEndpoints, withIpOptions } from './packet-ip.ts'
import type { Endpoints } from './packet-ip.ts'
import { printPacket } from './packet-print.ts'
import { ndNonceOf } from './packet-six.ts'
import { flowFind, flowNew, peerPort } from './session.ts'
import type { Session } from './session.ts'
import type { Window } from './window.ts'
import { printTime, windowMiss } from './window.ts'

/** How long a packet that may come at any time is waited for, and how far one looks for one that is late. */
const ANY_LIMIT_US = 24 * 3600e6
const LATE_LIMIT_US = 600e6

/** A packet of the script arrives at the stack. */
export function packetIn(session: Session, spec: PacketSpec): void {
  const { config, stack } = session
  checkIcmp(session, spec)
  const flow = flowForInbound(session, spec)
  const base: Endpoints = { src: config.remote, sport: flow.remotePort, dst: config.local, dport: flow.localPort }
  const ends: Endpoints = { ...base, src: spec.src ?? base.src, dst: spec.dst ?? base.dst }
  const bytes = encodePacket(flowToLive(flow, spec), ends, base, session.nonce)
  const quotes = spec.body.proto === 'icmp' && spec.body.quoted !== null
  stack.inject(quotes ? bytes : withIpOptions(spec, bytes), spec.mac)
}

/** The stack must send this packet within the window; returns when it did. */
export function packetOut(session: Session, spec: PacketSpec, window: Window): number {
  const { stack, config } = session
  checkIcmp(session, spec)
  const latest = window.latest === Infinity ? stack.now + ANY_LIMIT_US : window.latest
  if (!stack.awaitPacket(latest)) {
    const late = stack.awaitPacket(latest + LATE_LIMIT_US) ? stack.sent[0] : undefined
    throw mismatch(late === undefined ? 'no packet was sent' : `the packet came at ${printTime(late.at)} s, expected ${window.text}`,
      printPacket(spec), late === undefined ? 'nothing' : describe(session, late.bytes, spec))
  }
  const sent = stack.sent.shift()
  if (sent === undefined) throw mismatch('no packet was sent', printPacket(spec), 'nothing')
  const live = decodePacket(sent.bytes)
  if (live === null || live.fault !== '') {
    throw mismatch(live === null ? 'the packet is of another protocol' : live.fault, printPacket(spec), `${sent.bytes.length} octets`)
  }
  live.spec.mac = sent.mac
  if (live.spec.body.proto === 'nd') session.nonce = ndNonceOf(live.spec.body) ?? session.nonce
  const flow = flowForOutbound(session, spec, live)
  const script = flowToScript(flow, live.spec, spec, config.tsTickUs > 0)
  const fail = (why: string): Error => mismatch(why, printPacket(spec), printPacket(portsLike(script, spec, live), spec))
  const where = whereDiffers(session, flow, spec, live)
  if (where !== '') throw fail(where)
  const difference = comparePackets(spec, script)
  if (difference !== '') throw fail(difference)
  const miss = windowMiss(window, sent.at)
  if (miss !== '') throw fail(`the packet came ${miss}`)
  return sent.at
}

/** Each ICMP belongs to its own IP, and what only IPv6 has to that. */
function checkIcmp({ config }: Session, { body, headers, flow, plen, src, dst }: PacketSpec): void {
  const six = headers.length > 0 || flow >= 0 || plen >= 0 || body.proto === 'nd' || body.proto === 'message'
  if (six && !config.v6) throw unsupported('extension headers, neighbour messages and MLD over IPv4')
  if ([src, dst].some((a) => a !== null && addrIsV4(a) === config.v6)) throw unsupported('addresses of the other family')
  if (body.proto === 'icmp' && body.v6 !== config.v6) throw unsupported(`packets with icmp${body.v6 ? 'v6 over IPv4' : 'v4 over IPv6'}`)
}

function flowForInbound(session: Session, spec: PacketSpec): Flow {
  const { current } = session
  if (spec.fromPort >= 0) {
    const known = flowFind(session, spec.toPort, spec.fromPort)
    session.current = known ?? flowNew(session, spec.toPort, spec.fromPort)
    return session.current
  }
  if (current === null) return flowNew(session, session.config.bindPort, peerPort(session))
  const { body } = spec
  const begins = body.proto === 'tcp' || body.proto === 'udp'
  if (current.listening && begins) return flowNew(session, current.localPort, peerPort(session))
  return current
}

function flowForOutbound(session: Session, spec: PacketSpec, live: LivePacket): Flow {
  const { from } = live
  if (spec.fromPort >= 0) {
    session.current = flowFind(session, spec.fromPort, spec.toPort) ?? flowNew(session, spec.fromPort, spec.toPort)
    return session.current
  }
  const { current } = session
  if (current !== null && (from.sport < 0 || current.remotePort >= 0)) return current
  return flowNew(session, from.sport, from.dport)
}

/** Whether the packet went between other endpoints than the script means. */
function whereDiffers(session: Session, flow: Flow, spec: PacketSpec, live: LivePacket): string {
  const { config } = session
  const { from } = live
  if (live.spec.body.proto !== spec.body.proto) return ''
  const wanted: Endpoints = {
    src: spec.src ?? from.src, dst: (spec.via === '' ? spec.dst : addrParse(spec.via)) ?? config.remote,
    sport: from.sport < 0 ? -1 : flow.localPort,
    dport: from.sport < 0 ? -1 : flow.remotePort,
  }
  const [is, should] = [printEndpoints(from), printEndpoints(wanted)]
  return is === should ? '' : `it went ${is}, expected ${should}`
}

function describe(session: Session, bytes: Uint8Array, spec: PacketSpec): string {
  const live = decodePacket(bytes)
  if (live === null) return `${bytes.length} octets of another protocol`
  const flow = session.current
  if (flow === null) return printPacket(live.spec, spec)
  return printPacket(flowToScript({ ...flow, stamps: new Map() }, live.spec, spec, session.config.tsTickUs > 0), spec)
}

/** Shows ports where the script has them. */
function portsLike(script: PacketSpec, spec: PacketSpec, live: LivePacket): PacketSpec {
  return spec.fromPort < 0 ? script : { ...script, fromPort: live.from.sport, toPort: live.from.dport }
}
