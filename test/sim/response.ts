/**
 * What congestion control is to reach under loss: response functions as they were published, and a model of the rules
 * themselves where these take losses to be evenly spaced and a path's are random. Windows in segments.
 */

import { createRandom, randomInt32 } from '../../src/kern/random.ts'

/** Mathis et al. 1997, with an ACK for every segment: RFC 5681's window for a loss in every 1/p segments. */
export function renoResponse(p: number): number {
  return Math.sqrt(1.5 / p)
}

/** RFC 9438 §5.1 for C = 0.4 and β = 0.7; where Reno's is larger CUBIC is in its Reno-friendly region (§4.3). */
export function cubicResponse(p: number, rtt: number): number {
  return Math.max(renoResponse(p), 1.054 * (rtt / p) ** 0.75)
}

/**
 * CUBIC's rules (RFC 9438 §4.2 to §4.7) in rounds of `rtt` seconds with an ACK for every segment, each segment lost with
 * chance `p`; a round of recovery follows a loss, in which losses are not another event. Returns the mean window.
 */
export function cubicModel(p: number, rtt: number, segments: number): number {
  const random = createRandom([1])
  const lost = (): boolean => (randomInt32(random) >>> 0) / 2 ** 32 < p
  let [w, wMax, k, prior, west, epoch] = [10, 10, 0, 10, 10, 0]
  let sent = 0
  let rounds = 0
  while (sent < segments) {
    const n = Math.floor(w)
    let arrived = n
    for (let i = 0; i < n && arrived === n; i++) if (lost()) arrived = i
    const begin = w
    for (let i = 0; i < arrived; i++) {
      const t = (rounds + i / n) * rtt - epoch
      west += (west >= prior ? 1 : 9 / 17) / w
      if (0.4 * (t - k) ** 3 + wMax < west) w = Math.max(w, west)
      else w += (Math.min(Math.max(w, 0.4 * (t + rtt - k) ** 3 + wMax), 1.5 * w) - w) / w
    }
    sent += n
    rounds++
    if (arrived === n) continue
    prior = w
    wMax = w < wMax ? w * 0.85 : w
    const reduced = Math.max(2, w * 0.7)
    // what was sent before the loss clocks out as much, what came after it brings seven for ten
    sent += begin * arrived / n + reduced * (1 - arrived / n)
    rounds++
    w = reduced
    west = w
    epoch = rounds * rtt
    k = Math.cbrt(Math.max(0, wMax - w) / 0.4)
  }
  return sent / rounds
}
