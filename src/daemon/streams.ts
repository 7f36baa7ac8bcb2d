/** The streamed answers of the control API: ping, captured frames, messages. Each ends when its client goes. */

import { z } from 'zod'
import { ManageError } from '../vimage/error.ts'
import { messageRows } from '../vimage/messages.ts'
import { PING_MAX_BYTES } from '../vimage/ping-events.ts'
import type { PingEvent } from '../vimage/ping-events.ts'
import { startPing } from '../vimage/ping.ts'
import { packetWhy } from '../vimage/packet-why.ts'
import type { Runner } from '../vnet/runner.ts'
import type { CapturePoint, PointSink } from './capture-point.ts'
import type { Call } from './control-routes.ts'
import type { Daemon } from './daemon.ts'
import { thereAre } from './listings.ts'
import { Lines } from './lines.ts'
import { filterMatches, parseFilter } from './packet-filter.ts'

/** How often a follower of the message buffer looks for new lines; nothing looks while nobody follows. */
const FOLLOW_MS = 100
const MAX_SNAPLEN = 262_144

/** Lines of a capture stream. */
export type CaptureLine =
  | { type: 'start'; points: { owner: string; name: string; linkType: number }[] }
  | CapturePacketLine
  | { type: 'end'; packets: number; dropped: number }

export interface CapturePacketLine {
  type: 'packet'
  /** Index in `points`. */
  point: number
  timeUs: number
  direction: 'in' | 'out'
  lengthBytes: number
  /** Base64 of the first `snaplen` bytes. */
  data: string
  /** Frames so far that the client was too slow for. */
  dropped: number
  /** Why it was sent, or what became of it, with `why` in the query; '' where that is not known. */
  why?: string
}

/** POST …/ping: a line for each PingEvent. */
export async function streamPing(runner: Runner, c: Call): Promise<void> {
  const ms = z.number().min(1).max(86_400_000)
  const options = z.strictObject({
    host: z.string(),
    count: z.int().min(0).default(0),
    intervalMs: ms.default(1000),
    sizeBytes: z.int().min(0).max(PING_MAX_BYTES).default(56),
    timeoutMs: ms.default(1000),
    ttl: z.int().min(0).max(255).default(0),
    source: z.string().default(''),
  }).parse(c.body)
  const early: PingEvent[] = []
  let lines: Lines | null = null
  const ping = startPing(runner, options, (event) => {
    if (lines === null) early.push(event)
    else send(lines, event)
  })
  // only now, so that a ping that cannot start is an error with its status
  lines = new Lines(c.response)
  for (const event of early) send(lines, event)
  await lines.closed
  ping.stop()
}

function send(lines: Lines, event: PingEvent): void {
  lines.write(event)
  if (event.type === 'end') lines.end()
}

/** GET …/messages: all rows as one array, or with `follow` a line for each, also those to come. */
export async function streamMessages(runner: Runner, c: Call): Promise<unknown> {
  if (!c.query.has('follow')) return messageRows(runner)
  const lines = new Lines(c.response)
  let next = 0
  const more = (): void => {
    for (const row of messageRows(runner, next)) {
      lines.write(row)
      next = row.index + 1
    }
  }
  more()
  const timer = setInterval(more, FOLLOW_MS)
  await lines.closed
  clearInterval(timer)
  return undefined
}

/** GET /v1/capture?vimage=&bridge=&interface=&filter=&count=&snaplen=&why: CaptureLines. */
export async function streamCapture(c: Call): Promise<void> {
  const count = positive(c.query, 'count', 0, Number.MAX_SAFE_INTEGER)
  const snapLen = positive(c.query, 'snaplen', MAX_SNAPLEN, MAX_SNAPLEN)
  const filter = parseFilter(c.query.get('filter') ?? '')
  const why = c.query.has('why')
  const points = findPoints(c.daemon, c.query)
  const lines = new Lines(c.response)
  lines.write({
    type: 'start', points: points.map(({ owner, name, linkType }) => ({ owner, name, linkType })),
  } satisfies CaptureLine)
  let packets = 0
  let dropped = 0
  const stop = (): void => {
    for (const point of points) point.sinks.delete(sink)
  }
  const sink: PointSink = (point, timeUs, bytes, direction) => {
    if (!filterMatches(filter, bytes, point.linkType)) return
    const data = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.length, snapLen)).toString('base64')
    const line: CapturePacketLine = {
      type: 'packet', point: points.indexOf(point), timeUs, direction, lengthBytes: bytes.length, data, dropped,
    }
    if (!why) return put(line)
    // what becomes of a packet that has just arrived is known once the Vnet has seen it
    const runner = c.daemon.vimages.get(point.kind === 'vimage' ? point.owner : '')?.runner
    const copy = bytes.slice()
    setImmediate(() => put({ ...line, why: runner === undefined ? '' : packetWhy(runner, copy, point.linkType, direction) }))
  }
  const put = (line: CapturePacketLine): void => {
    if (count > 0 && packets >= count) return
    if (!lines.write(line)) dropped++
    else if (++packets === count) {
      stop()
      lines.write({ type: 'end', packets, dropped } satisfies CaptureLine)
      lines.end()
    }
  }
  for (const point of points) point.sinks.add(sink)
  await lines.closed
  stop()
}

function findPoints(daemon: Daemon, query: URLSearchParams): CapturePoint[] {
  const kind = query.has('bridge') ? 'bridge' : 'vimage'
  const owner = query.get(kind) ?? ''
  const name = query.get('interface') ?? ''
  const known = daemon.points.filter((p) => p.kind === kind && (owner === '' || p.owner === owner))
  const points = known.filter((p) => name === '' || p.name === name)
  if (points.length > 0) return points
  const what = kind === 'bridge' ? 'TAP' : 'interface'
  const where = owner === '' ? 'here' : `in ${kind} "${owner}"`
  const names = thereAre(known.map((p) => p.name))
  throw new ManageError('ENOENT', `there is no ${what}${name === '' ? '' : ` "${name}"`} ${where} to look at; ${names}`)
}

/** A whole number from the query, `absent` where it is not there. ManageError EINVAL. */
export function positive(query: URLSearchParams, name: string, absent: number, max: number): number {
  const text = query.get(name)
  if (text === null) return absent
  const n = Number(text)
  if (Number.isSafeInteger(n) && n >= 1 && n <= max) return n
  throw new ManageError('EINVAL', `"${name}" is "${text}"; expected a whole number from 1 to ${max}`)
}
