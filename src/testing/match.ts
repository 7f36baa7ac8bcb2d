/** What a test may expect of a simulated world: functions that say whether, and the same for `expect.extend`. */

import { addrPrint } from '../lib/addr.ts'
import { decodePacket } from '../script/packet.ts'
import { TH_SYN } from '../wire/tcp.ts'
import { ipPacketOf, missingPacket, packetsBetween, parsePackets } from './packets.ts'
import { TestWorld } from './world.ts'

/** As vitest and jest take it from a matcher. */
export interface Matched { pass: boolean; message: () => string }

export interface Delivery {
  from: string
  to: string
  /** So many bytes at least, of all connections and datagrams together, each counted once. */
  bytes?: number
  /** What is in them. */
  data?: string | RegExp | Uint8Array
  /** Of the side that is served. */
  port?: number
}

export interface Retransmission { host: string; atLeast?: number; atMost?: number }

export interface PacketsWanted { between: readonly [string, string]; exactly?: boolean }

/** Data has come from one host to another, as far as frames are kept. From behind a NAT it comes from the NAT. */
export function delivered(world: TestWorld, { from, to, bytes = 1, data, port }: Delivery): Matched {
  const streams = payloads(world, from, to, port)
  const total = streams.reduce((n, s) => n + s.length, 0)
  const enough = total >= bytes
  const has = data === undefined || streams.some((s) => contains(s, data))
  const what = data === undefined ? `${bytes} bytes` : data instanceof Uint8Array ? `${data.length} given bytes` : String(data)
  return {
    pass: enough && has,
    message: () => `${from} has delivered ${total} bytes to ${to}${port === undefined ? '' : `, port ${port}`}; ${
      has ? '' : 'not '}among them ${data === undefined ? 'anything that was asked for' : what} (expected ${what})`,
  }
}

/** TCP of a host has sent something again since it was switched on. */
export function retransmitted(world: TestWorld, { host, atLeast = 1, atMost = Infinity }: Retransmission): Matched {
  const n = world.existing(host).vnet.state.tcp.stats.sndrexmitpack
  const most = atMost === Infinity ? '' : `, at most ${atMost}`
  return {
    pass: n >= atLeast && n <= atMost,
    message: () => `${host} has retransmitted ${n} segments; expected at least ${atLeast}${most}`,
  }
}

/**
 * Packets between two hosts in the language of scripts, seen at the first (">": it sent). Numbers begin with 0 on each side; options that
 * are not mentioned may be any.
 */
export function havePackets(world: TestWorld, { between: [a, b], exactly = false }: PacketsWanted, text: string): Matched {
  const missing = missingPacket(packetsBetween(world, a, b), parsePackets(text), exactly)
  return { pass: missing === '', message: () => missing === '' ? `there were such packets between ${a} and ${b}` : missing }
}

/** For runners without `expect.extend`: throws unless it is so. */
export function assertThat(result: Matched): void {
  if (!result.pass) throw new Error(result.message())
}

/** For `expect.extend(matchers)`. */
export const matchers = Object.freeze({
  toHaveDelivered: (world: unknown, what: Delivery): Matched => delivered(worldOf(world), what),
  toHaveRetransmitted: (world: unknown, what: Retransmission): Matched => retransmitted(worldOf(world), what),
  toHavePackets: (world: unknown, which: PacketsWanted, text: string): Matched => havePackets(worldOf(world), which, text),
})

/** What `expect(world)` has then; merge it into the types of your runner (docs/testing.md). */
export interface SimulationMatchers<R = unknown> {
  toHaveDelivered(what: Delivery): R
  toHaveRetransmitted(what: Retransmission): R
  toHavePackets(which: PacketsWanted, text: string): R
}

function worldOf(value: unknown): TestWorld {
  if (!(value instanceof TestWorld)) throw new TypeError('expected the world of a simulation')
  return value
}

function contains(bytes: Uint8Array, data: string | RegExp | Uint8Array): boolean {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
  return data instanceof RegExp ? data.test(buffer.toString('utf8')) : buffer.includes(typeof data === 'string' ? data : Buffer.from(data))
}

/** The bytes that have arrived, by conversation: of TCP those in order from the beginning, of UDP each datagram. */
function payloads(world: TestWorld, from: string, to: string, port: number | undefined): Uint8Array[] {
  const [ofFrom, ofTo] = [world.existing(from).addresses, world.existing(to).addresses]
  const datagrams: Uint8Array[] = []
  const streams = new Map<string, { start: number; parts: Map<number, Uint8Array> }>()
  for (const p of world.recorder.list()) {
    if (p.to !== to || p.arrivedUs < 0) continue
    const ip = ipPacketOf(p.bytes)
    const live = decodePacket(ip)
    if (live === null || live.fault !== '') continue
    if (!ofFrom.includes(addrPrint(live.from.src)) || !ofTo.includes(addrPrint(live.from.dst))) continue
    const { body } = live.spec
    if (port !== undefined && live.from.sport !== port && live.from.dport !== port) continue
    if (body.proto === 'udp') datagrams.push(ip.subarray(ip.length - body.len))
    if (body.proto !== 'tcp') continue
    const key = `${live.from.sport} ${live.from.dport} ${addrPrint(live.from.src)}`
    const stream = streams.get(key) ?? { start: body.seq, parts: new Map<number, Uint8Array>() }
    streams.set(key, stream)
    if ((body.flags & TH_SYN) !== 0) stream.start = body.seq + 1
    else if (body.len > 0) stream.parts.set((body.seq - stream.start) >>> 0, ip.subarray(ip.length - body.len))
  }
  return [...[...streams.values()].map((s) => joined(s.parts)), ...datagrams]
}

/** Without what came twice; up to the first hole. */
function joined(parts: ReadonlyMap<number, Uint8Array>): Uint8Array {
  const out: Uint8Array[] = []
  let end = 0
  for (const [at, bytes] of [...parts].sort(([x], [y]) => x - y)) {
    if (at > end) break
    if (at + bytes.length <= end) continue
    out.push(bytes.subarray(end - at))
    end = at + bytes.length
  }
  return Buffer.concat(out)
}
