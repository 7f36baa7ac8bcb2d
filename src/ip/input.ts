/**
 * Datagrams from the link (RFC 791 §3.2, RFC 1122 §3.2.1): checked, then for us, for a group, to be forwarded, or
 * dropped.
 */

import { icmpError } from '../icmp/error.ts'
import { inetInput } from '../inet/input.ts'
import { countDrop } from '../kern/vn.ts'
import type { Vn } from '../kern/vn.ts'
import { IP4_BROADCAST, addrSetIp4, ip4IsLoopback, ip4IsMulticast } from '../lib/addr.ts'
import type { Ip4 } from '../lib/addr.ts'
import { checksumAdd, checksumFold } from '../lib/checksum.ts'
import { F_BCAST, F_IPOPTS, F_MCAST, framePull, frameRelease } from '../lib/frame.ts'
import type { Frame } from '../lib/frame.ts'
import { ifInGroup } from '../link/multicast.ts'
import { IFT_LOOP } from '../link/state.ts'
import type { Ifnet } from '../link/state.ts'
import { ICMP_UNREACH, ICMP_UNREACH_PROTOCOL } from '../wire/icmp.ts'
import {
  IP_DST, IP_HDR_LEN, IP_LEN, IP_MAXPACKET, IP_P, IP_SRC, IP_TOS, IP_TTL, ipHeaderLen, ipIsFragment, ipVersion,
} from '../wire/ipv4.ts'
import { ipIsBroadcast } from './addrs.ts'
import { ipForward } from './forward.ts'
import { ipOptionsInput } from './options-input.ts'
import { ipReassemble } from './reass.ts'
import { ipStats } from './state.ts'
import type { IpStats } from './state.ts'

/** Takes a packet (f.off at the IP header) that came in by `ifp`. Borrows the frame and does not change its bytes. */
export function ipInput(vn: Vn, ifp: Ifnet, f: Frame): void {
  const stats = ipStats(vn)
  stats.total++
  const fault = checkHeader(ifp, f)
  if (fault !== null) return countDrop(vn, stats, 'ip', fault, f)
  const { view, l3 } = f
  const src = view.getInt32(l3 + IP_SRC)
  const dst = view.getInt32(l3 + IP_DST)
  const bad = checkAddresses(vn, ifp, f, src, dst)
  if (bad !== null) return countDrop(vn, stats, 'ip', bad, f)
  addrSetIp4(f.src, src)
  addrSetIp4(f.dst, dst)
  f.proto = view.getUint8(l3 + IP_P)
  f.tos = view.getUint8(l3 + IP_TOS)
  f.ttl = view.getUint8(l3 + IP_TTL)

  const local = isForUs(vn, ifp, f, dst)
  if (ipHeaderLen(view, l3) > IP_HDR_LEN && !ipOptionsInput(vn, ifp, f, local)) return
  if (local) deliver(vn, f)
  else if (ip4IsMulticast(dst)) countDrop(vn, stats, 'ip', 'nogroup', f)
  else ipForward(vn, ifp, f)
}

/**
 * Checks version, lengths and checksum, cuts link padding off, and sets l3, l4. Returns the counter of a fault, or
 * null.
 */
function checkHeader(ifp: Ifnet, f: Frame): keyof IpStats | null {
  const { view, off } = f
  if (f.len < IP_HDR_LEN) return 'toosmall'
  if (ipVersion(view, off) !== 4) return 'badvers'
  const headerLen = ipHeaderLen(view, off)
  if (headerLen < IP_HDR_LEN || headerLen > f.len) return 'badhlen'
  // what comes back through memory was not damaged
  if (ifp.type !== IFT_LOOP && checksumFold(checksumAdd(0, view, off, headerLen)) !== 0) return 'badsum'
  // a super-segment of 64 KiB and its headers cannot state its length; the frame does
  const total = f.gsoSize !== 0 && f.len > IP_MAXPACKET ? f.len : view.getUint16(off + IP_LEN)
  if (total < headerLen) return 'badlen'
  if (total > f.len) return 'tooshort'
  f.len = total
  f.l3 = off
  f.l4 = off + headerLen
  return null
}

/**
 * Addresses that no datagram may have (RFC 1122 §3.2.1.3, RFC 1812 §5.3.7). Returns the counter of a fault, or null.
 */
function checkAddresses(vn: Vn, ifp: Ifnet, f: Frame, src: Ip4, dst: Ip4): keyof IpStats | null {
  const group = ip4IsMulticast(dst) || ipIsBroadcast(vn, dst, 0)
  if (ip4IsMulticast(src) || (src >>> 28) === 0xf || dst === 0) return 'badaddr'
  // "this host" may only ask for an address (RFC 1122 §3.2.1.3 a)
  if (src === 0 && !group) return 'badaddr'
  if (ifp.type === IFT_LOOP) return null
  if (ip4IsLoopback(src) || ip4IsLoopback(dst)) return 'badaddr'
  if (ipIsBroadcast(vn, src, 0)) return 'badaddr'
  if (vn.state.ip.local.has(src)) return 'spoofed'
  // RFC 1122 §3.3.6: a unicast in a link broadcast is somebody's mistake, and answering it would make a storm
  if (!group && (f.flags & (F_BCAST | F_MCAST)) !== 0) return 'linkbcast'
  return isElsewhere(vn, ifp, dst) ? 'wrongif' : null
}

/** The strong model of RFC 1122 §3.3.4.2 (A), by sysctl and for hosts: our address, but another interface's. */
function isElsewhere(vn: Vn, ifp: Ifnet, dst: Ip4): boolean {
  const { sysctl, ip } = vn.state
  if (sysctl['net.inet.ip.rfc1122_strong_es'] === 0 || sysctl['net.inet.ip.forwarding'] === 1) return false
  return ip.local.has(dst) && ip.local.get(dst) !== ifp.id
}

function isForUs(vn: Vn, ifp: Ifnet, f: Frame, dst: Ip4): boolean {
  if (vn.state.ip.local.has(dst)) return true
  if (ip4IsMulticast(dst)) {
    f.flags |= F_MCAST
    // on the loopback it is our copy of what we sent where we listen
    return ifp.type === IFT_LOOP || ifInGroup(ifp, dst)
  }
  if (dst === IP4_BROADCAST || ipIsBroadcast(vn, dst, ifp.type === IFT_LOOP ? 0 : ifp.id)) {
    f.flags |= F_BCAST
    return true
  }
  return ip4IsLoopback(dst)
}

/** Up to the transport; first put together from fragments where it came in pieces. */
function deliver(vn: Vn, f: Frame): void {
  const stats = ipStats(vn)
  if (!ipIsFragment(f.view, f.l3)) {
    framePull(f, f.l4 - f.off)
    protocol(vn, f)
    return
  }
  stats.fragments++
  const whole = ipReassemble(vn, f)
  if (whole === null) return
  protocol(vn, whole)
  frameRelease(vn.pool, whole)
}

function protocol(vn: Vn, f: Frame): void {
  const stats = ipStats(vn)
  stats.delivered++
  if (ipHeaderLen(f.view, f.l3) > IP_HDR_LEN) f.flags |= F_IPOPTS
  if (inetInput(vn, f)) return
  stats.delivered--
  countDrop(vn, stats, 'ip', 'noproto', f)
  icmpError(vn, f, ICMP_UNREACH, ICMP_UNREACH_PROTOCOL, 0)
}
