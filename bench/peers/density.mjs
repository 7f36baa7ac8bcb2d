/**
 * What a Vnet costs while it does nothing: time and memory of ten thousand with an address, a route and a listening socket. As with all
 * other figures a warm-up comes first: `vnetCreateFirstUs` is what each of the first ten thousand of a process took, `vnetCreateUs` the
 * median of three rounds behind them.
 */

import { addrParse, AF_INET, Driver, createPair, ifAddAddr, SOCK_STREAM } from '../../dist/index.js'
import { soBind, soCreate, soListen } from '../../dist/vnet/so.js'
import { median } from '../measure.mjs'

const ROUNDS = 3
const count = Number(process.argv[2] ?? 10_000)
globalThis.gc()
const before = used()
const warmUp = await round(null)
const rounds = []
for (let i = 1; i < ROUNDS; i++) rounds.push(await round(null))
const kept = []
rounds.push(await round(kept))
// a listener sleeps after a second (src/tcp/dormant.ts), frames go back two seconds after the last turn
await new Promise((resolve) => { setTimeout(resolve, 7000) })
globalThis.gc()
const vnetBytes = (used() - before) / count
console.log(JSON.stringify({
  vnetCreateFirstUs: warmUp.us, vnetCreateUs: median(rounds.map((r) => r.us)), vnetCreateCpuUs: median(rounds.map((r) => r.cpuUs)),
  vnetBytes, devices: kept.length,
}))
process.exit(0)

/** Makes `count` Vnets, and ends them unless they are to be kept. */
async function round(keep) {
  const driver = new Driver()
  const peers = []
  const start = process.hrtime.bigint()
  const busy = process.cpuUsage()
  for (let i = 0; i < count; i++) {
    const host = driver.addVnet({ name: `v${i}`, seed: [i] })
    const [left, right] = createPair(driver.pool)
    ifAddAddr(host.vnet.vn, host.attach(left, 'eth0'), addrParse('10.0.0.1'), 24)
    const socket = soCreate(host.vnet, host.now(), AF_INET, SOCK_STREAM, 0)
    soBind(host.vnet, host.now(), socket, addrParse('0.0.0.0'), 80)
    soListen(host.vnet, host.now(), socket, 16)
    peers.push(right)
  }
  const us = Number(process.hrtime.bigint() - start) / 1000
  const { user, system } = process.cpuUsage(busy)
  if (keep !== null) keep.push(...peers)
  else driver.close()
  // their announcements leave, and what ended goes
  await new Promise((resolve) => { setTimeout(resolve, 1000) })
  if (keep === null) globalThis.gc()
  return { us: us / count, cpuUs: (user + system) / count }
}

function used() {
  const { heapUsed, arrayBuffers } = process.memoryUsage()
  return heapUsed + arrayBuffers
}
