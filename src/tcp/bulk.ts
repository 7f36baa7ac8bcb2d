/**
 * What a user writes while super-segments of his connection wait to be drained goes with them: all of it is looked at once, when the
 * frames are taken, instead of after each write. Nothing is late for it, and only the last super-segment is a short one. (With one after
 * each write of 256 KiB a bulk transfer over a TAP had every fifth frame with 1,448 octets in it, and an eighth less got through: bench
 * `bench:peers`, tapTxShareOfIdeal.)
 */

import type { Vn } from '../kern/vn.ts'
import { tcbOf } from './dormant.ts'
import { tcpOutput } from './output.ts'
import type { Tcb } from './state.ts'

/** True when output after a write can wait for `tcpBulkGo`. While connections are traced it goes at once: the trace names its cause. */
export function tcpBulkWaits(vn: Vn, tcb: Tcb): boolean {
  if (vn.bulk !== tcb.inp.id || vn.txq.length === 0 || vn.state.tcp.trace.on !== 0) return false
  vn.bulkWaits = true
  return true
}

/** Frames are about to be taken: what has waited for that goes. */
export function tcpBulkGo(vn: Vn): void {
  const tcb = vn.bulkWaits ? tcbOf(vn, vn.bulk) : undefined
  vn.bulkWaits = false
  if (tcb !== undefined) tcpOutput(vn, tcb)
  vn.bulk = -1
}
