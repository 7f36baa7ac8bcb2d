/** The loopback interface: packets that were sent to ourselves come in (RFC 1122 §3.3.4.2, §3.2.1.3 g). */

import { ipInput } from '../ip/input.ts'
import { ip6Input } from '../ip6/input.ts'
import { NEVER } from '../kern/timer.ts'
import { countDrop } from '../kern/vn.ts'
import type { Vn } from '../kern/vn.ts'
import { CSUM_VALID, frameFrom, frameRelease } from '../lib/frame.ts'
import { IFF_UP, linkStats } from './state.ts'
import type { Ifnet, LoopPacket } from './state.ts'

/** TIMER_LOOP fired: everything queued until now is received; what that sends to ourselves waits for the next round. */
export function loopDrain(vn: Vn, at: number): void {
  const link = vn.state.link
  if (link.alarmAt !== at) return
  link.alarmAt = NEVER
  const queue = link.loopQueue
  link.loopQueue = []
  const ifp = link.ifnets.get(link.loopIfId)
  for (const packet of queue) {
    if (ifp === undefined || (ifp.flags & IFF_UP) === 0) countDrop(vn, linkStats(vn), 'link', 'noloop', null)
    else loopInput(vn, ifp, packet)
  }
}

function loopInput(vn: Vn, ifp: Ifnet, packet: LoopPacket): void {
  const f = frameFrom(vn.pool, packet.bytes)
  if (f === null) {
    ifp.stats.iqdrops++
    countDrop(vn, linkStats(vn), 'link', 'nobuf', null)
    return
  }
  f.ifId = packet.ifId === 0 ? ifp.id : packet.ifId
  f.flags = packet.flags
  // it never left memory: its checksum is right, or was left undone on purpose
  f.csum = CSUM_VALID
  ifp.stats.ipackets++
  ifp.stats.ibytes += f.len
  if (f.len > 0 && f.view.getUint8(f.off) >>> 4 === 6) {
    // it stays in the zone that it was sent in (RFC 4007 §9)
    ip6Input(vn, ifp, f, packet.zone)
  } else ipInput(vn, ifp, f)
  frameRelease(vn.pool, f)
}
