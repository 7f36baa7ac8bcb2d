/** What a Vnet costs while it does nothing: time and memory of ten thousand with an address, a route and a listener. */

import { addrParse, AF_INET, Driver, createPair, ifAddAddr, SOCK_STREAM } from '../../dist/index.js'
import { soBind, soCreate, soListen } from '../../dist/vnet/so.js'

const count = Number(process.argv[2] ?? 10_000)
globalThis.gc()
const before = used()
const driver = new Driver()
const kept = []
const start = process.hrtime.bigint()
const busy = process.cpuUsage()
for (let i = 0; i < count; i++) {
  const host = driver.addVnet({ name: `v${i}`, seed: [i] })
  const [left, right] = createPair(driver.pool)
  ifAddAddr(host.vnet.vn, host.attach(left, 'eth0'), addrParse('10.0.0.1'), 24)
  const socket = soCreate(host.vnet, host.now(), AF_INET, SOCK_STREAM, 0)
  soBind(host.vnet, host.now(), socket, addrParse('0.0.0.0'), 80)
  soListen(host.vnet, host.now(), socket, 16)
  kept.push(right)
}
const us = Number(process.hrtime.bigint() - start) / 1000
const { user, system } = process.cpuUsage(busy)
// a listener sleeps after a second (src/tcp/dormant.ts), frames go back two seconds after the last turn
await new Promise((resolve) => { setTimeout(resolve, 7000) })
globalThis.gc()
const vnetBytes = (used() - before) / count
console.log(JSON.stringify({ vnetCreateUs: us / count, vnetCreateCpuUs: (user + system) / count, vnetBytes, devices: kept.length }))
process.exit(0)

function used() {
  const { heapUsed, arrayBuffers } = process.memoryUsage()
  return heapUsed + arrayBuffers
}
