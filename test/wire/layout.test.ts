/** What `layout.ts` hides of buffer-layout. */
import { afterEach, describe, expect, it, vi } from 'vitest'
import { byte, decodeHeader, encodeHeader, half, header, mac, offsetOf, signedWord } from '../../src/wire/layout.ts'

const SAMPLE = header(byte('a'), half('b'), signedWord('c'), mac('d'))

describe('header layouts', () => {
  afterEach(() => { vi.unstubAllGlobals() })

  it('an unknown field name throws instead of giving -1 or undefined', () => {
    expect(offsetOf(SAMPLE, 'd')).toBe(7)
    expect(() => offsetOf(SAMPLE, 'nosuch' as 'a')).toThrow('nosuch')
  })

  it('a repeated field name throws at declaration', () => {
    expect(() => header(byte('a'), half('a'))).toThrow('repeated field')
  })

  it('a record that lacks a field is refused and nothing is written', () => {
    const bytes = new Uint8Array(13).fill(0xee)
    expect(() => encodeHeader(SAMPLE, { a: 1, b: 2, c: 3 } as never, bytes, 0)).toThrow(/field d /)
    expect(bytes).toEqual(new Uint8Array(13).fill(0xee))
  })

  it('a buffer that is too short is refused', () => {
    expect(() => decodeHeader(SAMPLE, new Uint8Array(12), 0)).toThrow(RangeError)
    expect(() => decodeHeader(SAMPLE, new Uint8Array(13), 1)).toThrow(RangeError)
  })

  it('signed words take either reading of the same bits', () => {
    const bytes = new Uint8Array(13)
    encodeHeader(SAMPLE, { a: 0, b: 0, c: 0xfffffffe, d: 0xffffffffffff }, bytes, 0)
    expect(decodeHeader(SAMPLE, bytes, 0)).toEqual({ a: 0, b: 0, c: -2, d: 0xffffffffffff })
  })

  it('a layout cannot be changed', () => {
    expect(Object.isFrozen(SAMPLE) && Object.isFrozen(SAMPLE.names) && Object.isFrozen(SAMPLE.codec)).toBe(true)
  })

  it('decode and encode need no Node Buffer', () => {
    vi.stubGlobal('Buffer', undefined)
    const bytes = new Uint8Array(13)
    expect(encodeHeader(SAMPLE, { a: 1, b: 2, c: -3, d: 4 }, bytes, 0)).toBe(13)
    expect(decodeHeader(SAMPLE, bytes, 0)).toEqual({ a: 1, b: 2, c: -3, d: 4 })
  })
})
