/** Control messages of recvmsg: `msg_control=[{cmsg_level=SOL_IP, cmsg_type=IP_TTL, cmsg_data=[64]}]`. */

import {
  IPV6_DONTFRAG, IPV6_HOPLIMIT, IPV6_PKTINFO, IPV6_TCLASS, IP_PKTINFO, IP_RECVDSTADDR, IP_RECVOPTS, IP_RECVTOS, IP_RECVTTL, IP_RETOPTS,
  IP_TOS, IP_TTL, SOL_TCP, TCP_INQ,
} from '../inet/sockopt.ts'
import { SO_KIND_MASK, SO_TCP } from '../inet/state.ts'
import { addrPrint, createAddr, ip4Print } from '../lib/addr.ts'
import { soControl } from '../vnet/so.ts'
import type { SendItem, UdpControl } from '../vnet/so.ts'
import type { Args } from './args.ts'
import type { Expr } from './ast.ts'
import { mismatch, unsupported } from './error.ts'
import { tcbOf } from './session.ts'
import type { OpenFile, Session } from './session.ts'

export type Control = UdpControl

/** What comes with the datagram that is next; to be asked before it is received. */
export function controlOf(session: Session, { id }: OpenFile): Control[] {
  if ((id & SO_KIND_MASK) === SO_TCP) return []
  return soControl(session.stack.vnet, id)
}

/** What comes with octets of a stream: how many are left, if TCP_INQ was set. */
export function controlOfStream(session: Session, file: OpenFile): Control[] {
  if ((file.id & SO_KIND_MASK) !== SO_TCP || (file.passive.get(TCP_INQ) ?? 0) === 0) return []
  return [{ level: SOL_TCP, type: TCP_INQ, value: tcbOf(session, file.id, 'recvmsg').rcvBuf.len, ifId: 0, addr: createAddr(), octets: [] }]
}

/** What sendmsg is to send with the datagram. */
export function controlToSend(args: Args, e: Expr): SendItem[] {
  if (e.kind !== 'list') throw args.unknown(e)
  return e.items.map((item) => {
    const [level, type, data] = ['cmsg_level', 'cmsg_type', 'cmsg_data'].map((name) => args.field(item, name))
    if (level === null || type === null || data === null) throw args.unknown(item)
    const name = type.kind === 'names' ? type.names.join('|') : ''
    if (!Object.hasOwn(SENT, name)) throw unsupported(`control message ${name} of sendmsg()`)
    return withData(args, data, { level: args.value(level), type: SENT[name], value: 0, ifId: 0, addr: createAddr() })
  })
}

function withData(args: Args, data: Expr, item: SendItem): SendItem {
  if (item.type === IP_RECVDSTADDR) return { ...item, value: args.ip(data) }
  if (item.type !== IP_PKTINFO && item.type !== IPV6_PKTINFO) return { ...item, value: args.value(data) }
  if (data.kind !== 'struct') throw args.unknown(data)
  for (const f of data.fields) {
    if (f.name === 'ipi_ifindex' || f.name === 'ipi6_ifindex') item.ifId = args.value(f.value)
    else if (f.name === 'ipi_spec_dst') item.value = args.ip(f.value)
    else if (f.name === 'ipi6_addr') item.addr = args.ip6(f.value)
    else throw unsupported(`field ${f.name} of sendmsg()'s control message`)
  }
  return item
}

/** Compares a script's list with what came, one by one; `...` is any list. */
export function expectControl(args: Args, e: Expr, actual: readonly Control[]): void {
  if (e.kind === 'ellipsis') return
  if (e.kind !== 'list') throw args.unknown(e)
  if (e.items.length !== actual.length) {
    throw mismatch(`${actual.length} control messages, expected ${e.items.length}`, String(e.items.length), describe(actual))
  }
  e.items.forEach((item, i) => {
    const [level, type, data] = ['cmsg_level', 'cmsg_type', 'cmsg_data'].map((name) => args.field(item, name))
    if (level === null || type === null || data === null) throw args.unknown(item)
    const { [i]: got } = actual
    args.expectNumber(level, 'cmsg_level', got.level)
    const name = type.kind === 'names' ? type.names.join('|') : ''
    if (!Object.hasOwn(TYPES, name)) throw unsupported(`control message ${name}`)
    if (TYPES[name] !== got.type) throw mismatch('the control message differs', name, describe([got]))
    expectData(args, data, got)
  })
}

function expectData(args: Args, data: Expr, got: Control): void {
  if (data.kind === 'ellipsis') return
  if (got.type === IP_RECVDSTADDR) return expectAddress(args, data, got)
  if (got.type === IP_RECVOPTS || got.type === IP_RETOPTS) return args.expectOctets(data, 'cmsg_data', got.octets)
  if (got.type === IPV6_PKTINFO) return expectInfo6(args, data, got)
  if (got.type !== IP_PKTINFO) return args.expectNumber(data, 'cmsg_data', got.value)
  if (data.kind !== 'struct') throw args.unknown(data)
  for (const f of data.fields) {
    if (f.value.kind === 'ellipsis') continue
    if (f.name === 'ipi_ifindex') args.expectNumber(f.value, f.name, got.ifId)
    else if (f.name === 'ipi_addr' || f.name === 'ipi_spec_dst') expectAddress(args, f.value, got)
    else throw unsupported(`field ${f.name} of IP_PKTINFO`)
  }
}

/** RFC 3542 §6.1's struct in6_pktinfo: `{ipi6_ifindex=2, ipi6_addr=inet6_addr("::1")}`. */
function expectInfo6(args: Args, data: Expr, got: Control): void {
  if (data.kind !== 'struct') throw args.unknown(data)
  for (const f of data.fields) {
    if (f.value.kind === 'ellipsis') continue
    if (f.name === 'ipi6_ifindex') args.expectNumber(f.value, f.name, got.ifId)
    else if (f.name === 'ipi6_addr') {
      const [expected, actual] = [addrPrint(args.ip6(f.value)), addrPrint(got.addr)]
      if (expected !== actual) throw mismatch('the address differs', expected, actual)
    } else throw unsupported(`field ${f.name} of IPV6_PKTINFO`)
  }
}

function expectAddress(args: Args, e: Expr, got: Control): void {
  const expected = args.ip(e)
  if (expected !== got.value) throw mismatch('the address differs', ip4Print(expected), ip4Print(got.value))
}

/** Linux names the message after what it holds, FreeBSD after the option. */
const TYPES: Readonly<Record<string, number>> = Object.freeze({
  IP_TTL: IP_RECVTTL, IP_RECVTTL, IP_TOS: IP_RECVTOS, IP_RECVTOS, IP_RECVDSTADDR, IP_PKTINFO,
  IP_RECVOPTS, IP_RETOPTS, IP_RECVRETOPTS: IP_RETOPTS, IPV6_PKTINFO, IPV6_HOPLIMIT, IPV6_TCLASS, TCP_CM_INQ: TCP_INQ, TCP_INQ,
})

/** What may be sent; FreeBSD names the source after the socket option's other name. */
const SENT: Readonly<Record<string, number>> = Object.freeze({
  IP_TTL, IP_TOS, IP_PKTINFO, IP_SENDSRCADDR: IP_RECVDSTADDR, IPV6_PKTINFO, IPV6_HOPLIMIT, IPV6_TCLASS, IPV6_DONTFRAG,
})

function describe(list: readonly Control[]): string {
  return list.map((c) => Object.keys(TYPES).find((name) => TYPES[name] === c.type) ?? String(c.type)).join(' ')
}
