/** What a restored state must fulfil that only the protocols can tell: hashes that are right, tunables in their range. */

import { inpHash } from '../inet/hash.ts'
import type { Inpcb, InpTable } from '../inet/state.ts'
import { ipReassKey } from '../ip/reass.ts'
import type { Vn } from '../kern/vn.ts'
import { demand } from '../snapshot/fault.ts'
import { inpTables } from './reseed.ts'
import { ip6KeysCheck } from './rekey6.ts'
import type { Pcbs } from './reseed.ts'
import { SYSCTLS } from './sysctl.ts'

/** Throws a SnapshotError with the path of the first fault. The state is that of `vn`, checked as far as records go. */
export function restoreCheck(vn: Vn): void {
  const { sysctl, ip } = vn.state
  for (const [name, def] of SYSCTLS) {
    const value = sysctl[name]
    demand(value >= def.min && value <= def.max, `state.sysctl.${name}`, `${value} is not ${def.min}…${def.max}`)
  }
  for (const [path, table, pcbs] of inpTables(vn.state)) checkTable(vn, `state.${path}`, table, pcbs)
  for (const [key, q] of ip.reass) {
    demand(ipReassKey(vn, q.src, q.dst, q.proto, q.ident) === key, `state.ip.reass[${key}]`, 'stands under another key')
  }
  ip6KeysCheck(vn)
}

function checkTable(vn: Vn, path: string, table: InpTable, pcbs: Pcbs): void {
  for (const [hash, head] of table.heads) {
    for (let id = head; id !== 0;) {
      const { inp } = pcbs.get(id) as { inp: Inpcb }
      const right = inpHash(vn, inp.laddr, inp.lport, inp.faddr, inp.fport)
      demand(right === hash, `${path}.heads[${hash}]`, `${id} belongs in another chain`)
      id = inp.hashNext
    }
  }
}
