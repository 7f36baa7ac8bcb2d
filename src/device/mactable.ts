/** Which port a hardware address was last seen on (IEEE 802.1D §7.9, the filtering database). Plain data. */

import type { Mac } from '../lib/addr.ts'

export interface MacEntry {
  port: number
  /** When a frame from it last came in, µs. */
  at: number
}

export interface MacTable {
  /** Oldest first, to within REORDER_US. */
  entries: Map<Mac, MacEntry>
  limit: number
  ageUs: number
  learned: number
  /** Times an address turned up on another port. */
  moved: number
  /** Entries that made room for newer ones. */
  evicted: number
  aged: number
}

/** One line of the listing. */
export interface MacListing {
  mac: Mac
  port: number
  ageUs: number
}

/** An entry that is refreshed moves to the end at most this often: moving it costs more than the rest of learning. */
const REORDER_US = 1_000_000

export function createMacTable(limit: number, ageUs: number): MacTable {
  return { entries: new Map(), limit, ageUs, learned: 0, moved: 0, evicted: 0, aged: 0 }
}

/** Notes that `mac` is on `port`; the oldest entry makes room. True when it was known on another port. */
export function macLearn(t: MacTable, mac: Mac, port: number, now: number): boolean {
  const entry = t.entries.get(mac)
  if (entry === undefined) {
    if (t.entries.size >= t.limit) evictOldest(t, now)
    t.entries.set(mac, { port, at: now })
    t.learned++
    return false
  }
  const stale = now - entry.at >= REORDER_US
  const moved = entry.port !== port
  entry.at = now
  entry.port = port
  if (moved) t.moved++
  if (stale) {
    t.entries.delete(mac)
    t.entries.set(mac, entry)
  }
  return moved
}

/** The port of `mac`, or 0 when it is unknown or has not been seen for `ageUs`. */
export function macLookup(t: MacTable, mac: Mac, now: number): number {
  const entry = t.entries.get(mac)
  if (entry === undefined) return 0
  if (now - entry.at < t.ageUs) return entry.port
  t.entries.delete(mac)
  t.aged++
  return 0
}

/** Forgets what was learned on a port that went away. */
export function macForgetPort(t: MacTable, port: number): void {
  for (const [mac, entry] of t.entries) if (entry.port === port) t.entries.delete(mac)
}

/** What is known now, in the order of the addresses. */
export function macList(t: MacTable, now: number): MacListing[] {
  const list: MacListing[] = []
  for (const [mac, { port, at }] of t.entries) if (now - at < t.ageUs) list.push({ mac, port, ageUs: now - at })
  return list.sort((a, b) => a.mac - b.mac)
}

function evictOldest(t: MacTable, now: number): void {
  for (const [mac, entry] of t.entries) {
    t.entries.delete(mac)
    if (now - entry.at < t.ageUs) t.evicted++
    else t.aged++
    return
  }
}
