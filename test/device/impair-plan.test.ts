import { describe, expect, it } from 'vitest'
import { checkImpairConfig, createImpairConfig, createImpairState, impairPlan } from '../../src/device/impair-plan.ts'
import type { ImpairConfig, ImpairPlan, ImpairState } from '../../src/device/impair-plan.ts'

interface Run { im: ImpairState; plans: ImpairPlan[] }

/** `count` frames of `bytes`, one every `everyUs`. */
function run(config: Partial<ImpairConfig>, count: number, seed = 1, everyUs = 1000, bytes = 1000): Run {
  const im = createImpairState([seed], config)
  const plans: ImpairPlan[] = []
  for (let i = 0; i < count; i++) {
    const plan = { copies: 0, at: 0, flipBit: -1 }
    impairPlan(im, i * everyUs, bytes, bytes - 14, plan)
    plans.push(plan)
  }
  return { im, plans }
}

/** True when `hits` of `n` are within 4 standard deviations of `rate`. */
function near(hits: number, n: number, rate: number): boolean {
  return Math.abs(hits - n * rate) < 4 * Math.sqrt(n * rate * (1 - rate))
}

const N = 20_000

describe('impairment: what a perfect link does', () => {
  it('every frame passes once, at once, and no random number is drawn', () => {
    const { im, plans } = run({}, 100)
    expect(plans.every((p, i) => p.copies === 1 && p.at === i * 1000 && p.flipBit === -1)).toBe(true)
    expect(im.stats).toMatchObject({ frames: 100, passed: 100, delayed: 0 })
    expect(im.random.count).toBe(0)
  })
})

describe('impairment: rates', () => {
  it.each([0.01, 0.05, 0.5])('loses %f of the frames', (lossRate) => {
    const { im, plans } = run({ lossRate }, N)
    expect(near(im.stats.lost, N, lossRate)).toBe(true)
    expect(plans.filter((p) => p.copies === 0).length).toBe(im.stats.lost)
    expect(im.stats.passed + im.stats.lost).toBe(N)
  })

  it('loss of 1 loses all, of 0 none', () => {
    expect(run({ lossRate: 1 }, 1000).im.stats.passed).toBe(0)
    expect(run({ lossRate: 0 }, 1000).im.stats.passed).toBe(1000)
  })

  it('duplicates and damages at their rates', () => {
    const { im, plans } = run({ duplicateRate: 0.1, corruptRate: 0.2 }, N)
    expect(near(im.stats.duplicated, N, 0.1)).toBe(true)
    expect(near(im.stats.corrupted, N, 0.2)).toBe(true)
    expect(plans.filter((p) => p.copies === 2).length).toBe(im.stats.duplicated)
    const bits = plans.filter((p) => p.flipBit >= 0).map((p) => p.flipBit)
    expect(bits.length).toBe(im.stats.corrupted)
    // anywhere in the packet, nowhere in the Ethernet header
    expect(Math.min(...bits)).toBeLessThan(212)
    expect(Math.min(...bits)).toBeGreaterThanOrEqual(112)
    expect(Math.max(...bits)).toBeGreaterThan(7900)
    expect(Math.max(...bits)).toBeLessThan(8000)
  })

  it('damages no frame that carries no IP packet: Ethernet has a check sequence of its own', () => {
    const im = createImpairState([1], { corruptRate: 1, mtu: 100 })
    const plan = { copies: 0, at: 0, flipBit: -1 }
    impairPlan(im, 0, 1000, 0, plan)
    expect(plan).toEqual({ copies: 1, at: 0, flipBit: -1 })
  })

  it('Gilbert-Elliott: the share of losses and the mean length of a burst follow from the two chances', () => {
    const { im, plans } = run({ burstEnterRate: 0.01, burstLeaveRate: 0.25 }, 100_000)
    // stationary share of the bad state: p / (p + r); mean time in it: 1 / r frames
    const share = im.stats.burstLost / 100_000
    expect(share).toBeGreaterThan(0.0385 * 0.9)
    expect(share).toBeLessThan(0.0385 * 1.1)
    let bursts = 0
    plans.forEach((p, i) => { if (p.copies === 0 && plans[i - 1]?.copies !== 0) bursts++ })
    expect(im.stats.burstLost / bursts).toBeGreaterThan(3.6)
    expect(im.stats.burstLost / bursts).toBeLessThan(4.4)
  })

  it('in the bad state burstLossRate holds, in the good one lossRate', () => {
    const { im } = run({ burstEnterRate: 0.5, burstLeaveRate: 0.5, burstLossRate: 0.4, lossRate: 0.1 }, N)
    expect(near(im.stats.burstLost, N / 2, 0.4)).toBe(true)
    expect(near(im.stats.lost, N / 2, 0.1)).toBe(true)
  })
})

describe('impairment: time', () => {
  it('delays every frame by the same', () => {
    const { im, plans } = run({ delayUs: 25_000 }, 100)
    expect(plans.every((p, i) => p.at === i * 1000 + 25_000)).toBe(true)
    expect(im.stats.delayed).toBe(100)
  })

  it('jitter spreads the delay and never reorders', () => {
    const { plans } = run({ delayUs: 10_000, jitterUs: 20_000 }, N, 1, 100_000)
    const delays = plans.map((p, i) => p.at - i * 100_000)
    expect(Math.min(...delays)).toBeGreaterThanOrEqual(10_000)
    expect(Math.max(...delays)).toBeLessThan(30_000)
    expect(Math.max(...delays) - Math.min(...delays)).toBeGreaterThan(19_000)
    expect(delays.reduce((a, b) => a + b) / N).toBeGreaterThan(19_700)
    expect(delays.reduce((a, b) => a + b) / N).toBeLessThan(20_300)
    const close = run({ delayUs: 10_000, jitterUs: 20_000 }, 1000).plans
    expect(close.every((p, i) => i === 0 || p.at >= (close[i - 1]).at)).toBe(true)
  })

  it('a reordered frame is overtaken by those behind it', () => {
    const { im, plans } = run({ delayUs: 5000, reorderRate: 0.1, reorderUs: 2500 }, N)
    expect(near(im.stats.reordered, N, 0.1)).toBe(true)
    const late = plans.filter((p, i) => p.at === i * 1000 + 7500).length
    expect(late).toBe(im.stats.reordered)
    expect(plans.filter((p, i) => p.at === i * 1000 + 5000).length).toBe(N - late)
  })

  it('a bottleneck sends one frame after the other at its rate', () => {
    // 1000 bytes at 8 Mbit/s take 1 ms; two come in each ms
    const { plans } = run({ rateBps: 8e6, queueBytes: 1e9 }, 100, 1, 500)
    expect(plans.map((p) => p.at)).toEqual(Array.from({ length: 100 }, (_, i) => (i + 1) * 1000))
  })

  it('its queue drops what does not fit, and the rest leaves at the full rate', () => {
    const { im, plans } = run({ rateBps: 8e6, queueBytes: 10_000 }, 1000, 1, 500)
    expect(im.stats.passed + im.stats.queueFull).toBe(1000)
    const sent = plans.filter((p) => p.copies > 0)
    expect(sent.every((p, i) => p.at === (i + 1) * 1000)).toBe(true)
    // 500 ms at 1 frame each, and the ten that still wait
    expect(sent.length).toBe(509)
    const worst = Math.max(...plans.map((p, i) => p.at - i * 500))
    expect(worst).toBeLessThanOrEqual(10_500)
  })

  it('a queue of nothing still lets a frame through an idle link', () => {
    const { im } = run({ rateBps: 8e6, queueBytes: 0 }, 100, 1, 1000)
    expect(im.stats).toMatchObject({ passed: 100, queueFull: 0 })
  })

  it('a bounded number is under way', () => {
    const im = createImpairState([1], { limitFrames: 3 })
    const plan = { copies: 0, at: 0, flipBit: -1 }
    im.held = 3
    impairPlan(im, 0, 100, 86, plan)
    expect(plan.copies).toBe(0)
    expect(im.stats.tooMany).toBe(1)
  })
})

describe('impairment: what vanishes', () => {
  it('black hole: packets above the MTU vanish, those of just that size pass', () => {
    const im = createImpairState([1], { mtu: 1400 })
    const plan = { copies: 0, at: 0, flipBit: -1 }
    impairPlan(im, 0, 1414, 1400, plan)
    expect(plan.copies).toBe(1)
    impairPlan(im, 0, 1415, 1401, plan)
    expect(plan.copies).toBe(0)
    expect(im.stats.blackholed).toBe(1)
  })

  it('a cut cable loses everything; one whose impairments are off loses nothing', () => {
    const cut = run({ cut: true }, 100).im.stats
    expect(cut).toMatchObject({ cut: 100, passed: 0 })
    const off = run({ on: false, lossRate: 1, mtu: 0, delayUs: 1000 }, 100)
    expect(off.im.stats).toMatchObject({ passed: 100, delayed: 0, lost: 0 })
    expect(off.plans.every((p, i) => p.at === i * 1000)).toBe(true)
  })

  it('switched off in mid-stream, frames do not overtake those under way', () => {
    const im = createImpairState([1], { delayUs: 5000 })
    const plan = { copies: 0, at: 0, flipBit: -1 }
    impairPlan(im, 0, 100, 86, plan)
    im.config.on = false
    impairPlan(im, 1000, 100, 86, plan)
    expect(plan.at).toBe(5000)
    impairPlan(im, 6000, 100, 86, plan)
    expect(plan.at).toBe(6000)
  })
})

describe('impairment: determinism', () => {
  const rough = {
    lossRate: 0.1, burstEnterRate: 0.01, burstLeaveRate: 0.3, delayUs: 1000, jitterUs: 500, reorderRate: 0.05,
    duplicateRate: 0.05, corruptRate: 0.05, rateBps: 10e6,
  }

  it('same seed and frames: same fate; another seed: another', () => {
    expect(run(rough, 2000, 7)).toEqual(run(rough, 2000, 7))
    expect(run(rough, 2000, 8).plans).not.toEqual(run(rough, 2000, 7).plans)
  })

  it('its state is plain data: cut in two by a clone it goes on the same', () => {
    const whole = createImpairState([5], rough)
    let half = createImpairState([5], rough)
    const fates: [ImpairPlan, ImpairPlan][] = []
    for (let i = 0; i < 500; i++) {
      if (i === 250) half = structuredClone(half)
      const [a, b] = [{ copies: 0, at: 0, flipBit: -1 }, { copies: 0, at: 0, flipBit: -1 }]
      impairPlan(whole, i * 100, 500, 486, a)
      impairPlan(half, i * 100, 500, 486, b)
      fates.push([a, b])
    }
    expect(fates.every(([a, b]) => a.copies === b.copies && a.at === b.at && a.flipBit === b.flipBit)).toBe(true)
  })
})

describe('impairment: configuration', () => {
  it.each([
    [{ lossRate: 1.5 }, 'lossRate is 1.5'], [{ corruptRate: -0.1 }, 'corruptRate'], [{ delayUs: NaN }, 'delayUs'],
    [{ rateBps: 0 }, 'rateBps'], [{ delayUs: Infinity }, 'delay is infinite'],
  ])('%o is refused by name', (config, text) => {
    expect(() => { checkImpairConfig(createImpairConfig(config)) }).toThrow(text)
    expect(() => createImpairState([1], config)).toThrow(RangeError)
  })
})
