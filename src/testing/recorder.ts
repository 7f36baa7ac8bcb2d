/** What was on the wires of a simulation, for captures, timelines and expectations: every frame once, with its fate. */

import { MemoryCapture } from '../sim/capture.ts'
import type { SimHost } from '../sim/host.ts'


/** A frame as one host sent it. */
export interface Passage {
  readonly bytes: Uint8Array
  readonly linkType: number
  /** Host and interface that sent it; '' for one that nobody sent like this (a damaged one, a copy). */
  readonly from: string
  readonly fromIf: string
  readonly sentUs: number
  /** Where it has arrived, '' while it has not. */
  to: string
  toIf: string
  /** -1: never. */
  arrivedUs: number
}

/** Something that happened beside frames: a fault, a crash. */
export interface Note { atUs: number; text: string }

/** Bytes looked at to recognize a frame: all headers. */
const KEY_BYTES = 96

export class Recorder {
  readonly passages: Passage[] = []
  readonly notes: Note[] = []
  /** Frames that were forgotten to keep within the limit. */
  forgotten = 0
  readonly #limit: number
  readonly #flying = new Map<number, Passage[]>()
  #bytes = 0
  #first = 0

  /** `limit`: bytes of frames that are kept; the oldest go first. */
  constructor(limit: number) {
    this.#limit = limit
  }

  /** Sees every frame of a host from now on. */
  watch(host: SimHost): void {
    host.sink = (ifId, timeUs, bytes, direction, linkType) => {
      const name = host.vnet.state.link.ifnets.get(ifId)?.name ?? `if${ifId}`
      if (direction === 'out') this.#sent(host.name, name, timeUs, bytes, linkType)
      else this.#arrived(host.name, name, timeUs, bytes, linkType)
    }
  }

  note(atUs: number, text: string): void {
    this.notes.push({ atUs, text })
  }

  /** What is kept, in the order of sending. */
  list(): Passage[] {
    return this.passages.slice(this.#first)
  }

  /** A pcapng of what `which` lets through, as the interface saw it that it names. */
  pcapng(which: (host: string, ifName: string) => boolean = () => true): Uint8Array {
    const seen: { atUs: number; key: string; p: Passage; direction: 'in' | 'out' }[] = []
    for (const p of this.list()) {
      if (p.from !== '' && which(p.from, p.fromIf)) seen.push({ atUs: p.sentUs, key: `${p.from}/${p.fromIf}`, p, direction: 'out' })
      if (p.arrivedUs >= 0 && which(p.to, p.toIf)) seen.push({ atUs: p.arrivedUs, key: `${p.to}/${p.toIf}`, p, direction: 'in' })
    }
    seen.sort((a, b) => a.atUs - b.atUs)
    const keys = new Map<string, number>()
    const capture = new MemoryCapture('pcapng', 1)
    for (const { atUs, key, p, direction } of seen) {
      if (!keys.has(key)) keys.set(key, keys.size)
      capture.add(keys.get(key) as number, key, p.linkType, atUs, p.bytes, direction)
    }
    return capture.bytes()
  }

  #sent(from: string, fromIf: string, sentUs: number, bytes: Uint8Array, linkType: number): void {
    const passage: Passage = { bytes: bytes.slice(), linkType, from, fromIf, sentUs, to: '', toIf: '', arrivedUs: -1 }
    const key = hash(bytes)
    const same = this.#flying.get(key)
    if (same === undefined) this.#flying.set(key, [passage])
    else same.push(passage)
    this.#keep(passage)
  }

  #arrived(to: string, toIf: string, atUs: number, bytes: Uint8Array, linkType: number): void {
    const key = hash(bytes)
    const same = this.#flying.get(key)
    const at = same?.findIndex((p) => p.from !== to && p.bytes.length === bytes.length) ?? -1
    if (same !== undefined && at >= 0) {
      const [passage] = same.splice(at, 1)
      if (same.length === 0) this.#flying.delete(key)
      Object.assign(passage, { to, toIf, arrivedUs: atUs })
      return
    }
    this.#keep({ bytes: bytes.slice(), linkType, from: '', fromIf: '', sentUs: atUs, to, toIf, arrivedUs: atUs })
  }

  #keep(passage: Passage): void {
    this.passages.push(passage)
    this.#bytes += passage.bytes.length
    while (this.#bytes > this.#limit && this.#first < this.passages.length - 1) {
      const gone = this.passages[this.#first++]
      this.#bytes -= gone.bytes.length
      this.#forget(gone)
      this.forgotten++
    }
    if (this.#first > 10_000 && this.#first * 2 > this.passages.length) {
      this.passages.splice(0, this.#first)
      this.#first = 0
    }
  }

  #forget(passage: Passage): void {
    const key = hash(passage.bytes)
    const left = this.#flying.get(key)?.filter((p) => p !== passage) ?? []
    if (left.length === 0) this.#flying.delete(key)
    else this.#flying.set(key, left)
  }
}

/** FNV-1a of the beginning and the length. */
function hash(bytes: Uint8Array): number {
  let h = 0x811c9dc5 ^ bytes.length
  const n = Math.min(bytes.length, KEY_BYTES)
  for (let i = 0; i < n; i++) h = Math.imul(h ^ bytes[i], 0x01000193)
  return h
}
