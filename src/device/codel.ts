/** CoDel (RFC 8289 §5): which of the packets that wait goes next, and which are dropped or marked instead. */

/** The controller's state (RFC 8289 §5.2). Times in µs. */
export interface CodelState {
  /** When the delay will have been above the target for an interval; 0: it is not above it. */
  firstAboveAt: number
  dropNextAt: number
  /** Drops since the drop state was entered, and what it was when that began. */
  count: number
  lastCount: number
  dropping: boolean
  /** Largest packet seen: with no more than that in the queue nothing is dropped (§4.1). */
  maxBytes: number
}

/** A packet that waits. */
export interface CodelPacket {
  /** When it came, µs. */
  at: number
  frameBytes: number
}

/** What the controller asks of its queue. */
export interface CodelQueue<P extends CodelPacket> {
  /** Takes the oldest packet out, or null. */
  shift(): P | null
  /** Bytes that wait now. */
  readonly bytes: number
  /** Sets Congestion Experienced; false where the transport does not know ECN (RFC 3168 §5). */
  mark(packet: P): boolean
  drop(packet: P): void
}

export function createCodelState(): CodelState {
  return { firstAboveAt: 0, dropNextAt: 0, count: 0, lastCount: 0, dropping: false, maxBytes: 0 }
}

/** The packet to be sent at `now`, or null; what had to go on the way is marked or dropped through `q` (§5.5). */
export function codelDequeue<P extends CodelPacket>(
  c: CodelState, q: CodelQueue<P>, now: number, targetUs: number, intervalUs: number,
): P | null {
  let p = q.shift()
  let above = isAbove(c, q, p, now, targetUs, intervalUs)
  if (!c.dropping) {
    if (p === null || !above) return p
    if (!q.mark(p)) {
      q.drop(p)
      p = q.shift()
      isAbove(c, q, p, now, targetUs, intervalUs)
    }
    enter(c, now, intervalUs)
    return p
  }
  if (!above) c.dropping = false
  while (p !== null && c.dropping && now >= c.dropNextAt) {
    c.count++
    if (q.mark(p)) {
      // a mark is heard as a drop is, and the packet still goes: one of them at a time
      c.dropNextAt = controlLaw(c.dropNextAt, intervalUs, c.count)
      return p
    }
    q.drop(p)
    p = q.shift()
    above = isAbove(c, q, p, now, targetUs, intervalUs)
    if (above) c.dropNextAt = controlLaw(c.dropNextAt, intervalUs, c.count)
    else c.dropping = false
  }
  return p
}

/** A drop rate that worked a short while ago is a good one to begin with. */
function enter(c: CodelState, now: number, intervalUs: number): void {
  c.dropping = true
  const delta = c.count - c.lastCount
  c.count = delta > 1 && now - c.dropNextAt < 16 * intervalUs ? delta : 1
  c.dropNextAt = controlLaw(now, intervalUs, c.count)
  c.lastCount = c.count
}

/** True when the delay has been above the target for an interval (§5.6, `ok_to_drop`). */
function isAbove<P extends CodelPacket>(
  c: CodelState, q: CodelQueue<P>, p: P | null, now: number, targetUs: number, intervalUs: number,
): boolean {
  if (p !== null) c.maxBytes = Math.max(c.maxBytes, p.frameBytes)
  if (p === null || now - p.at < targetUs || q.bytes <= c.maxBytes) {
    c.firstAboveAt = 0
    return false
  }
  if (c.firstAboveAt === 0) {
    c.firstAboveAt = now + intervalUs
    return false
  }
  return now >= c.firstAboveAt
}

function controlLaw(at: number, intervalUs: number, count: number): number {
  return at + intervalUs / Math.sqrt(count)
}
