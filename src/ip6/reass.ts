/**
 * Reassembly (RFC 8200 §4.5): fragments are copied into state, kept in order, and joined when the list has no hole. An exact
 * copy of a fragment is ignored; any other overlap ends the packet in silence (RFC 5722 §4).
 */

import { icmp6Error } from '../icmp6/error.ts'
import { NEVER, TIMER_IP6REASS, alarmSet } from '../kern/timer.ts'
import { countDrop } from '../kern/vn.ts'
import type { Vn } from '../kern/vn.ts'
import { addrCopy } from '../lib/addr.ts'
import type { Addr } from '../lib/addr.ts'
import { addr6Hash, sameWords } from '../lib/addr6.ts'
import { F_BCAST, F_MCAST, F_REASSEMBLED, frameAlloc, frameRelease } from '../lib/frame.ts'
import type { Frame } from '../lib/frame.ts'
import { tableIn } from '../lib/table.ts'
import {
  ICMP6_PARAMPROB_HEADER, ICMP6_PARAM_PROB, ICMP6_TIME_EXCEEDED, ICMP6_TIME_EXCEED_REASSEMBLY,
} from '../wire/icmpv6.ts'
import { IPTOS_ECN_CE, IPTOS_ECN_MASK, IPTOS_ECN_NOTECT } from '../wire/ipv4.ts'
import {
  IP6F_IDENT, IP6F_LEN, IP6F_MORE_FRAG, IP6F_NXT, IP6F_OFFLG, IP6F_OFF_MASK, IP6_HDR_LEN, IP6_NXT, IP6_PLEN,
  IPPROTO_FRAGMENT,
} from '../wire/ipv6.ts'
import { createFragment6, createReass6, ip6Stats } from './state.ts'
import type { Ip6Stats, Reass6 } from './state.ts'

/** What a fragment costs in memory besides its data. */
const FRAGMENT_OVERHEAD = 128
const MAX_PAYLOAD = 65_535

/**
 * Adds the fragment whose fragment header is at `at` of `f`, and whose number stands at `nxtAt`. Borrows the frame. When the
 * packet is whole: a new frame (f.off = f.l3) with one reference, which the caller must release. Null otherwise.
 */
export function ip6Reassemble(vn: Vn, f: Frame, nxtAt: number, at: number): Frame | null {
  const { ip6 } = vn.state
  const { view } = f
  const field = view.getUint16(at + IP6F_OFFLG)
  const offset = field & IP6F_OFF_MASK
  const more = (field & IP6F_MORE_FRAG) !== 0
  const data = at + IP6F_LEN
  const len = f.off + f.len - data
  if (len === 0) return drop(vn, 'fragbadlen', f)
  if (more && (len & 7) !== 0) return refuse(vn, f, 'fragbadlen', IP6_PLEN)
  // the whole packet's payload length must be one that its header can state
  if (at - f.l3 - IP6_HDR_LEN + offset + len > MAX_PAYLOAD) return refuse(vn, f, 'fragtoolong', at + IP6F_OFFLG - f.l3)
  const ident = view.getInt32(at + IP6F_IDENT)
  const key = ip6ReassKey(vn, f.src, f.dst, ident)
  let q = ip6.reass.get(key) ?? null
  if (q !== null && (!sameWords(q.src, f.src) || !sameWords(q.dst, f.dst) || q.ident !== ident)) {
    reassFree(vn, key, q)
    q = null
  }
  q ??= reassOpen(vn, key, f, ident)
  if (q === null) return drop(vn, 'fragdropped', f)
  const wrong = place(vn, q, f, data, offset, len, more)
  if (wrong !== null) {
    // a copy harms nobody; anything else ends the packet
    if (wrong !== 'fragdup') reassFree(vn, key, q)
    return drop(vn, wrong, f)
  }
  if (offset === 0) keepHeader(q, f, nxtAt, at)
  makeRoom(vn, key)
  if (ip6.reass.get(key) !== q || q.total < 0 || q.bytes < q.total) return null
  const whole = join(vn, q)
  reassFree(vn, key, q)
  return whole
}

/** Under what key a packet is put together: a hash that nobody outside can aim at. */
export function ip6ReassKey(vn: Vn, src: Addr, dst: Addr, ident: number): number {
  const key = vn.state.inet.hashKey
  return addr6Hash(key, src, 128, addr6Hash(key, dst, 128, ident))
}

/** TIMER_IP6REASS fired: packets whose time is up are dropped; the sender learns it where the first fragment came. */
export function ip6ReassTimer(vn: Vn, _owner: number, at: number): void {
  const { ip6, now } = vn.state
  if (ip6.reassAlarm.alarmAt !== at) return
  ip6.reassAlarm.alarmAt = NEVER
  // all live equally long, so the oldest is the first to end
  for (const [key, q] of ip6.reass) {
    if (q.deadline > now) return alarmSet(vn.state.timers, TIMER_IP6REASS, 0, ip6.reassAlarm, q.deadline)
    reportTimeout(vn, q)
    reassFree(vn, key, q)
  }
}

function reassOpen(vn: Vn, key: number, f: Frame, ident: number): Reass6 | null {
  const { ip6, sysctl, now } = vn.state
  const most = sysctl['net.inet6.ip6.maxfragpackets']
  if (most === 0) return null
  while (ip6.reass.size >= most) evictOldest(vn)
  const q = createReass6(f.src, f.dst, ident, f.ifId, now + sysctl['net.inet6.ip6.fragttl'] * 1_000_000)
  tableIn(ip6, 'reass').set(key, q)
  alarmSet(vn.state.timers, TIMER_IP6REASS, 0, ip6.reassAlarm, q.deadline)
  return q
}

/** Puts the fragment where it belongs. Returns the counter of what is wrong with it, or null. */
function place(vn: Vn, q: Reass6, f: Frame, data: number, at: number, len: number, more: boolean): keyof Ip6Stats | null {
  const list = q.fragments
  const end = at + len
  if (q.total >= 0 && (end > q.total || (!more && end !== q.total))) return 'fragoverlap'
  // most fragments come in order: look from the end
  let i = list.length
  while (i > 0 && list[i - 1].at >= at) i--
  const next = i < list.length ? list[i] : null
  const bytes = f.slab.subarray(data, data + len)
  if (next !== null && next.at === at && next.bytes.length === len) {
    return sameBytes(next.bytes, bytes) ? 'fragdup' : 'fragoverlap'
  }
  if (next !== null && (next.at < end || !more)) return 'fragoverlap'
  if (i > 0 && list[i - 1].at + list[i - 1].bytes.length > at) return 'fragoverlap'
  if (list.length >= vn.state.sysctl['net.inet6.ip6.maxfragsperpacket']) return 'fragdropped'
  list.splice(i, 0, createFragment6(at, bytes.slice()))
  if (!more) q.total = end
  q.bytes += len
  q.ecn |= 1 << (f.tos & IPTOS_ECN_MASK)
  q.flags |= f.flags & (F_BCAST | F_MCAST)
  vn.state.ip6.reassBytes += len + FRAGMENT_OVERHEAD
  return null
}

/** The headers in front of the fragment header; the last of them names what the first fragment says comes next. */
function keepHeader(q: Reass6, f: Frame, nxtAt: number, at: number): void {
  q.header = f.slab.slice(f.l3, at)
  q.header[nxtAt - f.l3] = f.view.getUint8(at + IP6F_NXT)
}

/** Oldest packets give way until the limit holds again; `key` was just added to and goes last. */
function makeRoom(vn: Vn, key: number): void {
  const { ip6, sysctl } = vn.state
  while (ip6.reass.has(key) && ip6.reassBytes > sysctl['net.inet6.ip6.maxfragbytes']) evictOldest(vn)
}

function evictOldest(vn: Vn): void {
  for (const [key, q] of vn.state.ip6.reass) {
    ip6Stats(vn).fragdropped += q.fragments.length
    return reassFree(vn, key, q)
  }
}

function reassFree(vn: Vn, key: number, q: Reass6): void {
  vn.state.ip6.reass.delete(key)
  vn.state.ip6.reassBytes -= q.bytes + q.fragments.length * FRAGMENT_OVERHEAD
}

/** The whole packet in a frame, or null (counted). */
function join(vn: Vn, q: Reass6): Frame | null {
  const total = q.header.length + q.total
  // a later fragment's header may have been shorter than the first one's: the sum is only known now
  if (total - IP6_HDR_LEN > MAX_PAYLOAD) return drop(vn, 'fragtoolong', null)
  // RFC 3168 §5.3: marked and not-capable fragments of one packet contradict each other
  const marked = (q.ecn & (1 << IPTOS_ECN_CE)) !== 0
  if (marked && (q.ecn & (1 << IPTOS_ECN_NOTECT)) !== 0) return drop(vn, 'fragecn', null)
  const g = frameAlloc(vn.pool, total)
  if (g === null) return drop(vn, 'nobuf', null)
  fill(g, q)
  if (marked) {
    g.view.setUint8(g.l3 + 1, g.view.getUint8(g.l3 + 1) | (IPTOS_ECN_CE << 4))
    g.tos |= IPTOS_ECN_CE
  }
  ip6Stats(vn).reassembled++
  return g
}

function fill(g: Frame, q: Reass6): void {
  g.slab.set(q.header, g.off)
  g.len = q.header.length
  for (const fragment of q.fragments) {
    g.slab.set(fragment.bytes, g.off + q.header.length + fragment.at)
    g.len += fragment.bytes.length
  }
  g.l3 = g.off
  g.l4 = g.off + q.header.length
  g.view.setUint16(g.l3 + IP6_PLEN, g.len - IP6_HDR_LEN)
  g.tos = (g.view.getUint16(g.l3) >>> 4) & 0xff
  g.ttl = q.header[7]
  g.ifId = q.ifId
  g.flags = q.flags | F_REASSEMBLED
  addrCopy(g.src, q.src)
  addrCopy(g.dst, q.dst)
}

/** Only where the first fragment is there to be quoted (RFC 8200 §4.5), as it came (RFC 4443 §3.3). */
function reportTimeout(vn: Vn, q: Reass6): void {
  ip6Stats(vn).fragdropped += q.fragments.length
  countDrop(vn, ip6Stats(vn), 'ip6', 'fragtimeout', null)
  if (q.fragments.length === 0 || q.fragments[0].at !== 0) return
  const { header } = q
  const first = q.fragments[0].bytes
  const at = header.length
  const g = frameAlloc(vn.pool, at + IP6F_LEN + first.length)
  if (g === null) return
  const { view, off } = g
  g.slab.set(header, off)
  const nxtAt = lastNextHeader(header)
  view.setUint8(off + nxtAt, IPPROTO_FRAGMENT)
  view.setUint32(off + at, 0)
  view.setUint8(off + at + IP6F_NXT, header[nxtAt])
  view.setUint16(off + at + IP6F_OFFLG, IP6F_MORE_FRAG)
  view.setInt32(off + at + IP6F_IDENT, q.ident)
  g.slab.set(first, off + at + IP6F_LEN)
  g.len = at + IP6F_LEN + first.length
  g.l3 = off
  g.view.setUint16(off + IP6_PLEN, g.len - IP6_HDR_LEN)
  g.ifId = q.ifId
  g.flags = q.flags
  addrCopy(g.src, q.src)
  addrCopy(g.dst, q.dst)
  icmp6Error(vn, g, ICMP6_TIME_EXCEEDED, ICMP6_TIME_EXCEED_REASSEMBLY, 0)
  frameRelease(vn.pool, g)
}

/** Where the last of these headers names what comes next; their lengths have been checked. */
function lastNextHeader(header: Uint8Array): number {
  let nxtAt = IP6_NXT
  for (let at = IP6_HDR_LEN; at < header.length; at += (header[at + 1] + 1) << 3) nxtAt = at
  return nxtAt
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false
  return true
}

function refuse(vn: Vn, f: Frame, counter: keyof Ip6Stats, pointer: number): null {
  icmp6Error(vn, f, ICMP6_PARAM_PROB, ICMP6_PARAMPROB_HEADER, pointer)
  return drop(vn, counter, f)
}

function drop(vn: Vn, counter: keyof Ip6Stats, f: Frame | null): null {
  countDrop(vn, ip6Stats(vn), 'ip6', counter, f)
  return null
}
