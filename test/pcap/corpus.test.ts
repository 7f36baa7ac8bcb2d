/** Every capture of the tcpdump project's corpus through the reader, counted against other programs. */

import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'

import { parseCapture } from '../../src/pcap/index.ts'
import { captureCounts, corpusFiles, corpusReady, toolReady } from './corpus.ts'

describe.skipIf(!corpusReady())('capture corpus', () => {
  it('is read whole, without an error, in records of positive number except in the empty file', () => {
    const troubles: string[] = []
    for (const file of corpusFiles()) {
      const { error, records } = parseCapture(readFileSync(file.path))
      if (error !== null) troubles.push(`${file.name}: ${error.message}`)
      if (records.length === 0 && !file.name.startsWith('empty')) troubles.push(`${file.name}: no records`)
    }
    expect(troubles).toEqual([])
  })

  const counters = toolReady('capinfos') && toolReady('tcpdump')
  it.skipIf(!counters)('has as many records as capinfos and tcpdump count', () => {
    const counts = captureCounts()
    const found = new Map(corpusFiles().map((f) => [f.name, parseCapture(readFileSync(f.path)).records.length]))
    expect(counts.size).toBe(corpusFiles().length)
    expect(found).toEqual(counts)
  }, 120_000)
})
