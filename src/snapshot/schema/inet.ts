/** What is saved of control blocks and of the tables that find them. */

import type { InetState, Inpcb, InpTable } from '../../inet/state.ts'
import { AF_INET, AF_INET6 } from '../../inet/state.ts'
import { BYTE, COUNT, int, INT32, list, record, setOf, table, UINT16, UINT31, UINT32 } from '../node.ts'
import { ADDR } from './kern.ts'

export const INPCB = record<Inpcb>(null, {
  id: COUNT, family: int(AF_INET, AF_INET6), laddr: ADDR, faddr: ADDR, lport: UINT16, fport: UINT16, options: UINT31,
  soError: UINT16, ttl: BYTE, tos: BYTE, mtuDiscover: int(0, 3), ipOptions: list(BYTE), ipRoute: list(BYTE), hashNext: COUNT,
})

export const INP_TABLE = record<InpTable>(null, { heads: table(INT32, COUNT), ports: table(UINT16, setOf(COUNT)) })

export const INET = record<InetState>(null, {
  nextSocket: COUNT, hashKey: list(INT32, 4), portKey: list(INT32, 4), nextEphemeral: UINT32,
})
