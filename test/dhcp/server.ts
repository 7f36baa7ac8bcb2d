/** A small DHCP server in a world: addresses from .100 on by Ethernet address, no options but the common ones. */

import { ip4Parse } from '../../src/lib/addr.ts'
import type { SimHost } from '../../src/sim/host.ts'
import { UdpSocket } from '../../src/socket/udp.ts'
import {
  DHCP_OPTIONS, DHO_MESSAGE_TYPE, DHO_REQUESTED_ADDRESS, DHO_SERVER_ID, decodeDhcp, dhcpOptions, dhcpWord, encodeDhcp,
} from '../../src/wire/dhcp.ts'
import { long, octets } from './dhcp.ts'

export interface TestServer { requests: number; declined: number[]; socket: UdpSocket }

export function startServer(host: SimHost, address: string, leaseSeconds: number): TestServer {
  const self = ip4Parse(address) as number
  const leases = new Map<number, number>()
  const socket = new UdpSocket(host).bind(67).setBroadcast(true)
  const server: TestServer = { requests: 0, declined: [], socket }
  socket.on('message', (bytes: Buffer) => {
    const h = decodeDhcp(bytes, 0)
    const options = dhcpOptions(bytes, 0, bytes.length)
    const type = options.get(DHO_MESSAGE_TYPE)?.[0]
    const wanted = h.ciaddr === 0 ? dhcpWord(options, DHO_REQUESTED_ADDRESS, 0) : h.ciaddr
    let addr = leases.get(h.chaddr) ?? 0
    if (type === 4) {
      server.declined.push(wanted)
      leases.delete(h.chaddr)
      return
    }
    if (type !== 1 && type !== 3) return
    if (type === 3 && ![0, self].includes(dhcpWord(options, DHO_SERVER_ID, 0))) return
    if (addr === 0) {
      const taken = new Set([...leases.values(), ...server.declined])
      addr = (self & ~255) + 100
      while (taken.has(addr)) addr++
      leases.set(h.chaddr, addr)
    }
    if (type === 3) server.requests++
    const refused = type === 3 && wanted !== addr
    const list: [number, number[]][] = [
      [53, [type === 1 ? 2 : refused ? 6 : 5]], [54, long(self)], [51, long(leaseSeconds)],
      [1, octets('255.255.255.0')], [3, long(self)], [6, long(self)],
    ]
    const out = new Uint8Array(DHCP_OPTIONS + 60)
    encodeDhcp({ ...h, op: 2, yiaddr: refused ? 0 : addr }, out, 0)
    out.set([0x63, 0x82, 0x53, 0x63, ...list.flatMap(([code, v]) => [code, v.length, ...v]), 255], 236)
    if (h.ciaddr !== 0 && !refused) socket.send(out, 68, [24, 16, 8, 0].map((n) => (h.ciaddr >>> n) & 255).join('.'))
    else socket.send(out, 68, '255.255.255.255')
  })
  return server
}
