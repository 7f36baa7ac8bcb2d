/** A host with IPv6 on eth0, the MLD that it sends as text, and queries written by hand. */

import { AF_INET6 } from '../../src/inet/state.ts'
import { MCAST_BLOCK_SOURCE, MCAST_JOIN_GROUP, MCAST_JOIN_SOURCE_GROUP, MCAST_LEAVE_GROUP, SOCK_DGRAM } from '../../src/inet/sockopt.ts'
import { ip6AddAddr } from '../../src/ip6/ifaddr.ts'
import { addrParse, addrPrint, createAddr } from '../../src/lib/addr.ts'
import type { Addr } from '../../src/lib/addr.ts'
import { addr6Read, addr6Write } from '../../src/lib/addr6.ts'
import { checksumAdd, checksumFold } from '../../src/lib/checksum.ts'
import { soCreate, soMcast } from '../../src/vnet/so.ts'
import { viewOf } from '../../src/wire/layout.ts'
import { createHost, pass, rx, take } from '../ip/harness.ts'
import type { Host } from '../ip/harness.ts'
import { frameOf } from '../ip/packet.ts'

export const ROUTER = 'fe80::99'
const RECORDS = ['', 'is_in', 'is_ex', 'to_in', 'to_ex', 'allow', 'block']
const OPS = { join: MCAST_JOIN_GROUP, leave: MCAST_LEAVE_GROUP, joinSource: MCAST_JOIN_SOURCE_GROUP, block: MCAST_BLOCK_SOURCE }

export function addr(text: string): Addr {
  return addrParse(text) as Addr
}

/** fe80::1 is on eth0 at once; its reports are over. */
export function createHost6(sysctls: Record<string, number> = {}): Host {
  const h = createHost({ sysctls: { 'net.inet6.ip6.auto_linklocal': 0, ...sysctls } })
  ip6AddAddr(h.vn, h.ifp.id, addr('fe80::1'), 64, false)
  pass(h, 5_000_000)
  take(h)
  return h
}

export function udpSocket6(h: Host): number {
  return soCreate(h.vnet, h.vn.state.now, AF_INET6, SOCK_DGRAM, 0)
}

export function ask(h: Host, id: number, op: keyof typeof OPS, group: string, source = ''): number {
  const errno = soMcast(
    h.vnet, h.vn.state.now, id, OPS[op], h.ifp.id, addr(group), source === '' ? createAddr() : addr(source))
  pass(h, 0)
  return errno
}

export interface MldSent { at: number; text: string; bytes: Uint8Array }

/** MLD messages sent since the last call; `bytes` is the IPv6 packet. */
export function mldSent(h: Host): MldSent[] {
  const list: MldSent[] = []
  for (const { at, bytes } of take(h)) {
    const packet = bytes.subarray(14)
    const view = viewOf(packet)
    if (view.getUint16(0) >> 12 !== 6 || packet[6] !== 0 || packet[40] !== 58) continue
    const type = packet[48]
    const to = print(view, 24)
    if (type === 143) list.push({ at, bytes: packet, text: `${to} v2 ${records(view)}` })
    else list.push({ at, bytes: packet, text: `${to} ${type === 131 ? 'v1 report' : 'done'} ${print(view, 56)}` })
  }
  return list
}

export function mldText(h: Host): string[] {
  return mldSent(h).map((s) => s.text)
}

export interface QueryFields {
  type?: number
  group?: string
  sources?: string[]
  code?: number
  version?: 1 | 2
  src?: string
  dst?: string
  hops?: number
  alert?: boolean
  len?: number
}

/** A query (or a message of another type) arrives. */
export function rxMld(h: Host, q: QueryFields = {}): void {
  const { type = 130, group = '::', sources = [], code = 1000, version = 2, src = ROUTER, hops = 1, alert = true } = q
  const full = version === 1 ? 24 : 28 + sources.length * 16
  const n = q.len ?? full
  const ext = alert ? 8 : 0
  const bytes = new Uint8Array(40 + ext + full)
  const view = viewOf(bytes)
  const dst = q.dst ?? (group === '::' ? 'ff02::1' : group)
  view.setUint32(0, 0x60000000)
  view.setUint16(4, ext + n)
  bytes.set([alert ? 0 : 58, hops], 6)
  addr6Write(view, 8, addr(src))
  addr6Write(view, 24, addr(dst))
  if (alert) bytes.set([58, 0, 5, 2, 0, 0, 1, 0], 40)
  const at = 40 + ext
  view.setUint8(at, type)
  view.setUint16(at + 4, code)
  addr6Write(view, at + 8, addr(group))
  if (version === 2) {
    bytes.set([2, 125], at + 24)
    view.setUint16(at + 26, sources.length)
    sources.forEach((source, i) => { addr6Write(view, at + 28 + i * 16, addr(source)) })
  }
  view.setUint16(at + 2, checksumFold(checksumAdd(checksumAdd(58 + n, view, 8, 32), view, at, n)))
  rx(h, frameOf(0x333300000000 + (addr(dst).w3 >>> 0), 0x020000000002, 0x86dd, bytes.subarray(0, at + n)))
}

function records(view: DataView): string {
  const n = view.getUint16(54)
  const words: string[] = []
  let p = 56
  for (let i = 0; i < n; i++) {
    const count = view.getUint16(p + 2)
    const sources = Array.from({ length: count }, (_, j) => ` ${print(view, p + 20 + j * 16)}`).join('')
    words.push(`${print(view, p + 4)} ${RECORDS[view.getUint8(p)]} {${sources} }`)
    p += 20 + count * 16
  }
  return words.join(', ')
}

function print(view: DataView, at: number): string {
  const a = createAddr()
  addr6Read(view, at, a)
  return addrPrint(a)
}
