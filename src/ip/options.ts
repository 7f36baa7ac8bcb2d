/** What a hop and a destination write into IP options (RFC 791 §3.1, RFC 1122 §3.2.1.8, §3.2.2.6, RFC 1812 §5.3.13). */

import type { Vn } from '../kern/vn.ts'
import { addrSetIp4, ip4IsMulticast } from '../lib/addr.ts'
import type { Ip4 } from '../lib/addr.ts'
import { framePush } from '../lib/frame.ts'
import type { Frame } from '../lib/frame.ts'
import type { Ifnet } from '../link/state.ts'
import {
  IPOPT_EOL, IPOPT_MINOFF, IPOPT_OFFSET, IPOPT_OLEN, IPOPT_TS_OFLW, IPOPT_TS_PRESPEC, IPOPT_TS_TSONLY, IP_OPTIONS_OK,
  createIpOptions,
  ipParseOptions,
} from '../wire/ipv4-options.ts'
import { IP_DST, IP_HDR_LEN, ipHeaderLen } from '../wire/ipv4.ts'
import { ipIsBroadcast, ipIsLocal, ipSourceOn } from './addrs.ts'
import { ipTimestamp } from './clock.ts'
import { ipHeaderSum } from './transmit.ts'

/** Marks a packet that is being forwarded by `out` to `dst` in its own bytes: source route, record route, timestamp. */
export function ipOptionsForward(vn: Vn, g: Frame, out: Ifnet, dst: Ip4): void {
  const options = createIpOptions()
  ipParseOptions(g.view, g.l3, options)
  const mine = ipSourceOn(out, dst)
  if (options.sourceRouteAt >= 0 && dst !== g.dst.w3) {
    // the hop's address takes the place of the address that was used (RFC 791 "Loose Source and Record Route")
    record(g.view, g.l3 + options.sourceRouteAt, mine)
    g.view.setInt32(g.l3 + IP_DST, dst)
    addrSetIp4(g.dst, dst)
  }
  if (options.recordRouteAt >= 0) record(g.view, g.l3 + options.recordRouteAt, mine)
  if (options.timestampAt >= 0) stamp(vn, g.view, g.l3 + options.timestampAt, mine)
  ipHeaderSum(g.view, g.l3)
}

/** The next hop that a source route names when the packet has come to us by it; the packet's destination otherwise. */
export function ipSourceRouteNext(vn: Vn, f: Frame): Ip4 {
  const { view, l3 } = f
  if (ipHeaderLen(view, l3) === IP_HDR_LEN || !ipIsLocal(vn, f.dst.w3)) return f.dst.w3
  const options = createIpOptions()
  ipParseOptions(view, l3, options)
  if (options.sourceRouteAt < 0) return f.dst.w3
  const at = l3 + options.sourceRouteAt
  const pointer = view.getUint8(at + IPOPT_OFFSET)
  return pointer + 3 > view.getUint8(at + IPOPT_OLEN) ? f.dst.w3 : view.getInt32(at + pointer - 1)
}

/**
 * Writes the options of the reply to `f` in front of the message in `g` and returns their length: record route and
 * timestamp as they came plus our own mark, a source route reversed (g.dst becomes its first hop). RFC 1122 §3.2.2.6.
 */
export function ipReplyOptions(vn: Vn, f: Frame, g: Frame): number {
  if (ipHeaderLen(f.view, f.l3) === IP_HDR_LEN || vn.state.sysctl['net.inet.ip.process_options'] !== 1) return 0
  const options = createIpOptions()
  ipParseOptions(f.view, f.l3, options)
  const mine = ipIsLocal(vn, f.dst.w3) ? f.dst.w3 : g.src.w3
  const route = options.sourceRouteAt < 0 ? [] : reversedRoute(vn, f, options.sourceRouteAt)
  const lenAt = (at: number): number => at < 0 ? 0 : f.view.getUint8(f.l3 + at + IPOPT_OLEN)
  const rrLen = lenAt(options.recordRouteAt)
  const tsLen = lenAt(options.timestampAt)
  const routeLen = route.length > 1 ? 3 + 4 * (route.length - 1) : 0
  const total = (rrLen + tsLen + routeLen + 3) & ~3
  let at = framePush(g, total)
  g.slab.fill(IPOPT_EOL, at, at + total)
  if (routeLen > 0) {
    g.view.setUint8(at, f.view.getUint8(f.l3 + options.sourceRouteAt))
    g.view.setUint8(at + IPOPT_OLEN, routeLen)
    g.view.setUint8(at + IPOPT_OFFSET, IPOPT_MINOFF)
    for (let i = 1; i < route.length; i++) g.view.setInt32(at + 4 * i - 1, route[i])
    addrSetIp4(g.dst, route[0])
    at += routeLen
  }
  if (rrLen > 0) {
    g.slab.set(f.slab.subarray(f.l3 + options.recordRouteAt, f.l3 + options.recordRouteAt + rrLen), at)
    record(g.view, at, mine)
    at += rrLen
  }
  if (tsLen > 0) {
    g.slab.set(f.slab.subarray(f.l3 + options.timestampAt, f.l3 + options.timestampAt + tsLen), at)
    stamp(vn, g.view, at, mine)
  }
  return total
}

/**
 * The way back to the sender of `f`, as the octets of a source route option that names the gateways of it, first to last
 * (RFC 1122 §3.2.1.8 c); empty where the packet came by no source route, or by one that cannot be used.
 */
export function ipReturnRoute(vn: Vn, f: Frame): number[] {
  const options = createIpOptions()
  if (ipParseOptions(f.view, f.l3, options) !== IP_OPTIONS_OK || options.sourceRouteAt < 0) return []
  const route = reversedRoute(vn, f, options.sourceRouteAt)
  if (route.length < 2) return []
  const octets = [f.view.getUint8(f.l3 + options.sourceRouteAt), 3 + 4 * (route.length - 1), IPOPT_MINOFF]
  for (let i = 0; i < route.length - 1; i++) {
    octets.push(route[i] >>> 24, route[i] >> 16 & 255, route[i] >> 8 & 255, route[i] & 255)
  }
  return octets
}

/**
 * The way back: recorded hops in reverse, then the sender, who may also stand first in the record (RFC 1122 §3.2.1.8
 * c).
 */
function reversedRoute(vn: Vn, f: Frame, sourceRouteAt: number): Ip4[] {
  const at = f.l3 + sourceRouteAt
  const end = Math.min(f.view.getUint8(at + IPOPT_OFFSET) - 1, f.view.getUint8(at + IPOPT_OLEN))
  const hops: Ip4[] = []
  for (let p = IPOPT_MINOFF - 1; p + 4 <= end; p += 4) hops.unshift(f.view.getInt32(at + p))
  if (hops[hops.length - 1] === f.src.w3) hops.pop()
  const usable = hops.every((hop) => hop !== 0 && !ip4IsMulticast(hop) && !ipIsBroadcast(vn, hop, 0))
  return usable && hops.length > 0 ? [...hops, f.src.w3] : []
}

/** Writes `ip` at the pointer of a route option, if there is room. */
function record(view: DataView, option: number, ip: Ip4): void {
  const pointer = view.getUint8(option + IPOPT_OFFSET)
  if (pointer + 3 > view.getUint8(option + IPOPT_OLEN)) return
  view.setInt32(option + pointer - 1, ip)
  view.setUint8(option + IPOPT_OFFSET, pointer + 4)
}

/** Writes the time (and `ip`) at the pointer of a timestamp option, or counts that there was no room. */
function stamp(vn: Vn, view: DataView, option: number, ip: Ip4): void {
  const pointer = view.getUint8(option + IPOPT_OFFSET)
  const kind = view.getUint8(option + IPOPT_TS_OFLW)
  const entry = (kind & 0x0f) === IPOPT_TS_TSONLY ? 4 : 8
  if (pointer + entry - 1 > view.getUint8(option + IPOPT_OLEN)) {
    if (kind >> 4 < 15) view.setUint8(option + IPOPT_TS_OFLW, kind + 0x10)
    return
  }
  const at = option + pointer - 1
  // pre-specified: only who is named writes
  if ((kind & 0x0f) === IPOPT_TS_PRESPEC && !ipIsLocal(vn, view.getInt32(at))) return
  if (entry === 8 && (kind & 0x0f) !== IPOPT_TS_PRESPEC) view.setInt32(at, ip)
  view.setUint32(at + entry - 4, ipTimestamp(vn))
  view.setUint8(option + IPOPT_OFFSET, pointer + entry)
}
