/** A host without address whose DHCP messages are taken apart, and a server's answers written by hand. */

import { dhcpStart } from '../../src/dhcp/client.ts'
import type { DhcpClient } from '../../src/dhcp/state.ts'
import { checksumAdd, checksumFold } from '../../src/lib/checksum.ts'
import {
  DHCP_OPTIONS, DHO_MESSAGE_TYPE, DHO_REQUESTED_ADDRESS, DHO_SERVER_ID, decodeDhcp, dhcpOptions, dhcpWord, encodeDhcp,
} from '../../src/wire/dhcp.ts'
import type { Dhcp } from '../../src/wire/dhcp.ts'
import { viewOf } from '../../src/wire/layout.ts'
import { MY_MAC, PEER, PEER_MAC, createHost, ip, pass, rx, take } from '../ip/harness.ts'
import type { Host } from '../ip/harness.ts'
import { frameOf, ipOf } from '../ip/packet.ts'

export const SERVER = PEER
export const OFFERED = ip('10.0.0.100')
const TYPES = ['', 'DISCOVER', 'OFFER', 'REQUEST', 'DECLINE', 'ACK', 'NAK', 'RELEASE', 'INFORM']

export interface Message extends Dhcp {
  at: number
  type: string
  src: number
  dst: number
  requested: number
  server: number
  options: Map<number, number[]>
}

export function createClient(sysctls: Record<string, number> = {}, hostname = ''): Host {
  const h = createHost({ bare: true, sysctls: { 'net.inet.dhcp.startdelay': 0, ...sysctls } })
  dhcpStart(h.vn, h.ifp.id, hostname)
  pass(h, 0)
  return h
}

export function client(h: Host): DhcpClient {
  return h.vn.state.dhcp.clients.get(h.ifp.id)!
}

/** The DHCP messages sent since the last call. */
export function messages(h: Host): Message[] {
  return take(h).filter((s) => s.ip?.p === 17).map((s) => {
    const bytes = s.payload.subarray(8)
    const options = dhcpOptions(bytes, 0, bytes.length)
    return {
      ...decodeDhcp(bytes, 0), at: s.at, type: TYPES[options.get(DHO_MESSAGE_TYPE)?.[0] ?? 0], src: s.ip?.src ?? 0,
      dst: s.ip?.dst ?? 0, requested: dhcpWord(options, DHO_REQUESTED_ADDRESS, 0),
      server: dhcpWord(options, DHO_SERVER_ID, 0), options,
    }
  })
}

export type Option = readonly [code: number, value: readonly number[]]

export function octets(text: string): number[] {
  return text.split(' ').flatMap((a) => a.split('.').map(Number))
}

export function long(n: number): number[] {
  return [n >>> 24, (n >>> 16) & 255, (n >>> 8) & 255, n & 255]
}

/** What a server says of a lease of an hour. */
export const LEASE: readonly Option[] = [
  [51, long(3600)], [1, octets('255.255.255.0')], [3, octets('10.0.0.2')], [6, octets('10.0.0.2 9.9.9.9')],
  [15, [...Buffer.from('example.org')]],
]

export interface Reply extends Partial<Dhcp> {
  type: number
  options?: readonly Option[]
  server?: number
  /** Broadcast where not given. */
  to?: number
  /** Bytes after the fixed part, in place of the options. */
  raw?: Uint8Array
}

/** A server's message arrives. */
export function reply(h: Host, r: Reply): void {
  const { type, options = LEASE, server = SERVER, to = -1, raw, ...header } = r
  const list: Option[] = [[53, [type]], [54, long(server)], ...options]
  const tail = raw ?? Uint8Array.from([...list.flatMap(([code, v]) => [code, v.length, ...v]), 255])
  const bytes = new Uint8Array(8 + DHCP_OPTIONS + tail.length)
  const view = viewOf(bytes)
  encodeDhcp({
    op: 2, htype: 1, hlen: 6, hops: 0, xid: client(h).xid >>> 0, secs: 0, flags: 0, ciaddr: 0, yiaddr: OFFERED,
    siaddr: 0, giaddr: 0, chaddr: MY_MAC, ...header,
  }, bytes, 8)
  view.setUint32(8 + 236, 0x63825363)
  bytes.set(tail, 8 + DHCP_OPTIONS)
  view.setUint16(0, 67)
  view.setUint16(2, 68)
  view.setUint16(4, bytes.length)
  const pseudo = (server >>> 0) + (to >>> 0) + 17 + bytes.length
  view.setUint16(6, checksumFold(checksumAdd(pseudo, view, 0, bytes.length)) || 0xffff)
  rx(h, frameOf(to === -1 ? 0xffffffffffff : MY_MAC, PEER_MAC, 0x0800, ipOf({ src: server, dst: to, p: 17, payload: bytes })))
}

/** Takes the host to BOUND with these options. */
export function bound(sysctls: Record<string, number> = {}, options: readonly Option[] = LEASE): Host {
  const h = createClient({ 'net.inet.dhcp.probe': 0, ...sysctls })
  reply(h, { type: 2, options })
  reply(h, { type: 5, options })
  messages(h)
  return h
}
