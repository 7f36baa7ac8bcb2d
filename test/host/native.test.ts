import { afterAll, beforeAll, expect, it } from 'vitest'
import { describeInNetns, ENTER, openNetns } from './netns.ts'
import type { NetnsChild } from './netns.ts'

const SCENARIOS = new URL('native-scenarios.ts', import.meta.url)
const EINVAL = 22

// eslint-disable-next-line @typescript-eslint/no-explicit-any -- each scenario returns a record of its own
type Outcome = any

describeInNetns('native addon', () => {
  let ns: NetnsChild
  const run = (name: string, ...args: unknown[]): Promise<Outcome> => ns.call(SCENARIOS, name, ...args)
  beforeAll(async () => { ns = await openNetns() })
  afterAll(() => ns.close())

  it.each(['terminate', 'exit', 'unref'])('works in workers beside the main thread: %s leaves nothing', async (end) => {
    const r = await run('workers', end, 6)
    expect(r).toMatchObject({ still: 'vmmain', left: ['lo'] })
    // An unreferenced poll lets the worker end before a frame has come.
    if (end !== 'unref') expect(r.frames).toBeGreaterThan(0)
  }, 20_000)

  it('refuses records outside registered arrays, detached arrays, stale handles and wrong arguments', async () => {
    expect(await run('bounds')).toEqual({
      good: 1,
      refused: [1, EINVAL],
      pastEnd: 'EFAULT',
      wrap: 'EFAULT',
      wrapLength: 'EFAULT',
      noArray: 'EFAULT',
      endless: 'EMSGSIZE',
      readPastEnd: 'EFAULT',
      readSmallLarge: 'EFAULT',
      tooMany: 'EFAULT',
      negative: 'EFAULT',
      huge: 'EFAULT',
      noRecords: 'EFAULT',
      notRecords: 'EFAULT',
      staleHandle: 'EBADF',
      badHandle: 'EBADF',
      notAnArray: 'ERR_INVALID_ARG_TYPE',
      fewArguments: 'ERR_INVALID_ARG_TYPE',
      notANumber: 'ERR_INVALID_ARG_TYPE',
      twice: true,
      detached: 'EFAULT',
      unregistered: 'EFAULT',
    })
  })

  it('gathers one frame from parts in several arrays, empty ones too', async () => {
    expect(await run('gather')).toEqual({ done: 4, result: 0, bytes: 60, packets: 1 })
  })

  it('gathers from the arrays of the call itself, and refuses what is not in them', async () => {
    const [pastEnd, wrap, noSuch, far, words, detached, hole, noList, notAList, read] = new Array<string>(10).fill('EFAULT')
    expect(await run('lent')).toEqual({
      whole: 0, again: 0, pastEnd, wrap, noSuch, far, words, detached, hole, noList, notAList, read, bytes: 64 + 60, packets: 2,
    })
  })

  it('cuts a super-segment into frames, and refuses descriptions that do not fit it', async () => {
    const [notSaid, noSize, shortIp, shortTcp, beyond, long, far, notIp] = new Array<string>(8).fill('EFAULT')
    const [fewer, more, both, pastEnd] = new Array<string>(4).fill('EFAULT')
    expect(await run('cut')).toEqual({
      whole: 3, noPayload: 1, notSaid, noSize, shortIp, shortTcp, beyond, long, far, notIp,
      lent: { one: 2, two: 2, fewer, more, both, pastEnd },
      packets: 8, bytes: 8 * 54 + 2500 + 2 * 1500,
    })
  })

  it.each(['1', '0'])('writes a long batch in order, each frame with its own outcome (VIMAGE_IO_URING=%s)', async (ring) => {
    const child = await openNetns({ enter: ['env', `VIMAGE_IO_URING=${ring}`, ...ENTER] })
    const r = await child.call<Outcome>(SCENARIOS, 'together', 300)
    await child.close()
    // a kernel may have no io_uring, or forbid it: then there is nothing but the other way
    if (ring === '0') expect(r.at).toBe(1)
    else expect([1, 64]).toContain(r.at)
    const numbers = Array.from({ length: 300 }, (_, i) => i)
    const short = numbers.filter((i) => i % 10 === 9)
    expect(r).toMatchObject({ all: true, cut: 3, refused: short.map((i) => [i, EINVAL]) })
    // a super-segment's frames have its own number
    expect(r.got).toEqual(numbers.flatMap((i) => short.includes(i) ? [] : i === 150 ? [i, i, i] : [i]))
  }, 20_000)

  it('makes what a callback throws an uncaught exception; stopping inside a callback is final', async () => {
    expect(await run('callbackThrows')).toEqual({
      calls: 3, caught: ['call 1', 'call 2', 'call 3'], again: 0, twice: 'EALREADY',
    })
  })

  it('opens and closes 200 polled TAPs without using a handle twice', async () => {
    expect(await run('churn', 50)).toEqual({ handles: 200, left: ['lo'] })
  }, 20_000)
})
