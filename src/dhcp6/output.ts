/** A client's messages (RFC 8415 §18.2), from its link-local address to all servers and relays of the link (§13). */

import { inetChecksumSet } from '../inet/checksum.ts'
import { ip6Output } from '../ip6/output.ts'
import { countDrop } from '../kern/vn.ts'
import type { Vn } from '../kern/vn.ts'
import { addrCopy } from '../lib/addr.ts'
import type { Addr } from '../lib/addr.ts'
import { addr6, addr6IsLinkLocal, addr6Write } from '../lib/addr6.ts'
import { F_NOLOOP, frameAlloc } from '../lib/frame.ts'
import { IFA_PREFERRED } from '../link/state.ts'
import {
  D6O_CLIENT_ID, D6O_DNS, D6O_DOMAIN_SEARCH, D6O_ELAPSED_TIME, D6O_IA_ADDR, D6O_IA_NA, D6O_INF_MAX_RT, D6O_ORO, D6O_RAPID_COMMIT,
  D6O_REFRESH_TIME, D6O_SERVER_ID, D6O_SOL_MAX_RT, DHCP6_CLIENT_PORT, DHCP6_CONFIRM, DHCP6_DECLINE, DHCP6_HDR_LEN, DHCP6_HEAD,
  DHCP6_INFORMATION_REQUEST, DHCP6_OPT_HDR_LEN, DHCP6_REBIND, DHCP6_RELEASE, DHCP6_RENEW, DHCP6_REQUEST, DHCP6_SERVER_PORT,
  DHCP6_SOLICIT, IA_ADDR_LEN, IA_NA_LEN,
} from '../wire/dhcp6.ts'
import { IPPROTO_UDP } from '../wire/ipv4.ts'
import { UDP_DPORT, UDP_HDR_LEN, UDP_LEN, UDP_SPORT, UDP_SUM } from '../wire/udp.ts'
import { dhcp6Stats } from './state.ts'
import type { Dhcp6Client } from './state.ts'

const MOST = 1024
/** Elapsed Time counts hundredths of a second (§21.9). */
const HUNDREDTH = 10_000
const WANTED_INFORMATION: readonly number[] = Object.freeze([D6O_DNS, D6O_DOMAIN_SEARCH, D6O_REFRESH_TIME, D6O_INF_MAX_RT])

const WANTED: readonly number[] = Object.freeze([D6O_DNS, D6O_DOMAIN_SEARCH, D6O_SOL_MAX_RT])
/** With the option request (§18.2.1 – §18.2.5); with the server's identifier. */
const ASKING: readonly number[] = Object.freeze([DHCP6_SOLICIT, DHCP6_REQUEST, DHCP6_RENEW, DHCP6_REBIND])
const TO_ONE: readonly number[] = Object.freeze([DHCP6_REQUEST, DHCP6_RENEW, DHCP6_DECLINE, DHCP6_RELEASE])
/** About all leases, not the addresses that the exchange names. */
const OF_ALL: readonly number[] = Object.freeze([DHCP6_CONFIRM, DHCP6_RENEW, DHCP6_REBIND])

/** Sends a message of the client's exchange. Lost is lost: its timer repeats it. */
export function dhcp6Send(vn: Vn, client: Dhcp6Client, type: number): void {
  const { duid } = vn.state.dhcp6
  const stats = dhcp6Stats(vn)
  const src = dhcp6Source(vn, client.ifId)
  if (src === null) return countDrop(vn, stats, 'dhcp6', 'nosource', null)
  const f = frameAlloc(vn.pool, UDP_HDR_LEN + MOST)
  if (f === null) return countDrop(vn, stats, 'dhcp6', 'nobuf', null)
  const { view, slab } = f
  const l4 = f.off
  let p = l4 + UDP_HDR_LEN
  view.setUint32(p + DHCP6_HEAD, ((type << 24) | client.xid) >>> 0)
  p += DHCP6_HDR_LEN
  const option = (code: number, bytes: ArrayLike<number>): void => {
    view.setUint16(p, code)
    view.setUint16(p + 2, bytes.length)
    slab.set(bytes, p + 4)
    p += 4 + bytes.length
  }
  option(D6O_CLIENT_ID, duid)
  if (TO_ONE.includes(type)) option(D6O_SERVER_ID, client.server)
  option(D6O_ELAPSED_TIME, halves([Math.min(0xffff, Math.floor((vn.state.now - client.startedAt) / HUNDREDTH))]))
  if (type === DHCP6_INFORMATION_REQUEST) option(D6O_ORO, halves(WANTED_INFORMATION))
  else option(D6O_IA_NA, association(client, type))
  if (ASKING.includes(type)) option(D6O_ORO, halves(WANTED))
  if (type === DHCP6_SOLICIT && vn.state.sysctl['net.inet6.dhcp6.rapidcommit'] === 1) option(D6O_RAPID_COMMIT, [])
  f.len = p - l4
  f.l4 = l4
  stats.sent++
  view.setUint16(l4 + UDP_SPORT, DHCP6_CLIENT_PORT)
  view.setUint16(l4 + UDP_DPORT, DHCP6_SERVER_PORT)
  view.setUint16(l4 + UDP_LEN, f.len)
  addrCopy(f.src, src)
  addrCopy(f.dst, addr6(0xff020000, 0, 0, 0x00010002, client.ifId))
  f.proto = IPPROTO_UDP
  f.tos = 0
  f.ttl = 0
  f.ifId = client.ifId
  f.flags = F_NOLOOP
  inetChecksumSet(f, l4 + UDP_SUM)
  // RFC 768: an all-zero checksum would say that there is none, which IPv6 does not have
  if (view.getUint16(l4 + UDP_SUM) === 0) view.setUint16(l4 + UDP_SUM, 0xffff)
  ip6Output(vn, f)
}

/** The link-local address to send from, or null while there is none to use. */
export function dhcp6Source(vn: Vn, ifId: number): Addr | null {
  const usable = vn.state.ip6.ifs.get(ifId)?.addrs.find((ia) => ia.status === IFA_PREFERRED && addr6IsLinkLocal(ia.addr))
  return usable?.addr ?? null
}

/** An IA_NA (§21.4); T1, T2 and lifetimes are the server's to say. */
function association(client: Dhcp6Client, type: number): number[] {
  const addrs = OF_ALL.includes(type) ? client.leases.map((lease) => lease.addr) : client.named
  const bytes = new Uint8Array(IA_NA_LEN + addrs.length * (DHCP6_OPT_HDR_LEN + IA_ADDR_LEN))
  const view = new DataView(bytes.buffer)
  view.setUint32(0, client.ifId)
  addrs.forEach((a, i) => {
    const at = IA_NA_LEN + i * (DHCP6_OPT_HDR_LEN + IA_ADDR_LEN)
    view.setUint16(at, D6O_IA_ADDR)
    view.setUint16(at + 2, IA_ADDR_LEN)
    addr6Write(view, at + DHCP6_OPT_HDR_LEN, a)
  })
  return [...bytes]
}

function halves(values: readonly number[]): number[] {
  return values.flatMap((v) => [v >> 8, v & 255])
}
