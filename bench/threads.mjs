/** Two Vnets, TCP bulk: in one thread over a pair, and in two threads over a ring cable. */

import { once } from 'node:events'
import { Worker, isMainThread, parentPort, workerData } from 'node:worker_threads'
import { Driver, addrParse, createPair, createRingCable, ifAddAddr, openRing } from '../dist/index.js'
import { gbps, median, row } from './measure.mjs'
import { sink, source } from './streams.mjs'

export const threads = {
  name: 'threads',
  title: 'Vnet to Vnet, two threads over a ring cable (baseline: one thread over a pair, runs in turn)',
  run,
}

const PORT = 5001
/** What both threads run is compiled by then. */
const WARM_UPS = 3

async function run({ short }) {
  const total = (short ? 128 : 512) * 2 ** 20
  const runs = short ? 3 : 7
  const rows = []
  const ratios = {}
  // one for all runs: a thread's code is compiled for itself
  const worker = new Worker(new URL(import.meta.url), { workerData: { receiver: true } })
  for (const [offload, name] of [[true, 'Offload'], [false, 'Frames']]) {
    const [one, two, oneCpu, twoCpu] = [[], [], [], []]
    const bytes = offload ? total : total / 4
    for (let i = -WARM_UPS; i < runs; i++) {
      const at = [cpuUs(), 0, 0]
      const oneGbps = await oneThread(bytes, offload)
      at[1] = cpuUs()
      const twoGbps = await twoThreads(worker, bytes, offload)
      at[2] = cpuUs()
      if (i < 0) continue
      one.push(oneGbps)
      two.push(twoGbps)
      oneCpu.push((at[1] - at[0]) / (bytes / 2 ** 20))
      twoCpu.push((at[2] - at[1]) / (bytes / 2 ** 20))
    }
    const key = `tcpBulkMtu1500${name}`
    const made = row(`${key}TwoThreadsGbps`, median(two), `${key}OneThreadGbps`, median(one))
    rows.push(made, row(`${key}TwoThreadsCpuUsPerMiB`, median(twoCpu), `${key}OneThreadCpuUsPerMiB`, median(oneCpu)))
    ratios[`ringTwoThreadsVsOne${name}`] = made.ratio
  }
  worker.postMessage(null)
  await once(worker, 'exit')
  return { rows, ratios, note: 'Offload: super-segments of 64 KiB pass whole. Frames: real frames of 1,500 octets, checksums and all.' }
}

/** Of all threads: what is had when the machine has cores to spare follows from it. */
function cpuUs() {
  const { user, system } = process.cpuUsage()
  return user + system
}

async function oneThread(total, offload) {
  const driver = new Driver()
  const [left, right] = createPair(driver.pool, { offload })
  const [a, b] = [vnet(driver, 'a', '10.0.0.1', left), vnet(driver, 'b', '10.0.0.2', right)]
  const done = sink(b, PORT, total)
  source(a, '10.0.0.2', PORT, total)
  const us = await done
  driver.close()
  return gbps(total, us)
}

async function twoThreads(worker, total, offload) {
  const [left, right] = createRingCable({ offload })
  worker.postMessage({ right, total })
  await once(worker, 'message')
  const driver = new Driver()
  const a = vnet(driver, 'a', '10.0.0.1', openRing(left, driver))
  source(a, '10.0.0.2', PORT, total)
  const [us] = await once(worker, 'message')
  driver.close()
  return gbps(total, us)
}

function vnet(driver, name, address, device) {
  const host = driver.addVnet({ name })
  ifAddAddr(host.vnet.vn, host.attach(device, 'eth0'), addrParse(address), 24)
  return host
}

function receiver() {
  parentPort.on('message', async (work) => {
    if (work === null) return parentPort.close()
    const driver = new Driver()
    const done = sink(vnet(driver, 'b', '10.0.0.2', openRing(work.right, driver)), PORT, work.total)
    parentPort.postMessage('ready')
    const us = await done
    driver.close()
    parentPort.postMessage(us)
  })
}

if (!isMainThread && workerData?.receiver === true) receiver()
