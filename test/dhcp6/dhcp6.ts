/** A host whose DHCPv6 messages are taken apart, and a server's answers written octet by octet. */

import { expect } from 'vitest'
import { dhcp6Start } from '../../src/dhcp6/client.ts'
import { DHCP6_INFORMATION } from '../../src/dhcp6/state.ts'
import type { Dhcp6Client } from '../../src/dhcp6/state.ts'
import { ip6Addrs, ip6Enable } from '../../src/ip6/ifaddr.ts'
import { addrPrint } from '../../src/lib/addr.ts'
import { MY_MAC, PEER_MAC, createHost, pass, rx, take } from '../ip/harness.ts'
import type { Host } from '../ip/harness.ts'
import { ip6, octets, sum6 } from '../ip6/build.ts'
import { frameOf } from '../ip/packet.ts'
import { word } from '../nd/router.ts'

export const SERVER = 'fe80::5'
export const SERVER_ID = [0, 3, 0, 1, 2, 0, 0, 0, 0, 5]
export const OWN_ID = [0, 3, 0, 1, 2, 0, 0, 0, 0, 1]
export const S = 1_000_000

export interface Message6 {
  at: number
  type: number
  xid: number
  src: string
  dst: number[]
  ports: number[]
  hops: number
  options: Map<number, number[]>
}

export type Option6 = readonly [code: number, value: readonly number[]]

/** A host with its link-local address checked, and no client. */
export function sixHost(sysctls: Record<string, number> = {}, seed = 1): Host {
  const h = createHost({ bare: true, seed, sysctls: { 'net.inet6.dhcp6.startdelay': 0, ...sysctls } })
  h.ifp.flags |= 1
  ip6Enable(h.vn, h.ifp.id)
  pass(h, 3 * S)
  take(h)
  return h
}

/** A host that has just asked. */
export function asking(wants = DHCP6_INFORMATION, sysctls: Record<string, number> = {}, seed = 1): Host {
  const h = sixHost(sysctls, seed)
  expect(dhcp6Start(h.vn, h.ifp.id, wants)).toBe(0)
  pass(h, 0)
  return h
}

export function client6(h: Host): Dhcp6Client {
  return h.vn.state.dhcp6.clients.get(h.ifp.id)!
}

export function own(h: Host): string {
  return addrPrint(ip6Addrs(h.vn, h.ifp.id)[0].addr).replace(/%.*/, '')
}

/** The DHCPv6 messages sent since the last call; their checksums are right. */
export function messages6(h: Host): Message6[] {
  return take(h).filter((s) => s.ether.type === 0x86dd && s.bytes[14 + 6] === 17).map(({ at, bytes }) => {
    const ip = bytes.subarray(14)
    const udp = [...ip.subarray(40, 40 + (ip[4] << 8 | ip[5]))]
    const text = (i: number): string => Array.from({ length: 8 }, (_, j) => (ip[i + 2 * j] << 8 | ip[i + 2 * j + 1]).toString(16)).join(':')
    expect(sum6(text(8), text(24), 17, udp)).toBe(0)
    const data = udp.slice(8)
    return {
      at, type: data[0], xid: data[1] << 16 | data[2] << 8 | data[3], src: text(8), dst: [...ip.subarray(24, 40)], hops: ip[7],
      ports: [udp[0] << 8 | udp[1], udp[2] << 8 | udp[3]], options: read6(data.slice(4)),
    }
  })
}

export function read6(data: number[]): Map<number, number[]> {
  const options = new Map<number, number[]>()
  for (let p = 0; p < data.length;) {
    const len = data[p + 2] << 8 | data[p + 3]
    options.set(data[p] << 8 | data[p + 1], data.slice(p + 4, p + 4 + len))
    p += 4 + len
    expect(p).toBeLessThanOrEqual(data.length)
  }
  return options
}

export function write6(list: readonly Option6[]): number[] {
  return list.flatMap(([code, v]) => [code >> 8, code & 255, v.length >> 8, v.length & 255, ...v])
}

/** RFC 3646 §3, §4. */
export function dns(...servers: string[]): Option6 {
  return [23, servers.flatMap(octets)]
}

export function domains(...names: string[]): Option6 {
  return [24, names.flatMap((name) => [...name.split('.').flatMap((l) => [l.length, ...Buffer.from(l)]), 0])]
}

/** An option of one number of four octets. */
export function number6(code: number, n: number): Option6 {
  return [code, word(n)]
}

export interface Reply6 {
  type?: number
  xid?: number
  ids?: readonly Option6[]
  options?: readonly Option6[]
  /** In place of everything behind the UDP header. */
  raw?: number[]
}

/** A server's message arrives at the host's link-local address. */
export function reply6(h: Host, r: Reply6 = {}): void {
  const { type = 7, xid = client6(h).xid, ids = [[1, OWN_ID], [2, SERVER_ID]], options = [] } = r
  const data = r.raw ?? [type, xid >> 16, (xid >> 8) & 255, xid & 255, ...write6([...ids, ...options])]
  const len = 8 + data.length
  const udp = [547 >> 8, 547 & 255, 546 >> 8, 546 & 255, len >> 8, len & 255, 0, 0, ...data]
  const sum = sum6(SERVER, own(h), 17, udp)
  udp[6] = sum >> 8
  udp[7] = sum & 255
  rx(h, frameOf(MY_MAC, PEER_MAC, 0x86dd, ip6({ src: SERVER, dst: own(h), next: 17, payload: udp })))
}
