/** A small DHCPv6 server in a world (RFC 8415 §18.3): addresses by the client's DUID, one table for any number of servers. */

import { MCAST_JOIN_GROUP, SOCK_DGRAM } from '../../src/inet/sockopt.ts'
import { AF_INET6 } from '../../src/inet/state.ts'
import { addrParse, createAddr } from '../../src/lib/addr.ts'
import type { Addr } from '../../src/lib/addr.ts'
import type { SimHost } from '../../src/sim/host.ts'
import { soBind, soClose, soCreate, soMcast, soRecv, soSendTo } from '../../src/vnet/so.ts'
import type { SoFrom } from '../../src/vnet/so.ts'
import { octets } from '../ip6/build.ts'
import { word } from '../nd/router.ts'
import { read6, write6 } from './dhcp6.ts'

/** Of all addresses, seconds. */
export interface Times6 { renew: number; rebind: number; preferred: number; valid: number }

export interface TestServer6 {
  /** Messages that were answered, by type (§7.3). */
  readonly answered: number[]
  close(): void
}

const [SOLICIT, ADVERTISE, REQUEST, CONFIRM, RENEW, REBIND, REPLY] = [1, 2, 3, 4, 5, 6, 7]
const [O_CLIENT, O_SERVER, O_IA_NA, O_IAADDR] = [1, 2, 3, 5]

/** Answers on UDP port 547 of a host's interface, as the server `id`; `leases` says who has which number. */
export function startServer6(host: SimHost, ifId: number, id: number, leases: Map<string, number>, times: Times6): TestServer6 {
  const own = [0, 3, 0, 1, 2, 0, 0, 0, 0, id]
  const socket = soCreate(host.vnet, host.now(), AF_INET6, SOCK_DGRAM, 0)
  const all = addrParse('ff02::1:2') as Addr
  const failed = soBind(host.vnet, host.now(), socket, createAddr(), 547) ||
    soMcast(host.vnet, host.now(), socket, MCAST_JOIN_GROUP, ifId, all, createAddr())
  if (socket < 0 || failed !== 0) throw new Error('no server')
  const answered = new Array<number>(16).fill(0)
  const buffer = new Uint8Array(2048)
  const from: SoFrom = { addr: createAddr(), port: 0, truncated: false }
  const answer = (data: number[]): number[] => {
    const options = read6(data.slice(4))
    const [type] = data
    const [client, server, ia] = [O_CLIENT, O_SERVER, O_IA_NA].map((o) => options.get(o))
    if (client === undefined || ![SOLICIT, REQUEST, CONFIRM, RENEW, REBIND].includes(type)) return []
    // §16.4, §16.6: for another server; §16.7: a Rebind and a Confirm name none
    if (server !== undefined && server.join() !== own.join()) return []
    answered[type]++
    const head = [type === SOLICIT ? ADVERTISE : REPLY, ...data.slice(1, 4), ...write6([[O_CLIENT, client], [O_SERVER, own]])]
    if (ia === undefined || type === CONFIRM) return head
    const key = client.join()
    const number = leases.get(key) ?? leases.size + 1
    leases.set(key, number)
    const lease = [...octets(`2001:db8:1::${number.toString(16)}`), ...word(times.preferred), ...word(times.valid)]
    const value = [...ia.slice(0, 4), ...word(times.renew), ...word(times.rebind), ...write6([[O_IAADDR, lease]])]
    return [...head, ...write6([[O_IA_NA, value]])]
  }
  host.watch(socket, () => {
    for (;;) {
      const n = soRecv(host.vnet, host.now(), socket, buffer, 0, buffer.length, 0, from)
      if (n < 0) break
      const out = Uint8Array.from(answer([...buffer.subarray(0, n)]))
      if (out.length > 0) soSendTo(host.vnet, host.now(), socket, out, 0, out.length, { ...from.addr }, from.port)
    }
    host.kick()
  })
  host.kick()
  return {
    answered,
    close() {
      host.unwatch(socket)
      soClose(host.vnet, host.now(), socket)
      host.kick()
    },
  }
}
