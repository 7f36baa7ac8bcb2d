/** In the namespace: the Vnet's side of the TAP benchmark. The kernel's side is tap-peer.mjs, a process of its own. */

import { spawn } from 'node:child_process'
import { connect } from 'node:net'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { AF_INET, Driver, EV_READ, SOCK_DGRAM, SO_RCVBUF, SOL_SOCKET, addrParse, ifAddAddr, openTap } from '../dist/index.js'
import { NETIF_UP, loadNative } from '../dist/host/native.js'
import { createAddr } from '../dist/lib/addr.js'
import { soBind, soClose, soCreate, soRecv, soSendTo, soSetOpt } from '../dist/vnet/so.js'
import { gbps, medianOf } from './measure.mjs'
import { sink, source } from './streams.mjs'

const { short } = JSON.parse(process.argv[2])
const RUNS = short ? 2 : 5
const TOTAL = (short ? 64 : 256) * 2 ** 20
const UDP_MS = short ? 500 : 1500
const KERNEL = '10.66.0.1'
const VNET = '10.66.0.2'
const PORT = 5001

const peer = startPeer()
loadNative().native.netifSet('lo', NETIF_UP, 1)
const figures = {}

figures.kernelLoopbackTcpBulkGbps = await medianOf(RUNS, async () => {
  const port = await peer.ask('sink', TOTAL)
  return gbps(TOTAL, await kernelSource(port))
})
figures.kernelLoopbackUdp64ByteFramesPerSecond = await medianOf(RUNS, async () => {
  const { port } = await peer.ask('udpReceive')
  const sender = startPeer()
  await sender.ask('udpSend', '127.0.0.1', port, UDP_MS)
  sender.close()
  return await peer.ask('udpStop') / UDP_MS * 1000
})

for (const [label, offload] of [['Mtu1500', false], ['Offload', true]]) {
  const scene = openScene(offload)
  figures[`tcpBulkKernelToVnet${label}Gbps`] = await medianOf(RUNS, async () => {
    const us = sink(scene.host, PORT, TOTAL)
    await peer.ask('source', VNET, PORT, TOTAL)
    return gbps(TOTAL, await us)
  })
  figures[`tcpBulkVnetToKernel${label}Gbps`] = await medianOf(RUNS, async () => {
    const port = await peer.ask('sink', TOTAL)
    source(scene.host, KERNEL, port, TOTAL)
    return gbps(TOTAL, await peer.ask('sinkDone'))
  })
  if (!offload) await udp(scene)
  scene.driver.close()
}
peer.close()
console.log(JSON.stringify(figures))

async function udp(scene) {
  const sent = []
  figures.udp64ByteKernelToVnetFramesPerSecond = await medianOf(RUNS, async () => {
    const receiver = udpReceiver(scene.host)
    sent.push(await peer.ask('udpSend', VNET, PORT, UDP_MS) / UDP_MS * 1000)
    return receiver.stop() / UDP_MS * 1000
  })
  figures.udp64ByteKernelSentFramesPerSecond = Math.max(...sent.slice(1))
  figures.udp64ByteVnetToKernelFramesPerSecond = await medianOf(RUNS, async () => {
    const { port } = await peer.ask('udpReceive')
    await udpSender(scene.host, port)
    return await peer.ask('udpStop') / UDP_MS * 1000
  })
}

function openScene(offload) {
  const driver = new Driver()
  const tap = openTap({ name: 'bench0', pool: driver.pool, offload, mtu: 1500, mode: 'create' })
  tap.tap.setUp(true)
  tap.tap.setKernelAddress(0x0a420001, 24)
  const host = driver.addVnet({ name: 'bench' })
  const ifId = host.attach(tap, 'eth0')
  ifAddAddr(host.vnet.vn, ifId, addrParse(VNET), 24)
  return { driver, host }
}

/** Counts the datagrams that a reader got out of its socket. */
function udpReceiver(host) {
  const { vnet } = host
  const socket = soCreate(vnet, host.now(), AF_INET, SOCK_DGRAM, 0)
  soBind(vnet, host.now(), socket, addrParse('0.0.0.0'), PORT)
  soSetOpt(vnet, host.now(), socket, SOL_SOCKET, SO_RCVBUF, 1 << 20)
  const into = new Uint8Array(2048)
  const from = { addr: createAddr(), port: 0, truncated: false }
  let count = 0
  host.watch(socket, (what) => {
    if ((what & EV_READ) === 0) return
    while (soRecv(vnet, host.now(), socket, into, 0, 2048, 0, from) >= 0) count++
    host.kick()
  })
  return { stop: () => { closeSocket(host, socket); return count } }
}

/** Sends 64-byte frames in bursts of 64 for the time of the run, as fast as the Vnet can. */
function udpSender(host, port) {
  const { vnet } = host
  const socket = soCreate(vnet, host.now(), AF_INET, SOCK_DGRAM, 0)
  const bytes = new Uint8Array(18)
  const to = addrParse(KERNEL)
  const end = performance.now() + UDP_MS
  return new Promise((resolve) => {
    const burst = () => {
      for (let i = 0; i < 64; i++) soSendTo(vnet, host.now(), socket, bytes, 0, 18, to, port)
      host.kick()
      if (performance.now() < end) return setImmediate(burst)
      closeSocket(host, socket)
      setTimeout(resolve, 50)
    }
    burst()
  })
}

/** The kernel's own source, in this process as the Vnet is. */
async function kernelSource(port) {
  const chunk = Buffer.alloc(65_536)
  const socket = connect({ host: '127.0.0.1', port })
  let sent = 0
  const write = () => {
    while (sent < TOTAL) {
      sent += chunk.length
      if (!socket.write(chunk)) return
    }
    socket.end()
  }
  socket.on('drain', write)
  socket.on('connect', write)
  socket.on('error', () => {})
  return peer.ask('sinkDone')
}

function closeSocket(host, socket) {
  host.unwatch(socket)
  soClose(host.vnet, host.now(), socket)
  host.kick()
}

/** Calls into a process at the kernel's end, one at a time: a line of JSON each way. */
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
