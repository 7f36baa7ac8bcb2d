/** What must hold inside a TCP between any two events, whatever comes from the wire or the user. */

import { seqDiff } from '../../src/lib/seq.ts'
import { TIMER_TCP } from '../../src/kern/timer.ts'
import {
  TCPS_CLOSED, TCPS_ESTABLISHED, TCPS_LISTEN, TCPS_TIME_WAIT, TF_CANTRCVMORE, TT_2MSL, TT_DELACK, TT_IDLEBUF, TT_KEEP,
} from '../../src/tcp/state.ts'
import type { Tcb } from '../../src/tcp/state.ts'
import type { Vnet } from '../../src/vnet/vnet.ts'
import { tcbsSeen } from '../support/tcbs.ts'

/** Timers that do not make a connection send what it has to send. */
const LAZY: readonly number[] = [TT_KEEP, TT_2MSL, TT_DELACK, TT_IDLEBUF]

/** net.inet.tcp.minmss less timestamps. */
const SMALLEST_MSS = 204

/** Throws with the first thing that is wrong with a connection of the Vnet. */
export function checkInside(vnet: Vnet): void {
  for (const tcb of tcbsSeen(vnet.state.tcp)) {
    const wrong = tcbFault(tcb)
    if (wrong !== '') throw new Error(`${vnet.name}: socket ${tcb.inp.id}, state ${tcb.state}: ${wrong}`)
  }
  const { tcp, timers } = vnet.state
  const armed = timers.kind.filter((kind) => kind === TIMER_TCP).length
  const owners = tcp.tcbs.size + tcp.syncache.size + tcp.timewait.size
  if (armed > 64 * (owners + 16)) throw new Error(`${vnet.name}: ${armed} timer entries for ${owners} connections`)
}

function tcbFault(tcb: Tcb): string {
  for (const [name, value] of Object.entries(tcb)) {
    if (typeof value === 'number' && Number.isNaN(value)) return `${name} is not a number`
  }
  if (tcb.state === TCPS_LISTEN || tcb.state === TCPS_CLOSED || tcb.state === TCPS_TIME_WAIT) return ''
  return sequenceFault(tcb) || receiveFault(tcb) || timerFault(tcb) || congestionFault(tcb)
}

function sequenceFault(tcb: Tcb): string {
  const [nxt, max] = [seqDiff(tcb.sndNxt, tcb.sndUna), seqDiff(tcb.sndMax, tcb.sndUna)]
  if (nxt < 0 || nxt > max) return `una ≤ nxt ≤ max: 0, ${nxt}, ${max}`
  // SYN and FIN count
  if (max > tcb.sndBuf.len + 2) return `${max} in flight, ${tcb.sndBuf.len} in the buffer`
  return ''
}

function receiveFault(tcb: Tcb): string {
  const { reass } = tcb
  let last = 0
  for (let i = 0; i < reass.length; i += 2) {
    const [from, to] = [seqDiff(reass[i], tcb.rcvNxt), seqDiff(reass[i + 1], tcb.rcvNxt)]
    if (from < last || to <= from || (i > 0 && from === last)) return `ranges out of order: ${reass.join(' ')}`
    last = to
  }
  const open = tcb.state >= TCPS_ESTABLISHED
  if (open && reass.length > 0 && reass[0] === tcb.rcvNxt) return 'what is in order is still parked'
  const edge = seqDiff(tcb.rcvAdv, tcb.rcvNxt)
  if (open && last > Math.max(edge, 0)) return `parked up to ${last}, promised ${edge}`
  return ''
}

/** No connection hangs in silence: what is outstanding or waits to be sent has a timer. */
function timerFault(tcb: Tcb): string {
  const next = Math.min(...tcb.timers)
  if (next < tcb.alarmAt) return `a timer at ${next}, the alarm at ${tcb.alarmAt}`
  if (tcb.sndMax === tcb.sndUna && tcb.sndBuf.len === 0) return ''
  if (tcb.timers.every((at, i) => LAZY.includes(i) || at === Infinity)) {
    return `${seqDiff(tcb.sndMax, tcb.sndUna)} outstanding, ${tcb.sndBuf.len} to send, and no timer`
  }
  return ''
}

function congestionFault(tcb: Tcb): string {
  if (tcb.state < TCPS_ESTABLISHED) return ''
  if (tcb.cwnd < tcb.mss) return `cwnd ${tcb.cwnd}, MSS ${tcb.mss}`
  // twice the MSS of its time (RFC 5681 equation 4), which may have been smaller than today's
  if (tcb.ssthresh < 2 * SMALLEST_MSS) return `ssthresh ${tcb.ssthresh}`
  if (tcb.srtt < 0 || tcb.rttvar < 0 || !(tcb.rto > 0 && tcb.rto < 1e9)) return `srtt ${tcb.srtt}, rto ${tcb.rto}`
  if ((tcb.flags & TF_CANTRCVMORE) !== 0 && tcb.rcvBuf.len > tcb.rcvLimit * 2) return 'keeps what nobody will read'
  return ''
}
