/** A host with a UDP socket, the IGMP that it sends as text, and queries written by hand. */

import { expect } from 'vitest'
import {
  MCAST_BLOCK_SOURCE, MCAST_JOIN_GROUP, MCAST_JOIN_SOURCE_GROUP, MCAST_LEAVE_GROUP, MCAST_LEAVE_SOURCE_GROUP,
  MCAST_UNBLOCK_SOURCE, SOCK_DGRAM,
} from '../../src/inet/sockopt.ts'
import { AF_INET } from '../../src/inet/state.ts'
import { addrParse, createAddr } from '../../src/lib/addr.ts'
import type { Addr } from '../../src/lib/addr.ts'
import { checksumAdd, checksumFold } from '../../src/lib/checksum.ts'
import { soCreate, soMcast } from '../../src/vnet/so.ts'
import { printIgmp } from '../../src/wire/igmp.ts'
import { viewOf } from '../../src/wire/layout.ts'
import { PEER, ip, pass, rx, take } from '../ip/harness.ts'
import type { Host, Sent } from '../ip/harness.ts'
import { frameOf, ipOf } from '../ip/packet.ts'
import type { IpFields } from '../ip/packet.ts'

export const RA = Uint8Array.of(0x94, 4, 0, 0)
const OPS = {
  join: MCAST_JOIN_GROUP, leave: MCAST_LEAVE_GROUP, joinSource: MCAST_JOIN_SOURCE_GROUP,
  leaveSource: MCAST_LEAVE_SOURCE_GROUP, block: MCAST_BLOCK_SOURCE, unblock: MCAST_UNBLOCK_SOURCE,
}

export function addr(text: string): Addr {
  return addrParse(text) as Addr
}

export function udpSocket(h: Host): number {
  const id = soCreate(h.vnet, h.vn.state.now, AF_INET, SOCK_DGRAM, 0)
  expect(id).toBeGreaterThan(0)
  return id
}

/** A multicast request on eth0; returns the errno. What it sends is collected at once. */
export function ask(h: Host, id: number, op: keyof typeof OPS, group: string, source = ''): number {
  const errno = soMcast(
    h.vnet, h.vn.state.now, id, OPS[op], h.ifp.id, addr(group), source === '' ? createAddr() : addr(source))
  pass(h, 0)
  return errno
}

/** The IGMP messages sent since the last call, `DESTINATION text`. */
export function igmpSent(h: Host): string[] {
  return igmpFrames(h).map(text)
}

/** The same with the time in ms. */
export function igmpTimed(h: Host): [number, string][] {
  return igmpFrames(h).map((s) => [s.at / 1000, text(s)])
}

export function igmpFrames(h: Host): Sent[] {
  return take(h).filter((s) => s.ip?.p === 2)
}

export interface QueryFields extends Partial<IpFields> {
  group?: string
  sources?: string[]
  /** Max Resp Code. */
  code?: number
  qrv?: number
  qqic?: number
  /** Bytes of the message, for wrong ones. */
  len?: number
}

export function query3(fields: QueryFields = {}): Uint8Array {
  const { group = '0.0.0.0', sources = [], code = 100, qrv = 2, qqic = 125, len, ...more } = fields
  const bytes = new Uint8Array(12 + sources.length * 4)
  const view = viewOf(bytes)
  bytes.set([0x11, code])
  view.setInt32(4, ip(group))
  bytes.set([qrv, qqic], 8)
  view.setUint16(10, sources.length)
  sources.forEach((source, i) => { view.setInt32(12 + i * 4, ip(source)) })
  return packet(bytes.subarray(0, len ?? bytes.length), group, more)
}

/** A message of eight bytes; a query of version 1 has code 0. */
export function igmp8(type: number, code: number, group: string, more: Partial<IpFields> = {}): Uint8Array {
  const bytes = new Uint8Array(8)
  bytes.set([type, code])
  viewOf(bytes).setInt32(4, ip(group))
  return packet(bytes, group, more)
}

/** The packet arrives from the peer at the group address it is for. */
export function rxGroup(h: Host, bytes: Uint8Array): void {
  const dst = viewOf(bytes).getInt32(16)
  rx(h, frameOf(0x01005e000000 + (dst & 0x7fffff), 0x020000000002, 0x0800, bytes))
}

function packet(bytes: Uint8Array, group: string, more: Partial<IpFields>): Uint8Array {
  const view = viewOf(bytes)
  if (bytes.length >= 4) view.setUint16(2, checksumFold(checksumAdd(0, view, 0, bytes.length)))
  const dst = group === '0.0.0.0' ? ip('224.0.0.1') : ip(group)
  return ipOf({ src: PEER, dst, p: 2, ttl: 1, options: RA, payload: bytes, ...more })
}

function text(s: Sent): string {
  const { payload } = s
  const dst = s.ip?.dst ?? 0
  const to = `${dst >>> 24}.${(dst >>> 16) & 255}.${(dst >>> 8) & 255}.${dst & 255}`
  return `${to} ${printIgmp(viewOf(payload), 0, payload.length).replace(/^igmp /, '')}`
}
