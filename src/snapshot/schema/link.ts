/** What is saved of interfaces. */

import { createAddr } from '../../lib/addr.ts'
import { createIfAddr, createIfnet, createLoopPacket } from '../../link/state.ts'
import type { IfAddr, Ifnet, LinkState, LoopPacket } from '../../link/state.ts'
import {
  BYTE, bytes, COUNT, COUNTERS, int, INT32, list, PAST, record, table, text, TIME, UINT16, UINT31,
} from '../node.ts'
import { ADDR } from './kern.ts'

const NAME_MAX = 255
const IFADDRS_PREFIX_MAX = 128
export const PACKET_MAX = 65_535

export const MAC = int(0, 0xffffffffffff)

const IFADDR = record<IfAddr>(() => createIfAddr(0, createAddr(), 0, 0), {
  alarmAt: TIME, id: COUNT, addr: ADDR, prefixLen: int(0, IFADDRS_PREFIX_MAX), broadcast: INT32, status: int(0, 2),
  probes: BYTE, announcements: BYTE, deadline: TIME, defendedAt: PAST,
})

const IFNET = record<Ifnet>(() => createIfnet(0, '', 0, 0, 0), {
  id: COUNT, name: text(NAME_MAX), type: int(1, 3), mac: MAC, mtu: UINT16, flags: UINT31, capabilities: int(0, 1),
  addrs: list(IFADDR), groups: list(INT32), stats: COUNTERS,
})

const LOOP_PACKET = record<LoopPacket>(() => createLoopPacket(0, 0, 0, new Uint8Array(0)), {
  ifId: COUNT, flags: UINT31, zone: COUNT, bytes: bytes(PACKET_MAX),
})

export const LINK = record<LinkState>(null, {
  alarmAt: TIME, ifnets: table(COUNT, IFNET), nextIfId: COUNT, nextAddrId: COUNT, loopIfId: COUNT, stats: COUNTERS,
  loopQueue: list(LOOP_PACKET),
})
