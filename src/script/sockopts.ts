/** setsockopt and getsockopt. Values are numbers, but for SO_LINGER, TCP_INFO and TCP_CONGESTION. */

import {
  IP_OPTIONS, SOL_IP, SOL_SOCKET, SOL_TCP, SO_LINGER, SO_RCVBUF, SO_SNDBUF, TCP_CONGESTION, TCP_LINGER2,
} from '../inet/sockopt.ts'
import { CC_NAMES } from '../tcp/cc/names.ts'
import { soGetOpt, soIpOptions, soSetIpOptions, soSetOpt } from '../vnet/so.ts'
import type { Args } from './args.ts'
import type { Expr } from './ast.ts'
import { atOnce, onFile } from './call.ts'
import type { Call } from './call.ts'
import { isPassiveOption } from './constants-listed.ts'
import { TCP_INFO, isStackOption } from './constants.ts'
import { mismatch, unsupported } from './error.ts'
import { tcpInfoFields } from './info.ts'
import { tcbOf } from './session.ts'
import type { Session } from './session.ts'
import { getTimeoutCall, isTimeout, setTimeoutCall } from './timeouts.ts'

/** What the Vnet says for a linger that is off (SO_LINGER, TCP_LINGER2). */
const LINGER_OFF = 0x7fffffff

export function setsockoptCall(session: Session, args: Args): Call {
  const { vnet } = session.stack
  const known = optionOf(session, args)
  return onFile(session, args, (file) => {
    const { id } = file
    if (known === 'functions') return functionBlock(args)
    const { level, name, passive } = known
    if (isTimeout(level, name)) return setTimeoutCall(session, args, file, name)
    if (level === SOL_TCP && name === TCP_CONGESTION) return congestion(session, args, id)
    if (level === SOL_IP && name === IP_OPTIONS) {
      const octets = args.at(3).kind === 'list' ? args.octets(args.at(3)) : []
      return atOnce(() => -soSetIpOptions(vnet, session.stack.vnetNow, id, Uint8Array.from(octets)))
    }
    if (passive) return atOnce(() => {
      file.passive.set(name, args.value(args.at(3)))
      return 0
    })
    const value = level === SOL_SOCKET && name === SO_LINGER ? lingerValue(args, args.at(3)) : args.number(3)
    return atOnce(() => -soSetOpt(vnet, session.stack.vnetNow, id, level, name, value))
  })
}

export function getsockoptCall(session: Session, args: Args): Call {
  const { vnet } = session.stack
  const known = optionOf(session, args)
  return onFile(session, args, (file) => {
    const { id } = file
    if (known === 'functions') return functionBlock(args)
    const { level, name, passive } = known
    if (isTimeout(level, name)) return getTimeoutCall(args, file, name)
    if (level === SOL_TCP && name === TCP_INFO) return atOnce(() => 0, () => expectInfo(session, args, id))
    if (level === SOL_TCP && name === TCP_CONGESTION) return congestion(session, args, id)
    if (level === SOL_IP && name === IP_OPTIONS) return atOnce(() => 0, () => {
      args.expectOctets(args.at(3), 'IP_OPTIONS', soIpOptions(vnet, id))
      args.expectNumber(args.at(4), 'the length', soIpOptions(vnet, id).length)
    })
    if (passive) return atOnce(() => 0, () => args.expectNumber(args.at(3), 'the value', file.passive.get(name) ?? 0))
    let value = 0
    return atOnce(() => {
      value = soGetOpt(session.stack.vnet, session.stack.vnetNow, id, level, name)
      return Math.min(0, value)
    }, () => {
      if (level === SOL_SOCKET && name === SO_LINGER) return expectLinger(args, value)
      // Linux shows what it sets aside: twice the size that was asked for (socket(7))
      const buffer = level === SOL_SOCKET && (name === SO_SNDBUF || name === SO_RCVBUF)
      const shown = buffer && session.config.personality === 'linux' ? value * 2 : value
      // no FIN-WAIT-2 at all
      const off = level === SOL_TCP && name === TCP_LINGER2 && value === LINGER_OFF
      args.expectNumber(args.at(3), 'the value', off ? -1 : shown)
      args.expectNumber(args.at(4), 'the length', 4)
    })
  })
}

interface Option { level: number; name: number; passive: boolean }

/** Level and name of an option: one of the stack's (IPv6's name of it in mapped mode), or one that is only kept. */
function optionOf(session: Session, args: Args): Option | 'functions' {
  const level = args.number(1)
  const word = args.at(2)
  const text = word.kind === 'names' ? word.names.join('|') : ''
  if (text === 'TCP_FUNCTION_BLK' || text === 'TCP_FUNCTION_ALIAS') return 'functions'
  const unknown6 = text === 'IPV6_V6ONLY' && !session.config.v6
  const twin = level === SOL_IPV6 && session.config.mapped && Object.hasOwn(V6_TWINS, text) ? V6_TWINS[text] : ''
  if (twin !== '') return { level: SOL_IP, name: args.constant(twin), passive: false }
  const kept = text === 'TCP_INQ' || (!isStackOption(text) && isPassiveOption(text))
  return { level, name: args.number(2), passive: unknown6 || kept }
}

const SOL_IPV6 = 41
const V6_TWINS: Readonly<Record<string, string>> = Object.freeze({
  IPV6_TCLASS: 'IP_TOS', IPV6_UNICAST_HOPS: 'IP_TTL', IPV6_MTU_DISCOVER: 'IP_MTU_DISCOVER',
})

/** `{function_set_name="freebsd", pcbcnt=...}`: which of FreeBSD's stacks; here there is one. */
function functionBlock(args: Args): Call {
  const e = args.at(3)
  const name = e.kind === 'struct' ? e.fields[0]?.value : e
  if (name?.kind === 'string' && name.value !== 'freebsd' && name.value !== 'default') {
    throw unsupported(`TCP_FUNCTION_BLK "${name.value}"`)
  }
  return atOnce(() => 0)
}

/** `{onoff=1, linger=0}`: seconds, −1 for off. */
function lingerValue(args: Args, e: Expr): number {
  const [onoff, linger] = lingerFields(args, e)
  return args.value(onoff) === 0 ? -1 : args.value(linger)
}

function expectLinger(args: Args, value: number): void {
  const [onoff, linger] = lingerFields(args, args.at(3))
  args.expectNumber(onoff, 'onoff', value === LINGER_OFF ? 0 : 1)
  args.expectNumber(linger, 'linger', value === LINGER_OFF ? 0 : value)
  args.expectNumber(args.at(4), 'the length', 8)
}

function lingerFields(args: Args, e: Expr): [Expr, Expr] {
  const bare = e.kind === 'struct' && e.fields.length === 2 && e.fields[0].name === '' ? e.fields : null
  const onoff = args.field(e, 'onoff') ?? args.field(e, 'l_onoff') ?? bare?.[0].value ?? null
  const linger = args.field(e, 'linger') ?? args.field(e, 'l_linger') ?? bare?.[1].value ?? null
  if (onoff === null || linger === null) throw args.unknown(e)
  return [onoff, linger]
}

function expectInfo(session: Session, args: Args, id: number): void {
  const e = args.at(3)
  if (e.kind === 'ellipsis') return
  if (e.kind !== 'struct') throw args.unknown(e)
  const fields = tcpInfoFields(session, tcbOf(session, id, 'TCP_INFO'))
  for (const f of e.fields) {
    if (f.value.kind === 'ellipsis') continue
    if (!Object.hasOwn(fields, f.name)) throw unsupported(`TCP_INFO field ${f.name}`)
    args.expectNumber(f.value, f.name, fields[f.name])
  }
}

/** The algorithm by its name; FreeBSD's and Linux's name of the first one are both understood. */
function congestion(session: Session, args: Args, id: number): Call {
  const { vnet } = session.stack
  const e = args.at(3)
  const wanted = e.kind === 'string' ? e.value : e.kind === 'list' && e.items[0]?.kind === 'string' ? e.items[0].value : ''
  if (wanted === '') throw args.unknown(e)
  const cc = wanted === 'reno' ? 'newreno' : wanted
  if (args.call.name === 'setsockopt') {
    return atOnce(() => -soSetOpt(vnet, session.stack.vnetNow, id, SOL_TCP, TCP_CONGESTION, CC_NAMES.indexOf(cc)))
  }
  let has = 0
  return atOnce(() => {
    has = soGetOpt(vnet, session.stack.vnetNow, id, SOL_TCP, TCP_CONGESTION)
    return Math.min(0, has)
  }, () => {
    const name = CC_NAMES[has] ?? ''
    if (name !== cc) throw mismatch(`the algorithm is ${name}, expected ${cc}`, cc, name)
    // FreeBSD says how long the name is, Linux how much of the caller's room it used
    if (session.config.personality !== 'linux') args.expectNumber(args.at(4), 'the length', wanted.length + 1)
  })
}
