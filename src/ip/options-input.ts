/**
 * IP options of a packet that came in: checked before anything acts on them (RFC 791 §3.1, RFC 1122 §3.2.1.8,
 * §3.3.5).
 */

import { icmpError } from '../icmp/error.ts'
import { countDrop } from '../kern/vn.ts'
import type { Vn } from '../kern/vn.ts'
import type { Frame } from '../lib/frame.ts'
import type { Ifnet } from '../link/state.ts'
import { ICMP_PARAMPROB, ICMP_PARAMPROB_ERRATPTR, ICMP_UNREACH, ICMP_UNREACH_SRCFAIL } from '../wire/icmp.ts'
import {
  IPOPT_OFFSET, IPOPT_OLEN, IPOPT_TS_OFLW, IPOPT_TS_TSONLY, IP_OPTIONS_OK, createIpOptions, ipParseOptions,
} from '../wire/ipv4-options.ts'
import type { IpOptions } from '../wire/ipv4-options.ts'
import { ipForward } from './forward.ts'
import { ipSourceRouteNext } from './options.ts'
import { routeLookupOnLink } from './route.ts'
import { ipStats } from './state.ts'
import type { IpStats } from './state.ts'

/**
 * Checks the options of the packet in `f`; `local`: it is addressed to us. True when it goes its normal way. False
 * when it was dropped (and perhaps reported), or sent on along its source route. Borrows the frame.
 */
export function ipOptionsInput(vn: Vn, ifp: Ifnet, f: Frame, local: boolean): boolean {
  const { sysctl } = vn.state
  if (sysctl['net.inet.ip.process_options'] === 0) return true
  if (sysctl['net.inet.ip.process_options'] === 2) return drop(vn, 'badoptions', f)
  const options = createIpOptions()
  let fault = ipParseOptions(f.view, f.l3, options)
  if (fault === IP_OPTIONS_OK) fault = roomFault(f, options)
  if (fault !== IP_OPTIONS_OK) {
    icmpError(vn, f, ICMP_PARAMPROB, ICMP_PARAMPROB_ERRATPTR, fault)
    return drop(vn, 'badoptions', f)
  }
  return options.sourceRouteAt < 0 || sourceRoute(vn, ifp, f, local, options.sourceRouteStrict === 1)
}

/** Source routes let a stranger send through us, so each use has its switch, and all are off (RFC 1122 §3.3.5). */
function sourceRoute(vn: Vn, ifp: Ifnet, f: Frame, local: boolean, strict: boolean): boolean {
  const { sysctl } = vn.state
  if (!local) {
    // a strict route names every hop: a packet for somebody else should not be here
    return strict ? refuse(vn, f) : true
  }
  const next = ipSourceRouteNext(vn, f)
  if (next === f.dst.w3) return sysctl['net.inet.ip.accept_sourceroute'] === 1 || drop(vn, 'sourceroute', f)
  if (sysctl['net.inet.ip.sourceroute'] === 0) return refuse(vn, f)
  if (strict && routeLookupOnLink(vn, next) === null) return refuse(vn, f)
  ipForward(vn, ifp, f)
  return false
}

/**
 * A list with room for part of an entry is in error, and so is a count of missing timestamps that runs over (RFC 791
 * §3.1).
 */
function roomFault(f: Frame, options: IpOptions): number {
  for (const at of [options.recordRouteAt, options.sourceRouteAt, options.timestampAt]) {
    if (at < 0) continue
    const option = f.l3 + at
    const left = f.view.getUint8(option + IPOPT_OLEN) - f.view.getUint8(option + IPOPT_OFFSET) + 1
    if (at !== options.timestampAt) {
      if (left > 0 && left < 4) return at + IPOPT_OFFSET
      continue
    }
    const kind = f.view.getUint8(option + IPOPT_TS_OFLW)
    const entry = (kind & 0x0f) === IPOPT_TS_TSONLY ? 4 : 8
    if (left > 0 && left < entry) return at + IPOPT_OFFSET
    if (left <= 0 && kind >> 4 === 15) return at + IPOPT_TS_OFLW
  }
  return IP_OPTIONS_OK
}

function refuse(vn: Vn, f: Frame): false {
  icmpError(vn, f, ICMP_UNREACH, ICMP_UNREACH_SRCFAIL, 0)
  return drop(vn, 'sourceroute', f)
}

function drop(vn: Vn, counter: keyof IpStats, f: Frame): false {
  countDrop(vn, ipStats(vn), 'ip', counter, f)
  return false
}
