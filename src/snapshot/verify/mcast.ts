/** Multicast: records of interfaces and sockets that are there, groups that are groups, each once. */

import { AF_INET, AF_INET6 } from '../../inet/state.ts'
import { addrIsMulticast, addrIsV4 } from '../../lib/addr.ts'
import type { Addr } from '../../lib/addr.ts'
import type { VnetState } from '../../vnet/state.ts'
import { demand } from '../fault.ts'

export function verifyMcast({ link, mcast, raw, udp }: VnetState): void {
  for (const [id, l] of mcast.links) {
    const path = `.mcast.links[${id}]`
    const v4 = l.family === AF_INET
    demand(v4 || l.family === AF_INET6, `${path}.family`, `${l.family} is no family`)
    demand(l.id === id && id === l.ifId * 2 + (v4 ? 0 : 1), `${path}.id`, `${l.id} is not its own`)
    demand(link.ifnets.has(l.ifId), `${path}.ifId`, `no interface ${l.ifId}`)
    verifyGroups(l.groups, path, (group) => addrIsV4(group) === v4)
  }
  for (const [id, so] of mcast.sockets) {
    const path = `.mcast.sockets[${id}]`
    demand(udp.pcbs.has(id) || raw.pcbs.has(id), path, `no socket ${id}`)
    so.filters.forEach((filter, i) => {
      demand(link.ifnets.has(filter.ifId), `${path}.filters[${i}].ifId`, `no interface ${filter.ifId}`)
    })
    for (const ifId of new Set(so.filters.map((filter) => filter.ifId))) {
      verifyGroups(so.filters.filter((filter) => filter.ifId === ifId), path, () => true)
    }
  }
}

function verifyGroups(records: readonly { group: Addr }[], path: string, fits: (group: Addr) => boolean): void {
  const seen = new Set<string>()
  records.forEach(({ group }, i) => {
    const key = `${group.w0} ${group.w1} ${group.w2} ${group.w3}`
    demand(addrIsMulticast(group) && fits(group), `${path}[${i}].group`, 'not a group of this family')
    demand(!seen.has(key), `${path}[${i}].group`, 'the same twice')
    seen.add(key)
  })
}
