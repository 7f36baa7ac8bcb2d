/** What native.test.ts does with the addon itself inside a network namespace. */

import { spawnSync } from 'node:child_process'
import { Worker } from 'node:worker_threads'
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
import { NETIF_TXQUEUELEN, PART_CUT, PART_MORE } from '../../src/host/native.ts'
import type { Native } from '../../src/host/native.ts'

const ADDON = fileURLToPath(new URL('../../build/Release/vimage.node', import.meta.url))

/** In a worker: opens, pings itself with an ARP request, then ends in one of three ways, always while polling. */
const WORKER = `
  const { parentPort, workerData } = require('node:worker_threads')
  const native = require(workerData.addon)
  const { handle, name } = native.tapOpen('vmw%d', 0)
  native.netifSet(name, 4, 1)
  const bytes = new Uint8Array(65536), records = new Uint32Array(4 * 8)
  const b = native.registerArray(bytes), r = native.registerArray(records)
  native.pollStart(handle, () => {
    for (let i = 0; i < 8; i++) records.set([b, i * 2048, 2048, 0], i * 4)
    const got = native.readBatch(handle, r, 8, 0)
    if (got > 0) parentPort.postMessage(name)
  })
  if (workerData.end === 'unref') native.pollRef(handle, 0)
  if (workerData.end === 'exit') setTimeout(() => process.exit(), 30)
`

export async function workers(end: 'terminate' | 'exit' | 'unref', count: number) {
  const native = load()
  const mine = native.tapOpen('vmmain', 0)
  const names: string[] = []
  const all = Array.from({ length: count }, async () => {
    const worker = new Worker(WORKER, { eval: true, workerData: { addon: ADDON, end } })
    const ended = new Promise((resolve) => worker.on('exit', resolve))
    worker.on('message', (name: string) => {
      if (!names.includes(name)) names.push(name)
      if (end === 'terminate') void worker.terminate()
    })
    worker.on('error', (error) => { throw error })
    await ended
  })
  await Promise.all(all)
  const still = native.tapInfo(mine.handle).name
  native.tapClose(mine.handle)
  return { frames: names.length, still, left: interfaces() }
}

/** Records that point outside what was registered must be refused before a byte is touched. */
export function bounds() {
  const native = load()
  const { handle, name } = native.tapOpen('vmx%d', 0)
  native.netifSet(name, 4, 1)
  const bytes = new Uint8Array(4096)
  const records = new Uint32Array(4 * 4)
  const b = native.registerArray(bytes)
  const r = native.registerArray(records)
  const write = (...record: number[]) => {
    records.fill(0)
    records.set(record)
    return attempt(() => native.writeBatch(handle, r, 0, 1))
  }
  const read = (small: number, large: number, ...record: number[]) => {
    records.fill(0)
    records.set(record)
    return attempt(() => native.readBatch(handle, r, small, large))
  }
  const results = {
    good: write(b, 0, 60, 0),
    refused: [write(b, 0, 5, 0), records[3]],
    pastEnd: write(b, 4096 - 59, 60, 0),
    wrap: write(b, 0xffffffff, 60, 0),
    wrapLength: write(b, 60, 0xffffffff, 0),
    noArray: write(b + 77, 0, 60, 0),
    endless: write(b, 0, 60, PART_MORE),
    readPastEnd: read(1, 0, b, 4000, 2048),
    readSmallLarge: read(1, 1, b, 0, 2048, 0, b, 2048, 2048),
    tooMany: read(5, 0),
    negative: attempt(() => native.readBatch(handle, r, -1, 2)),
    huge: attempt(() => native.writeBatch(handle, r, 0x7fffffff, 0x7fffffff)),
    noRecords: attempt(() => native.readBatch(handle, 999, 1, 0)),
    notRecords: attempt(() => native.readBatch(handle, native.registerArray(new Uint8Array(3).subarray(1)), 1, 0)),
    staleHandle: attempt(() => native.readBatch(handle + 1024, r, 1, 0)),
    badHandle: attempt(() => native.readBatch(-1, r, 1, 0)),
    notAnArray: attempt(() => native.registerArray([1, 2] as unknown as Uint8Array)),
    fewArguments: attempt(() => (native.readBatch as (h: number) => number)(handle)),
    notANumber: attempt(() => native.readBatch('x' as unknown as number, r, 1, 0)),
    twice: native.registerArray(bytes) === b,
  }
  structuredClone(bytes.buffer, { transfer: [bytes.buffer] })
  const detached = write(b, 0, 60, 0)
  native.unregisterArray(b)
  native.unregisterArray(b)
  native.unregisterArray(b)
  const unregistered = write(b, 0, 60, 0)
  native.tapClose(handle)
  return { ...results, detached, unregistered }
}

/** One frame gathered from four parts in two arrays. */
export function gather() {
  const native = load()
  const { handle, name } = native.tapOpen('vmx%d', 0)
  native.netifSet(name, 4, 1)
  const [left, right] = [new Uint8Array(256), new Uint8Array(256)]
  const l = native.registerArray(left)
  const records = Uint32Array.from([
    l, 0, 14, PART_MORE, native.registerArray(right), 3, 6, PART_MORE, l, 100, 0, PART_MORE, l, 14, 40, 0,
  ])
  const done = native.writeBatch(handle, native.registerArray(records), 0, 4)
  const link = JSON.parse(spawnSync('ip', ['-j', '-s', 'link', 'show', name], { encoding: 'utf8' }).stdout)
  native.tapClose(handle)
  return { done, result: records[15], bytes: link[0].stats64.rx.bytes, packets: link[0].stats64.rx.packets }
}

/** One frame gathered from a registered array and from the call's own list, and what is not in that list. */
export function lent() {
  const native = load()
  const { handle, name } = native.tapOpen('vmx%d', 0)
  native.netifSet(name, 4, 1)
  const base = native.lentBase ?? 0
  const head = native.registerArray(new Uint8Array(14))
  const records = new Uint32Array(12)
  const r = native.registerArray(records)
  const gone = new Uint8Array(100)
  structuredClone(gone.buffer, { transfer: [gone.buffer] })
  const write = (list: unknown, ...last: number[]) => {
    records.set([head, 0, 14, PART_MORE, base, 3, 40, PART_MORE, ...last, 0])
    const done = attempt(() => native.writeBatch(handle, r, 0, 3, list as Uint8Array[]))
    return done === 3 ? records[11] : done
  }
  const list = [new Uint8Array(43), new Uint8Array(100)]
  const results = {
    whole: write(list, base + 1, 90, 10),
    again: write(list, base, 0, 6),
    pastEnd: write(list, base + 1, 91, 10),
    wrap: write(list, base + 1, 0xffffffff, 10),
    noSuch: write(list, base + 2, 0, 10),
    far: write(list, 0xffffffff, 0, 10),
    words: write([list[0], new Uint16Array(100)], base + 1, 0, 10),
    detached: write([list[0], gone], base + 1, 0, 10),
    hole: write([list[0], undefined, list[1]], base + 1, 0, 10),
    noList: write(undefined, base + 1, 0, 10),
    notAList: write(7, base + 1, 0, 10),
  }
  records.set([base, 0, 32, 0, 0, 0, 0, 0])
  const read = attempt(() => native.readBatch(handle, r, 1, 0))
  const link = JSON.parse(spawnSync('ip', ['-j', '-s', 'link', 'show', name], { encoding: 'utf8' }).stdout)
  native.tapClose(handle)
  return { ...results, read, bytes: link[0].stats64.rx.bytes, packets: link[0].stats64.rx.packets }
}

/** A super-segment in frames, and descriptions of one that do not fit it. */
export function cut() {
  const native = load()
  const { handle, name } = native.tapOpen('vmx%d', 0)
  native.netifSet(name, 4, 1)
  const frame = new Uint8Array(14 + 20 + 20 + 2500)
  frame[14] = 0x45
  frame[14 + 20 + 12] = 5 << 4
  const f = native.registerArray(frame)
  const records = new Uint32Array(8)
  const r = native.registerArray(records)
  const write = (count: number, length: number, size: number, l3: number, l4: number, headers: number) => {
    records.set([f, 0, length, PART_CUT, size, l3 | l4 << 16, headers, 0])
    const done = attempt(() => native.writeBatch(handle, r, 0, count))
    return done === count ? records[7] : done
  }
  const results = {
    whole: write(2, frame.length, 1000, 14, 34, 54),
    noPayload: write(2, 54, 1000, 14, 34, 54),
    notSaid: write(1, frame.length, 1000, 14, 34, 54),
    noSize: write(2, frame.length, 0, 14, 34, 54),
    shortIp: write(2, frame.length, 1000, 14, 33, 54),
    shortTcp: write(2, frame.length, 1000, 14, 34, 53),
    beyond: write(2, 53, 1000, 14, 34, 54),
    long: write(2, frame.length, 1000, 14, 34, 257),
    far: write(2, frame.length, 1000, 0xffff, 0xffff, 54),
    notIp: write(2, frame.length, 1000, 15, 35, 55),
  }
  const lend = (parts: number, count: number, length: number, ...payload: number[]) => {
    const all = Uint32Array.from([f, 0, length, PART_CUT + parts, 1000, 14 | 34 << 16, 54, 0, ...payload])
    const done = attempt(() => native.writeBatch(handle, native.registerArray(all), 0, count, [new Uint8Array(1500)]))
    return done === count ? all[7] : done
  }
  const base = native.lentBase ?? 0
  const lent = {
    one: lend(1, 3, 54, base, 0, 1500, 0),
    two: lend(2, 4, 54, base, 501, 999, 0, base, 0, 501, 0),
    fewer: lend(2, 3, 54, base, 501, 999, 0),
    more: lend(3, 5, 54, base, 0, 1, 0, base, 0, 1, 0, base, 0, 1, 0),
    both: lend(1, 3, 55, base, 0, 1500, 0),
    pastEnd: lend(1, 3, 54, base, 1, 1500, 0),
  }
  const link = JSON.parse(spawnSync('ip', ['-j', '-s', 'link', 'show', name], { encoding: 'utf8' }).stdout)
  native.tapClose(handle)
  return { ...results, lent, bytes: link[0].stats64.rx.bytes, packets: link[0].stats64.rx.packets }
}

/**
 * One batch of `count` frames, gathered from two parts or whole, with one too short for the kernel in every ten and a super-segment in the
 * middle; what comes out of another TAP of the same bridge, as numbers that were in the frames.
 */
export async function together(count: number) {
  const native = load()
  const [from, to] = [native.tapOpen('vmx%d', 0), native.tapOpen('vmx%d', 0)]
  native.netifSet(to.name, NETIF_TXQUEUELEN, 2 * count)
  ip('link', 'add', 'vmbr', 'type', 'bridge', 'forward_delay', '0')
  for (const name of [from.name, to.name]) ip('link', 'set', name, 'master', 'vmbr', 'up')
  ip('link', 'set', 'vmbr', 'up')
  // the kernel lets a change of links settle for up to a second
  while (!ip('link', 'show', 'vmbr').includes('state UP')) await new Promise((resolve) => setTimeout(resolve, 50))
  const bytes = new Uint8Array(count * FRAME_SLOT)
  const b = native.registerArray(bytes)
  const list: number[] = []
  const ends: number[] = []
  const middle = count >> 1
  for (let i = 0; i < count; i++) {
    const at = i * FRAME_SLOT
    // a bridge drops what it sees is no sound IP packet: the addon makes one of the super-segment's
    numberedFrame(bytes, at, i, i === middle ? ETHERTYPE_IP : ETHERTYPE_LOCAL)
    if (i === middle) list.push(b, at, SUPER_LENGTH, PART_CUT, 1000, 14 | 34 << 16, 54, 0)
    else if (i % 10 === 9) list.push(b, at, 5, 0)
    else if (i % 3 === 0) list.push(b, at, 20, PART_MORE, b, at + 20, 40, 0)
    else list.push(b, at, 60, 0)
    ends.push(list.length - 1)
  }
  const records = Uint32Array.from(list)
  const done = native.writeBatch(from.handle, native.registerArray(records), 0, records.length / 4)
  const got = await numbersFrom(native, to.handle, count + 2)
  for (const tap of [from, to]) native.tapClose(tap.handle)
  ip('link', 'del', 'vmbr')
  return {
    at: native.writesTogether?.(), all: done === records.length / 4, cut: records[ends[middle]],
    refused: ends.flatMap((end, i) => i !== middle && records[end] !== 0 ? [[i, records[end]]] : []), got,
  }
}

const FRAME_SLOT = 4096
const SUPER_LENGTH = 54 + 2500

const ETHERTYPE_IP = 0x0800
/** For experiments (IEEE Std 802 §9.2.4). */
const ETHERTYPE_LOCAL = 0x88b5

/** An Ethernet broadcast with the layout of TCP over IPv4, and a number in its address field. */
function numberedFrame(bytes: Uint8Array, at: number, number: number, type: number): void {
  bytes.fill(0xff, at, at + 6)
  bytes.set([2, 0, 0, 0, 0, 9, type >> 8, type & 255, 0x45], at + 6)
  bytes.set([6, 0, 0, 10, 0, number >> 8, number & 255], at + 23)
  bytes[at + 46] = 5 << 4
}

/** The numbers of the frames that come, until there are `most` or none for half a second. */
async function numbersFrom(native: Native, handle: number, most: number): Promise<number[]> {
  const bytes = new Uint8Array(2048)
  const records = new Uint32Array(4)
  const b = native.registerArray(bytes)
  const r = native.registerArray(records)
  const numbers: number[] = []
  for (let idle = 0; idle < 10 && numbers.length < most;) {
    records.set([b, 0, 2048, 0])
    if (native.readBatch(handle, r, 1, 0) === 1) {
      idle = 0
      if (bytes[6] === 2 && bytes[11] === 9) numbers.push(bytes[28] << 8 | bytes[29])
    } else {
      idle++
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
  }
  return numbers
}

function ip(...args: string[]): string {
  const run = spawnSync('ip', args, { encoding: 'utf8' })
  if (run.status !== 0) throw new Error(`ip ${args.join(' ')}: ${run.stderr}`)
  return run.stdout
}

/** What a callback throws is an uncaught exception of the program, not lost and not fatal to the poll. */
export async function callbackThrows() {
  const native = load()
  const { handle, name } = native.tapOpen('vmx%d', 0)
  const caught: string[] = []
  const listener = (error: Error) => { caught.push(error.message) }
  process.on('uncaughtException', listener)
  let calls = 0
  const done = new Promise<void>((resolve) => {
    native.pollStart(handle, () => {
      calls++
      if (calls === 3) {
        native.pollStop(handle)
        resolve()
      }
      throw new Error(`call ${calls}`)
    })
  })
  native.netifSet(name, 4, 1)
  await done
  await new Promise((resolve) => setTimeout(resolve, 50))
  process.off('uncaughtException', listener)
  const again = attempt(() => { native.pollStart(handle, () => undefined); return 0 })
  const twice = attempt(() => { native.pollStart(handle, () => undefined); return 0 })
  native.tapClose(handle)
  native.tapClose(handle)
  return { calls, caught, again, twice }
}

/** More TAPs than a small number, opened and closed over and over: handles and descriptors are used again. */
export function churn(rounds: number) {
  const native = load()
  const seen = new Set<number>()
  for (let i = 0; i < rounds; i++) {
    const taps = Array.from({ length: 4 }, () => native.tapOpen('vmc%d', 0))
    for (const t of taps) native.pollStart(t.handle, () => undefined)
    for (const t of taps) seen.add(t.handle)
    for (const t of taps) native.tapClose(t.handle)
  }
  return { handles: seen.size, left: interfaces() }
}

function load(): Native {
  return createRequire(import.meta.url)(ADDON) as Native
}

function attempt(what: () => number): string | number {
  try {
    return what()
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? String(error)
  }
}

function interfaces(): string[] {
  const run = spawnSync('ip', ['-j', 'link'], { encoding: 'utf8' })
  return (JSON.parse(run.stdout) as { ifname: string }[]).map((l) => l.ifname)
}
