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

async function run({ short }) {
  const total = (short ? 128 : 512) * 2 ** 20
  const runs = short ? 3 : 7
  const rows = []
  const ratios = {}
  for (const [offload, name] of [[true, 'Offload'], [false, 'Frames']]) {
    const [one, two] = [[], []]
    const bytes = offload ? total : total / 4
    // the first of each is a warm-up
    for (let i = 0; i <= runs; i++) {
      one.push(await oneThread(bytes, offload))
      two.push(await twoThreads(bytes, offload))
    }
    const key = `tcpBulkMtu1500${name}`
    const made = row(`${key}TwoThreadsGbps`, median(two.slice(1)), `${key}OneThreadGbps`, median(one.slice(1)))
    rows.push(made)
    ratios[`ringTwoThreadsVsOne${name}`] = made.ratio
  }
  return { rows, ratios, note: 'Offload: super-segments of 64 KiB pass whole. Frames: real frames of 1,500 octets, checksums and all.' }
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

async function twoThreads(total, offload) {
  const [left, right] = createRingCable({ offload })
  const worker = new Worker(new URL(import.meta.url), { workerData: { right, total } })
  await once(worker, 'message')
  const driver = new Driver()
  const a = vnet(driver, 'a', '10.0.0.1', openRing(left, driver))
  source(a, '10.0.0.2', PORT, total)
  const [us] = await once(worker, 'message')
  driver.close()
  await once(worker, 'exit')
  return gbps(total, us)
}

function vnet(driver, name, address, device) {
  const host = driver.addVnet({ name })
  ifAddAddr(host.vnet.vn, host.attach(device, 'eth0'), addrParse(address), 24)
  return host
}

async function receiver({ right, total }) {
  const driver = new Driver()
  const done = sink(vnet(driver, 'b', '10.0.0.2', openRing(right, driver)), PORT, total)
  parentPort.postMessage('ready')
  parentPort.postMessage(await done)
  driver.close()
}

if (!isMainThread && workerData?.right !== undefined) await receiver(workerData)
