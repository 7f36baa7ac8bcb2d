/** Addresses and routes name interfaces that are there; fragments lie in order without overlaps and are counted. */

import type { IpState, ReassQueue, Route } from '../../ip/state.ts'
import type { VnetState } from '../../vnet/state.ts'
import { demand } from '../fault.ts'

/** What ip/reass.ts charges for each fragment besides its bytes. */
const FRAGMENT_OVERHEAD = 128

export function verifyIp({ ip, link }: VnetState): void {
  const known = (ifId: number, path: string): void => demand(link.ifnets.has(ifId), path, `no interface ${ifId}`)
  for (const [addr, ifId] of ip.local) known(ifId, `.ip.local[${addr}]`)
  for (const [addr, ifIds] of ip.broadcasts) {
    ifIds.forEach((ifId, i) => { known(ifId, `.ip.broadcasts[${addr}][${i}]`) })
  }
  ip.routes.forEach((table, len) => {
    for (const [dst, routes] of table) {
      demand(routes.length > 0, `.ip.routes[${len}][${dst}]`, 'no route')
      routes.forEach((route, i) => { verifyRoute(route, dst, len, `.ip.routes[${len}][${dst}][${i}]`, known) })
    }
  })
  for (const [dst, route] of ip.redirects) verifyRoute(route, dst, 32, `.ip.redirects[${dst}]`, known)
  verifyLengths(ip)
  verifyFragments(ip)
}

function verifyRoute(
  route: Route, dst: number, len: number, path: string, known: (ifId: number, path: string) => void,
): void {
  demand(route.dst === dst && route.prefixLen === len, path, 'stands under another prefix')
  known(route.ifId, `${path}.ifId`)
}

function verifyLengths(ip: IpState): void {
  for (const [len, table] of ip.routes) demand(table.size > 0, `.ip.routes[${len}]`, 'no route')
  const has = [...ip.routes.keys()].sort((a, b) => b - a)
  demand(has.length === ip.routeLens.length && has.every((len, i) => len === ip.routeLens[i]), '.ip.routeLens',
    `${ip.routeLens.join(' ')} where ${has.join(' ')} have routes`)
}

function verifyFragments(ip: IpState): void {
  let count = 0
  let bytes = 0
  for (const [key, q] of ip.reass) {
    verifyDatagram(q, `.ip.reass[${key}]`)
    count += q.fragments.length
    bytes += q.bytes + q.fragments.length * FRAGMENT_OVERHEAD
  }
  demand(ip.reassFragments === count, '.ip.reassFragments', `${ip.reassFragments} where ${count} are`)
  demand(ip.reassBytes === bytes, '.ip.reassBytes', `${ip.reassBytes} where ${bytes} are`)
}

function verifyDatagram(q: ReassQueue, path: string): void {
  let end = 0
  let bytes = 0
  q.fragments.forEach((fragment, i) => {
    const at = `${path}.fragments[${i}]`
    demand(fragment.at >= end && fragment.bytes.length > 0, at, 'overlaps, or is empty')
    end = fragment.at + fragment.bytes.length
    bytes += fragment.bytes.length
  })
  demand(end <= (q.total < 0 ? 0xffff : q.total), `${path}.total`, 'data beyond the end')
  demand(q.bytes === bytes, `${path}.bytes`, `${q.bytes} where ${bytes} are`)
  const first = q.fragments.length > 0 && q.fragments[0].at === 0
  demand(first ? q.header.length >= 20 : q.header.length === 0, `${path}.header`, 'not as long as a header')
  demand(q.total < 0 || bytes < q.total || !first, path, 'whole, and yet waiting')
}
