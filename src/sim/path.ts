/**
 * TCP over one bad path, measured: senders on one host, readers on another, a bottleneck with a queue between them.
 * The same options and seed give the same figures, to the bit.
 */

import { LINK_IP } from '../device/device.ts'
import { addrParse } from '../lib/addr.ts'
import type { Addr } from '../lib/addr.ts'
import { CC_NAMES } from '../tcp/cc/names.ts'
import { tcpInfo } from '../tcp/info.ts'
import type { TcpStats } from '../tcp/stats.ts'
import { sysctlSet } from '../vnet/sysctl.ts'
import type { Cable } from './cable.ts'
import type { SimHost } from './host.ts'
import { startPathSender, startPathSink } from './path-flow.ts'
import type { PathSender } from './path-flow.ts'
import { createWorld } from './world.ts'
import type { World } from './world.ts'

export interface PathOptions {
  seed: number
  /** IPv6's header is 20 bytes longer, so full segments are shorter. */
  family: 'inet' | 'inet6'
  /** Round trip without queues, and the bottleneck's rate in bits of IP packets per second. */
  rttUs: number
  rateBps: number
  /** Random loss and reordering of what the senders send; ACKs all arrive, in order. */
  lossRate: number
  /** Besides, of so many packets the last is lost, as response functions have it; 0: none. */
  lossEvery: number
  reorderRate: number
  /** How far a reordered packet falls behind. */
  reorderUs: number
  queue: 'droptail' | 'codel'
  /** Room before the bottleneck; 0: one bandwidth-delay product, and ten full packets at least (CoDel: 1,000). */
  queueBytes: number
  /** Senders offer ECN and CoDel marks instead of dropping. */
  ecn: boolean
  /** One of CC_NAMES. */
  cc: string
  /** Connections that share the path; they start a round trip and a bit apart. */
  flows: number
  /** Figures are taken from `warmUpUs` on, for `measureUs`. */
  warmUpUs: number
  measureUs: number
  /** More tunables of both hosts, by name. */
  sysctls: Readonly<Record<string, number>>
  /** Look at the first connection's inside so often (µs); 0: never. */
  traceUs: number
}

export interface PathResult {
  /** Read by the receivers, as a share of what full segments could bring over the link in the time. */
  goodputShare: number
  /** Bytes per second, of each connection. */
  flowBytesPerSecond: number[]
  /** Bytes sent again, as a share of all data bytes sent. */
  retransmittedShare: number
  /** Retransmission timeouts. */
  rtos: number
  /** (Σx)² / (n·Σx²) of the connections' goodput. */
  jain: number
  /** Goodput share while warming up: what the start costs. */
  warmUpShare: number
  /** Packets lost at random, dropped by the queue, marked by it. */
  lost: number
  dropped: number
  marked: number
  trace: PathSample[]
}

/** The inside of the first sender at a time of the world. */
export interface PathSample {
  atUs: number
  cwnd: number
  ssthresh: number
  flight: number
  rttUs: number
  queueUs: number
  inRecovery: boolean
}

const PORT = 5001
const MTU = 1500
const MIN_QUEUE_PACKETS = 10
/** The usual limit of an AQM's queue, which is not what keeps it short. */
const CODEL_QUEUE_PACKETS = 1000
/** By family: addresses of both ends, and the length of IP and TCP headers with timestamps. */
const FAMILY = Object.freeze({
  inet: Object.freeze({ sender: '10.0.0.1', receiver: '10.0.0.2', prefixLength: 24, headers: 52 }),
  inet6: Object.freeze({ sender: '2001:db8::1', receiver: '2001:db8::2', prefixLength: 64, headers: 72 }),
})
const MIN_BUFFER = 1_048_576
/** Connections do not start in the same instant, or they would move in step. */
const STAGGER_US = 7001

/** A clean path of 20 ms and 10 Mb/s for one connection, with what `options` changes of it. */
export function createPathOptions(options: Partial<PathOptions> = {}): PathOptions {
  const rttUs = options.rttUs ?? 20_000
  return {
    seed: 1, family: 'inet', rttUs, rateBps: 10e6, lossRate: 0, lossEvery: 0, reorderRate: 0,
    reorderUs: Math.min(5000, rttUs / 2), queue: 'droptail', queueBytes: 0, ecn: false, cc: CC_NAMES[0], flows: 1,
    warmUpUs: Math.max(2e6, 50 * rttUs), measureUs: Math.max(10e6, 200 * rttUs), sysctls: {}, traceUs: 0, ...options,
  }
}

/** Runs one path in virtual time. RangeError when an option makes no sense. */
export function measurePath(given: Partial<PathOptions> = {}): PathResult {
  const options = createPathOptions(given)
  const world = createWorld({ seed: options.seed, pool: { poison: false, smallLimit: 65_536 } })
  const [a, b] = ['sender', 'receiver'].map((name) => world.addVnet(name))
  for (const host of [a, b]) tune(host, options)
  const cable = joined(world, a, b, options)
  const receiver = addrParse(FAMILY[options.family].receiver) as Addr
  const sink = startPathSink(b, receiver, PORT)
  const senders: PathSender[] = []
  const trace: PathSample[] = []
  for (let i = 0; i < options.flows; i++) {
    world.at(i * (options.rttUs + STAGGER_US), () => {
      senders.push(startPathSender(a, receiver, PORT))
      if (i === 0 && options.traceUs > 0) sample(world, a, senders[0].id, cable, options.traceUs, trace)
    })
  }
  world.run({ untilUs: options.warmUpUs })
  const before = { ...a.vnet.state.tcp.stats }
  const readBefore = sink.read.slice()
  world.run({ untilUs: options.warmUpUs + options.measureUs })
  const readAfter = Array.from({ length: options.flows }, (_, i) => (sink.read[i] ?? 0) - (readBefore[i] ?? 0))
  return figures(options, readAfter, readBefore, before, a.vnet.state.tcp.stats, cable, trace)
}

/** Jain's fairness index: 1 when all have the same, 1/n when one has all. */
export function jainIndex(values: readonly number[]): number {
  const sum = values.reduce((n, x) => n + x, 0)
  const squares = values.reduce((n, x) => n + x * x, 0)
  return squares === 0 ? 1 : sum * sum / (values.length * squares)
}

/** Full packets that fill the path once, in bytes; a queue has room for ten at least. */
export function pathQueueBytes({ rttUs, rateBps, queue, queueBytes }: PathOptions): number {
  if (queueBytes > 0) return queueBytes
  const bdp = Math.ceil(rttUs / 1e6 * rateBps / 8)
  return Math.max(bdp, (queue === 'codel' ? CODEL_QUEUE_PACKETS : MIN_QUEUE_PACKETS) * MTU)
}

function tune(host: SimHost, o: PathOptions): void {
  if (!Object.hasOwn(FAMILY, o.family)) throw new RangeError(`no address family is called ${o.family}: ${Object.keys(FAMILY).join(', ')}`)
  if (!CC_NAMES.includes(o.cc)) throw new RangeError(`no congestion control is called ${o.cc}: ${CC_NAMES.join(', ')}`)
  // the window must never be what limits: twice what path and queue can hold
  const buffer = Math.max(MIN_BUFFER, Math.ceil(2 * (o.rttUs / 1e6 * o.rateBps / 8 + pathQueueBytes(o))))
  const all: Record<string, string | number> = {
    'net.inet.tcp.cc.algorithm': o.cc, 'net.inet.tcp.sendspace': buffer, 'net.inet.tcp.recvspace': buffer,
    // its timer would be one more event, and change the order of others of the same time
    'net.inet.tcp.idlesleep': 0,
    'net.inet.tcp.recvbuf_max': buffer, ...o.sysctls,
  }
  if (o.ecn) all['net.inet.tcp.ecn.enable'] = 1
  for (const [name, value] of Object.entries(all)) {
    if (sysctlSet(host.vnet.state, name, String(value)) !== 0) throw new RangeError(`${name} cannot be ${value}`)
  }
}

function joined(world: World, a: SimHost, b: SimHost, o: PathOptions): Cable {
  const { sender, receiver, prefixLength } = FAMILY[o.family]
  const from = a.addPort({ link: LINK_IP, address: `${sender}/${prefixLength}` })
  const to = b.addPort({ link: LINK_IP, address: `${receiver}/${prefixLength}` })
  const codel = o.queue === 'codel'
  return world.cable(from, to, {
    link: LINK_IP,
    aToB: {
      delayUs: o.rttUs / 2, rateBps: o.rateBps, queueBytes: pathQueueBytes(o), codel, ecn: codel && o.ecn,
      lossRate: o.lossRate, lossEvery: o.lossEvery, reorderRate: o.reorderRate, reorderUs: o.reorderUs,
      limitFrames: Infinity,
    },
    bToA: { delayUs: o.rttUs / 2, limitFrames: Infinity },
  })
}

function figures(
  o: PathOptions, read: number[], readBefore: number[], before: TcpStats, after: TcpStats, cable: Cable,
  trace: PathSample[],
): PathResult {
  const seconds = o.measureUs / 1e6
  const most = o.rateBps / 8 * (MTU - FAMILY[o.family].headers) / MTU
  const again = after.sndrexmitbyte - before.sndrexmitbyte
  const fresh = after.sndbyte - before.sndbyte
  const sum = (list: readonly number[]): number => list.reduce((n, x) => n + x, 0)
  const { stats } = cable.aToB
  return {
    goodputShare: sum(read) / seconds / most,
    flowBytesPerSecond: read.map((n) => n / seconds),
    retransmittedShare: again + fresh === 0 ? 0 : again / (again + fresh),
    rtos: after.rexmttimeo - before.rexmttimeo,
    jain: jainIndex(read),
    warmUpShare: sum(readBefore) / (o.warmUpUs / 1e6) / most,
    lost: stats.lost, dropped: stats.queueFull + stats.codelDropped, marked: stats.marked,
    trace,
  }
}

function sample(world: World, host: SimHost, id: number, cable: Cable, everyUs: number, into: PathSample[]): void {
  const info = tcpInfo(host.vnet.vn, id)
  if (info === null) return
  const { cwnd, ssthresh, flight, rttUs, inRecovery } = info
  const queueUs = Math.max(0, cable.aToB.busyUntil - world.now())
  into.push({ atUs: world.now(), cwnd, ssthresh, flight, rttUs, queueUs, inRecovery })
  world.at(world.now() + everyUs, () => { sample(world, host, id, cable, everyUs, into) })
}
