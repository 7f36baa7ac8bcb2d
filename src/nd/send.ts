/** Neighbour messages on their way out (RFC 4861 §4.3, §4.4): the whole packet, hop limit 255. */

import { inetPseudo } from '../inet/checksum.ts'
import { ip6IsLocal } from '../ip6/addrs.ts'
import { ip6SourceSelect } from '../ip6/source.ts'
import { randomInt32 } from '../kern/random.ts'
import { countDrop } from '../kern/vn.ts'
import type { Vn } from '../kern/vn.ts'
import { addrCopy, createAddr, macWrite } from '../lib/addr.ts'
import type { Addr, Mac } from '../lib/addr.ts'
import { addr6SolicitedNode, addr6Write, macFromGroup6 } from '../lib/addr6.ts'
import { checksumAdd, checksumFold } from '../lib/checksum.ts'
import { CSUM_VALID, frameAlloc, framePush } from '../lib/frame.ts'
import type { Frame } from '../lib/frame.ts'
import type { Ifnet } from '../link/state.ts'
import { etherOutput } from '../link/tx.ts'
import { ETHERTYPE_IPV6 } from '../wire/ethernet.ts'
import {
  ICMP6_REST, ICMP6_SUM, ICMP6_TYPE, ND_NEIGHBOR_LEN, ND_NEIGHBOR_SOLICIT, ND_OPT_NONCE, ND_OPT_SOURCE_LINKADDR, ND_TARGET,
} from '../wire/icmpv6.ts'
import { IPPROTO_ICMPV6 } from '../wire/ipv4.ts'
import { IP6_DST, IP6_HDR_LEN, IP6_HLIM, IP6_NXT, IP6_PLEN, IP6_SRC, IP6_VTCFLOW } from '../wire/ipv6.ts'
import { ndStats } from './state.ts'

const OPT_LEN = 8
/** RFC 4861 §6.1, §7.1: what has another hop limit came through a router. */
const HOP_LIMIT = 255

/**
 * Asks who has `target`: by its solicited-node group, or the neighbour itself where `mac` is known. `from` is the source of
 * the packet that waits: it is used where it is ours (§7.2.2), else one is chosen.
 */
export function ndSolicit(vn: Vn, ifp: Ifnet, target: Addr, from: Addr | null, mac: Mac): void {
  const src = createAddr()
  if (from !== null && (from.zone === 0 || from.zone === ifp.id) && ip6IsLocal(vn, from)) addrCopy(src, from)
  // without an address of our own on this link there is nothing to ask with: the entry fails in its time
  else if (!ip6SourceSelect(vn, ifp.id, target, src)) return
  const f = message(vn, ND_NEIGHBOR_SOLICIT, target, 0)
  if (f === null) return
  ndOption(f, ND_OPT_SOURCE_LINKADDR, ifp.mac)
  ndStats(vn).txsolicits++
  const dst = mac === 0 ? addr6SolicitedNode(target, ifp.id) : target
  ndFinish(f, src, dst)
  etherOutput(vn, ifp, f, mac === 0 ? macFromGroup6(dst) : mac, ETHERTYPE_IPV6)
}

/** The question of duplicate address detection: source `::`, no address option, a nonce (RFC 4862 §5.4.2, RFC 7527 §4.1). */
export function ndProbe(vn: Vn, ifp: Ifnet, target: Addr, nonce: number): void {
  const f = message(vn, ND_NEIGHBOR_SOLICIT, target, 0)
  if (f === null) return
  ndOption(f, ND_OPT_NONCE, nonce)
  ndStats(vn).txprobes++
  const dst = addr6SolicitedNode(target, ifp.id)
  ndFinish(f, createAddr(), dst)
  etherOutput(vn, ifp, f, macFromGroup6(dst), ETHERTYPE_IPV6)
}

/** 48 random bits for a nonce, never 0. */
export function ndNonce(vn: Vn): number {
  return (randomInt32(vn.state.random) & 0xffff) * 0x100000000 + (randomInt32(vn.state.random) >>> 0) || 1
}

/** A neighbour message about `target` without options; f.off at the ICMPv6 header. Null when there is no frame. */
export function message(vn: Vn, type: number, target: Addr, flags: number): Frame | null {
  const f = frameAlloc(vn.pool, IP6_HDR_LEN + ND_NEIGHBOR_LEN + 2 * OPT_LEN)
  if (f === null) {
    countDrop(vn, ndStats(vn), 'nd', 'nobuf', null)
    return null
  }
  const { view, off } = f
  f.len = ND_NEIGHBOR_LEN
  view.setUint32(off + ICMP6_TYPE, 0)
  view.setUint8(off + ICMP6_TYPE, type)
  view.setUint32(off + ICMP6_REST, flags)
  addr6Write(view, off + ND_TARGET, target)
  return f
}

/** Appends an option of eight octets: six of content. */
export function ndOption(f: Frame, type: number, six: number): void {
  const at = f.off + f.len
  f.view.setUint8(at, type)
  f.view.setUint8(at + 1, 1)
  macWrite(f.view, at + 2, six)
  f.len += OPT_LEN
}

/** Checksum and IPv6 header of a message; f.off is then at that header. */
export function ndFinish(f: Frame, src: Addr, dst: Addr): void {
  const { view, off } = f
  f.l4 = off
  f.proto = IPPROTO_ICMPV6
  f.ttl = HOP_LIMIT
  addrCopy(f.src, src)
  addrCopy(f.dst, dst)
  view.setUint16(off + ICMP6_SUM, 0)
  view.setUint16(off + ICMP6_SUM, checksumFold(checksumAdd(inetPseudo(f, f.len), view, off, f.len)))
  f.csum = CSUM_VALID
  const payload = f.len
  const at = framePush(f, IP6_HDR_LEN)
  f.l3 = at
  view.setUint32(at + IP6_VTCFLOW, 0x60000000)
  view.setUint16(at + IP6_PLEN, payload)
  view.setUint8(at + IP6_NXT, IPPROTO_ICMPV6)
  view.setUint8(at + IP6_HLIM, HOP_LIMIT)
  addr6Write(view, at + IP6_SRC, src)
  addr6Write(view, at + IP6_DST, dst)
}
