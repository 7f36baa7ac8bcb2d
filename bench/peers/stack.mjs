/**
 * A Vnet on a TAP with what the load generator drives from the kernel's side: a TCP sink, a source, an echo, a place for
 * idle connections, and a UDP counter. The same ports as the peers' programs have. Lines on stdin are questions, each
 * answered with a line of JSON: `udp` (datagrams read so far), `mem` (bytes in use after a collection).
 */

import { createInterface } from 'node:readline'
import {
  AF_INET, Driver, EV_ACCEPT, EV_GONE, EV_READ, EV_WRITE, SOCK_DGRAM, SOCK_STREAM, SO_RCVBUF, SOL_SOCKET, addrParse, ifAddAddr,
  openTap,
} from '../../dist/index.js'
import { createAddr } from '../../dist/lib/addr.js'
import { soAccept, soBind, soClose, soCreate, soListen, soRecv, soSend, soSetOpt } from '../../dist/vnet/so.js'

const { offload, threaded, mtu, address } = JSON.parse(process.argv[2])
const CHUNK = 262_144

const driver = new Driver()
const tap = openTap({ name: 'tap0', pool: driver.pool, offload, threaded, mtu, mode: 'create' })
tap.tap.setUp(true)
tap.tap.setKernelAddress(0x0a4f0001, 24)
const host = driver.addVnet({ name: 'bench' })
ifAddAddr(host.vnet.vn, host.attach(tap, 'eth0'), addrParse(address), 24)
const { vnet } = host
const buffer = new Uint8Array(CHUNK)
const from = { addr: createAddr(), port: 0, truncated: false }
let datagrams = 0

serve(6001, read)
serve(6002, null, write)
serve(6003, echo)
serve(6005, () => true)
countDatagrams(6100)
console.log('ready')

createInterface({ input: process.stdin }).on('line', (line) => {
  if (line === 'udp') console.log(JSON.stringify({ datagrams, at: performance.now() }))
  else if (line === 'mem') {
    globalThis.gc()
    const { heapUsed, arrayBuffers } = process.memoryUsage()
    console.log(JSON.stringify({ bytes: heapUsed + arrayBuffers, connections: vnet.state.tcp.tcbs.size }))
  }
}).on('close', () => process.exit(0))

/** Accepts on `port`; `onRead` and `onWrite` return false once the connection is over. */
function serve(port, onRead, onWrite = null) {
  const listener = soCreate(vnet, host.now(), AF_INET, SOCK_STREAM, 0)
  soBind(vnet, host.now(), listener, addrParse('0.0.0.0'), port)
  soListen(vnet, host.now(), listener, 4096)
  host.watch(listener, (what) => {
    if ((what & EV_ACCEPT) === 0) return
    for (;;) {
      const socket = soAccept(vnet, host.now(), listener)
      if (socket < 0) break
      const act = (events) => {
        const open = (onRead === null || (events & (EV_READ | EV_GONE)) === 0 || onRead(socket)) &&
          (onWrite === null || (events & EV_GONE) === 0) && (onWrite === null || onWrite(socket))
        if (!open) closeSocket(socket)
        host.kick()
      }
      host.watch(socket, act)
      act(EV_READ | EV_WRITE)
    }
    host.kick()
  })
}

function read(socket) {
  for (;;) {
    const n = soRecv(vnet, host.now(), socket, buffer, 0, CHUNK, 0, from)
    if (n <= 0) return n !== 0 && isAgain(n)
  }
}

function write(socket) {
  for (;;) {
    const n = soSend(vnet, host.now(), socket, buffer, 0, CHUNK, 0)
    if (n <= 0) return isAgain(n)
  }
}

function echo(socket) {
  for (;;) {
    const n = soRecv(vnet, host.now(), socket, buffer, 0, CHUNK, 0, from)
    if (n <= 0) return n !== 0 && isAgain(n)
    soSend(vnet, host.now(), socket, buffer, 0, n, 0)
  }
}

function isAgain(n) {
  return n === -11
}

function countDatagrams(port) {
  const socket = soCreate(vnet, host.now(), AF_INET, SOCK_DGRAM, 0)
  soBind(vnet, host.now(), socket, addrParse('0.0.0.0'), port)
  soSetOpt(vnet, host.now(), socket, SOL_SOCKET, SO_RCVBUF, 1 << 20)
  host.watch(socket, (what) => {
    if ((what & EV_READ) === 0) return
    while (soRecv(vnet, host.now(), socket, buffer, 0, 2048, 0, from) >= 0) datagrams++
    host.kick()
  })
}

function closeSocket(socket) {
  host.unwatch(socket)
  soClose(vnet, host.now(), socket)
}
