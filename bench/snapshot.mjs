/**
 * Snapshot, clone and restore. `node bench/snapshot.mjs [--short] [--json]` after `npm run build`.
 *
 *   cloneMs                     clone of a Vnet with 10,000 established connections, 1 KiB unsent each
 *   snapshotBytesPerConnection  of that Vnet, without its data
 *   emptySnapshotBytes          a Vnet with nothing but a loopback interface
 *   emptyCloneUs                clone of that
 *   throughputAfterRestoreRatio one connection in memory, both ends restored, against one that was left alone
 */

import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { AF_INET, SOCK_STREAM, Vnet, addrParse } from '../dist/index.js'
import { createWorld } from '../dist/sim/index.js'
import { soAccept, soBind, soConnect, soCreate, soListen, soRecv, soSend } from '../dist/vnet/so.js'
import { median } from './measure.mjs'

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc')
const short = process.argv.includes('--short')
const json = process.argv.includes('--json')
const CONNECTIONS = short ? 2000 : 10_000
const UNSENT = 1024
const PORT = 80

const result = { connections: CONNECTIONS, ...empty(), ...many(), throughputAfterRestoreRatio: throughput() }
if (json) console.log(JSON.stringify(result))
else for (const [key, value] of Object.entries(result)) console.log(`${key.padEnd(28)} ${Number(value.toPrecision(4))}`)

/** A world of two Vnets on a cable that carries whole super-frames' worth of packets at once. */
function pairOfVnets() {
  const world = createWorld({ pool: { poison: false } })
  const [a, b] = [world.addVnet('a'), world.addVnet('b')]
  world.cable(a.addPort({ address: '10.0.0.1/16' }), b.addPort({ address: '10.0.0.2/16' }), { delayUs: 50 })
  return { world, a, b }
}

function connect({ world, a, b }, count) {
  const listener = soCreate(b.vnet, b.now(), AF_INET, SOCK_STREAM, 0)
  check(soBind(b.vnet, b.now(), listener, addrParse('0.0.0.0'), PORT))
  check(soListen(b.vnet, b.now(), listener, 4096))
  const [clients, servers] = [[], []]
  while (servers.length < count) {
    for (let i = 0; i < 100 && clients.length < count; i++) {
      const id = soCreate(a.vnet, a.now(), AF_INET, SOCK_STREAM, 0)
      soConnect(a.vnet, a.now(), id, addrParse('10.0.0.2'), PORT)
      clients.push(id)
    }
    a.kick()
    world.runFor(10_000)
    for (let id = soAccept(b.vnet, b.now(), listener); id > 0; id = soAccept(b.vnet, b.now(), listener)) servers.push(id)
    b.kick()
    world.runFor(1000)
    if (world.now() > 60e6) throw new Error(`${servers.length} of ${count} connections`)
  }
  return { clients, servers }
}

function many() {
  const pair = pairOfVnets()
  const { clients } = connect(pair, CONNECTIONS)
  const { a, b } = pair
  // the other side is gone: what is written stays unacknowledged in the send buffers
  b.unbind(2)
  const data = new Uint8Array(UNSENT).fill(0x55)
  for (const id of clients) {
    if (soSend(a.vnet, a.now(), id, data, 0, UNSENT, 0) !== UNSENT) throw new Error('not taken')
  }
  a.kick()
  pair.world.runFor(10)
  const bytes = a.vnet.snapshot().length - new Vnet().snapshot().length - CONNECTIONS * UNSENT
  const cloneMs = time(short ? 5 : 11, () => a.vnet.clone()) / 1e3
  const snapshotMs = time(5, () => a.vnet.snapshot()) / 1e3
  const saved = a.vnet.snapshot()
  const restoreMs = time(5, () => Vnet.restore(saved, { pool: a.vnet.vn.pool })) / 1e3
  return { cloneMs, snapshotMs, restoreMs, snapshotBytesPerConnection: bytes / CONNECTIONS }
}

function empty() {
  const vnet = new Vnet()
  const times = 2000
  for (let i = 0; i < times; i++) vnet.clone()
  const batch = () => {
    for (let i = 0; i < times; i++) vnet.clone()
  }
  return { emptySnapshotBytes: vnet.snapshot().length, emptyCloneUs: time(9, batch) / times }
}

/**
 * Ratio of lower quartiles: what disturbs a run only ever adds CPU time to it. The two kinds of runs alternate, so that
 * a slow minute of the machine hits both.
 */
function throughput() {
  const [plain, restored] = [[], []]
  bulk(false)
  bulk(true)
  for (let i = 0; i < (short ? 5 : 24); i++) {
    plain.push(bulk(false))
    restored.push(bulk(true))
  }
  return lowerQuartile(plain) / lowerQuartile(restored)
}

/** µs of CPU to move bytes over one connection; `again` restores both ends in the middle of it, before the clock starts. */
function bulk(again) {
  const pair = pairOfVnets()
  const { world, a, b } = pair
  const { clients, servers } = connect(pair, 1)
  const total = (short ? 16 : 96) * 2 ** 20
  const chunk = new Uint8Array(65_536)
  const into = new Uint8Array(65_536)
  const from = { addr: addrParse('0.0.0.0'), port: 0, truncated: false }
  let got = 0
  const move = (until) => {
    while (got < until) {
      while (soSend(a.vnet, a.now(), clients[0], chunk, 0, chunk.length, 0) > 0);
      a.kick()
      world.runFor(500)
      for (let n = 1; n > 0;) {
        n = soRecv(b.vnet, b.now(), servers[0], into, 0, into.length, 0, from)
        if (n > 0) got += n
      }
      b.kick()
      world.runFor(100)
    }
  }
  move(total / 4)
  if (again) {
    for (const host of [a, b]) host.replaceVnet(Vnet.restore(host.vnet.snapshot(), { pool: world.pool }))
  }
  // what a snapshot leaves to the collector is not throughput
  collect()
  const start = process.cpuUsage()
  move(total)
  const { user, system } = process.cpuUsage(start)
  return user + system
}

function lowerQuartile(figures) {
  return figures.sort((a, b) => a - b)[Math.floor(figures.length / 4)]
}

/** Median µs of `fn`, after a warm-up. */
function time(runs, fn) {
  for (let i = 0; i < 3; i++) fn()
  const figures = []
  for (let i = 0; i < runs; i++) {
    const start = process.hrtime.bigint()
    fn()
    figures.push(Number(process.hrtime.bigint() - start) / 1e3)
  }
  return median(figures)
}

function check(errno) {
  if (errno !== 0) throw new Error(`errno ${errno}`)
}
