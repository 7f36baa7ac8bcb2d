/**
 * The corpus, damaged: whatever is in a file, the reader ends, throws nothing but CaptureError, and gives the same
 * records however the bytes are cut into chunks. Seeded: VIMAGE_SEED=n repeats a run.
 */

import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'

import { CaptureError, createReader, parseCapture, readerEnd, readerPush } from '../../src/pcap/index.ts'
import type { Capture } from '../../src/pcap/index.ts'
import { corpusFiles, corpusReady } from './corpus.ts'

const SEED = Number(process.env['VIMAGE_SEED'] ?? 20_260_101)
const MUTANTS_PER_FILE = 8
const EXTREMES = [0, 1, 0x7fffffff, 0x80000000, 0xffffffff, 0xfffffffc, 262_145, 16_777_216]

describe.skipIf(!corpusReady())(`damaged captures (VIMAGE_SEED=${SEED})`, () => {
  it(`${MUTANTS_PER_FILE} mutants of every file of the corpus`, () => {
    const random = createRandom(SEED)
    let damaged = 0
    for (const { name, path } of corpusFiles()) {
      const original = readFileSync(path)
      for (let n = 0; n < MUTANTS_PER_FILE; n++) {
        const mutant = mutate(original, random)
        const where = `${name}, mutant ${n}, seed ${SEED}`
        const capture = parseCapture(mutant)
        if (capture.error !== null) damaged++
        check(capture, mutant.length, where)
        const pieces = inPieces(mutant, random)
        expect(pieces.error?.message, where).toBe(capture.error?.message)
        expect(pieces.records.length, where).toBe(capture.records.length)
        if (n === 0) expect(pieces.records, where).toEqual(capture.records)
      }
    }
    // the damage must be real: most mutants are cut or have a length that cannot be
    expect(damaged).toBeGreaterThan(corpusFiles().length)
  }, 120_000)
})

function check(capture: Capture, length: number, where: string): void {
  let last = 0
  let index = 0
  for (const r of capture.records) {
    const sound = r.index === ++index && r.fileOffset > last && r.fileOffset + r.capLen < length &&
      r.capLen === r.data.length && r.capLen <= 262_144 && capture.interfaces[r.iface]?.linkType === r.linkType &&
      Number.isSafeInteger(r.sec) && Number.isInteger(r.nsec) && r.nsec >= 0 && r.nsec <= 999_999_999
    last = r.fileOffset
    if (!sound) expect.fail(`${where}: ${JSON.stringify({ ...r, data: r.data.length })}`)
  }
  if (capture.error !== null) {
    expect(capture.error, where).toBeInstanceOf(CaptureError)
    expect(capture.error.record, where).toBe(index + 1)
    expect(capture.error.offset, where).toBeLessThanOrEqual(length)
  }
}

function inPieces(bytes: Uint8Array, random: Random): Capture {
  const reader = createReader()
  const capture: Capture = { format: 'unknown', interfaces: reader.interfaces, records: [], error: null }
  const most = random(2) === 0 ? 64 : 8192
  try {
    for (let at = 0; at < bytes.length;) {
      const size = 1 + random(most)
      readerPush(reader, bytes.subarray(at, at + size), (r) => { capture.records.push(r) })
      at += size
    }
    capture.error = readerEnd(reader).truncated
  } catch (e) {
    if (!(e instanceof CaptureError)) throw e
    capture.error = e
  }
  return capture
}

function mutate(original: Uint8Array, random: Random): Uint8Array {
  let bytes = Uint8Array.from(original)
  for (let n = 1 + random(4); n > 0 && bytes.length > 0; n--) {
    // half of the damage goes to the headers at the start, where it does most
    const at = random(random(2) === 0 ? Math.min(bytes.length, 160) : bytes.length)
    switch (random(5)) {
      case 0: bytes[at] = (bytes[at]) ^ (1 << random(8)); break
      case 1: bytes = bytes.slice(0, at); break
      case 2: overwrite(bytes, at & ~3, EXTREMES[random(EXTREMES.length)], random(2) === 0); break
      case 3: bytes.copyWithin(at, random(bytes.length), bytes.length); break
      case 4: bytes = Uint8Array.from([...bytes.subarray(0, at), random(256), ...bytes.subarray(at)]); break
    }
  }
  return bytes
}

function overwrite(bytes: Uint8Array, at: number, value: number, littleEndian: boolean): void {
  if (at + 4 <= bytes.length) new DataView(bytes.buffer).setUint32(at, value, littleEndian)
}

/** A number in 0…n−1. */
type Random = (n: number) => number

/** Marsaglia's xorshift32. */
function createRandom(seed: number): Random {
  let x = seed | 0 || 1
  return (n) => {
    x ^= x << 13
    x ^= x >>> 17
    x ^= x << 5
    return (x >>> 0) % n
  }
}
