/** IPv6: addresses, routes and neighbours name interfaces that are there; fragments lie in order; all is counted right. */

import type { Ip6State, Reass6 } from '../../ip6/state.ts'
import type { NdState } from '../../nd/state.ts'
import type { VnetState } from '../../vnet/state.ts'
import { demand } from '../fault.ts'

/** What ip6/reass.ts charges for each fragment besides its bytes. */
const FRAGMENT_OVERHEAD = 128
const ND_DELAY = 3
const ND_PROBE = 4

export function verifyIp6({ ip6, nd, link }: VnetState): void {
  const known = (ifId: number, path: string): void => demand(link.ifnets.has(ifId), path, `no interface ${ifId}`)
  for (const [id, i6] of ip6.ifs) {
    known(id, `.ip6.ifs[${id}]`)
    demand(i6.ifId === id, `.ip6.ifs[${id}].ifId`, 'stands under another interface')
  }
  for (const [key, list] of ip6.local) {
    demand(list.length > 0, `.ip6.local[${key}]`, 'no address')
    list.forEach((l, i) => { known(l.ifId, `.ip6.local[${key}][${i}].ifId`) })
  }
  verifyRoutes(ip6, known)
  verifyFragments(ip6)
  verifyNeighbours(nd, known)
}

function verifyRoutes(ip6: Ip6State, known: (ifId: number, path: string) => void): void {
  const lens = [...ip6.routes.keys()].sort((a, b) => b - a)
  demand(lens.join() === ip6.routeLens.join(), '.ip6.routeLens', `${ip6.routeLens.join()} where ${lens.join()} have routes`)
  for (const [len, table] of ip6.routes) {
    demand(table.size > 0, `.ip6.routes[${len}]`, 'no route')
    for (const [key, list] of table) {
      const path = `.ip6.routes[${len}][${key}]`
      demand(list.length > 0, path, 'no route')
      list.forEach((r, i) => {
        demand(r.prefixLen === len, `${path}[${i}].prefixLen`, 'stands under another length')
        if (r.ifId !== 0) known(r.ifId, `${path}[${i}].ifId`)
      })
    }
  }
}

function verifyFragments(ip6: Ip6State): void {
  let bytes = 0
  for (const [key, q] of ip6.reass) {
    verifyPacket(q, `.ip6.reass[${key}]`)
    bytes += q.bytes + q.fragments.length * FRAGMENT_OVERHEAD
  }
  demand(ip6.reassBytes === bytes, '.ip6.reassBytes', `${ip6.reassBytes} where ${bytes} are`)
}

function verifyPacket(q: Reass6, path: string): void {
  let end = 0
  let bytes = 0
  q.fragments.forEach((fragment, i) => {
    demand(fragment.at >= end && fragment.bytes.length > 0, `${path}.fragments[${i}]`, 'overlaps, or is empty')
    end = fragment.at + fragment.bytes.length
    bytes += fragment.bytes.length
  })
  demand(end <= (q.total < 0 ? 0xffff : q.total), `${path}.total`, 'data beyond the end')
  demand(q.bytes === bytes, `${path}.bytes`, `${q.bytes} where ${bytes} are`)
  const first = q.fragments.length > 0 && q.fragments[0].at === 0
  demand(first ? q.header.length >= 40 : q.header.length === 0, `${path}.header`, 'not as long as a header')
  demand(q.total < 0 || bytes < q.total || !first, path, 'whole, and yet waiting')
}

function verifyNeighbours(nd: NdState, known: (ifId: number, path: string) => void): void {
  for (const [name, map] of [['hosts', nd.hosts], ['advertisers', nd.advertisers]] as const) {
    for (const [ifId, record] of map) {
      known(ifId, `.nd.${name}[${ifId}]`)
      demand(record.ifId === ifId, `.nd.${name}[${ifId}].ifId`, 'stands under another id')
    }
  }
  nd.proxies.forEach((proxy, i) => { known(proxy.ifId, `.nd.proxies[${i}].ifId`) })
  let count = 0
  let held = 0
  let unsure = 0
  for (const [key, list] of nd.table) {
    demand(list.length > 0, `.nd.table[${key}]`, 'no neighbour')
    list.forEach((entry, i) => {
      const path = `.nd.table[${key}][${i}]`
      known(entry.ifId, `${path}.ifId`)
      count++
      if (entry.status === ND_DELAY || entry.status === ND_PROBE) unsure++
      for (const packet of entry.queue) {
        demand(packet.bytes.length >= 40 && packet.l4 <= packet.bytes.length, `${path}.queue`, 'no whole packet')
        held += packet.bytes.length
      }
    })
  }
  demand(nd.count === count, '.nd.count', `${nd.count} where ${count} are`)
  demand(nd.heldBytes === held, '.nd.heldBytes', `${nd.heldBytes} where ${held} are held`)
  demand(nd.unsure === unsure, '.nd.unsure', `${nd.unsure} where ${unsure} are`)
}
