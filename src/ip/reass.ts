/**
 * Reassembly (RFC 791 §3.2, RFC 815): fragments are copied into state, kept in order, and joined when the list has no
 * hole.
 *
 * Overlaps: an exact copy of a fragment is ignored; any other overlap throws the whole datagram away, because it is
 * an attack or an accident and nobody knows which bytes are meant (RFC 1858 §4, the rule of RFC 5722 for IPv6).
 */

import { icmpError } from '../icmp/error.ts'
import { NEVER, TIMER_IPREASS, alarmSet } from '../kern/timer.ts'
import { countDrop } from '../kern/vn.ts'
import type { Vn } from '../kern/vn.ts'
import { addrSetIp4 } from '../lib/addr.ts'
import type { Ip4 } from '../lib/addr.ts'
import { F_BCAST, F_MCAST, F_REASSEMBLED, frameAlloc, frameRelease } from '../lib/frame.ts'
import type { Frame } from '../lib/frame.ts'
import { sipHash32 } from '../lib/siphash.ts'
import { tableIn } from '../lib/table.ts'
import { ICMP_TIMXCEED, ICMP_TIMXCEED_REASS } from '../wire/icmp.ts'
import {
  IPPROTO_TCP, IPTOS_ECN_CE, IPTOS_ECN_MASK, IPTOS_ECN_NOTECT, IP_ID, IP_LEN, IP_MAXPACKET, IP_MF, IP_OFF, IP_TOS,
  IP_TTL, ipFragOffset,
} from '../wire/ipv4.ts'
import { ipHashKey } from './ident.ts'
import { createFragment, createReassQueue, ipStats } from './state.ts'
import type { IpStats, ReassQueue } from './state.ts'
import { ipHeaderSum } from './transmit.ts'

/** Longest state that a queue adds to its data, for the limit on memory. */
const FRAGMENT_OVERHEAD = 128

/**
 * Adds the fragment in `f` (f.l3, l4 set, header checked). Borrows it. When the datagram is whole: a new frame (f.off
 * = f.l4 at the data, F_REASSEMBLED) with one reference, which the caller must release. Null otherwise.
 */
export function ipReassemble(vn: Vn, f: Frame): Frame | null {
  const { ip } = vn.state
  const at = ipFragOffset(f.view, f.l3)
  const len = f.off + f.len - f.l4
  const more = (f.view.getUint16(f.l3 + IP_OFF) & IP_MF) !== 0
  const fault = checkFragment(f, at, len, more)
  if (fault !== null) return drop(vn, fault, f)
  const ident = f.view.getUint16(f.l3 + IP_ID)
  const key = ipReassKey(vn, f.src.w3, f.dst.w3, f.proto, ident)
  let q = ip.reass.get(key) ?? null
  if (q !== null && (q.src !== f.src.w3 || q.dst !== f.dst.w3 || q.proto !== f.proto || q.ident !== ident)) {
    reassFree(vn, key, q)
    q = null
  }
  if (q === null) {
    q = reassOpen(vn, key, f, ident)
    if (q === null) return drop(vn, 'fragdropped', f)
  }
  const wrong = place(vn, q, f, at, len, more)
  if (wrong !== null) {
    // a copy harms nobody; anything else ends the datagram
    if (wrong !== 'fragdup') reassFree(vn, key, q)
    return drop(vn, wrong, f)
  }
  makeRoom(vn, key)
  if (ip.reass.get(key) !== q || q.total < 0 || q.bytes < q.total) return null
  const whole = join(vn, q)
  reassFree(vn, key, q)
  return whole
}

/** Under what key a datagram is put together: a hash that nobody outside can aim at. */
export function ipReassKey(vn: Vn, src: Ip4, dst: Ip4, proto: number, ident: number): number {
  return sipHash32(ipHashKey(vn), [src, dst, (proto << 16) | ident])
}

/** TIMER_IPREASS fired: datagrams whose time is up are dropped; the sender learns it (RFC 792, RFC 1122 §3.3.2). */
export function ipReassTimer(vn: Vn, _owner: number, at: number): void {
  const { ip, now } = vn.state
  if (ip.alarmAt !== at) return
  ip.alarmAt = NEVER
  // all live equally long, so the oldest is the first to end
  for (const [key, q] of ip.reass) {
    if (q.deadline > now) {
      alarmSet(vn.state.timers, TIMER_IPREASS, 0, ip, q.deadline)
      return
    }
    reportTimeout(vn, q)
    reassFree(vn, key, q)
  }
}

function checkFragment(f: Frame, at: number, len: number, more: boolean): keyof IpStats | null {
  if (len === 0 || (more && (len & 7) !== 0)) return 'fragbadlen'
  // counted with the header, as the whole datagram will be ("ping of death")
  if (f.l4 - f.l3 + at + len > IP_MAXPACKET) return 'toolong'
  // RFC 1858 §3.2.2: a second fragment that starts within the TCP header could change its flags behind a filter's back
  if (f.proto === IPPROTO_TCP && at === 8) return 'fragtiny'
  return null
}

function reassOpen(vn: Vn, key: number, f: Frame, ident: number): ReassQueue | null {
  const { ip, sysctl, now } = vn.state
  const most = sysctl['net.inet.ip.maxfragpackets']
  if (most === 0) return null
  while (ip.reass.size >= most) evictOldest(vn)
  const deadline = now + sysctl['net.inet.ip.fragttl'] * 1_000_000
  const q = createReassQueue(f.src.w3, f.dst.w3, f.proto, ident, f.ifId, deadline)
  tableIn(ip, 'reass').set(key, q)
  alarmSet(vn.state.timers, TIMER_IPREASS, 0, ip, q.deadline)
  return q
}

/** Puts the fragment where it belongs. Returns the counter of what is wrong with it, or null. */
function place(vn: Vn, q: ReassQueue, f: Frame, at: number, len: number, more: boolean): keyof IpStats | null {
  const list = q.fragments
  const end = at + len
  if (q.total >= 0 && (end > q.total || (!more && end !== q.total))) return 'fragoverlap'
  // most fragments come in order: look from the end
  let i = list.length
  while (i > 0 && (list[i - 1]).at >= at) i--
  const next = list[i]
  const data = f.slab.subarray(f.l4, f.l4 + len)
  if (next !== undefined && next.at === at && next.bytes.length === len) {
    return sameBytes(next.bytes, data) ? 'fragdup' : 'fragoverlap'
  }
  if (next !== undefined && next.at < end) return 'fragoverlap'
  const previous = list[i - 1]
  if (previous !== undefined && previous.at + previous.bytes.length > at) return 'fragoverlap'
  if (!more && i < list.length) return 'fragoverlap'
  if (list.length >= vn.state.sysctl['net.inet.ip.maxfragsperpacket']) return 'fragdropped'
  list.splice(i, 0, createFragment(at, data.slice()))
  if (!more) q.total = end
  if (at === 0) q.header = f.slab.slice(f.l3, f.l4)
  q.bytes += len
  q.ecn |= 1 << (f.view.getUint8(f.l3 + IP_TOS) & IPTOS_ECN_MASK)
  q.flags |= f.flags & (F_BCAST | F_MCAST)
  vn.state.ip.reassFragments++
  vn.state.ip.reassBytes += len + FRAGMENT_OVERHEAD
  return null
}

/** Oldest datagrams give way until the limits hold again; `key` was just added to and goes last. */
function makeRoom(vn: Vn, key: number): void {
  const { ip, sysctl } = vn.state
  while (ip.reass.has(key) && (ip.reassFragments > sysctl['net.inet.ip.maxfrags'] ||
    ip.reassBytes > sysctl['net.inet.ip.maxfragbytes'])) evictOldest(vn)
}

function evictOldest(vn: Vn): void {
  for (const [key, q] of vn.state.ip.reass) {
    ipStats(vn).fragdropped += q.fragments.length
    reassFree(vn, key, q)
    return
  }
}

function reassFree(vn: Vn, key: number, q: ReassQueue): void {
  const ip = vn.state.ip
  ip.reass.delete(key)
  ip.reassFragments -= q.fragments.length
  ip.reassBytes -= q.bytes + q.fragments.length * FRAGMENT_OVERHEAD
}

/** The whole datagram in a frame, or null (counted). */
function join(vn: Vn, q: ReassQueue): Frame | null {
  const headerLen = q.header.length
  // a later fragment's header may be shorter than the first one's: the sum is only known now
  if (headerLen + q.total > IP_MAXPACKET) return drop(vn, 'toolong', null)
  // RFC 3168 §5.3: marked and not-capable fragments of one datagram contradict each other
  const marked = (q.ecn & (1 << IPTOS_ECN_CE)) !== 0
  if (marked && (q.ecn & (1 << IPTOS_ECN_NOTECT)) !== 0) return drop(vn, 'fragecn', null)
  const g = frameAlloc(vn.pool, headerLen + q.total)
  if (g === null) return drop(vn, 'nobuf', null)
  fill(g, q)
  if (marked) g.view.setUint8(g.l3 + IP_TOS, g.view.getUint8(g.l3 + IP_TOS) | IPTOS_ECN_CE)
  g.view.setUint16(g.l3 + IP_LEN, g.len)
  g.view.setUint16(g.l3 + IP_OFF, 0)
  ipHeaderSum(g.view, g.l3)
  g.tos = g.view.getUint8(g.l3 + IP_TOS)
  g.off = g.l4
  g.len = q.total
  g.flags = q.flags | F_REASSEMBLED
  ipStats(vn).reassembled++
  return g
}

/** Header and the fragments that there are; the frame then starts at the IP header. */
function fill(g: Frame, q: ReassQueue): void {
  g.slab.set(q.header, g.off)
  g.l3 = g.off
  g.l4 = g.off + q.header.length
  for (const fragment of q.fragments) g.slab.set(fragment.bytes, g.l4 + fragment.at)
  g.len = q.header.length + q.total
  g.ifId = q.ifId
  g.proto = q.proto
  g.ttl = q.header[IP_TTL]
  addrSetIp4(g.src, q.src)
  addrSetIp4(g.dst, q.dst)
}

/** Only where the first fragment is there to be quoted (RFC 792 "Time Exceeded Message"). */
function reportTimeout(vn: Vn, q: ReassQueue): void {
  const stats = ipStats(vn)
  stats.fragdropped += q.fragments.length
  const first = q.fragments[0]
  const g = first === undefined || first.at !== 0 ? null : frameAlloc(vn.pool, q.header.length + first.bytes.length)
  countDrop(vn, stats, 'ip', 'fragtimeout', null)
  if (g === null || first === undefined) return
  fill(g, { ...q, fragments: [first], total: first.bytes.length })
  g.flags = q.flags
  icmpError(vn, g, ICMP_TIMXCEED, ICMP_TIMXCEED_REASS, 0)
  frameRelease(vn.pool, g)
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false
  return true
}

function drop(vn: Vn, counter: keyof IpStats, f: Frame | null): null {
  countDrop(vn, ipStats(vn), 'ip', counter, f)
  return null
}
