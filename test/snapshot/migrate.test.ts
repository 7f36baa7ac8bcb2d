/**
 * Snapshots of other builds: one of each format version is kept in old/, and fields that were added, moved or taken away
 * are settled by the table of fields. Those in old/ are never made anew: they are what people have.
 */

import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { BOOL, COUNT, COUNTERS, INT32, record, table } from '../../src/snapshot/node.ts'
import { SNAPSHOT_HEADER, SNAPSHOT_VERSION, snapshotSign, treeDecode, treeEncode } from '../../src/snapshot/snapshot.ts'
import { Vnet } from '../../src/vnet/vnet.ts'
import { assertPlain } from '../support/plain.ts'
import { tcbsSeen } from '../support/tcbs.ts'

const FOLDER = new URL('old/', import.meta.url)

function old(name: string): Uint8Array {
  const bytes = readFileSync(new URL(name, FOLDER))
  return new Uint8Array(name.endsWith('.gz') ? gunzipSync(bytes) : bytes)
}

describe('snapshots kept from earlier builds', () => {
  const files = readdirSync(FOLDER)

  it('there is one of each format version', () => {
    const versions = new Set(files.map((name) => new DataView(old(name).buffer).getInt32(4, true)))
    expect([...versions].sort()).toEqual(Array.from({ length: SNAPSHOT_VERSION }, (_, i) => i + 1))
  })

  it.each(files)('%s restores, runs on and is saved as one of today', (name) => {
    const vnet = Vnet.restore(old(name))
    assertPlain(vnet.state)
    expect(vnet.state.tcp.tcbs.size).toBeGreaterThan(0)
    const again = Vnet.restore(vnet.snapshot())
    expect(again.dump()).toEqual(vnet.dump())
    for (const v of [vnet, again]) {
      for (let n = 0; n < 300 && v.nextDeadline() < Infinity; n++) {
        v.advance(v.nextDeadline())
        v.drainFrames(() => undefined)
        v.drainEvents(() => undefined)
      }
    }
    expect(again.dump()).toEqual(vnet.dump())
    expect(vnet.state.tcp.stats.sndtotal).toBeGreaterThan(0)
  })

  it('the data in them is what it was: bytes that wait to be sent, by their digest', () => {
    const digest = createHash('sha256')
    let bytes = 0
    for (const { sndBuf } of tcbsSeen(Vnet.restore(old('v1-a.bin.gz')).state.tcp)) {
      digest.update(sndBuf.buf.subarray(0, sndBuf.len))
      bytes += sndBuf.len
    }
    expect([bytes, digest.digest('hex').slice(0, 16)]).toEqual([DATA_BYTES, DATA_DIGEST])
  })

  it('version 1 of other fields than its last build is refused with words', () => {
    const bytes = old('v1-b.bin')
    bytes[SNAPSHOT_HEADER] ^= 1
    snapshotSign(bytes)
    expect(() => Vnet.restore(bytes)).toThrow(/last build that wrote version 1/)
  })

  it('a version of the future, and version 0', () => {
    for (const version of [0, SNAPSHOT_VERSION + 1, -1]) {
      const bytes = new Vnet().snapshot()
      new DataView(bytes.buffer).setInt32(4, version, true)
      expect(() => Vnet.restore(bytes)).toThrow(/header\.version/)
    }
  })
})

const DATA_BYTES = 1_200_000
const DATA_DIGEST = '8e89c494952e1494'

interface Then { size: number; old: number; open: boolean; stats: Record<string, number>; peers: Map<number, { id: number }> }
interface Now {
  fresh: number
  stats: Record<string, number>
  open: boolean
  size: number
  limit: number
  peers: Map<number, { id: number; weight: number }>
}

const createThen = (): Then => ({ size: 0, old: 0, open: false, stats: { in: 0, out: 0, lost: 0 }, peers: new Map() })
const createNow = (): Now =>
  ({ fresh: 77, stats: { out: 0, seen: 5, in: 0 }, open: true, size: 0, limit: 9, peers: new Map() })
const THEN = record<Then>(null, {
  size: COUNT, old: INT32, open: BOOL, stats: COUNTERS,
  peers: table(COUNT, record<{ id: number }>(() => ({ id: 0 }), { id: COUNT })),
})
const PEER = record<{ id: number; weight: number }>(() => ({ id: 0, weight: 3 }), { id: COUNT, weight: COUNT })
const NOW_FIELDS = { fresh: COUNT, stats: COUNTERS, open: BOOL, size: COUNT, limit: COUNT, peers: table(COUNT, PEER) }
const NOW = record<Now>(null, NOW_FIELDS, {
  fields: { old: INT32 },
  take: (to, gone, lacks) => {
    if (lacks.has('limit')) to.limit = (gone['old'] as number) * 2
  },
})

describe('fields that differ', () => {
  const then: Then = {
    size: 4, old: -6, open: false, stats: { in: 1, out: 2, lost: 3 }, peers: new Map([[8, { id: 80 }], [9, { id: 90 }]]),
  }

  it('added ones keep what the factory puts there, moved ones are found, one that is gone is handed to its successor', () => {
    const now = createNow()
    treeDecode(treeEncode(THEN, then), NOW, now)
    expect(now).toEqual({
      fresh: 77, stats: { out: 2, seen: 5, in: 1 }, open: false, size: 4, limit: -12,
      peers: new Map([[8, { id: 80, weight: 3 }], [9, { id: 90, weight: 3 }]]),
    })
    expect(Object.keys(now)).toEqual(Object.keys(createNow()))
  })

  it('one that is gone without a word is refused, and so is one that is written in another way', () => {
    expect(() => { treeDecode(treeEncode(THEN, then), record<Now>(null, NOW_FIELDS), createNow()) })
      .toThrow('its fields are not known to this version')
    const other = record<Now>(null, { ...NOW_FIELDS, size: INT32 }, { fields: { old: INT32 }, take: () => undefined })
    expect(() => { treeDecode(treeEncode(THEN, then), other, createNow()) }).toThrow('not known')
    // the other way round: a build of yesterday does not read what it does not know
    expect(() => { treeDecode(treeEncode(NOW, createNow()), THEN, createThen()) }).toThrow('not known')
  })

  it('two names with one mark are refused before anything is written', () => {
    // the first pair of counters whose hashes agree in the 24 bits that are kept
    const marks = new Map<string, string>()
    let pair: string[] = []
    for (let i = 0; pair.length === 0; i++) {
      let hash = 0x811c9dc5
      for (const c of `n${i}:int0`) hash = Math.imul(hash ^ c.charCodeAt(0), 0x01000193)
      const mark = String(hash & 0xffffff)
      const other = marks.get(mark)
      if (other !== undefined) pair = [other, `n${i}`]
      marks.set(mark, `n${i}`)
    }
    const stats = Object.fromEntries(pair.map((name) => [name, 0]))
    expect(() => treeEncode(record<{ stats: Record<string, number> }>(null, { stats: COUNTERS }), { stats }))
      .toThrow('one mark')
  })
})
