/** bench/paths.golden.json is what the sources do: a part of the table is measured again, to the last digit. */

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { allCells, cellFigures, cellName, cellOptions } from '../../bench/paths/grid.mjs'
import { measurePath } from '../../src/sim/path.ts'
import { CC_NAMES } from '../../src/tcp/cc/names.ts'

const GOLDEN = JSON.parse(
  readFileSync(join(import.meta.dirname, '../../bench/paths.golden.json'), 'utf8')) as Record<string, number[]>

/** Cheap cells that between them have every value of every axis. */
const SUBSET = allCells(CC_NAMES).filter(({ rttMs, mbps, queue, loss, reorder, flows }) => flows === 1 ?
  (rttMs === 20 && mbps === 10 && loss !== 0.01) ||
  (rttMs === 100 && mbps === 10 && loss === 1) ||
  (rttMs === 300 && mbps === 10 && loss === 5 && queue === 'droptail') ||
  (rttMs === 1 && mbps === 100 && loss === 5 && reorder === 1) ||
  (rttMs === 1 && mbps === 10 && loss === 0.01 && reorder === 0) : rttMs === 20 && mbps === 10)

describe('TCP over bad paths', () => {
  it('the whole table is kept, and nothing else', () => {
    expect(Object.keys(GOLDEN)).toEqual(allCells(CC_NAMES).map(cellName))
  })

  it.each(SUBSET.map((cell) => ({ name: cellName(cell), cell })))('$name', ({ name, cell }) => {
    // npm run bench:paths -- --golden writes the file anew
    expect(cellFigures(measurePath(cellOptions(cell)))).toEqual(GOLDEN[name])
  })
})
