/** Links in people's units: '50ms', '10Mbit', '1%'; numbers are ms, bits per second, and shares of one. */

import type { CableOptions } from '../sim/cable.ts'
import type { ImpairConfig } from '../device/impair-plan.ts'

export type Duration = number | string
export type Rate = number | string
export type Share = number | string

/** What one direction of a link does to packets; all of it is optional and may be changed as it runs. */
export interface LinkConditions {
  /** One way (ms, or '50ms', '2s', '100us'). */
  delay?: Duration
  /** Uniform extra delay; it does not reorder. */
  jitter?: Duration
  /** Bits per second, or '10Mbit'. */
  rate?: Rate
  /** Bytes (or '64kB') that wait before a bottleneck; the rest is dropped. */
  queue?: number | string
  /** CoDel keeps that queue short (RFC 8289). */
  codel?: boolean
  /** Share of packets lost at random: 0.01 or '1%'. */
  loss?: Share
  /** Of so many packets the last is lost. */
  lossEvery?: number
  /** Losses in bursts (Gilbert, Elliott): chances per packet to enter and to leave the bad state, and of a loss in it. */
  burst?: { enter: Share; leave: Share; loss?: Share }
  /** Share of packets that are overtaken, and how far they fall behind. */
  reorder?: Share
  reorderBy?: Duration
  duplicate?: Share
  /** Share of packets of which a bit is flipped. */
  corrupt?: Share
  /** Longer packets vanish without a word: a black hole of path MTU discovery. */
  blackhole?: number
  /** Nothing passes. */
  cut?: boolean
}

export interface LinkOptions extends LinkConditions {
  /** What differs in one direction. */
  aToB?: LinkConditions
  bToA?: LinkConditions
  /** MTU of the interfaces (default 1500). */
  mtu?: number
  /** IPv4 network of a link between hosts, as '192.168.7.0/24' (default: the next of 10.0.N.0/24). */
  subnet?: string
}

const TIME_UNITS: Readonly<Record<string, number>> = Object.freeze({ us: 1, µs: 1, ms: 1000, s: 1e6, min: 60e6, h: 3600e6 })
const RATE_UNITS: Readonly<Record<string, number>> = Object.freeze({
  bit: 1, bps: 1, kbit: 1e3, kbps: 1e3, mbit: 1e6, mbps: 1e6, gbit: 1e9, gbps: 1e9,
})
const SIZE_UNITS: Readonly<Record<string, number>> = Object.freeze({ b: 1, kb: 1e3, mb: 1e6, kib: 1024, mib: 1_048_576 })

/** µs. RangeError for what is no duration. */
export function durationUs(value: Duration): number {
  return typeof value === 'number' ? value * 1000 : parsed(value, TIME_UNITS, 'a duration like 50, "50ms" or "2s"')
}

export function impairOf(c: LinkConditions): Partial<ImpairConfig> {
  const out: Partial<ImpairConfig> = {}
  if (c.delay !== undefined) out.delayUs = durationUs(c.delay)
  if (c.jitter !== undefined) out.jitterUs = durationUs(c.jitter)
  if (c.rate !== undefined) out.rateBps = scaled(c.rate, RATE_UNITS, 'a rate like "10Mbit"')
  if (c.queue !== undefined) out.queueBytes = scaled(c.queue, SIZE_UNITS, 'a size like "64kB"')
  if (c.codel !== undefined) out.codel = c.codel
  if (c.loss !== undefined) out.lossRate = share(c.loss)
  if (c.lossEvery !== undefined) out.lossEvery = c.lossEvery
  if (c.burst !== undefined) {
    out.burstEnterRate = share(c.burst.enter)
    out.burstLeaveRate = share(c.burst.leave)
    out.burstLossRate = share(c.burst.loss ?? 1)
  }
  if (c.reorder !== undefined) out.reorderRate = share(c.reorder)
  if (c.reorderBy !== undefined) out.reorderUs = durationUs(c.reorderBy)
  if (c.duplicate !== undefined) out.duplicateRate = share(c.duplicate)
  if (c.corrupt !== undefined) out.corruptRate = share(c.corrupt)
  if (c.blackhole !== undefined) out.mtu = c.blackhole
  if (c.cut !== undefined) out.cut = c.cut
  return out
}

export function cableOptions(o: LinkOptions): CableOptions {
  return {
    ...impairOf(o), aToB: impairOf(o.aToB ?? {}), bToA: impairOf(o.bToA ?? {}),
    ...(o.mtu === undefined ? {} : { ifMtu: o.mtu }),
  }
}

function scaled(value: number | string, units: Readonly<Record<string, number>>, what: string): number {
  return typeof value === 'number' ? value : parsed(value.toLowerCase(), units, what)
}

function share(value: Share): number {
  if (typeof value === 'number') return value
  const m = /^([\d.]+)%$/.exec(value.trim())
  if (m === null) throw new RangeError(`"${value}" is no share like 0.01 or "1%"`)
  return Number(m[1]) / 100
}

function parsed(text: string, units: Readonly<Record<string, number>>, what: string): number {
  const m = /^([\d.]+)\s*([a-zµ]+)$/.exec(text.trim())
  const unit = m === null ? undefined : units[m[2]]
  if (m === null || unit === undefined || Number.isNaN(Number(m[1]))) throw new RangeError(`"${text}" is not ${what}`)
  return Number(m[1]) * unit
}
