/** The peer's FIN (RFC 9293 §3.10.7.4, eighth). */

import { EV_READ, eventPost } from '../kern/vn.ts'
import type { Vn } from '../kern/vn.ts'
import { seqAdd } from '../lib/seq.ts'
import type { Seq } from '../lib/seq.ts'
import { tcpCanReceive, tcpSetState } from './fsm.ts'
import { tcpReassForget } from './reass.ts'
import {
  TCPS_CLOSE_WAIT, TCPS_CLOSING, TCPS_ESTABLISHED, TCPS_FIN_WAIT_1, TCPS_FIN_WAIT_2, TCPS_SYN_RECEIVED, TF_ACKNOW,
  TF_FINPARKED, TF_GOTFIN,
} from './state.ts'
import type { Tcb } from './state.ts'
import { tcpTimeWaitStart } from './timewait.ts'

/** A FIN stands at `seq`. Behind a gap it waits, like text. */
export function tcpFinInput(vn: Vn, tcb: Tcb, seq: Seq): void {
  if (!tcpCanReceive(tcb.state) && tcb.state !== TCPS_SYN_RECEIVED) return
  tcb.flags |= TF_FINPARKED | TF_ACKNOW
  tcb.rcvFin = seq
  tcpFinDeliver(vn, tcb)
}

/** Delivers a parked FIN once everything before it is there. */
export function tcpFinDeliver(vn: Vn, tcb: Tcb): void {
  if ((tcb.flags & TF_FINPARKED) === 0 || tcb.rcvFin !== tcb.rcvNxt || tcb.state === TCPS_SYN_RECEIVED) return
  tcb.rcvNxt = seqAdd(tcb.rcvNxt, 1)
  tcb.flags = tcb.flags & ~TF_FINPARKED | TF_GOTFIN | TF_ACKNOW
  // whatever a confused peer put beyond its end
  tcpReassForget(tcb)
  eventPost(vn, tcb.inp.id, EV_READ)
  switch (tcb.state) {
    case TCPS_ESTABLISHED:
      tcpSetState(tcb, TCPS_CLOSE_WAIT)
      break
    case TCPS_FIN_WAIT_1:
      // had our FIN been acknowledged, the fifth check would have made this FIN-WAIT-2
      tcpSetState(tcb, TCPS_CLOSING)
      break
    case TCPS_FIN_WAIT_2:
      tcpTimeWaitStart(vn, tcb)
      break
    default:
  }
}
