/** Neighbours: of interfaces that are there, and counted right. */

import type { VnetState } from '../../vnet/state.ts'
import { demand } from '../fault.ts'

export function verifyArp({ arp, link }: VnetState): void {
  let count = 0
  let held = 0
  for (const [ifId, neighbours] of arp.tables) {
    demand(link.ifnets.has(ifId), `.arp.tables[${ifId}]`, 'no such interface')
    for (const [ip, entry] of neighbours) {
      const path = `.arp.tables[${ifId}][${ip}]`
      demand(entry.ip === ip, `${path}.ip`, `${entry.ip} stands under another address`)
      entry.queue.forEach((packet, i) => {
        demand(packet.l4 <= packet.bytes.length, `${path}.queue[${i}].l4`, 'beyond the packet')
        held += packet.bytes.length
      })
    }
    count += neighbours.size
  }
  demand(arp.count === count, '.arp.count', `${arp.count} where ${count} are`)
  demand(arp.heldBytes === held, '.arp.heldBytes', `${arp.heldBytes} where ${held} are held`)
}
