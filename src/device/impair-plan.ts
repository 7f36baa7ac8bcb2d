/**
 * What a bad link does to a frame: the decisions, as a function of plain state, a seed and the time.
 *
 * The order is that of a real path: the frame meets a black hole or a loss first, then the bottleneck's queue, then the
 * distance; damage, duplication and overtaking happen on the way.
 */

import { createRandom, randomInt32 } from '../kern/random.ts'
import type { RandomState } from '../kern/random.ts'

/** One direction. Rates are probabilities 0…1; 0 (and for limits Infinity) is "never". */
export interface ImpairConfig {
  /** False: every frame passes at once, untouched. */
  on: boolean
  /** True: nothing passes (the cable is pulled). */
  cut: boolean
  lossRate: number
  /** Of so many frames the last is lost, apart from those that chance takes; 0: none. */
  lossEvery: number
  /**
   * Bursts of losses after Gilbert and Elliott: chance per frame to enter and to leave the bad state, and of a loss in
   * it. In the good state `lossRate` holds.
   */
  burstEnterRate: number
  burstLeaveRate: number
  burstLossRate: number
  delayUs: number
  /** Uniform extra delay 0…jitterUs; it does not reorder. */
  jitterUs: number
  /** Chance that a frame is held back by a further `reorderUs`, so that later ones overtake it. */
  reorderRate: number
  reorderUs: number
  duplicateRate: number
  /**
   * Chance that one bit of the IP packet is flipped. The link's own header and ARP are spared: damage on a wire is
   * found by Ethernet's check sequence, it is what happens inside of routers that the Internet checksum is for.
   */
  corruptRate: number
  /** Bottleneck, bits per second of whole frames; Infinity is none. */
  rateBps: number
  /** Bytes that may wait before the bottleneck; what finds no room is dropped (drop-tail). */
  queueBytes: number
  /** CoDel (RFC 8289) keeps the bottleneck's queue short: it drops what has waited too long, too often. See codel.ts. */
  codel: boolean
  /** RFC 8289 §4.3 and §4.2: the delay that may persist, and for how long more of it may. */
  codelTargetUs: number
  codelIntervalUs: number
  /** CoDel marks packets of ECN-capable transports (RFC 3168) and drops only the others. */
  ecn: boolean
  /** IP packets longer than this vanish without a word: a path MTU black hole. */
  mtu: number
  /** Most frames under way at once. */
  limitFrames: number
}

export interface ImpairStats {
  frames: number
  passed: number
  /** Frames that vanished, by cause. */
  cut: number
  lost: number
  burstLost: number
  blackholed: number
  queueFull: number
  codelDropped: number
  tooMany: number
  /** Frames that passed but found the pool exhausted on arrival. */
  noBuffer: number
  /** What happened to frames that passed. */
  delayed: number
  reordered: number
  duplicated: number
  corrupted: number
  /** Congestion Experienced, set by CoDel. */
  marked: number
}

/** Plain data: one direction of an impaired link. */
export interface ImpairState {
  readonly config: ImpairConfig
  readonly stats: ImpairStats
  readonly random: RandomState
  /** In the bad state of the burst model. */
  bad: boolean
  /** When the bottleneck has sent all that waits, µs. */
  busyUntil: number
  /** Arrival of the last frame that was not held back, µs. */
  lastAt: number
  /** Frames under way. */
  held: number
}

/** What becomes of one frame; reused from call to call. */
export interface ImpairPlan {
  /** How many arrive: 0, 1 or 2. */
  copies: number
  /** Arrival, µs; `now` means at once. */
  at: number
  /** Bit to flip, or -1. */
  flipBit: number
}

const TWO_32 = 0x100000000

/** Random numbers follow from `seed` alone. RangeError when a value of `config` makes no sense. */
export function createImpairState(seed: readonly number[], config: Partial<ImpairConfig> = {}): ImpairState {
  const full = createImpairConfig(config)
  checkImpairConfig(full)
  return {
    config: full,
    stats: {
      frames: 0, passed: 0, cut: 0, lost: 0, burstLost: 0, blackholed: 0, queueFull: 0, codelDropped: 0, tooMany: 0,
      noBuffer: 0, delayed: 0, reordered: 0, duplicated: 0, corrupted: 0, marked: 0,
    },
    random: createRandom(seed), bad: false, busyUntil: 0, lastAt: 0, held: 0,
  }
}

/** A perfect link with what `config` changes of it. */
export function createImpairConfig(config: Partial<ImpairConfig> = {}): ImpairConfig {
  return {
    on: true, cut: false, lossRate: 0, lossEvery: 0, burstEnterRate: 0, burstLeaveRate: 1, burstLossRate: 1, delayUs: 0,
    jitterUs: 0, reorderRate: 0, reorderUs: 1000, duplicateRate: 0, corruptRate: 0, rateBps: Infinity,
    queueBytes: 1_000_000, codel: false, codelTargetUs: 5000, codelIntervalUs: 100_000, ecn: false, mtu: Infinity,
    limitFrames: 10_000, ...config,
  }
}

/** RangeError that names the value; call it after changing the configuration of a running link. */
export function checkImpairConfig(config: ImpairConfig): void {
  for (const [name, value] of Object.entries(config)) {
    if (typeof value === 'boolean') continue
    const top = name.endsWith('Rate') ? 1 : Infinity
    if (!(value >= 0 && value <= top)) throw new RangeError(`${name} is ${value}, expected 0…${top}`)
  }
  if (config.rateBps === 0) throw new RangeError('rateBps is 0; use cut')
  if (config.codel && config.rateBps === Infinity) throw new RangeError('codel is true, but rateBps is infinite')
  if (config.delayUs === Infinity || config.jitterUs === Infinity || config.reorderUs === Infinity) {
    throw new RangeError('a delay is infinite; use cut')
  }
}

/** Decides about a frame of `frameBytes` that ends with an IP packet of `packetBytes` (0: with none), into `plan`. */
export function impairPlan(
  im: ImpairState, now: number, frameBytes: number, packetBytes: number, plan: ImpairPlan,
): void {
  plan.copies = 0
  plan.at = now
  plan.flipBit = -1
  if (!impairEnter(im, packetBytes)) return
  if (!im.config.on) {
    pass(im, plan, Math.max(now, im.lastAt), now)
    return
  }
  if (bottleneck(im, now, frameBytes)) impairLeave(im, now, im.busyUntil, frameBytes, packetBytes, plan)
}

/** Before the bottleneck: false when the frame has vanished. */
export function impairEnter(im: ImpairState, packetBytes: number): boolean {
  const { config, stats } = im
  stats.frames++
  if (config.cut) {
    stats.cut++
    return false
  }
  if (!config.on) return true
  if (packetBytes > config.mtu) {
    stats.blackholed++
    return false
  }
  if (loses(im)) return false
  if (im.held < config.limitFrames) return true
  stats.tooMany++
  return false
}

/** Behind the bottleneck, which has sent the last bit at `sentAt`: distance, and what happens on the way. */
export function impairLeave(
  im: ImpairState, now: number, sentAt: number, frameBytes: number, packetBytes: number, plan: ImpairPlan,
): void {
  const { config, stats } = im
  plan.flipBit = -1
  let at = Math.max(now, sentAt) + config.delayUs
  if (config.jitterUs > 0) at += Math.floor(chance(im) * config.jitterUs)
  at = Math.max(at, im.lastAt)
  if (happens(im, config.reorderRate)) {
    stats.reordered++
    at += config.reorderUs
  } else im.lastAt = at
  if (packetBytes > 0 && happens(im, config.corruptRate)) {
    stats.corrupted++
    plan.flipBit = (frameBytes - packetBytes) * 8 + Math.floor(chance(im) * packetBytes * 8)
  }
  pass(im, plan, at, now)
  if (happens(im, config.duplicateRate)) {
    stats.duplicated++
    plan.copies = 2
  }
}

function pass(im: ImpairState, plan: ImpairPlan, at: number, now: number): void {
  im.stats.passed++
  if (at > now) im.stats.delayed++
  plan.at = at
  plan.copies = 1
}

function loses(im: ImpairState): boolean {
  const { config, stats } = im
  im.bad = im.bad ? !happens(im, config.burstLeaveRate) : happens(im, config.burstEnterRate)
  if (im.bad) {
    if (!happens(im, config.burstLossRate)) return false
    stats.burstLost++
    return true
  }
  const inTurn = config.lossEvery > 0 && stats.frames % config.lossEvery === 0
  if (!inTurn && !happens(im, config.lossRate)) return false
  stats.lost++
  return true
}

/** A queue of fixed size before a sender of fixed rate, without keeping the queue: its length follows from the time. */
function bottleneck(im: ImpairState, now: number, frameBytes: number): boolean {
  const { config } = im
  if (config.rateBps === Infinity) return true
  const usPerByte = 8e6 / config.rateBps
  const waiting = Math.max(0, im.busyUntil - now) / usPerByte
  // an idle sender takes any frame, however small the queue
  if (waiting > 0 && waiting + frameBytes > config.queueBytes) {
    im.stats.queueFull++
    return false
  }
  im.busyUntil = Math.max(now, im.busyUntil) + frameBytes * usPerByte
  return true
}

function happens(im: ImpairState, rate: number): boolean {
  return rate > 0 && chance(im) < rate
}

/** Uniform in 0 ≤ x < 1. */
function chance(im: ImpairState): number {
  return (randomInt32(im.random) >>> 0) / TWO_32
}
