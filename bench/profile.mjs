/**
 * Where the time goes over TAP, by kind of work: system calls, copies, checksums, headers, TCP, scheduling. Shares of the
 * samples of `TOTAL` bytes each way, without and with offload; the kernel's end is a process of its own.
 *
 *   npm run build && unshare --net -- sh -c 'ip link set lo up && exec node bench/profile.mjs'
 */

import { spawn } from 'node:child_process'
import { Session } from 'node:inspector/promises'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { Driver, addrParse, ifAddAddr, openTap } from '../dist/index.js'
import { gbps } from './measure.mjs'
import { sink, source } from './streams.mjs'

const TOTAL = 256 * 2 ** 20
const PORT = 5001
const VNET = '10.66.0.2'
const KERNEL = '10.66.0.1'
const SAMPLE_US = 200

/** The first that fits a function's name and file; the addon's functions have neither. */
const KINDS = [
  ['idle', (name) => name === '(idle)'],
  ['garbage collection', (name) => name === '(garbage collector)'],
  ['system calls', (name, file) => name === '' && file === ''],
  ['copies', (name, file) => (file === '' && /^(set|subarray|fill)$/.test(name)) || file.endsWith('lib/bytering.js')],
  ['checksums', (_name, file) => file.endsWith('checksum.js')],
  ['batches', (_name, file) => /dist\/host\/tap/.test(file)],
  ['scheduling', (name, file) => name === 'now' || /dist\/(host|vnet|kern)\//.test(file)],
  ['TCP', (_name, file) => /dist\/tcp\//.test(file)],
  ['link, IP', (_name, file) => /dist\/(link|arp|ip|ip6|inet)\//.test(file)],
  ['headers', (_name, file) => /dist\/(wire|lib)\//.test(file)],
  ['rest', () => true],
]

const peer = startPeer()
for (const offload of [false, true]) {
  const driver = new Driver()
  const tap = openTap({ name: 'profile0', pool: driver.pool, offload, mtu: 1500, mode: 'create' })
  tap.tap.setUp(true)
  tap.tap.setKernelAddress(0x0a420001, 24)
  const host = driver.addVnet({ name: 'profile' })
  ifAddAddr(host.vnet.vn, host.attach(tap, 'eth0'), addrParse(VNET), 24)
  await profile(`kernel to Vnet, ${offload ? 'offload' : 'MTU 1500'}`, async () => {
    const us = sink(host, PORT, TOTAL)
    await peer.ask('source', VNET, PORT, TOTAL)
    return us
  })
  await profile(`Vnet to kernel, ${offload ? 'offload' : 'MTU 1500'}`, async () => {
    const port = await peer.ask('sink', TOTAL)
    source(host, KERNEL, port, TOTAL)
    return peer.ask('sinkDone')
  })
  driver.close()
}
peer.close()

/** Runs `once` twice to warm up, then profiles it and prints what each kind of work took. */
async function profile(title, once) {
  await once()
  await once()
  const session = new Session()
  session.connect()
  await session.post('Profiler.enable')
  await session.post('Profiler.setSamplingInterval', { interval: SAMPLE_US })
  await session.post('Profiler.start')
  const us = await once()
  const { profile: taken } = await session.post('Profiler.stop')
  session.disconnect()
  const kindOf = new Map(taken.nodes.map(({ id, callFrame: { functionName, url } }) => [
    id, KINDS.find(([, fits]) => fits(functionName, url))[0],
  ]))
  const counts = new Map()
  for (const id of taken.samples) counts.set(kindOf.get(id), (counts.get(kindOf.get(id)) ?? 0) + 1)
  counts.delete('idle')
  const all = [...counts.values()].reduce((sum, n) => sum + n, 0)
  const shares = [...counts].sort(([, a], [, b]) => b - a).map(([kind, n]) => `${kind} ${Math.round(n / all * 100)} %`)
  console.log(`${title} (${gbps(TOTAL, us).toFixed(1)} Gb/s): ${shares.join(', ')}`)
}

/** The kernel's end: a line of JSON each way. */
function startPeer() {
  const child = spawn(process.execPath, [fileURLToPath(new URL('tap-peer.mjs', import.meta.url))], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const waiting = []
  createInterface({ input: child.stdout }).on('line', (line) => waiting.shift()?.(JSON.parse(line)))
  return {
    ask: (name, ...args) => new Promise((resolve) => {
      waiting.push(resolve)
      child.stdin.write(`${JSON.stringify([name, ...args])}\n`)
    }),
    close: () => child.stdin.end(),
  }
}
