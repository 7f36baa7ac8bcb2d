/**
 * Snapshots that somebody has tampered with: never a crash, never a hang, never much memory. What is not refused with a
 * path is a state that the schema allows, and saves to the very bytes that were read.
 */

import { describe, expect, it } from 'vitest'
import { LOG_ERR, logWrite } from '../../src/kern/log.ts'
import { createRandom, randomBelow } from '../../src/kern/random.ts'
import type { RandomState } from '../../src/kern/random.ts'
import { SnapshotError } from '../../src/snapshot/fault.ts'
import { fieldsTable } from '../../src/snapshot/fields.ts'
import { VNET } from '../../src/snapshot/schema/vnet.ts'
import { SNAPSHOT_HEADER, snapshotSign } from '../../src/snapshot/snapshot.ts'
import { Vnet } from '../../src/vnet/vnet.ts'
import { assertPlain } from '../support/plain.ts'
import { richWorld } from './rich.ts'

/** VIMAGE_FUZZ=1000000 for a longer run. */
const MUTATIONS = Number(process.env['VIMAGE_FUZZ'] ?? 10_000)

/** Where the table of fields ends. */
const STATE_AT = SNAPSHOT_HEADER + fieldsTable(VNET, new Vnet().state).length

/** Bytes that mean something to the decoder: ends of ranges, continued numbers, codes of infinities. */
const TELLING = Object.freeze([0, 1, 2, 3, 0x7f, 0x80, 0x81, 0xfe, 0xff])

function mutate(r: RandomState, from: Uint8Array): Uint8Array {
  let bytes = from.slice()
  // most of them behind the table of fields, where the state is
  const start = randomBelow(r, 10) === 0 ? SNAPSHOT_HEADER : STATE_AT
  const at = start + randomBelow(r, bytes.length - start)
  switch (randomBelow(r, 6)) {
    case 0: bytes[at] ^= 1 << randomBelow(r, 8); break
    case 1: bytes[at] = TELLING[randomBelow(r, TELLING.length)]; break
    case 2: bytes = bytes.slice(0, at); break
    case 3: bytes.copyWithin(at, at + 1 + randomBelow(r, 8)); break
    case 4: bytes.fill(TELLING[randomBelow(r, TELLING.length)], at, at + 1 + randomBelow(r, 12)); break
    default: bytes.copyWithin(at, SNAPSHOT_HEADER + randomBelow(r, bytes.length - SNAPSHOT_HEADER), bytes.length)
  }
  return bytes
}

function sign(bytes: Uint8Array): void {
  new DataView(bytes.buffer).setUint32(8, bytes.length - SNAPSHOT_HEADER, true)
  snapshotSign(bytes)
}

/** The path of the refusal, or '' for a state that was restored. Anything else fails the test. */
function attempt(bytes: Uint8Array): string {
  let vnet: Vnet
  try {
    vnet = Vnet.restore(bytes)
  } catch (e) {
    if (!(e instanceof SnapshotError)) throw e
    expect(e.path, e.message).toMatch(/^(header|state)/)
    return e.path
  }
  const again = vnet.snapshot()
  // a table of fields in another order, or without some, is that of another build: those are defaults now
  if (Buffer.compare(again.subarray(SNAPSHOT_HEADER, STATE_AT), bytes.subarray(SNAPSHOT_HEADER, STATE_AT)) !== 0) return 'table'
  if (Buffer.compare(again, bytes) !== 0) throw new Error('another state than the bytes say')
  return ''
}

describe('fuzzed snapshots', () => {
  const { a, b } = richWorld(33, 0.04)
  const sources = [a.vnet.snapshot(), b.vnet.snapshot(), new Vnet().snapshot()]

  it('damaged ones are refused by the checksum, without looking further', () => {
    const r = createRandom([1])
    for (let i = 0; i < 500; i++) {
      const bytes = mutate(r, sources[i % sources.length])
      if (Buffer.compare(bytes, sources[i % sources.length]) === 0) continue
      expect(attempt(bytes)).toMatch(/^header\.(length|checksum)$|^header$/)
    }
  })

  it('forged ones (with a right checksum) are refused with a path, or restore to exactly what they say', () => {
    const r = createRandom([2])
    const paths = new Set<string>()
    let restored = 0
    const before = process.memoryUsage().arrayBuffers
    let most = 0
    for (let i = 0; i < MUTATIONS; i++) {
      const bytes = mutate(r, sources[i % sources.length])
      sign(bytes)
      const path = attempt(bytes)
      if (path === '') restored++
      else paths.add(path.replace(/\[-?\d+\]|\{\d+\}/g, '[]'))
      most = Math.max(most, process.memoryUsage().arrayBuffers - before)
    }
    expect(paths.size, 'kinds of places where a fault was found').toBeGreaterThan(40)
    expect(restored).toBeGreaterThan(MUTATIONS / 20)
    expect(most).toBeLessThan(600 * 2 ** 20)
  }, 60_000)

  it('what a forged one restores to runs on: time passes, and nothing but an assertion of ours can come of it', () => {
    const r = createRandom([3])
    let ran = 0
    for (let i = 0; i < 300; i++) {
      const bytes = mutate(r, sources[i % 2])
      sign(bytes)
      if (attempt(bytes) !== '') continue
      const vnet = Vnet.restore(bytes)
      assertPlain(vnet.state)
      vnet.advance(vnet.state.now + 1e6)
      vnet.drainFrames(() => undefined)
      vnet.drainEvents(() => undefined)
      ran++
    }
    expect(ran).toBeGreaterThan(10)
  })

  it('declares lengths that are not there: nothing is allocated for them', () => {
    const bytes = new Vnet().snapshot()
    for (let at = SNAPSHOT_HEADER; at + 7 < bytes.length; at += at < STATE_AT ? 7 : 1) {
      const huge = bytes.slice()
      huge.set([0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x07], at)
      sign(huge)
      attempt(huge)
    }
  })

  it('no name comes from the bytes: prototypes are as they were', () => {
    const names = [Object.getOwnPropertyNames(Object.prototype), Object.getOwnPropertyNames(Array.prototype)]
    const vnet = new Vnet({ name: '__proto__' })
    logWrite(vnet.state.log, 0, LOG_ERR, 'constructor')
    const back = Vnet.restore(vnet.snapshot())
    expect(back.name).toBe('__proto__')
    expect([Object.getOwnPropertyNames(Object.prototype), Object.getOwnPropertyNames(Array.prototype)]).toEqual(names)
  })
})
