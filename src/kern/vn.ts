/**
 * `Vn`: the explicit first argument of every protocol function.
 *
 * `state` is the whole Vnet as plain data. The rest is lent for the duration of one event and never saved:
 * the frame pool, the frames and socket events waiting to be drained, and an observer.
 */

import type { Frame, FramePool } from '../lib/frame.ts'
import type { Seq } from '../lib/seq.ts'
import { tableIn } from '../lib/table.ts'
import type { Table } from '../lib/table.ts'
import type { VnetState } from '../vnet/state.ts'

/** Something became possible on a socket: bits of `Vn.events`. */
export const EV_READ = 1
export const EV_WRITE = 2
/** A pending error (SO_ERROR). */
export const EV_ERROR = 4
/** Gone: nothing more will happen; the id is invalid afterwards. */
export const EV_GONE = 8
export const EV_CONNECT = 16
/** A connection can be accepted. */
export const EV_ACCEPT = 32

/** Watches a Vnet from outside (tracer, tests). Must not call back into it. */
export interface Probe {
  /** A packet was discarded; `counter` is its full name, for example "ip.badsum". */
  drop(now: number, counter: string, f: Frame | null): void
}

/** The ACK that the next one of its connection may be merged into (tcp/ackmerge.ts), as long as it waits in `txq`. */
export interface AckMerge {
  frame: Frame | null
  /** Socket of the connection, and the number that was acknowledged before this ACK. */
  sock: number
  from: Seq
}

declare const OWN: unique symbol
/**
 * Counters that a Vnet has of its own (`ipStats(vn)` …), not the zeros that all share in which nothing was counted. Told apart at type
 * check only, where `Readonly` alone would let the zeros through to whoever counts.
 */
export type Own<T> = T & { readonly [OWN]: true }

export interface Vn {
  state: VnetState
  pool: FramePool
  /** Frames to be drained, each with one reference and its ifId. */
  txq: Frame[]
  /** Socket id → EV_* bits not yet drained, in order of first posting. */
  events: Table<number>
  probe: Probe | null
  /** Counter of the segment that TCP discarded in this event, for its trace; '' where none was. */
  dropped: string
  merge: AckMerge
  /** Socket of the connection whose super-segments wait in `txq` (tcp/bulk.ts); −1: none. */
  bulk: number
  /** More was written to it since, and is to be looked at before frames are taken. */
  bulkWaits: boolean
  /** Who drains frames takes such as lend from send buffers (frameLend). */
  lends: boolean
}

/** Tells the owner of socket `id` (when the events are drained) that `what` happened. */
export function eventPost(vn: Vn, id: number, what: number): void {
  tableIn(vn, 'events').set(id, (vn.events.get(id) ?? 0) | what)
}

/**
 * Counts a discarded packet under `name` in a protocol's counters (`ipStats(vn)`) and tells the probe. `group` is the protocol's
 * name as in "ip.badsum". The frame stays the caller's.
 */
export function countDrop<K extends string>(
  vn: Vn, stats: Own<Record<K, number>>, group: string, name: K, f: Frame | null,
): void {
  stats[name]++
  if (group === 'tcp') vn.dropped = name
  if (vn.probe !== null) vn.probe.drop(vn.state.now, `${group}.${name}`, f)
}
