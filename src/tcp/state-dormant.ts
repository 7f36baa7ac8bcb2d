/**
 * A connection (or a listener, or a socket not used yet) that has nothing to do, in little: its addresses, and the rest as an image
 * (state-image.ts).
 */

import { inpcbCopy } from '../inet/state.ts'
import type { Inpcb } from '../inet/state.ts'
import { NEVER } from '../kern/timer.ts'
import type { Alarm } from '../kern/timer.ts'
import { tcbImage, tcbImageAt, tcbOfImage, tcbPlaces } from './state-image.ts'
import { REC_OPEN } from './state-sent.ts'
import {
  TCPS_CLOSED, TCPS_CLOSE_WAIT, TCPS_ESTABLISHED, TCPS_FIN_WAIT_2, TCPS_LISTEN, TF_ACKNOW, TF_CANTSENDMORE, TF_DELACK,
  TF_FASTRECOVERY, TF_FORCE, TF_NEEDOUTPUT, TF_ORPHAN, TF_URGENT, TT_COUNT, TT_KEEP,
} from './state.ts'
import type { Tcb } from './state.ts'

/** Stands in the place of its block from the time it falls asleep (dormant.ts), or from the first, until somebody needs it. */
export interface Dormant extends Alarm {
  dormant: true
  inp: Inpcb
  /** TCPS_*. */
  state: number
  /** What of the block is not as in a fresh one. */
  image: string
}

/** What the table of sockets holds. */
export type TcpSocketRecord = Tcb | Dormant

/** Numbers of a fresh block that are its Vnet's to say. */
const FRESH = Object.freeze(tcbPlaces('quickAcks', 'sndLimit', 'rcvLimit', 'cc', 'rto'))
/** Something is owed, or about to happen. */
const BUSY = TF_ACKNOW | TF_DELACK | TF_FASTRECOVERY | TF_FORCE | TF_NEEDOUTPUT | TF_ORPHAN | TF_URGENT

export function isDormant(record: TcpSocketRecord): record is Dormant {
  return record.dormant
}

/** To be read only: of a record that sleeps, a copy of its block. */
export function tcbSeen(record: TcpSocketRecord): Readonly<Tcb> {
  return isDormant(record) ? tcbOfDormant(record) : record
}

/** A block whose every number will stay as it is until something happens: no buffers, nothing owed, no timers but keep-alive. */
export function tcbIsQuiet(tcb: Tcb): boolean {
  switch (tcb.state) {
    case TCPS_LISTEN: case TCPS_ESTABLISHED: case TCPS_CLOSE_WAIT: case TCPS_FIN_WAIT_2: break
    // not used yet; what was is read to its end, and closed
    case TCPS_CLOSED: if ((tcb.flags & TF_CANTSENDMORE) !== 0) return false
      break
    default: return false
  }
  if ((tcb.flags & BUSY) !== 0 || tcb.fastFlags !== 0 || tcb.listener !== 0 || tcb.fastListener !== 0) return false
  if (tcb.sndMax !== tcb.sndUna || tcb.sndNxt !== tcb.sndUna || tcb.sent.count !== 0 || tcb.rec.phase !== REC_OPEN) return false
  if (tcb.sndBuf.len !== 0 || tcb.rcvBuf.len !== 0 || tcb.reass.length !== 0 || tcb.held !== 0) return false
  for (let timer = 0; timer < TT_COUNT; timer++) if (timer !== TT_KEEP && tcb.timers[timer] !== NEVER) return false
  return true
}

/** Of a quiet block, which it takes the addresses from. */
export function dormantOf(tcb: Tcb): Dormant {
  return { alarmAt: tcb.alarmAt, dormant: true, inp: tcb.inp, state: tcb.state, image: tcbImage(tcb) }
}

/** Of a fresh block in CLOSED, but for these numbers (FRESH). */
export function dormantFresh(inp: Inpcb, numbers: readonly number[]): Dormant {
  return { alarmAt: NEVER, dormant: true, inp, state: TCPS_CLOSED, image: tcbImageAt(FRESH, numbers) }
}

/** The block as it was, around the addresses of the record. */
export function tcbOfDormant({ image, inp, state, alarmAt }: Dormant): Tcb {
  const tcb = tcbOfImage(image, inp)
  tcb.state = state
  tcb.alarmAt = alarmAt
  return tcb
}

/** Another with addresses of its own; an image never changes. */
export function dormantCopy({ alarmAt, inp, state, image }: Dormant): Dormant {
  return { alarmAt, dormant: true, inp: inpcbCopy(inp), state, image }
}
