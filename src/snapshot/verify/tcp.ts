/** Connections: sequence numbers in their order, parked ranges that are in the ring, listeners and what waits for them. */

import { seqDiff, toSeq } from '../../lib/seq.ts'
import { isDormant, tcbSeen } from '../../tcp/state-dormant.ts'
import { AO_SHA1 } from '../../tcp/state-ao.ts'
import { TCPS_CLOSED, TCPS_ESTABLISHED, TCPS_LISTEN, TCPS_SYN_RECEIVED, TCPS_TIME_WAIT, TF_CANTRCVMORE } from '../../tcp/state.ts'
import {
  RESENT_MAX, SENT_FLAGS, SENT_SIZE_SHIFT, SENT_STRIDE, SF_ALL, SF_APPLIMITED, SF_LOST, SF_SACKED, SF_TWICE,
} from '../../tcp/state-sent.ts'
import { IP_MAXPACKET } from '../../wire/ipv4.ts'
import { CC_VARS } from '../../tcp/state-cc.ts'
import type { Tcb } from '../../tcp/state.ts'
import type { Listener } from '../../tcp/state-small.ts'
import type { VnetState } from '../../vnet/state.ts'
import { TCP_MAX_SACK } from '../../wire/tcp-options.ts'
import { demand } from '../fault.ts'
import { verifyTrace } from './trace.ts'

/** SYN and FIN take a number each. */
const CONTROLS = 2

export function verifyTcp({ tcp }: VnetState): void {
  let held = 0
  for (const [id, record] of tcp.tcbs) {
    const tcb = tcbSeen(record)
    const path = `.tcp.tcbs[${id}]`
    verifyTcb(tcb, path)
    held += tcb.held
    const listens = tcb.state === TCPS_LISTEN
    demand(listens === tcp.listeners.has(id), `${path}.state`, listens ? 'LISTEN, and no listener' : 'no LISTEN, and a listener')
    demand(tcb.listener === 0 || tcp.listeners.has(tcb.listener), `${path}.listener`, `no listener ${tcb.listener}`)
  }
  demand(held === tcp.held, '.tcp.held', `${tcp.held} where the connections hold ${held}`)
  for (const [id, listener] of tcp.listeners) verifyListener(tcp, id, listener)
  for (const [key, sc] of tcp.syncache) {
    const path = `.tcp.syncache[${key}].listener`
    demand(tcp.listeners.has(sc.listener), path, `no listener ${sc.listener}`)
  }
  for (const key of tcp.timewait.keys()) {
    demand(key >= tcp.oldestTimeWait, '.tcp.oldestTimeWait', `${key} is older`)
  }
  demand(tcp.oldestTimeWait <= tcp.nextRecord, '.tcp.oldestTimeWait', 'not given out yet')
  verifyTrace(tcp)
  verifyAo(tcp)
  const waiting = [...tcp.listeners.values()].reduce((n, listener) => n + listener.synCount, 0)
  demand(waiting === tcp.syncache.size, '.tcp.syncache', `${tcp.syncache.size} records where ${waiting} are listed`)
}

/** Keys of connections are there; traffic keys have the length of their algorithm. */
function verifyAo({ ao }: VnetState['tcp']): void {
  const keys = new Map(ao.keys.map((key) => [key.id, key]))
  demand(keys.size === ao.keys.length, '.tcp.ao.keys', 'the same id twice')
  for (const key of ao.keys) {
    demand(key.id < ao.nextKey, '.tcp.ao.nextKey', `${key.id} is given out`)
    demand(key.secret.length > 0, `.tcp.ao.keys[${key.id}].secret`, 'empty')
  }
  for (const [id, conn] of ao.conns) {
    const path = `.tcp.ao.conns[${id}]`
    for (const key of [conn.currentKey, conn.rnextKey, conn.synCurrent, conn.synRnext]) {
      demand(keys.has(key), path, `no key ${key}`)
    }
    for (const { key, bytes } of conn.traffic) {
      const alg = keys.get(key)?.alg
      demand(bytes.length === (alg === AO_SHA1 ? 20 : 16), `${path}.traffic`, `${bytes.length} octets of key ${key}`)
    }
  }
}

function verifyListener(tcp: VnetState['tcp'], id: number, listener: Listener): void {
  const path = `.tcp.listeners[${id}]`
  demand(tcp.tcbs.has(id), path, 'no such socket')
  for (const child of listener.queue) {
    const record = tcp.tcbs.get(child)
    demand(record !== undefined && tcbSeen(record).listener === id, `${path}.queue`, `${child} is not its connection`)
  }
  demand(new Set(listener.queue).size === listener.queue.length, `${path}.queue`, 'the same connection twice')
  verifyChain(tcp, id, listener, path)
  let pending = 0
  for (const tcb of tcp.tcbs.values()) if (!isDormant(tcb) && tcb.fastListener === id) pending++
  demand(listener.fastPending === pending, `${path}.fastPending`, `${listener.fastPending} where ${pending} are`)
}

/** From the oldest half-open connection to the newest, and back. */
function verifyChain(tcp: VnetState['tcp'], id: number, listener: Listener, path: string): void {
  let older = 0
  let count = 0
  for (let key = listener.synOldest; key !== 0;) {
    const sc = tcp.syncache.get(key)
    demand(sc?.listener === id && sc.older === older, `${path}.synOldest`, `${key} is not its half-open connection`)
    demand(++count <= listener.synCount, `${path}.synCount`, `more than ${listener.synCount} in the chain`)
    older = key
    key = sc.newer
  }
  demand(listener.synNewest === older, `${path}.synNewest`, `${listener.synNewest} is not the end of the chain`)
  demand(listener.synCount === count, `${path}.synCount`, `${listener.synCount} where ${count} are`)
}

function verifyTcb(tcb: Tcb, path: string): void {
  verifyRanges(tcb, path)
  const parked = tcb.reass.length === 0 || (tcb.flags & TF_CANTRCVMORE) !== 0 ? 0 : seqDiff(tcb.reass[tcb.reass.length - 1], tcb.rcvNxt)
  demand(tcb.held === tcb.sndBuf.len + tcb.rcvBuf.len + parked, `${path}.held`, 'not what its buffers hold')
  verifyCc(tcb, path)
  verifyResent(tcb, path)
  if (tcb.state === TCPS_CLOSED || tcb.state === TCPS_LISTEN || tcb.state === TCPS_TIME_WAIT) return
  const flight = seqDiff(tcb.sndMax, tcb.sndUna)
  demand(flight >= 0 && flight <= tcb.sndBuf.len + CONTROLS, `${path}.sndMax`, 'more is sent than there is')
  const next = seqDiff(tcb.sndNxt, tcb.sndUna)
  demand(next >= 0 && next <= flight, `${path}.sndNxt`, 'not between sndUna and sndMax')
  verifySent(tcb, `${path}.sent`)
}

/** Records of what is in flight: in their ring, end to end from sndUna to sndMax, and their sums. */
function verifySent({ sent, sndUna, sndMax, state }: Tcb, path: string): void {
  const slots = sent.log.length / SENT_STRIDE
  demand(Number.isInteger(slots) && (slots === 0 ? sent.head === 0 : sent.head < slots) && sent.count <= slots,
    path, 'records that are not in the log')
  let [start, sacked, lost, retrans, sackedCount] = [sndUna, 0, 0, 0, 0]
  for (let k = 0; k < sent.count; k++) {
    const at = (sent.head + k) % slots * SENT_STRIDE
    const [end, flags] = [sent.log[at], sent.log[at + SENT_FLAGS]]
    demand(end === (end | 0) && seqDiff(toSeq(end), start) > 0, `${path}[${k}]`, 'not behind the one before it')
    // several segments in one record: no longer than a packet, none with a fate of its own
    const size = flags >> SENT_SIZE_SHIFT
    const marks = flags & (size === 0 ? SF_ALL : SF_APPLIMITED)
    demand(size >= 0 && size <= IP_MAXPACKET && flags === (size << SENT_SIZE_SHIFT | marks), `${path}[${k}]`, 'marks that do not exist')
    const len = seqDiff(toSeq(end), start)
    if ((flags & SF_SACKED) !== 0) {
      sacked += len
      sackedCount++
    }
    if ((flags & SF_LOST) !== 0) lost += len
    if ((flags & SF_TWICE) !== 0) retrans += len
    start = toSeq(end)
  }
  demand(sacked === sent.sacked && lost === sent.lost && retrans === sent.retrans && sackedCount === sent.sackedCount,
    path, 'sums that are not those of the records')
  if (state >= TCPS_ESTABLISHED) demand(start === sndMax, path, 'records end elsewhere than what was sent')
}

/** An algorithm that there is, with its variables, or none before the connection is there. */
function verifyCc({ cc, ccVars }: Tcb, path: string): void {
  demand(cc < CC_VARS.length, `${path}.cc`, `no algorithm ${cc}`)
  demand(ccVars.length === 0 || ccVars.length === CC_VARS[cc], `${path}.ccVars`, `${CC_VARS[cc]} are of algorithm ${cc}`)
}

function verifyResent({ rec }: Tcb, path: string): void {
  const n = rec.resent.length
  demand(n % 2 === 0 && n <= RESENT_MAX, `${path}.rec.resent`, `${n} numbers`)
}

function verifyRanges(tcb: Tcb, path: string): void {
  const { reass, rcvNxt } = tcb
  demand(tcb.sackRecent.length <= TCP_MAX_SACK, `${path}.sackRecent`, 'more than an option holds')
  // text that came with a crossing SYN waits for ESTABLISHED at rcvNxt itself
  const first = tcb.state === TCPS_SYN_RECEIVED ? 0 : 1
  demand(reass.length % 2 === 0, `${path}.reass`, 'half a range')
  let end = 0
  for (let i = 0; i < reass.length; i += 2) {
    const start = seqDiff(reass[i], rcvNxt)
    demand(i === 0 ? start >= first : start > end, `${path}.reass[${i}]`, 'ranges not in order, or touching')
    end = seqDiff(reass[i + 1], rcvNxt)
    demand(end > start, `${path}.reass[${i + 1}]`, 'a range that ends before it begins')
  }
}
