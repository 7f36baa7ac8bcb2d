/**
 * IP options of sockets (RFC 791 §3.1, RFC 1122 §3.2.1.8, §4.1.3.2, §4.2.3.8, RFC 9293 §3.9.2.1): what the user sets goes
 * with every packet, and a connection that came by a source route goes back by it, unless the user has set another.
 *
 * The user's source route names the gateways, first to last, with or without the final destination behind them. On the wire
 * the first is the packet's destination, and the destination stands at the end of the list.
 */

import { ipReturnRoute } from '../ip/options.ts'
import { ipOutput } from '../ip/output.ts'
import type { Vn } from '../kern/vn.ts'
import { addrIsV4, addrSetIp4 } from '../lib/addr.ts'
import { EINVAL } from '../lib/errno.ts'
import { F_IPOPTS, framePush } from '../lib/frame.ts'
import type { Frame } from '../lib/frame.ts'
import { IPOPT_EOL, IPOPT_LSRR, IPOPT_MINOFF, IPOPT_NOP, IPOPT_OLEN, IPOPT_SSRR } from '../wire/ipv4-options.ts'
import { IP_OPTIONS_MAX, ipOptionLen, ipOptionsSound } from '../wire/ipv4-options-check.ts'
import { inetOutput } from './output.ts'
import type { Inpcb } from './state.ts'

/** As inetOutput, with the options of `inp` (checksums are made already, with the final destination). Consumes the frame. */
export function inetOutputOptions(vn: Vn, f: Frame, inp: Inpcb): number {
  if ((inp.ipOptions.length | inp.ipRoute.length) === 0 || !addrIsV4(f.dst)) return inetOutput(vn, f)
  return ipOutput(vn, f, put(f, inp))
}

/** Octets of IP header that they take, a multiple of 4. */
export function inpOptionsLen(inp: Inpcb): number {
  if ((inp.ipOptions.length | inp.ipRoute.length) === 0 || !addrIsV4(inp.faddr)) return 0
  return inpOptions(inp).length + 3 & ~3
}

/** Sets IP_OPTIONS; none takes them away. EINVAL: too long, or not options that a host may send. */
export function inpSetOptions(inp: Inpcb, octets: Uint8Array): number {
  if (!ipOptionsSound(octets)) return EINVAL
  inp.ipOptions = [...octets]
  return 0
}

/** What goes with the socket's packets: the user's options, behind the way back where they name no way themselves. */
export function inpOptions({ ipOptions, ipRoute }: Inpcb): readonly number[] {
  if (ipRoute.length === 0 || routeAt(ipOptions) >= 0) return ipOptions
  // where there is no room for both the way back is a MUST
  return ipRoute.length + ipOptions.length > IP_OPTIONS_MAX ? ipRoute : [...ipRoute, ...ipOptions]
}

/** The way back of a packet that came, see ipReturnRoute; mostly it has no options at all. */
export function inetReturnRoute(vn: Vn, f: Frame): number[] {
  return (f.flags & F_IPOPTS) !== 0 && addrIsV4(f.src) ? ipReturnRoute(vn, f) : []
}

/** Writes the options in front of the transport header and returns their length. */
function put(f: Frame, inp: Inpcb): number {
  const octets = inpOptions(inp)
  const len = octets.length + 3 & ~3
  const at = framePush(f, len)
  f.slab.fill(IPOPT_EOL, at, at + len)
  for (let i = 0; i < octets.length; i++) f.slab[at + i] = octets[i]
  const route = routeAt(octets)
  if (route >= 0) turn(f, at + route)
  return len
}

/** From the user's list of gateways to what is sent: each moves up by one, the destination takes the last place. */
function turn(f: Frame, option: number): void {
  const { view, slab } = f
  const end = option + view.getUint8(option + IPOPT_OLEN)
  const list = option + IPOPT_MINOFF - 1
  const dst = f.dst.w3
  // the destination may be named already
  const last = view.getInt32(end - 4) === dst ? end - 4 : end
  if (last === list) {
    slab.fill(IPOPT_NOP, option, end)
    return
  }
  addrSetIp4(f.dst, view.getInt32(list))
  slab.copyWithin(list, list + 4, last)
  view.setInt32(last - 4, dst)
  view.setUint8(option + IPOPT_OLEN, last - option)
  slab.fill(IPOPT_NOP, last, end)
}

function routeAt(octets: readonly number[]): number {
  for (let p = 0; p < octets.length && octets[p] !== IPOPT_EOL; p += ipOptionLen(octets, p)) {
    if (octets[p] === IPOPT_LSRR || octets[p] === IPOPT_SSRR) return p
  }
  return -1
}
