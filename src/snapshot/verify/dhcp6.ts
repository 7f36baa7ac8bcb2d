/** DHCPv6 clients are of interfaces that are there; the node's identifier is one, or there is none yet. */

import type { VnetState } from '../../vnet/state.ts'
import { demand } from '../fault.ts'

const DUID_MIN = 3

export function verifyDhcp6({ dhcp6, link }: VnetState): void {
  const { length } = dhcp6.duid
  demand(length === 0 || length >= DUID_MIN, '.dhcp6.duid', 'shorter than an identifier')
  for (const [ifId, client] of dhcp6.clients) {
    const path = `.dhcp6.clients[${ifId}]`
    demand(client.ifId === ifId && link.ifnets.has(ifId), `${path}.ifId`, `no interface ${client.ifId}`)
    demand(client.solMaxRtUs > 0 && client.infMaxRtUs > 0, `${path}.solMaxRtUs`, 'no time')
    demand(client.renewAt <= client.rebindAt, `${path}.renewAt`, 'times out of order')
    client.leases.forEach(({ addrId, preferredUntil, validUntil }, i) => {
      demand(preferredUntil <= validUntil, `${path}.leases[${i}].preferredUntil`, 'outlasts the lease')
      demand(addrId < link.nextAddrId, `${path}.leases[${i}].addrId`, 'no such address')
    })
  }
}
