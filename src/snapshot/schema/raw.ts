/** What is saved of raw sockets. */

import { AF_INET, createInpcb } from '../../inet/state.ts'
import { createAddr } from '../../lib/addr.ts'
import { createRawPacket, createRawPcb } from '../../raw/state.ts'
import type { RawPacket, RawPcb, RawState } from '../../raw/state.ts'
import { AMOUNT, BYTE, bytes, COUNT, COUNTERS, list, record, table } from '../node.ts'
import { INPCB } from './inet.ts'
import { ADDR } from './kern.ts'
import { PACKET_MAX } from './link.ts'

const RAW_PACKET = record<RawPacket>(() => createRawPacket(new Uint8Array(0), createAddr(), 0), {
  bytes: bytes(PACKET_MAX), from: ADDR, ifId: COUNT,
})

const RAW_PCB = record<RawPcb>(() => createRawPcb(createInpcb(0, AF_INET), 0, 0, 0), {
  inp: INPCB, proto: BYTE, queue: list(RAW_PACKET), queued: COUNT, rcvLimit: AMOUNT, sndLimit: AMOUNT,
})

export const RAW = record<RawState>(null, { stats: COUNTERS, pcbs: table(COUNT, RAW_PCB) })
