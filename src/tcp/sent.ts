/**
 * Segments in flight: one record each, oldest first, in a ring of plain numbers. They are the scoreboard of selective
 * acknowledgment (RFC 6675 §3), the times that RACK compares (RFC 8985 §5.2), and what delivery rates are sampled from
 * (draft-cheng-iccrg-delivery-rate-estimation §3). Records lie end to end from sndUna to sndMax.
 *
 * Segments that leave as one packet (tso.ts) share a record for as long as nothing is known of one of them that does not hold for
 * all: they go with the cumulative ACK. `sentUnpack` gives each its own, before anything is marked. (Bench `profile`, Vnet to
 * kernel, offload: 45 records for each 64 KiB were a sixth of the time.)
 */

import type { Vn } from '../kern/vn.ts'
import { ringIsLarge } from '../lib/bytering.ts'
import { seqAdd, seqDiff, seqGeq, seqGt, seqLeq, seqLt, toSeq } from '../lib/seq.ts'
import type { Seq } from '../lib/seq.ts'
import { dsackResent } from './dsack.ts'
import { tcpMeterRate } from './meter.ts'
import { rackDelivered, rackSentAfter } from './rack.ts'
import { TF_SACK_PERMIT } from './state.ts'
import {
  SENT_AT, SENT_DELIVERED, SENT_DELIVERED_AT, SENT_END, SENT_FIRST_AT, SENT_FLAGS, SENT_IN_FLIGHT, SENT_LOST,
  SENT_SIZE_SHIFT, SENT_STRIDE, SF_ALL, SF_APPLIMITED, SF_COUNTED, SF_EVER, SF_LOST, SF_RETRANS, SF_SACKED, SF_TWICE,
} from './state-sent.ts'
import type { Sent } from './state-sent.ts'
import type { Tcb } from './state.ts'
import { tcpRate } from './state-scratch.ts'

/** Records of a new ring, and what an idle one may keep. */
const MIN_RECORDS = 8
/** Beyond this many, small segments share a record: memory follows bytes, not the user's writes. */
const MANY_RECORDS = 1024
/** How long a smallest round trip is believed (RFC 8985 §6.2 step 1: a windowed minimum). */
const MIN_RTT_WINDOW_US = 300e6

/**
 * The sequence numbers [seq, end) go out now, for the first time or again, in segments of `size` bytes (0: in one). To be
 * called before sndMax moves.
 */
export function sentTransmit(vn: Vn, tcb: Tcb, seq: Seq, end: Seq, size = 0): void {
  const s = tcb.sent
  const { now } = vn.state
  if (s.count === 0) {
    // sending starts over: what was silence is no part of an interval
    s.firstSentAt = now
    s.deliveredAt = now
  }
  const edge = s.count === 0 ? tcb.sndUna : sentEnd(s, s.count - 1)
  if (seqLt(seq, edge)) again(vn, tcb, seq, seqLt(end, edge) ? end : edge)
  if (seqLeq(end, edge)) return
  const inFlight = sentPipe(tcb) + seqDiff(end, edge)
  if (size === 0 && s.count >= MANY_RECORDS && joins(tcb, end)) {
    s.log[sentAt(s, s.count - 1) + SENT_END] = end
    return
  }
  if (s.count * SENT_STRIDE === s.log.length) grow(s, s.count + 1)
  const at = sentAt(s, s.count++)
  s.log[at + SENT_END] = end
  // a part that was out before (a window probe, a segment cut anew) makes the whole of it ambiguous
  s.log[at + SENT_FLAGS] = seqLt(seq, edge) ? SF_EVER : size << SENT_SIZE_SHIFT
  stamp(s, at, now, inFlight)
}

/** Bytes thought to be in flight (RFC 6675 §4, SetPipe; without SACK: what was sent since the last timeout). */
export function sentPipe(tcb: Tcb): number {
  const { sent } = tcb
  if ((tcb.flags & TF_SACK_PERMIT) === 0) return seqDiff(tcb.sndNxt, tcb.sndUna)
  return seqDiff(tcb.sndMax, tcb.sndUna) - sent.sacked - sent.lost + sent.retrans
}

/** An ACK begins to be processed: empties the sample. */
export function sentAckBegin(vn: Vn, tcb: Tcb): void {
  const rate = tcpRate(vn)
  rate.delivered = 0
  rate.intervalUs = 0
  rate.rttUs = -1
  rate.priorInFlight = sentPipe(tcb)
  rate.priorTotal = tcb.sent.delivered
  rate.dsack = false
  rate.newlyAcked = 0
  rate.newlySacked = 0
  rate.newlyLost = 0
  rate.appLimited = false
  rate.priorDelivered = -1
}

/** Everything before `ack` has arrived: its records go. To be called before sndUna moves. */
export function sentAcked(vn: Vn, tcb: Tcb, ack: Seq): void {
  const s = tcb.sent
  const rate = tcpRate(vn)
  let start = tcb.sndUna
  while (s.count > 0) {
    const at = s.head * SENT_STRIDE
    const end = toSeq(s.log[at + SENT_END])
    const whole = seqLeq(end, ack)
    const len = seqDiff(whole ? end : ack, start)
    if (len <= 0) break
    const flags = s.log[at + SENT_FLAGS]
    const size = flags >> SENT_SIZE_SHIFT
    if (!whole && size !== 0 && len % size !== 0) {
      // it ends within a segment, which needs a record of its own then
      sentUnpack(tcb, start)
      continue
    }
    sentDelivered(vn, tcb, at, len, whole || size === 0 ? end : ack)
    rate.newlyAcked += len
    forget(s, flags, len)
    if (!whole) {
      // the segment counts once it is there to its end
      if (size === 0 && (flags & (SF_SACKED | SF_COUNTED)) === 0) tcb.meter.delivered--
      break
    }
    if ((flags & SF_SACKED) !== 0) s.sackedCount--
    start = end
    s.count--
    if (++s.head * SENT_STRIDE === s.log.length) s.head = 0
  }
  if (s.count !== 0) return
  s.head = 0
  // a bulk transfer runs empty many times a second: its records go with its buffer (idle.ts)
  if (!ringIsLarge(tcb.sndBuf)) sentIdle(s)
}

/** Gives the memory back that an idle connection does not need. */
export function sentIdle(s: Sent): void {
  if (s.count === 0 && s.log.length > MIN_RECORDS * SENT_STRIDE) s.log.length = 0
}

/**
 * `len` bytes of the record at `at`, in segments of which the last ends at `end`, reached the peer: into the totals, and perhaps the
 * segment that is sampled.
 */
function sentDelivered(vn: Vn, tcb: Tcb, at: number, len: number, end: Seq): void {
  const { log } = tcb.sent
  const flags = log[at + SENT_FLAGS]
  if ((flags & (SF_SACKED | SF_COUNTED)) !== 0) return
  const s = tcb.sent
  const rate = tcpRate(vn)
  if ((tcb.flags & TF_SACK_PERMIT) !== 0) rackDelivered(vn, tcb, at, end)
  s.delivered += len
  tcb.meter.delivered += flags <= SF_ALL ? 1 : Math.ceil(len / (flags >> SENT_SIZE_SHIFT))
  s.deliveredAt = vn.state.now
  const sentTime = log[at + SENT_AT]
  if (rate.priorDelivered >= 0 && !rackSentAfter(sentTime, end, rate.sentAt, rate.end)) return
  rate.priorDelivered = log[at + SENT_DELIVERED]
  rate.priorDeliveredAt = log[at + SENT_DELIVERED_AT]
  rate.sentAt = sentTime
  rate.end = end
  rate.sendElapsed = sentTime - log[at + SENT_FIRST_AT]
  rate.txInFlight = log[at + SENT_IN_FLIGHT] - seqDiff(toSeq(log[at + SENT_END]), end)
  rate.txLost = log[at + SENT_LOST]
  rate.appLimited = (flags & SF_APPLIMITED) !== 0
  if ((flags & SF_EVER) === 0) rate.rttUs = vn.state.now - sentTime
}

/** All marks of this ACK are made: the sample's rate (§3.3 of the draft). */
export function sentAckEnd(vn: Vn, tcb: Tcb): void {
  const s = tcb.sent
  const rate = tcpRate(vn)
  if (s.appLimited !== 0 && s.delivered > s.appLimited) s.appLimited = 0
  if (rate.rttUs >= 0) minRtt(s, Math.max(1, rate.rttUs), vn.state.now)
  if (rate.priorDelivered < 0) return
  s.firstSentAt = rate.sentAt
  // the slower of the two sides: ACKs may be bunched up
  const interval = Math.max(rate.sendElapsed, s.deliveredAt - rate.priorDeliveredAt)
  // a segment that was sent again and heard of too soon says nothing
  if (interval <= 0 || interval < s.minRtt) return
  rate.intervalUs = interval
  rate.delivered = s.delivered - rate.priorDelivered
  tcpMeterRate(tcb, rate)
}

/** Nothing more is there to be sent though the window would allow it: samples from here on tell the user's rate. */
export function sentAppLimited(tcb: Tcb): void {
  tcb.sent.appLimited = Math.max(1, tcb.sent.delivered + sentPipe(tcb))
}

/** Place in the log of the k-th oldest record. */
export function sentAt(s: Sent, k: number): number {
  const i = (s.head + k) * SENT_STRIDE
  return i >= s.log.length ? i - s.log.length : i
}

export function sentEnd(s: Sent, k: number): Seq {
  return toSeq(s.log[sentAt(s, k) + SENT_END])
}

/** Where the k-th oldest record begins. */
export function sentStart(tcb: Tcb, k: number): Seq {
  return k === 0 ? tcb.sndUna : sentEnd(tcb.sent, k - 1)
}

/** The first record that ends behind `seq`; `count` where there is none. */
export function sentFind(s: Sent, seq: Seq): number {
  let low = 0
  let high = s.count
  while (low < high) {
    const mid = low + high >> 1
    if (seqGt(sentEnd(s, mid), seq)) high = mid
    else low = mid + 1
  }
  return low
}

/** The connection is over. */
export function sentClear(s: Sent): void {
  s.log.length = 0
  s.head = 0
  s.count = 0
  s.sacked = 0
  s.lost = 0
  s.retrans = 0
  s.sackedCount = 0
}

/** The k-th record is SACKed. */
export function sentSack(vn: Vn, tcb: Tcb, k: number): void {
  const s = tcb.sent
  const at = sentAt(s, k)
  const flags = s.log[at + SENT_FLAGS]
  if ((flags & SF_SACKED) !== 0) return
  const len = seqDiff(sentEnd(s, k), sentStart(tcb, k))
  sentDelivered(vn, tcb, at, len, sentEnd(s, k))
  forget(s, flags, len)
  s.log[at + SENT_FLAGS] = flags & ~(SF_LOST | SF_RETRANS | SF_TWICE) | SF_SACKED
  s.sacked += len
  s.sackedCount++
  if ((flags & SF_COUNTED) === 0) tcpRate(vn).newlySacked += len
}

/** The k-th record, which is not SACKed, is deemed lost: it is in flight no longer, and goes again when it may. */
export function sentLose(vn: Vn, tcb: Tcb, k: number): number {
  const s = tcb.sent
  const at = sentAt(s, k)
  const flags = s.log[at + SENT_FLAGS]
  if ((flags & (SF_LOST | SF_SACKED)) !== 0) return 0
  const len = seqDiff(sentEnd(s, k), sentStart(tcb, k))
  forget(s, flags, len)
  s.log[at + SENT_FLAGS] = flags & ~(SF_RETRANS | SF_TWICE) | SF_LOST
  s.lost += len
  s.lostTotal += len
  tcpRate(vn).newlyLost += len
  return len
}

/** All that is not SACKed is deemed lost. */
export function sentLoseAll(vn: Vn, tcb: Tcb): void {
  sentUnpack(tcb)
  for (let k = 0; k < tcb.sent.count; k++) sentLose(vn, tcb, k)
}

/**
 * Gives each segment its own record, where several share one; the first begins at `first`. To be called before records are looked
 * at one by one, and marked; places in the log are other ones afterwards.
 */
export function sentUnpack(tcb: Tcb, first: Seq = tcb.sndUna): void {
  const s = tcb.sent
  let to = 0
  let shared = false
  for (let k = 0; k < s.count; k++) {
    const size = s.log[sentAt(s, k) + SENT_FLAGS] >> SENT_SIZE_SHIFT
    to += size === 0 ? 1 : Math.ceil(seqDiff(sentEnd(s, k), k === 0 ? first : sentEnd(s, k - 1)) / size)
    shared ||= size !== 0
  }
  if (!shared) return
  if (to * SENT_STRIDE > s.log.length) grow(s, to)
  const { count } = s
  s.count = to
  // from the last on, so that none is written over before it was read
  for (let k = count - 1; k >= 0; k--) {
    const start = k === 0 ? first : sentEnd(s, k - 1)
    const end = sentEnd(s, k)
    const size = s.log[sentAt(s, k) + SENT_FLAGS] >> SENT_SIZE_SHIFT
    for (let n = size === 0 ? 1 : Math.ceil(seqDiff(end, start) / size); n > 0; n--) {
      copyRecord(s, k, --to)
      const at = sentAt(s, to)
      const last = seqAdd(start, n * size)
      s.log[at + SENT_FLAGS] &= SF_ALL
      if (size === 0 || seqGeq(last, end)) continue
      s.log[at + SENT_END] = last
      s.log[at + SENT_IN_FLIGHT] -= seqDiff(end, last)
    }
  }
}

/** After a timeout the SACKed marks go: the receiver may have dropped what it had (RFC 2018 §8). */
export function sentForgetSacks(tcb: Tcb): void {
  const s = tcb.sent
  if (s.sackedCount === 0) return
  for (let k = 0; k < s.count; k++) {
    const at = sentAt(s, k) + SENT_FLAGS
    if ((s.log[at] & SF_SACKED) !== 0) s.log[at] = s.log[at] & ~SF_SACKED | SF_COUNTED
  }
  s.sacked = 0
  s.sackedCount = 0
}

/** Nothing was lost after all: what has not been sent again is in flight. */
export function sentUnlose(tcb: Tcb): void {
  const s = tcb.sent
  for (let k = 0; k < s.count && s.lost > 0; k++) {
    const at = sentAt(s, k) + SENT_FLAGS
    if ((s.log[at] & SF_LOST) === 0) continue
    s.log[at] &= ~SF_LOST
    s.lost -= seqDiff(sentEnd(s, k), sentStart(tcb, k))
  }
}

/** [seq, end), all of it sent before, goes again: its records are cut to fit and take the new time. */
function again(vn: Vn, tcb: Tcb, seq: Seq, end: Seq): void {
  sentUnpack(tcb)
  const s = tcb.sent
  let k = sentFind(s, seq)
  if (seqGt(seq, sentStart(tcb, k))) split(s, k++, seq)
  for (; k < s.count; k++) {
    const start = sentStart(tcb, k)
    if (seqGeq(start, end)) return
    if (seqGt(sentEnd(s, k), end)) split(s, k, end)
    const at = sentAt(s, k)
    const len = seqDiff(sentEnd(s, k), start)
    const flags = s.log[at + SENT_FLAGS]
    dsackResent(tcb, start, sentEnd(s, k), (flags & SF_EVER) !== 0)
    let marks = SF_EVER
    if ((flags & SF_EVER) === 0) s.twiceTotal += len
    if ((flags & SF_LOST) !== 0) {
      s.lost -= len
      marks |= SF_RETRANS
    } else if ((flags & (SF_RETRANS | SF_SACKED)) === 0) {
      s.retrans += len
      marks |= SF_RETRANS | SF_TWICE
    }
    s.log[at + SENT_FLAGS] = flags & ~(SF_LOST | SF_APPLIMITED) | marks
    stamp(s, at, vn.state.now, sentPipe(tcb))
  }
}

/** Cuts the k-th record in two at `seq`; both keep its times and marks. */
function split(s: Sent, k: number, seq: Seq): void {
  if (s.count * SENT_STRIDE === s.log.length) grow(s, s.count + 1)
  const { log } = s
  for (let i = s.count; i > k; i--) copyRecord(s, i - 1, i)
  s.count++
  const at = sentAt(s, k)
  log[at + SENT_END] = seq
  if ((log[at + SENT_FLAGS] & SF_SACKED) !== 0) s.sackedCount++
}

function copyRecord(s: Sent, from: number, to: number): void {
  const a = sentAt(s, from)
  const b = sentAt(s, to)
  if (a !== b) for (let j = 0; j < SENT_STRIDE; j++) s.log[b + j] = s.log[a + j]
}

function stamp(s: Sent, at: number, now: number, inFlight: number): void {
  const { log } = s
  log[at + SENT_AT] = now
  log[at + SENT_DELIVERED] = s.delivered
  log[at + SENT_DELIVERED_AT] = s.deliveredAt
  log[at + SENT_FIRST_AT] = s.firstSentAt
  log[at + SENT_IN_FLIGHT] = inFlight
  log[at + SENT_LOST] = s.lostTotal
  if (s.appLimited !== 0) log[at + SENT_FLAGS] |= SF_APPLIMITED
}

/** `len` bytes with these marks are in flight no longer. */
function forget(s: Sent, flags: number, len: number): void {
  if ((flags & SF_SACKED) !== 0) s.sacked -= len
  if ((flags & SF_LOST) !== 0) s.lost -= len
  if ((flags & SF_TWICE) !== 0) s.retrans -= len
}

/** The newest record may be grown to `end`: untouched, and no more than a segment with it. */
function joins(tcb: Tcb, end: Seq): boolean {
  const s = tcb.sent
  const last = s.count - 1
  const marks = SF_SACKED | SF_LOST | SF_RETRANS
  return (s.log[sentAt(s, last) + SENT_FLAGS] & marks) === 0 && seqLeq(end, seqAdd(sentStart(tcb, last), tcb.mss))
}

/** Room for `records`, more than there is, by doubling; those that are there in a row from the first. */
function grow(s: Sent, records: number): void {
  const { log, count } = s
  const used = count * SENT_STRIDE
  let size = MIN_RECORDS * SENT_STRIDE
  while (size < records * SENT_STRIDE) size *= 2
  const from = s.head * SENT_STRIDE
  const next: number[] = []
  for (let i = 0; i < used; i++) next.push(log[from + i < log.length ? from + i : from + i - log.length])
  for (let i = used; i < size; i++) next.push(0)
  s.log = next
  s.head = 0
}

function minRtt(s: Sent, rtt: number, now: number): void {
  if (s.minRtt !== 0 && rtt > s.minRtt && now - s.minRttAt <= MIN_RTT_WINDOW_US) return
  s.minRtt = rtt
  s.minRttAt = now
}
