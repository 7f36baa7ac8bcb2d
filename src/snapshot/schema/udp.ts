/** What is saved of UDP. */

import { AF_INET, createInpcb } from '../../inet/state.ts'
import { createAddr } from '../../lib/addr.ts'
import { createUdpDatagram, createUdpPcb } from '../../udp/state.ts'
import type { UdpDatagram, UdpPcb, UdpState } from '../../udp/state.ts'
import { AMOUNT, BOOL, BYTE, bytes, COUNT, COUNTERS, list, record, table, UINT16 } from '../node.ts'
import { INP_TABLE, INPCB } from './inet.ts'
import { ADDR } from './kern.ts'
import { PACKET_MAX } from './link.ts'

const UDP_DATAGRAM = record<UdpDatagram>(
  () => createUdpDatagram(new Uint8Array(0), createAddr(), 0, createAddr(), 0, 0, 0, [], []), {
    bytes: bytes(PACKET_MAX), from: ADDR, fport: UINT16, to: ADDR, ifId: COUNT, tos: BYTE, ttl: BYTE, options: list(BYTE), back: list(BYTE),
  })

const UDP_PCB = record<UdpPcb>(() => createUdpPcb(createInpcb(0, AF_INET), 0, 0), {
  inp: INPCB, queue: list(UDP_DATAGRAM), queued: COUNT, rcvLimit: AMOUNT, sndLimit: AMOUNT, autoAddr: BOOL,
  rcvShut: BOOL, sndShut: BOOL,
})

export const UDP = record<UdpState>(null, { stats: COUNTERS, table: INP_TABLE, pcbs: table(COUNT, UDP_PCB) })
