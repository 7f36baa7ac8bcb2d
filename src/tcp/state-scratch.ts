/** Scratch records of TCP: meaningless between events, and made when the first segment needs them. */

import type { Vn } from '../kern/vn.ts'
import { SEQ_ZERO } from '../lib/seq.ts'
import type { Seq } from '../lib/seq.ts'
import { createTcpOptions } from '../wire/tcp-options.ts'
import type { TcpOptions } from '../wire/tcp-options.ts'
import { createRateSample } from './state-sent.ts'
import type { RateSample } from './state-sent.ts'

/** One received segment as the ordered checks see it; a scratch record, meaningless between segments. */
export interface Seg {
  seq: Seq
  ack: Seq
  /** TH_*. */
  flags: number
  /** Window, scaled. */
  win: number
  urp: number
  /** Absolute offset of the text in the frame, and its length. */
  at: number
  len: number
  opt: TcpOptions
}

/** What nobody writes to, down to its lists. */
export type Still<T> = {
  readonly [K in keyof T]: T[K] extends number | boolean ? T[K] : T[K] extends readonly (infer E)[] ? readonly E[] : Still<T[K]>
}

/** Those of every Vnet that has not seen a segment. */
export const OPT_NONE: Still<TcpOptions> = Object.freeze(stillOptions())
export const SEG_NONE: Still<Seg> = Object.freeze(stillSeg())
export const RATE_NONE: Still<RateSample> = Object.freeze(createRateSample())

/** Of the segment being processed. */
export function tcpSeg(vn: Vn): Seg {
  const { tcp } = vn.state
  if (tcp.seg === SEG_NONE) tcp.seg = createSeg()
  return tcp.seg as Seg
}

/** Of what its ACK tells. */
export function tcpRate(vn: Vn): RateSample {
  const { tcp } = vn.state
  if (tcp.rate === RATE_NONE) tcp.rate = createRateSample()
  return tcp.rate
}

/** For options being written. */
export function tcpOpt(vn: Vn): TcpOptions {
  const { tcp } = vn.state
  if (tcp.opt === OPT_NONE) tcp.opt = createTcpOptions()
  return tcp.opt as TcpOptions
}

function createSeg(): Seg {
  return { seq: SEQ_ZERO, ack: SEQ_ZERO, flags: 0, win: 0, urp: 0, at: 0, len: 0, opt: createTcpOptions() }
}

function stillOptions(): TcpOptions {
  const opt = createTcpOptions()
  Object.freeze(opt.sack)
  Object.freeze(opt.fast)
  return opt
}

function stillSeg(): Still<Seg> {
  return { ...createSeg(), opt: OPT_NONE }
}
