/**
 * npm run bench:soak: does memory stay flat? Two Vnets in real time, joined by a line that loses and reorders; one bulk
 * flow each way as fast as it goes, 500 connections opened a second of which each tenth is reset. Live memory (after a
 * collection) is sampled; the slope is a least-squares line over what follows the warm-up. See bench/README.md.
 */

import { parseArgs } from 'node:util'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { Driver, addrParse, createPair, ifAddAddr, impairDevice } from '../dist/index.js'
import { acceptAndClose, connectRate, sink, source } from './streams.mjs'

const HELP = `Usage: npm run bench:soak -- [options]

  --minutes N   how long (default 20); the first quarter, three minutes at most, is warm-up
  --json        figures and samples as one JSON object
  --help        this text`

const { values: options } = parseArgs({
  options: {
    minutes: { type: 'string', default: '20' },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
})

const CONNECTIONS_PER_SECOND = 500
const RESET_EVERY = 10
const LINE = { lossRate: 0.001, reorderRate: 0.0005, reorderUs: 2000 }
const SAMPLES = 120
const [BULK_PORT, CONNECT_PORT] = [5001, 5002]
const [A, B] = ['10.0.0.1', '10.0.0.2']

if (options.help) console.log(HELP)
else await main(Number(options.minutes))

async function main(minutes) {
  if (!(minutes > 0)) {
    console.error(`--minutes ${options.minutes}: a number above 0 is expected.\n\n${HELP}`)
    process.exit(2)
  }
  const { driver, hosts } = scene()
  const [a, b] = hosts
  for (const [from, to, address] of [[a, b, B], [b, a, A]]) {
    void sink(to, BULK_PORT, Infinity)
    source(from, address, BULK_PORT, Infinity)
  }
  acceptAndClose(b, CONNECT_PORT)
  const rate = connectRate(a, B, CONNECT_PORT, CONNECTIONS_PER_SECOND, RESET_EVERY)
  const samples = await watch(minutes, driver, hosts, rate.fate)
  rate.stop()
  report(minutes, samples, hosts, rate.fate)
  process.exit(0)
}

function scene() {
  const driver = new Driver()
  const [left, right] = createPair(driver.pool)
  const lossy = impairDevice(left, { clock: driver, pool: driver.pool, seed: [1], tx: LINE, rx: LINE })
  const hosts = [[lossy, A], [right, B]].map(([device, address], i) => {
    const host = driver.addVnet({ name: `soak${i}`, seed: [i] })
    ifAddAddr(host.vnet.vn, host.attach(device, 'eth0'), addrParse(address), 24)
    return host
  })
  return { driver, hosts }
}

/** Every sample: minutes since the start, live bytes in and outside of the heap, and what the stacks hold. */
async function watch(minutes, driver, hosts, fate) {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc')
  const samples = []
  const startedAt = performance.now()
  for (let i = 1; i <= SAMPLES; i++) {
    const until = startedAt + minutes * 60_000 * i / SAMPLES
    await new Promise((resolve) => { setTimeout(resolve, until - performance.now()) })
    collect()
    const { heapUsed, external, rss } = process.memoryUsage()
    const connections = hosts.reduce((n, { vnet: { state } }) => n + state.tcp.tcbs.size + state.tcp.timewait.size, 0)
    const minute = (performance.now() - startedAt) / 60_000
    const liveBytes = heapUsed + external
    samples.push({ minute, liveBytes, rss, connections, framesInUse: driver.pool.inUse })
    if (!options.json && process.stderr.isTTY) {
      const memory = `${mib(liveBytes)} live, ${mib(rss)} RSS`
      process.stderr.write(`\r${minute.toFixed(1)} of ${minutes} min, ${fate.opened} connections, ${memory} `)
    }
  }
  if (!options.json && process.stderr.isTTY) process.stderr.write('\n')
  return samples
}

function report(minutes, samples, hosts, fate) {
  const settled = samples.filter((s) => s.minute > Math.min(3, minutes / 4))
  const received = hosts.reduce((n, host) => n + host.vnet.state.tcp.stats.rcvbyte, 0)
  const again = hosts.reduce((n, host) => n + host.vnet.state.tcp.stats.sndrexmitpack, 0)
  const mean = settled.reduce((n, s) => n + s.liveBytes, 0) / settled.length
  const slope = slopeOf(settled, (s) => s.liveBytes)
  const result = {
    minutes, bulkGbps: received * 8 / minutes / 60e9, retransmitted: again, connections: fate,
    liveBytesMean: Math.round(mean), liveBytesPerMinute: Math.round(slope), livePercentPerHour: slope * 60 / mean * 100,
    rssBytesPerMinute: Math.round(slopeOf(settled, (s) => s.rss)), connectionsAtEnd: samples.at(-1).connections,
  }
  if (options.json) return console.log(JSON.stringify({ ...result, samples }))
  for (const [key, value] of Object.entries(result)) {
    console.log(key.padEnd(20), typeof value === 'object' ? JSON.stringify(value) : value)
  }
}

/** Least squares: per minute. */
function slopeOf(samples, of) {
  const mean = (f) => samples.reduce((n, s) => n + f(s), 0) / samples.length
  const [x, y] = [mean((s) => s.minute), mean(of)]
  const across = samples.reduce((n, s) => n + (s.minute - x) * (of(s) - y), 0)
  return across / samples.reduce((n, s) => n + (s.minute - x) ** 2, 0)
}

function mib(bytes) {
  return `${(bytes / 2 ** 20).toFixed(1)} MiB`
}
