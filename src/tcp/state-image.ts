/**
 * The image of a block: a string with the place and the value of each number in it that is not as in a fresh one. A block is some 200
 * numbers in seven records, and a quiet connection has set sixty of them. (bench/README.md "Density" has what that saves.)
 *
 * A character is an octet. Lengths, distances between places and values are varints: of a whole number its zigzag + FIRST, else
 * INFINITE, MINUS_INFINITE, or FLOAT with eight octets behind it.
 */

import { AF_INET } from '../inet/state.ts'
import type { Inpcb } from '../inet/state.ts'
import { assert } from '../lib/assert.ts'
import { createTcb } from './state.ts'
import type { Tcb } from './state.ts'
import { pmtuIn } from './state-pmtu.ts'
import { userOptionsIn } from './state-user.ts'

type Value = number | boolean | readonly number[]
type Fields = Readonly<Record<string, Value>>

const INFINITE = 0
const MINUS_INFINITE = 1
const FLOAT = 2
const FIRST = 3
const WHOLE_MAX = 2 ** 52

/** A record of a block, or ('') the block itself: its numbers, and their values in a fresh block. */
interface Part { readonly record: string; readonly names: readonly string[]; readonly fresh: Fields }

/** What is kept beside an image, or is empty. */
const APART: readonly string[] = Object.freeze(['alarmAt', 'dormant', 'inp', 'state', 'sndBuf', 'rcvBuf'])
const PARTS: readonly Part[] = Object.freeze(partsOf(createTcb(0, AF_INET)))
/** Part and name of each place. */
const PLACES: readonly (readonly [Part, string])[] = Object.freeze(
  PARTS.flatMap((part) => part.names.map((name) => Object.freeze([part, name] as const))))

/** Of a block with empty buffers. */
export function tcbImage(tcb: Tcb): string {
  const out: number[] = []
  let gap = 0
  for (const { record, names, fresh } of PARTS) {
    const fields = fieldsOf(tcb, record)
    if (fields === fresh) {
      gap += names.length
      continue
    }
    for (const name of names) {
      const value = fields[name]
      if (isSame(value, fresh[name])) {
        gap++
        continue
      }
      writeVarint(out, gap)
      gap = 0
      if (typeof value === 'object') {
        writeVarint(out, value.length)
        for (const item of value) writeNumber(out, item)
      } else writeNumber(out, Number(value))
    }
  }
  return String.fromCharCode(...out)
}

/** Places of `names` of the block itself, in order: for `tcbImageAt`. */
export function tcbPlaces(...names: (keyof Tcb)[]): number[] {
  const places = names.map((name) => PARTS[0].names.indexOf(name))
  assert(places.every((place, i) => place > (places[i - 1] ?? -1)), 'names of a block in their order')
  return places
}

/** Of a block that is fresh but for whole numbers at some places: without making one. */
export function tcbImageAt(places: readonly number[], values: readonly number[]): string {
  const out: number[] = []
  let next = 0
  for (let i = 0; i < places.length; i++) {
    if (values[i] === PARTS[0].fresh[PARTS[0].names[places[i]]]) continue
    writeVarint(out, places[i] - next)
    writeNumber(out, values[i])
    next = places[i] + 1
  }
  return String.fromCharCode(...out)
}

/** The block that `image` was made of, around its `inp`. */
export function tcbOfImage(image: string, inp: Inpcb): Tcb {
  const tcb = createTcb(inp.id, inp.family, inp)
  const from: Reader = { text: image, at: 0 }
  let place = -1
  while (from.at < image.length) {
    place += readVarint(from) + 1
    const [part, name] = PLACES[place]
    const fields = ownFields(tcb, part.record) as Record<string, Value>
    const was = fields[name]
    if (typeof was === 'object') readList(from, was as number[])
    else fields[name] = typeof was === 'boolean' ? readNumber(from) !== 0 : readNumber(from)
  }
  return tcb
}

interface Reader { text: string; at: number }

function partsOf(fresh: Tcb): Part[] {
  const isPlain = (value: unknown): boolean => typeof value !== 'object' || Array.isArray(value)
  const keys = Object.entries(fresh).filter(([key]) => !APART.includes(key))
  const own = keys.filter(([, value]) => isPlain(value)).map(([key]) => key)
  const nested = keys.filter(([, value]) => !isPlain(value)).map(([key]) => key)
  return ['', ...nested].map((record) => {
    const fields = fieldsOf(fresh, record)
    return { record, names: record === '' ? own : Object.keys(fields), fresh: fields }
  })
}

function fieldsOf(tcb: Tcb, record: string): Fields {
  return (record === '' ? tcb : tcb[record as keyof Tcb]) as unknown as Fields
}

/** Those that are shared by all who have the defaults are the block's own from now on. */
function ownFields(tcb: Tcb, record: string): Fields {
  const fields = record === 'user' ? userOptionsIn(tcb) : record === 'pmtu' ? pmtuIn(tcb) : null
  return fields === null ? fieldsOf(tcb, record) : fields as unknown as Fields
}

function isSame(a: Value, b: Value): boolean {
  if (typeof a !== 'object' || typeof b !== 'object') return Object.is(a, b)
  if (a.length !== b.length) return false
  for (let i = 0; i < a.length; i++) if (!Object.is(a[i], b[i])) return false
  return true
}

function readList(from: Reader, list: number[]): void {
  const length = readVarint(from)
  list.length = 0
  for (let i = 0; i < length; i++) list.push(readNumber(from))
}

function writeNumber(out: number[], x: number): void {
  if (Number.isInteger(x) && Math.abs(x) <= WHOLE_MAX && !Object.is(x, -0)) writeVarint(out, (x < 0 ? -2 * x - 1 : 2 * x) + FIRST)
  else if (x === Infinity) out.push(INFINITE)
  else if (x === -Infinity) out.push(MINUS_INFINITE)
  else {
    out.push(FLOAT)
    out.push(...new Uint8Array(new Float64Array([x]).buffer))
  }
}

function readNumber(from: Reader): number {
  const code = readVarint(from)
  if (code >= FIRST) {
    const zigzag = code - FIRST
    return zigzag % 2 === 0 ? zigzag / 2 : -(zigzag + 1) / 2
  }
  if (code !== FLOAT) return code === INFINITE ? Infinity : -Infinity
  const octets = new Uint8Array(8)
  for (let i = 0; i < 8; i++) octets[i] = from.text.charCodeAt(from.at++)
  return new Float64Array(octets.buffer)[0]
}

/** 0 ≤ value < 2^53, seven bits an octet, lowest first. */
function writeVarint(out: number[], value: number): void {
  let rest = value
  for (; rest > 0x7fffffff; rest = Math.floor(rest / 128)) out.push((rest % 128) | 128)
  for (; rest > 127; rest >>>= 7) out.push((rest & 127) | 128)
  out.push(rest)
}

function readVarint(from: Reader): number {
  let value = 0
  for (let scale = 1; ; scale *= 128) {
    assert(from.at < from.text.length, 'an image that ends early')
    const octet = from.text.charCodeAt(from.at++)
    value += (octet & 127) * scale
    if (octet < 128) return value
  }
}
