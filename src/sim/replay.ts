/**
 * Replay: a capture drives a Vnet on the virtual clock. Each frame arrives at its recorded time, counted from the first
 * record; the Vnet takes the part of one address, and what it answers becomes a capture.
 *
 * Everybody else in the capture is known to it as a neighbour, with the hardware address that his frames come from:
 * the capture cannot answer its ARP requests. Frames that the address itself sent back then are left out.
 */

import { arpSetStatic } from '../arp/list.ts'
import { createDeviceStats, ignoreFrame, LINK_ETHER } from '../device/device.ts'
import type { Device } from '../device/device.ts'
import { ip4IsLoopback, ip4IsMulticast, ip4ParsePrefix, macIsMulticast } from '../lib/addr.ts'
import type { Ip4, Mac } from '../lib/addr.ts'
import { assert } from '../lib/assert.ts'
import { CSUM_VALID, FRAME_HEADROOM, FRAME_LARGE, frameFrom, frameRelease } from '../lib/frame.ts'
import type { Frame } from '../lib/frame.ts'
import { routeAdd } from '../ip/route.ts'
import type { CaptureRecord, CaptureTime } from '../pcap/record.ts'
import { MemoryCapture } from './capture.ts'
import type { SimHost } from './host.ts'
import { linkTypeName, replayLink, replayPacket } from './replay-link.ts'
import { etherParties, macOf, rawSource } from './replay-parties.ts'
import { ETHERMTU } from '../wire/ethernet.ts'
import { World } from './world.ts'

export interface ReplayOptions {
  /** Whose part the Vnet takes: "10.0.0.1/24". */
  address: string
  /** Default: the hardware address that belongs to it in the capture. */
  mac?: Mac
  seed?: number
  /** Time to go on after the last record, µs (default 1 s). */
  afterUs?: number
  /** Called before the first frame: open sockets here (a host is a Runner). */
  setup?: (host: SimHost) => void
  /** Leave the frames that were fed out of the resulting capture. */
  answersOnly?: boolean
  /** Take transport checksums as right: captures made at a sender whose hardware sums have wrong ones. */
  trustChecksums?: boolean
}

export interface ReplayResult {
  /** Records fed to the Vnet. */
  fed: number
  /** Frames that it sent. */
  answers: number
  /** Records left out: sent by the address itself. */
  own: number
  /** Records of a link type that a Vnet does not take (or, on BSD loopback, of another protocol), by its name. */
  skipped: Map<string, number>
  /** Records too long for a frame. */
  tooLong: number
  /** Records fed although they were not captured whole. */
  cut: number
  /** pcapng: what was fed as 'in', what was answered as 'out', at the recorded times. */
  capture: MemoryCapture
  host: SimHost
  world: World
}

const DEFAULT_AFTER_US = 1_000_000
/** A longer silence is cut short: a corrupt time must not carry the clock to where microseconds are lost. */
const MAX_GAP_US = 24 * 3600 * 1e6
/** Times that a pcapng with nanoseconds can hold. */
const MAX_BASE_SEC = 2 ** 33

/** Replays the records of a capture. RangeError when the options make no sense; whatever the records hold, it ends. */
export function replayCapture(records: readonly CaptureRecord[], options: ReplayOptions): ReplayResult {
  const prefix = ip4ParsePrefix(options.address)
  if (prefix === null) throw new RangeError(`${options.address} is not an address such as 10.0.0.1/24`)
  const world = new World({ seed: options.seed ?? 1 })
  const host = world.addVnet('replay')
  const result: ReplayResult = {
    fed: 0, answers: 0, own: 0, skipped: new Map(), tooLong: 0, cut: 0,
    capture: new MemoryCapture('pcapng', 0), host, world,
  }
  const replay: Replay = {
    options, result, records, ip: prefix.ip, mac: options.mac ?? macOf(records, prefix.ip), base: baseTime(records),
    ports: new Map(), skewUs: 0, done: false,
  }
  for (const r of records) if (replayLink(r.linkType) !== 0) portOf(replay, replayLink(r.linkType))
  if (replay.ports.size === 0) portOf(replay, LINK_ETHER)
  host.sink = (ifId, timeUs, bytes, direction, linkType) => {
    if (direction === 'out') result.answers++
    if (direction === 'in' && options.answersOnly === true) return
    const name = host.vnet.state.link.ifnets.get(ifId)?.name ?? ''
    result.capture.add(ifId, name, linkType, timeAfter(replay.base, timeUs), bytes, direction)
  }
  options.setup?.(host)
  world.at(0, () => { feedFrom(replay, 0) })
  world.run({ until: () => replay.done })
  world.runFor(options.afterUs ?? DEFAULT_AFTER_US)
  return result
}

interface Replay {
  readonly options: ReplayOptions
  readonly result: ReplayResult
  readonly records: readonly CaptureRecord[]
  readonly ip: Ip4
  readonly mac: Mac
  /** Recorded time that is the world's 0. */
  readonly base: CaptureTime
  /** By LINK_*. */
  readonly ports: Map<number, ReplayPort>
  /** How much of the recorded time was cut out of long silences. */
  skewUs: number
  /** The last record has been fed. */
  done: boolean
}

interface ReplayPort {
  ifId: number
  device: Device
}

/** Feeds record `first` and all that are due with it, and plans the next. */
function feedFrom(replay: Replay, first: number): void {
  const { world } = replay.result
  const { records } = replay
  for (let i = first; i < records.length; i++) {
    const r = records[i]
    const at = recordAt(replay, r)
    if (at > world.now()) {
      world.at(at, () => { feedFrom(replay, i) })
      return
    }
    feed(replay, r)
  }
  replay.done = true
}

/** World time of a record; one that is out of order or without a time comes with the one before it. */
function recordAt(replay: Replay, r: CaptureRecord): number {
  const now = replay.result.world.now()
  if (!r.timed) return now
  const { base } = replay
  const at = (r.sec - base.sec) * 1e6 + (r.nsec - base.nsec) / 1000 - replay.skewUs
  if (at <= now + MAX_GAP_US) return at
  replay.skewUs += at - now - MAX_GAP_US
  return now + MAX_GAP_US
}

function feed(replay: Replay, r: CaptureRecord): void {
  const { result, options } = replay
  const link = replayLink(r.linkType)
  const packet = link === 0 ? null : replayPacket(r.linkType, r.data)
  if (packet === null) {
    const name = linkTypeName(r.linkType)
    result.skipped.set(name, (result.skipped.get(name) ?? 0) + 1)
    return
  }
  if (link === LINK_ETHER ? isOwnFrame(replay, packet) : rawSource(packet) === replay.ip) {
    result.own++
    return
  }
  if (packet.length > FRAME_LARGE - FRAME_HEADROOM) {
    result.tooLong++
    return
  }
  const { pool } = result.world
  const f = frameFrom(pool, packet)
  // the pool is empty between events, so there is room for one frame
  assert(f !== null, 'no frame for a record')
  if (options.trustChecksums === true) f.csum = CSUM_VALID
  if (r.capLen < r.origLen) result.cut++
  result.fed++
  const port = portOf(replay, link)
  if (link === LINK_ETHER) meet(replay, packet)
  port.device.onFrame(f)
  frameRelease(pool, f)
}

function isOwnFrame(replay: Replay, packet: Uint8Array): boolean {
  const p = etherParties(packet)
  // behind a router several addresses send from one hardware address
  return p.src !== 0 ? p.src === replay.ip : p.srcMac === replay.mac && replay.mac !== 0
}

/** The sender of a frame becomes a neighbour. */
function meet(replay: Replay, packet: Uint8Array): void {
  const { vn } = replay.result.host.vnet
  const { src, srcMac } = etherParties(packet)
  if (src === 0 || ip4IsMulticast(src) || ip4IsLoopback(src) || srcMac === 0 || macIsMulticast(srcMac)) return
  replay.result.host.vnet.setNow(replay.result.host.now())
  // refused for our own broadcast address and the like: then there is nobody to answer
  arpSetStatic(vn, src, srcMac)
}

/** The interface for a link; the first one has the address and the way to everybody. */
function portOf(replay: Replay, link: number): ReplayPort {
  const known = replay.ports.get(link)
  if (known !== undefined) return known
  const { host } = replay.result
  const ether = link === LINK_ETHER
  const mac = ether && replay.mac !== 0 ? { mac: replay.mac } : {}
  const port = host.addPort({ name: ether ? 'eth0' : 'tun0', link, ...mac })
  const device = new ReplayMedium(port.name, link)
  port.plug(device)
  if (replay.ports.size === 0) {
    port.addAddress(replay.options.address)
    routeAdd(host.vnet.vn, 0, 0, 0, port.ifId, 0)
  }
  const made = { ifId: port.ifId, device }
  replay.ports.set(link, made)
  return made
}

function baseTime(records: readonly CaptureRecord[]): CaptureTime {
  const first = records.find((r) => r.timed)
  if (first === undefined || first.sec < 0 || first.sec > MAX_BASE_SEC) return { sec: first?.sec ?? 0, nsec: 0 }
  return { sec: first.sec, nsec: first.nsec }
}

function timeAfter(base: CaptureTime, us: number): CaptureTime {
  const sec = base.sec < 0 || base.sec > MAX_BASE_SEC ? 0 : base.sec
  const nsec = base.nsec + Math.round((us % 1e6) * 1000)
  return { sec: sec + Math.floor(us / 1e6) + Math.floor(nsec / 1e9), nsec: nsec % 1e9 }
}

/** The capture as a medium: what the Vnet sends is only looked at. */
class ReplayMedium implements Device {
  readonly name: string
  readonly link: number
  readonly mac: Mac = 0
  readonly mtu = ETHERMTU
  readonly offload = 0
  readonly stats = createDeviceStats()
  onFrame: (f: Frame) => void = ignoreFrame
  onBatchEnd: () => void = ignoreFrame

  constructor(name: string, link: number) {
    this.name = name
    this.link = link
  }

  send(f: Frame): void {
    this.stats.txFrames++
    this.stats.txBytes += f.len
  }

  flush(): void {
    // nothing is queued
  }

  close(): void {
    this.onFrame = ignoreFrame
  }
}
