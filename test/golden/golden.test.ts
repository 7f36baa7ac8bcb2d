/**
 * Golden captures: what worlds on virtual time send, byte for byte (invariant 2). `npm run golden` writes them anew; the
 * commit that changes one says what is different on the wire and why.
 */

import { readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { parseCapture } from '../../src/pcap/index.ts'
import { bytesDiffer } from '../support/bytes.ts'
import { SCENES } from './scenes.ts'

const FOLDER = join(import.meta.dirname, '../../pcaps/golden')
const WRITE = process.env['VIMAGE_GOLDEN'] === 'write'
const MAX_BYTES = 100 * 1024

describe('golden captures', () => {
  it('there is a scene for each file, and a file for each scene', () => {
    if (WRITE) return
    expect(readdirSync(FOLDER).sort()).toEqual(Object.keys(SCENES).map((name) => `${name}.pcapng`).sort())
  })

  it.each(Object.keys(SCENES))('%s is the same bytes, twice and as recorded', (name) => {
    const bytes = SCENES[name]()
    expect(bytesDiffer(bytes, SCENES[name]())).toBe('')
    expect(bytes.length).toBeLessThan(MAX_BYTES)
    const path = join(FOLDER, `${name}.pcapng`)
    if (WRITE) writeFileSync(path, bytes)
    const { records, error } = parseCapture(bytes)
    expect([error, records.length > 5]).toEqual([null, true])
    expect(bytesDiffer(bytes, readFileSync(path)), 'npm run golden writes it anew').toBe('')
  })
})
