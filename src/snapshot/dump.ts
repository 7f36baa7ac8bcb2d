/**
 * The state as plain JSON for people and for comparison. Maps are `{ map: [[key, value], …] }`, in their order where it
 * means something and else by key; bytes are `{ length, hex }`; infinities are text. Equal dumps mean equal states.
 */

import type { ByteRing } from '../lib/bytering.ts'
import { opened } from './encode.ts'
import type { AnyNode, MapNode, RingNode, Shape } from './node.ts'
import { ringParked, ringRead } from './ring.ts'

export type Dump = number | string | boolean | Dump[] | { [name: string]: Dump }

type Fields = Record<string, unknown>

export function dump(node: AnyNode, value: unknown, owner: object): Dump {
  switch (node.kind) {
    case 'int': case 'real': return dumpNumber(value as number)
    case 'bool': return value as boolean
    case 'text': return value as string
    case 'bytes': return dumpBytes(value as Uint8Array)
    case 'words': return Array.from(value as Uint16Array)
    case 'ring': return dumpRing(node, value as ByteRing, owner)
    case 'list': return (value as unknown[]).map((x) => dump(node.item, x, owner))
    case 'map': return dumpMap(node, value as Map<number, unknown>, owner)
    case 'set': return [...(value as Set<number>)]
    case 'flat': return Object.fromEntries(Object.entries(value as Fields).map(([k, x]) => [k, dumpNumber(x as number)]))
    case 'record': return dumpRecord(node, opened(node, value as object))
    case 'scratch': return 'scratch'
  }
}

function dumpNumber(value: number): number | string {
  return Number.isFinite(value) && !Object.is(value, -0) ? value : Object.is(value, -0) ? '-0' : String(value)
}

function dumpBytes(value: Uint8Array): Dump {
  return { length: value.length, hex: Array.from(value, (x) => x.toString(16).padStart(2, '0')).join('') }
}

function dumpRing(node: RingNode, value: ByteRing, owner: object): Dump {
  const take = (pos: number, n: number): Dump => {
    const out = new Uint8Array(n)
    ringRead(value, pos, n, out, 0)
    return dumpBytes(out)
  }
  const parked = ringParked(node, owner)
  const pieces: Dump[] = []
  for (let i = 0; i < parked.length; i += 2) pieces.push({ at: parked[i], bytes: take(parked[i], parked[i + 1]) })
  return { bytes: take(0, value.len), parked: pieces }
}

function dumpMap(node: MapNode<AnyNode>, value: Map<number, unknown>, owner: object): Dump {
  const entries = [...value]
  if (!node.ordered) entries.sort(([a], [b]) => a - b)
  return { map: entries.map(([key, x]) => [key, dump(node.value, x, owner)]) }
}

function dumpRecord(node: Shape, value: Fields): Dump {
  return Object.fromEntries(node.keys.map((key, i) => [key, dump(node.nodes[i], value[key], value)])
    .filter(([, x]) => x !== 'scratch')) as Dump
}
