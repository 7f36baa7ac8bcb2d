/** Sockets: ids that say what they are, tables that list every bound one once, queues that are charged right. */

import { SO_KIND_MASK, SO_RAW, SO_TCP, SO_UDP } from '../../inet/state.ts'
import type { Inpcb, InpTable } from '../../inet/state.ts'
import { RAW_CHARGE } from '../../raw/state.ts'
import { UDP_CHARGE } from '../../udp/state.ts'
import type { VnetState } from '../../vnet/state.ts'
import { ipOptionsSound } from '../../wire/ipv4-options-check.ts'
import { demand } from '../fault.ts'
import type { Table } from '../../lib/table.ts'

interface Pcb { inp: Inpcb }

export function verifySockets({ inet, raw, tcp, udp }: VnetState): void {
  verifyIds('.raw.pcbs', raw.pcbs, SO_RAW, inet.nextSocket)
  verifyIds('.udp.pcbs', udp.pcbs, SO_UDP, inet.nextSocket)
  verifyIds('.tcp.tcbs', tcp.tcbs, SO_TCP, inet.nextSocket)
  verifyKeys('.tcp.syncache', tcp.syncache, tcp.nextRecord)
  verifyKeys('.tcp.timewait', tcp.timewait, tcp.nextRecord)
  verifyTable('.udp.table', udp.table, udp.pcbs)
  verifyTable('.tcp.table', tcp.table, tcp.tcbs)
  verifyTable('.tcp.syncacheTable', tcp.syncacheTable, tcp.syncache)
  verifyTable('.tcp.ao.table', tcp.ao.table, tcp.ao.conns)
  verifyTable('.tcp.timewaitTable', tcp.timewaitTable, tcp.timewait)
  for (const [id, pcb] of udp.pcbs) verifyQueue(`.udp.pcbs[${id}]`, pcb, UDP_CHARGE)
  for (const [id, pcb] of raw.pcbs) verifyQueue(`.raw.pcbs[${id}]`, pcb, RAW_CHARGE)
}

function verifyIds(path: string, pcbs: Table<Pcb>, kind: number, next: number): void {
  for (const [id, { inp }] of pcbs) {
    const at = `${path}[${id}].inp.id`
    demand(inp.id === id, at, `${inp.id} stands under another id`)
    demand(id % (SO_KIND_MASK + 1) === kind && id >= SO_KIND_MASK + 1, at, `${id} is another kind of socket`)
    demand(Math.floor(id / (SO_KIND_MASK + 1)) < next, at, `${id} is not given out yet`)
  }
}

function verifyKeys(path: string, records: Table<Pcb>, next: number): void {
  for (const [id, { inp }] of records) {
    demand(inp.id === id && id > 0 && id < next, `${path}[${id}].inp.id`, `${inp.id} is not its own`)
  }
}

/** Every id that a port lists is in one chain, and every chain ends. (That it is the right one: vnet/restore.ts.) */
function verifyTable(path: string, t: InpTable, pcbs: Table<Pcb>): void {
  const listed = new Set<number>()
  for (const [port, ids] of t.ports) {
    demand(port > 0 && ids.size > 0, `${path}.ports[${port}]`, 'an empty port')
    for (const id of ids) {
      demand(pcbs.get(id)?.inp.lport === port, `${path}.ports[${port}]`, `${id} is not bound to it`)
      listed.add(id)
    }
  }
  for (const [id, { inp }] of pcbs) {
    demand(ipOptionsSound(inp.ipOptions), `${path}[${id}].ipOptions`, 'not IP options')
    demand(ipOptionsSound(inp.ipRoute), `${path}[${id}].ipRoute`, 'not a source route')
  }
  let chained = 0
  for (const [hash, head] of t.heads) {
    for (let id = head; id !== 0 || head === 0;) {
      const next = pcbs.get(id)?.inp.hashNext
      demand(next !== undefined && listed.has(id), `${path}.heads[${hash}]`, `no record ${id} bound to a port`)
      demand(++chained <= listed.size, `${path}.heads[${hash}]`, 'a chain without an end, or two that join')
      id = next
    }
  }
  demand(chained === listed.size, `${path}.heads`, `${chained} records where ${listed.size} are bound`)
  for (const [id, { inp }] of pcbs) {
    demand(listed.has(id) || inp.hashNext === 0, `${path}.heads`, `${id} is chained and not bound`)
  }
}

function verifyQueue(path: string, pcb: { queue: { bytes: Uint8Array }[]; queued: number }, charge: number): void {
  const sum = pcb.queue.reduce((n, packet) => n + packet.bytes.length + charge, 0)
  demand(pcb.queued === sum, `${path}.queued`, `${pcb.queued} where ${sum} are`)
}
