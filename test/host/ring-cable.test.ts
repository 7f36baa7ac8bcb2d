/** The cable between threads: what a pair promises, over shared memory; and nobody sleeps while there is something to read. */

import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { Worker } from 'node:worker_threads'
import { OFFLOAD_GATHER, OFFLOAD_TSO } from '../../src/device/device.ts'
import { createRingCable, openRing, unplugRing } from '../../src/host/ring-cable.ts'
import type { RingCableOptions, RingDevice, RingEnd } from '../../src/host/ring-cable.ts'
import { CSUM_PARTIAL, createFramePool, frameBytes, frameAlloc, frameFrom, frameLend, frameRelease } from '../../src/lib/frame.ts'
import type { FramePool } from '../../src/lib/frame.ts'
import { IPPROTO_TCP } from '../../src/wire/ipv4.ts'
import { collect, etherBytes, sendBytes } from '../device/fixture.ts'

let pool: FramePool
let open: RingDevice[]
beforeEach(() => {
  pool = createFramePool({ poison: true })
  open = []
})
afterEach(() => {
  for (const device of open) device.close()
  expect(pool.inUse).toBe(0)
})

describe('ring cable, both ends in one thread', () => {
  it('delivers frames in order, both ways, and counts them', async () => {
    const [a, b] = both()
    const [atA, atB] = [collect(a), collect(b)]
    sendBytes(pool, a, etherBytes(2, 4, 1))
    sendBytes(pool, a, etherBytes(2, 4, 2, 1514))
    sendBytes(pool, b, etherBytes(4, 2, 3, 61))
    a.flush()
    b.flush()
    await until(() => atB.length === 2 && atA.length === 1)
    expect(atB).toEqual([etherBytes(2, 4, 1), etherBytes(2, 4, 2, 1514)])
    expect(atA).toEqual([etherBytes(4, 2, 3, 61)])
    expect(a.stats).toMatchObject({ txFrames: 2, txBytes: 1574, rxFrames: 1, rxBytes: 61, txDropped: 0 })
    expect(b.stats).toMatchObject({ txFrames: 1, rxFrames: 2, rxErrors: 0 })
  })

  it('takes what a frame has on loan, from both ends of a buffer too, wherever in a word it begins', async () => {
    const [a, b] = both()
    const atB = collect(b)
    const lent = Uint8Array.from({ length: 512 }, (_, i) => i * 7)
    const sent: number[][] = []
    for (let head = 54; head < 70; head++) {
      for (const lentAt of [0, 1, 6, 129, 500, 511]) {
        const f = frameAlloc(pool, head + 300)
        if (f === null) throw new Error('pool exhausted')
        f.off += head % 3
        f.len = head
        f.slab.fill(head, f.off, f.off + head)
        frameLend(f, lent, lentAt, 300)
        a.send(f)
        frameRelease(pool, f)
        sent.push([...new Array<number>(head).fill(head), ...Array.from({ length: 300 }, (_, i) => lent[(lentAt + i) % 512])])
      }
    }
    a.flush()
    // it is in the ring by now
    lent.fill(0)
    await until(() => atB.length === sent.length)
    expect(atB.map((bytes) => [...bytes])).toEqual(sent)
  })

  it('keeps a super-segment whole, with its segment size and unfinished checksum', async () => {
    const [a, b] = both()
    const got: number[][] = []
    b.onFrame = (f) => { got.push([f.len, f.gsoSize, f.csum, f.proto, f.l4 - f.off, f.flags]) }
    const f = superSegment()
    a.send(f)
    frameRelease(pool, f)
    a.flush()
    await until(() => got.length === 1)
    expect(got).toEqual([[60_000, 1448, CSUM_PARTIAL, IPPROTO_TCP, 34, 0]])
    expect(a.offload).toBe(OFFLOAD_TSO | OFFLOAD_GATHER)
    expect(both({ offload: false })[0].offload).toBe(0)
  })

  it('drops at the tail what finds no room, and packets above the MTU, and counts both', async () => {
    const [a, b] = both({ bytes: 2 ** 17 })
    const got = collect(b)
    for (let i = 0; i < 100; i++) sendBytes(pool, a, etherBytes(2, 4, i, 1514))
    // 131,072 octets: records of 16 + 1,520
    expect(a.stats).toMatchObject({ txFrames: 85, txDropped: 15 })
    sendBytes(pool, a, etherBytes(2, 4, 0, 1515))
    expect(a.stats.txDropped).toBe(16)
    a.flush()
    await until(() => got.length === 85)
    expect(got.map((x) => x[14])).toEqual(Array.from({ length: 85 }, (_, i) => i))
  })

  it('wraps: a million octets through a ring of 128 KiB arrive as they were sent', async () => {
    const [a, b] = both({ bytes: 2 ** 17 })
    let sent = 0
    let sum = 0
    const got: number[] = []
    b.onFrame = (f) => { got.push(f.len * 256 + f.slab[f.off + f.len - 1]) }
    const expected: number[] = []
    while (sent < 1_000_000) {
      for (let i = 0; i < 40; i++) {
        const len = 60 + (sum * 7919) % 1455
        expected.push(len * 256 + (sum & 255))
        sendBytes(pool, a, etherBytes(2, 4, sum++ & 255, len))
        sent += len
      }
      a.flush()
      await until(() => got.length === expected.length)
    }
    expect(got).toEqual(expected)
  })

  it('a record that no producer writes is counted, and nothing of it is believed', async () => {
    const ends = createRingCable({ bytes: 2 ** 17 })
    const a = opened(ends[0])
    const b = opened(ends[1])
    const got = collect(b)
    const f = superSegment()
    a.send(f)
    frameRelease(pool, f)
    // the head of the first record in the ring to side 1: transport header beyond the frame
    new Int32Array(ends[0].buffer, 64 + 256 + 2 ** 17 + 256, 4)[1] = 70_000
    sendBytes(pool, a, etherBytes(2, 4, 5))
    a.flush()
    await until(() => got.length === 1)
    expect(b.stats.rxErrors).toBe(1)
    sendBytes(pool, a, etherBytes(2, 4, 6))
    const words = new Int32Array(ends[0].buffer, 64 + 256 + 2 ** 17 + 256, 2 ** 15)
    words[(16 + 60_000 + 80) / 4] = -7
    a.flush()
    await until(() => b.stats.rxErrors === 2)
    sendBytes(pool, a, etherBytes(2, 4, 7))
    a.flush()
    await until(() => got.length === 2)
    expect(got.map((x) => x[14])).toEqual([5, 7])
  })

  it('an end is open in one place; released, it is opened again, and finds what was sent meanwhile', async () => {
    const ends = createRingCable()
    const a = opened(ends[0])
    const b = opened(ends[1])
    expect(() => openRing(ends[1], { pool })).toThrow('open already')
    await new Promise((resolve) => setTimeout(resolve, 5))
    b.release()
    sendBytes(pool, a, etherBytes(2, 4, 9))
    a.flush()
    const got = collect(opened(ends[1]))
    await until(() => got.length === 1)
    // and it is woken, not its predecessor
    await new Promise((resolve) => setTimeout(resolve, 5))
    sendBytes(pool, a, etherBytes(2, 4, 8))
    a.flush()
    await until(() => got.length === 2)
  })

  it.each(['wait', 'channel'] as const)('an end that is closed tells the other one (%s), whose frames are dropped then', async (wake) => {
    const [a, b] = both({ wake })
    let gone = 0
    b.onGone = () => { gone++ }
    await new Promise((resolve) => setTimeout(resolve, 5))
    a.close()
    await until(() => gone === 1)
    sendBytes(pool, b, etherBytes(4, 2, 1))
    expect(b.stats.txDropped).toBe(1)
  })

  it('a user that throws takes no frames from the others', async () => {
    const [a, b] = both()
    const thrown: unknown[] = []
    const got: number[] = []
    const heard = process.listeners('uncaughtException')
    process.removeAllListeners('uncaughtException')
    process.on('uncaughtException', (error) => { thrown.push(error) })
    try {
      b.onFrame = (f) => {
        got.push(f.slab[f.off + 14])
        if (got.length === 1) throw new Error('a user')
      }
      for (const fill of [1, 2, 3]) sendBytes(pool, a, etherBytes(2, 4, fill))
      a.flush()
      await until(() => got.length === 3)
    } finally {
      process.removeAllListeners('uncaughtException')
      for (const fn of heard) process.on('uncaughtException', fn)
    }
    expect([got, thrown.length]).toEqual([[1, 2, 3], 1])
  })

  it('an end that sleeps polls nothing; the sender of the next frame wakes it once', async () => {
    const [a, b] = both()
    const got = collect(b)
    await new Promise((resolve) => setTimeout(resolve, 10))
    const rounds = vi.spyOn(globalThis, 'setImmediate')
    const notify = vi.spyOn(Atomics, 'notify')
    try {
      await new Promise((resolve) => setTimeout(resolve, 50))
      expect(rounds).not.toHaveBeenCalled()
      sendBytes(pool, a, etherBytes(2, 4, 1))
      a.flush()
      a.flush()
      await until(() => got.length === 1)
      expect(notify).toHaveBeenCalledTimes(1)
    } finally {
      vi.restoreAllMocks()
    }
  })

  it('nobody is notified while both are busy', async () => {
    const ends = createRingCable()
    const [a, b] = [opened(ends[0], 60_000), opened(ends[1], 60_000)]
    const got = collect(b)
    // the first batch is what makes an end busy
    sendBytes(pool, a, etherBytes(2, 4))
    sendBytes(pool, b, etherBytes(4, 2))
    a.flush()
    b.flush()
    await until(() => got.length === 1)
    const notify = vi.spyOn(Atomics, 'notify')
    try {
      for (let i = 0; i < 200; i++) {
        sendBytes(pool, a, etherBytes(2, 4))
        a.flush()
        await new Promise((resolve) => setImmediate(resolve))
      }
      await until(() => got.length === 201)
      expect(notify).not.toHaveBeenCalled()
    } finally {
      vi.restoreAllMocks()
    }
  })

  it('refuses sizes that are none', () => {
    expect(() => createRingCable({ bytes: 100_000 })).toThrow(RangeError)
  })
})

describe('ring cable between two threads', () => {
  // rounds of two frames on average, in each of which both ends go to sleep and are woken
  // awake 0: every frame finds its reader asleep or falling asleep; 0.02 ms: some do
  it.each([['wait', 0, 100_000], ['wait', 0.02, 100_000], ['channel', 0, 10_000]] as const)(
    'no wake-up is lost (%s, awake for %d ms, %d answers, idle and busy in turn)', async (wake, awakeMs, times) => {
      const { device, worker } = await echoThread({ wake }, awakeMs)
      let answers = 0
      let burst = 0
      const next = (): void => {
        // bursts of 1 to 3, so that one may come while the other end goes to sleep
        burst = 1 + answers % 3
        for (let i = 0; i < burst; i++) sendBytes(pool, device, etherBytes(2, 4, i))
        device.flush()
      }
      const done = new Promise<void>((resolve) => {
        device.onFrame = () => {
          answers++
          if (--burst > 0) return
          if (answers >= times) resolve()
          else next()
        }
      })
      next()
      await done
      expect(device.stats).toMatchObject({ txDropped: 0, rxErrors: 0 })
      device.close()
      await new Promise((resolve) => worker.once('exit', resolve))
    }, 120_000)

  it('a thread that ends without a word: whoever saw it end unplugs its cable', async () => {
    const { device, worker, end } = await echoThread({}, 0.05)
    let gone = 0
    device.onGone = () => { gone++ }
    worker.postMessage('exit')
    await new Promise((resolve) => worker.once('exit', resolve))
    unplugRing(end)
    await until(() => gone === 1)
  })
})

function both(options: RingCableOptions = {}): [RingDevice, RingDevice] {
  const [a, b] = createRingCable(options)
  return [opened(a), opened(b)]
}

function opened(end: RingEnd, awakeMs = 0): RingDevice {
  const device = openRing(end, { pool, awakeMs })
  open.push(device)
  return device
}

async function echoThread(options: RingCableOptions, awakeMs: number): Promise<{ device: RingDevice; worker: Worker; end: RingEnd }> {
  const [here, there] = createRingCable(options)
  const worker = new Worker(new URL('./ring-child.mjs', import.meta.url), { workerData: { end: there, awakeMs } })
  await new Promise((resolve, reject) => {
    worker.once('message', resolve)
    worker.once('error', reject)
  })
  return { device: opened(here, awakeMs), worker, end: there }
}

function superSegment(): NonNullable<ReturnType<typeof frameFrom>> {
  const f = frameFrom(pool, new Uint8Array(60_000))
  if (f === null) throw new Error('pool exhausted')
  // data offset 5
  f.slab[f.off + 34 + 12] = 0x50
  f.proto = IPPROTO_TCP
  f.l4 = f.off + 34
  f.csum = CSUM_PARTIAL
  f.gsoSize = 1448
  f.flags = 99
  expect(frameBytes(f).length).toBe(60_000)
  return f
}

async function until(true_: () => boolean): Promise<void> {
  while (!true_()) await new Promise((resolve) => setTimeout(resolve, 1))
}
