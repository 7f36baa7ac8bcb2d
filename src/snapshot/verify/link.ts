/** Interfaces and their addresses. */

import { IFT_LOOP } from '../../link/state.ts'
import type { Ifnet } from '../../link/state.ts'
import type { VnetState } from '../../vnet/state.ts'
import { demand } from '../fault.ts'

export function verifyLink({ link }: VnetState): void {
  const names = new Set<string>()
  const addrs = new Set<number>()
  for (const [id, ifp] of link.ifnets) {
    const path = `.link.ifnets[${id}]`
    demand(id > 0 && ifp.id === id && id < link.nextIfId, `${path}.id`, `${ifp.id} is not the interface's`)
    demand(!names.has(ifp.name), `${path}.name`, 'another interface has the same')
    names.add(ifp.name)
    verifyAddrs(ifp, link.nextAddrId, addrs, path)
  }
  const lo = link.ifnets.get(link.loopIfId)
  demand(link.loopIfId === 0 || lo?.type === IFT_LOOP, '.link.loopIfId', `${link.loopIfId} is no loopback interface`)
}

function verifyAddrs(ifp: Ifnet, nextId: number, seen: Set<number>, path: string): void {
  ifp.addrs.forEach((ia, i) => {
    demand(ia.id > 0 && ia.id < nextId && !seen.has(ia.id), `${path}.addrs[${i}].id`, `${ia.id} is not its own`)
    seen.add(ia.id)
  })
}
