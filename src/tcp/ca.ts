/** What the sender thinks of the path, in Linux's words (tcpi_ca_state). */

import { seqGt } from '../lib/seq.ts'
import { ECN_ON, TF_FASTRECOVERY } from './state.ts'
import type { Tcb } from './state.ts'

export const TCP_CA_OPEN = 0
export const TCP_CA_DISORDER = 1
export const TCP_CA_CWR = 2
export const TCP_CA_RECOVERY = 3
export const TCP_CA_LOSS = 4

/** TCP_CA_*. */
export function tcpCaState(tcb: Tcb): number {
  if (tcb.rxtCount > 0) return TCP_CA_LOSS
  if ((tcb.flags & TF_FASTRECOVERY) !== 0) return TCP_CA_RECOVERY
  if ((tcb.ecn & ECN_ON) !== 0 && seqGt(tcb.ecnRecover, tcb.sndUna)) return TCP_CA_CWR
  return tcb.dupAcks > 0 ? TCP_CA_DISORDER : TCP_CA_OPEN
}
