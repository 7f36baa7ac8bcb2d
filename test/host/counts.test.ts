/**
 * What traffic costs, in counts and not in time: bytes allocated, frames, crossings into native code, system calls, for
 * each MiB moved in steady state. A MiB is 724 segments of 1,448 bytes. The bounds leave room for what the compiler does
 * differently from run to run (which numbers it boxes), and none for a record, a crossing or a system call more for each
 * packet.
 */

import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { loadNative } from '../../src/host/native.ts'
import type { Counts } from './counts-scenarios.ts'
import { describeInNetns, openNetns } from './netns.ts'
import type { NetnsChild } from './netns.ts'

const SCENARIOS = new URL('counts-scenarios.ts', import.meta.url)
/** Nothing is collected while it is measured. */
const FLAGS = ['--expose-gc', '--min-semi-space-size=256', '--max-semi-space-size=256']
const SEGMENTS = 724
/** Bytes for each frame of 1,500 bytes, data or acknowledgment. */
const PLAIN = 420

describe('allocation in steady state, Vnet to Vnet', () => {
  const run = async (name: string, ...args: unknown[]): Promise<Counts> => {
    const child = await openNetns({ enter: ['env'], flags: FLAGS })
    try {
      return await child.call(SCENARIOS, name, ...args)
    } finally {
      await child.close()
    }
  }

  it('TCP in frames of 1,500 bytes: views for the copies, numbers, nothing else; a copy of a record is seen', async () => {
    const counts = await run('pair', true)
    expect(counts.frames).toBeLessThan(1.55 * SEGMENTS)
    expect(counts.heap / counts.frames).toBeLessThan(PLAIN)
    expect(counts.buffers).toBeLessThan(SEGMENTS)
    const planted = await run('pair', true, true)
    expect(planted.heap / planted.frames).toBeGreaterThan(PLAIN)
  })

  it('TCP in super-segments: tens of frames, less than a hundred bytes for each segment', async () => {
    const counts = await run('pair', false)
    expect(counts.frames).toBeLessThan(48)
    expect(counts.heap / SEGMENTS).toBeLessThan(110)
    expect(counts.buffers).toBeLessThan(SEGMENTS)
  })

  it('UDP: what a datagram in a queue consists of', async () => {
    const counts = await run('udp')
    expect(counts.heap).toBeLessThan(1000)
    expect(counts.buffers).toBeLessThan(1)
  })
})

/** The kernel here takes many writes in one call. */
function together(): boolean {
  const loaded = loadNative()
  return loaded.available && (loaded.native.writesTogether?.() ?? 1) > 1
}

describeInNetns('crossings and system calls over TAP', () => {
  let ns: NetnsChild
  beforeAll(async () => { ns = await openNetns({ flags: FLAGS }) })
  afterAll(() => ns.close())
  // the kernel's end is in the same process: the sender's or the reader's own calls of 64 KiB are in it (16 a MiB)
  const tap = async (offload: boolean, out: boolean): Promise<Counts> => ns.call(SCENARIOS, 'tap', offload, out)

  it('in, without offload: a read for each frame, 32 frames and more in a crossing, an ACK for many that are put together', async () => {
    const { frames, crossings, reads, writes } = await tap(false, false)
    expect(frames).toBeLessThan(1.25 * SEGMENTS)
    expect(crossings).toBeLessThan(SEGMENTS / 16)
    expect(reads).toBeLessThan(1.05 * SEGMENTS)
    expect(writes).toBeLessThan(0.25 * SEGMENTS)
  })

  it('out, without offload: a write for each segment, or for 64 of them through an io_uring; many in a crossing', async () => {
    const { frames, crossings, reads, writes } = await tap(false, true)
    expect(frames).toBeLessThan(1.4 * SEGMENTS)
    expect(crossings).toBeLessThan(SEGMENTS / 16)
    expect(reads).toBeLessThan(0.4 * SEGMENTS)
    // what goes through an io_uring is not in the kernel's count of writes
    expect(writes).toBeLessThan(together() ? 0.1 * SEGMENTS : 1.05 * SEGMENTS)
  })

  it('in, with offload: 64 KiB for each read', async () => {
    const { frames, crossings, reads, writes } = await tap(true, false)
    expect(frames).toBeLessThan(48)
    expect(crossings).toBeLessThan(12)
    expect(reads).toBeLessThan(26)
    expect(writes).toBeLessThan(48)
  })

  it('out, with offload: 64 KiB for each write', async () => {
    const { frames, crossings, reads, writes } = await tap(true, true)
    expect(frames).toBeLessThan(36)
    expect(crossings).toBeLessThan(12)
    expect(reads).toBeLessThan(40)
    expect(writes).toBeLessThan(together() ? 12 : 36)
  })
})
