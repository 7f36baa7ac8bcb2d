/** Binding and connecting a control block: local address, local port, peer (RFC 1122 §4.1.4, §4.2.4.4; RFC 6056). */

import type { Vn } from '../kern/vn.ts'
import {
  addrCopy, addrIsMulticast, addrIsUnspecified, addrIsV4, createAddr,
} from '../lib/addr.ts'
import type { Addr } from '../lib/addr.ts'
import { EADDRINUSE, EADDRNOTAVAIL, EAFNOSUPPORT, EINVAL, EISCONN } from '../lib/errno.ts'
import type { Table } from '../lib/table.ts'
import { inpInsert, inpLookup, inpLookupListen, inpRemove, sameHost } from './inptable.ts'
import type { Pcb } from './inptable.ts'
import { portPick } from './port.ts'
import { inetDestination, inetIsBroadcast, inetIsLocal, inetSourceBound, inetZoned } from './source.ts'
import {
  AF_INET, INP_LISTENING, INP_REUSEADDR, INP_REUSEPORT, INP_V6ONLY, SO_KIND_MASK, SO_UDP,
} from './state.ts'
import type { Inpcb, InpTable } from './state.ts'

/**
 * Gives an unbound control block its local end and inserts it into the table; port 0 takes an ephemeral one. Every port
 * is allowed, a Vnet has no users. EINVAL: bound already; EADDRNOTAVAIL: not an address of ours (UDP may also bind a
 * broadcast or multicast address, to receive only what is sent there); EADDRINUSE.
 */
export function inpBind(
  vn: Vn, inp: Inpcb, t: InpTable, pcbs: Table<Pcb>, given: Addr, port: number,
): number {
  if (inp.lport !== 0 || port < 0 || port > 0xffff) return EINVAL
  const addr = inetZoned(vn, given)
  const any = addrIsUnspecified(addr)
  if (!any && !familyFits(inp, addr)) return EAFNOSUPPORT
  if (!any && !inetIsLocal(vn, addr) && !(isUdp(inp) && isGroup(vn, addr))) return EADDRNOTAVAIL
  let lport = port
  if (port === 0) {
    lport = portPick(vn, addr, inp.faddr, 0, (p) => t.ports.has(p))
    if (lport === 0) return EADDRINUSE
  } else if (inpConflict(inp, t, pcbs, addr, port)) return EADDRINUSE
  if (!any) addrCopy(inp.laddr, addr)
  inp.lport = lport
  inpInsert(vn, t, inp)
  return 0
}

/**
 * Gives a control block its peer: picks the source address and an ephemeral port where they are not bound, and
 * inserts it anew. The wildcard address stands for this host. EISCONN; EADDRINUSE: the four-tuple is taken;
 * EADDRNOTAVAIL: no port left (or no usable source address); ENETUNREACH.
 */
export function inpConnect(
  vn: Vn, inp: Inpcb, t: InpTable, pcbs: Table<Pcb>, addr: Addr, port: number,
): number {
  if (inp.fport !== 0) return EISCONN
  if (port <= 0 || port > 0xffff) return EADDRNOTAVAIL
  const faddr = inetDestination(vn, inp, addr)
  if (!familyFits(inp, faddr)) return EAFNOSUPPORT
  const laddr = createAddr()
  const errno = inetSourceBound(vn, inp.laddr, faddr, laddr)
  if (errno !== 0) return errno
  let lport = inp.lport
  if (lport === 0) {
    lport = portPick(vn, laddr, faddr, port, (p) => portTaken(vn, inp, t, pcbs, laddr, p, faddr, port))
    if (lport === 0) return EADDRNOTAVAIL
  } else if (inpLookup(vn, t, pcbs, laddr, lport, faddr, port) !== null) return EADDRINUSE
  inpRemove(vn, t, pcbs, inp)
  addrCopy(inp.laddr, laddr)
  addrCopy(inp.faddr, faddr)
  inp.lport = lport
  inp.fport = port
  inpInsert(vn, t, inp)
  return 0
}

/**
 * True when `inp` cannot have (addr, port) because of another socket there. Sharing needs SO_REUSEPORT on both, or
 * SO_REUSEADDR on both; the latter does not share with a TCP listener.
 */
export function inpConflict(
  inp: Inpcb, t: InpTable, pcbs: Table<Pcb>, addr: Addr, port: number,
): boolean {
  const ids = t.ports.get(port)
  if (ids === undefined) return false
  for (const id of ids) {
    const other = (pcbs.get(id) as Pcb).inp
    if (other === inp || !overlaps(inp, addr, other)) continue
    const shared = inp.options & other.options
    if ((shared & INP_REUSEPORT) !== 0) continue
    if ((shared & INP_REUSEADDR) === 0 || ((inp.options | other.options) & INP_LISTENING) !== 0) return true
  }
  return false
}

/** Two sockets on one port meet when one address covers the other's and the families do. */
function overlaps(inp: Inpcb, addr: Addr, other: Inpcb): boolean {
  if (inp.family !== other.family && ((inp.options | other.options) & INP_V6ONLY) !== 0) return false
  return addrIsUnspecified(addr) || addrIsUnspecified(other.laddr) || sameHost(addr, other.laddr)
}

/**
 * A TCP port may serve many peers at once (the four-tuple is what must be unique, RFC 6056 §3.3.3), but not one that a
 * listener or bound socket has; a UDP socket wants its port alone, else it would take another's datagrams.
 */
function portTaken(
  vn: Vn, inp: Inpcb, t: InpTable, pcbs: Table<Pcb>, laddr: Addr, lport: number, faddr: Addr, fport: number,
): boolean {
  if (isUdp(inp)) return t.ports.has(lport)
  return inpLookupListen(vn, t, pcbs, laddr, lport) !== null ||
    inpLookup(vn, t, pcbs, laddr, lport, faddr, fport) !== null
}

function familyFits(inp: Inpcb, a: Addr): boolean {
  return inp.family === AF_INET ? addrIsV4(a) : !addrIsV4(a) || (inp.options & INP_V6ONLY) === 0
}

function isUdp(inp: Inpcb): boolean {
  return (inp.id & SO_KIND_MASK) === SO_UDP
}

function isGroup(vn: Vn, a: Addr): boolean {
  return addrIsMulticast(a) || inetIsBroadcast(vn, a)
}
