/** What is saved of the neighbours. */

import { createArpEntry, createArpPacket } from '../../arp/state.ts'
import type { ArpEntry, ArpPacket, ArpState } from '../../arp/state.ts'
import {
  BOOL, bytes, COUNT, COUNTERS, int, INT32, list, PAST, queueMap, record, table, TIME, UINT16, UINT31,
} from '../node.ts'
import { MAC, PACKET_MAX } from './link.ts'

const ARP_PACKET = record<ArpPacket>(() => createArpPacket(new Uint8Array(0), 0, 0, 0, 0), {
  bytes: bytes(PACKET_MAX), flags: UINT31, csum: int(0, 2), gsoSize: UINT16, l4: UINT16,
})

const ARP_ENTRY = record<ArpEntry>(() => createArpEntry(0), {
  ip: INT32, mac: MAC, status: int(0, 4), deadline: TIME, asked: COUNT, askedAt: PAST, used: BOOL, movedAt: PAST,
  queue: list(ARP_PACKET),
})

export const ARP = record<ArpState>(null, {
  alarmAt: TIME, tables: table(COUNT, queueMap(INT32, ARP_ENTRY)), count: COUNT, heldBytes: COUNT, stats: COUNTERS,
})
