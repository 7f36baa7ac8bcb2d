/**
 * What counts.test.ts has counted in a child of its own: bytes allocated, frames, crossings into native code and system
 * calls of TCP and UDP traffic in steady state. The child has a young generation so large that nothing is collected
 * while it is measured, so the heap grows by all that was allocated.
 */

import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { createPair } from '../../src/device/pair.ts'
import { WrappedDevice } from '../../src/device/wrapped.ts'
import type { Device } from '../../src/device/device.ts'
import { Driver } from '../../src/host/driver.ts'
import type { VnetHost } from '../../src/host/vnet-host.ts'
import type { Native } from '../../src/host/native.ts'
import { openTap } from '../../src/host/tap.ts'
import type { TapDevice } from '../../src/host/tap.ts'
import { SOCK_DGRAM, SOCK_STREAM, SOL_SOCKET, SO_REUSEADDR } from '../../src/inet/sockopt.ts'
import { AF_INET } from '../../src/inet/state.ts'
import { EV_ACCEPT, EV_CONNECT, EV_READ, EV_WRITE } from '../../src/kern/vn.ts'
import { addrParse, createAddr } from '../../src/lib/addr.ts'
import type { Addr } from '../../src/lib/addr.ts'
import { EAGAIN } from '../../src/lib/errno.ts'
import type { Frame } from '../../src/lib/frame.ts'
import { ifAddAddr } from '../../src/link/ifnet.ts'
import { soAccept, soBind, soClose, soConnect, soCreate, soListen, soRecv, soSend, soSendTo, soSetOpt } from '../../src/vnet/so.ts'

const MIB = 2 ** 20
const PORT = 5001
const CHUNK = 65_536
const TRIES = 5
const KEYS = ['heap', 'buffers', 'frames', 'crossings', 'reads', 'writes'] as const
/** Transfers until everything hot is compiled and every pool and buffer has its size. */
const WARM_MIB = [32, 32, 32, 16, 64]

export interface Counts {
  /** Bytes of JavaScript heap and of buffers allocated, for each MiB moved (for each datagram in `udp`). */
  heap: number
  buffers: number
  frames: number
  crossings: number
  reads: number
  writes: number
}

/** What a device counts itself. */
interface Meter { frames: () => number; crossings: () => number }

/**
 * TCP over a pair: whole super-segments, or (`plain`) every segment of 1,500 bytes in a frame of its own. `planted`: the
 * devices make an object for each frame, as no device should.
 */
export async function pair(plain: boolean, planted = false): Promise<Counts> {
  const driver = new Driver()
  const [left, right] = createPair(driver.pool)
  const a = vnetOn(driver, plain ? new Plain(left, planted) : left, '10.0.0.1')
  const b = vnetOn(driver, plain ? new Plain(right, planted) : right, '10.0.0.2')
  const counts = await perMib(noCrossings(() => left.stats.txFrames + right.stats.txFrames), async (bytes) => {
    const done = sink(b, bytes)
    source(a, '10.0.0.2', PORT, bytes)
    await done
  })
  driver.close()
  return counts
}

/** UDP datagrams of 18 bytes from Vnet to Vnet, in bursts of 64. */
export async function udp(): Promise<Counts> {
  const driver = new Driver()
  const [left, right] = createPair(driver.pool)
  const a = vnetOn(driver, left, '10.0.0.1')
  const b = vnetOn(driver, right, '10.0.0.2')
  const from = soCreate(a.vnet, a.now(), AF_INET, SOCK_DGRAM, 0)
  const to = soCreate(b.vnet, b.now(), AF_INET, SOCK_DGRAM, 0)
  soBind(b.vnet, b.now(), to, address('0.0.0.0'), PORT)
  const bytes = new Uint8Array(2048)
  const sender = { addr: createAddr(), port: 0, truncated: false }
  const peer = address('10.0.0.2')
  const run = (count: number): Promise<void> => {
    let got = 0
    for (let sent = 0; sent < count; sent += 64) {
      for (let i = 0; i < 64; i++) soSendTo(a.vnet, a.now(), from, bytes, 0, 18, peer, PORT)
      a.kick()
      driver.turn()
      while (soRecv(b.vnet, b.now(), to, bytes, 0, 2048, 0, sender) >= 0) got++
    }
    if (got < count * 0.99) throw new Error(`${got} of ${count} datagrams arrived`)
    return Promise.resolve()
  }
  await run(64) // the first ones wait for ARP
  for (let i = 0; i < 4; i++) await run(64 * 1024)
  const counts = await slope(noCrossings(() => left.stats.txFrames), run, 64 * 128, 64 * 512)
  driver.close()
  return counts
}

/** TCP between a Vnet on a TAP and the kernel, in this namespace. */
export async function tap(offload: boolean, out: boolean): Promise<Counts> {
  const driver = new Driver()
  const device = openTap({ name: 'count0', pool: driver.pool, offload, mtu: 1500, mode: 'create' })
  device.tap.setUp(true)
  device.tap.setKernelAddress(0x0a420001, 24)
  const host = vnetOn(driver, device, '10.66.0.2')
  const meter = { frames: () => device.stats.txFrames + device.stats.rxFrames, crossings: watchNative(device) }
  const counts = await perMib(meter, out ? (bytes) => toKernel(host, bytes) : (bytes) => fromKernel(host, bytes))
  driver.close()
  return counts
}

async function toKernel(host: VnetHost, bytes: number): Promise<void> {
  const server = createServer()
  server.listen(0, '10.66.0.1')
  await once(server, 'listening')
  const done = new Promise<void>((resolve) => {
    server.on('connection', (socket) => {
      let got = 0
      socket.on('data', (data) => {
        if ((got += data.length) < bytes) return
        socket.destroy()
        server.close(() => resolve())
      })
    })
  })
  source(host, '10.66.0.1', (server.address() as AddressInfo).port, bytes)
  return done
}

async function fromKernel(host: VnetHost, bytes: number): Promise<void> {
  const done = sink(host, bytes)
  const socket = connect(PORT, '10.66.0.2')
  socket.on('error', () => { /* the sink closes when it has all */ })
  await once(socket, 'connect')
  const chunk = Buffer.alloc(CHUNK)
  for (let sent = 0; sent < bytes && !socket.destroyed; sent += CHUNK) {
    if (!socket.write(chunk)) await Promise.race([once(socket, 'drain'), once(socket, 'close')])
  }
  socket.end()
  await done
}

function noCrossings(frames: () => number): Meter {
  return { frames, crossings: () => 0 }
}

async function perMib(meter: Meter, move: (bytes: number) => Promise<void>): Promise<Counts> {
  const moveMib = (mib: number): Promise<void> => move(mib * MIB)
  for (const mib of WARM_MIB) await moveMib(mib)
  return slope(meter, moveMib, 8, 40)
}

/**
 * What `many` cost more than `few`, for each one: opening and closing cancel out. The median of some tries: a buffer
 * that grows lets the engine collect garbage, and a function that is compiled anew costs for once.
 */
async function slope(meter: Meter, move: (n: number) => Promise<void>, few: number, many: number): Promise<Counts> {
  const tries: Counts[] = []
  for (let i = 0; i < TRIES; i++) {
    const small = await measured(move, few, meter)
    const large = await measured(move, many, meter)
    for (const key of KEYS) large[key] = (large[key] - small[key]) / (many - few)
    tries.push(large)
  }
  const median = { ...tries[0] }
  for (const key of KEYS) median[key] = tries.map((one) => one[key]).sort((x, y) => x - y)[TRIES >> 1]
  return median
}

async function measured(move: (n: number) => Promise<void>, n: number, meter: Meter): Promise<Counts> {
  if (globalThis.gc === undefined) throw new Error('the child was started without --expose-gc')
  globalThis.gc()
  const before = snapshot(meter)
  await move(n)
  const after = snapshot(meter)
  for (const key of KEYS) after[key] -= before[key]
  return after
}

function snapshot(meter: Meter): Counts {
  const { heapUsed: heap, arrayBuffers: buffers } = process.memoryUsage()
  // the kernel's own count of this process's calls of the read and write families
  const io = readFileSync('/proc/self/io', 'utf8')
  const of = (key: string): number => Number(new RegExp(`^${key}: (\\d+)$`, 'm').exec(io)?.[1])
  return { heap, buffers, frames: meter.frames(), crossings: meter.crossings(), reads: of('syscr'), writes: of('syscw') }
}

/** Counts the calls of the addon's batch functions by this device. */
function watchNative(device: TapDevice): () => number {
  const { native } = device.tap
  let calls = 0
  const counting: Native = {
    ...native,
    readBatch: (handle, records, small, large) => {
      calls++
      return native.readBatch(handle, records, small, large)
    },
    writeBatch: (handle, records, from, count, lent) => {
      calls++
      return native.writeBatch(handle, records, from, count, lent)
    },
  }
  Object.assign(device.tap, { native: counting })
  return () => calls
}

/** A device without offload: segments travel one by one. */
class Plain extends WrappedDevice {
  last: Partial<Frame> | null = null
  readonly #planted: boolean

  constructor(inner: Device, planted: boolean) {
    super(inner)
    this.#planted = planted
    inner.onFrame = (f) => this.onFrame(f)
  }

  send(f: Frame): void {
    if (this.#planted) this.last = { ...f }
    this.inner.send(f)
  }
}

function vnetOn(driver: Driver, device: Device, text: string): VnetHost {
  const host = driver.addVnet({ name: text, seed: [1] })
  ifAddAddr(host.vnet.vn, host.attach(device, 'eth0'), address(text), 24)
  return host
}

/** Reads `bytes` of one connection to PORT. */
function sink(host: VnetHost, bytes: number): Promise<void> {
  const { vnet } = host
  const listener = soCreate(vnet, host.now(), AF_INET, SOCK_STREAM, 0)
  soSetOpt(vnet, host.now(), listener, SOL_SOCKET, SO_REUSEADDR, 1)
  soBind(vnet, host.now(), listener, address('0.0.0.0'), PORT)
  soListen(vnet, host.now(), listener, 1)
  const into = new Uint8Array(4 * CHUNK)
  const from = { addr: createAddr(), port: 0, truncated: false }
  return new Promise((resolve, reject) => {
    let received = 0
    host.watch(listener, (what) => {
      if ((what & EV_ACCEPT) === 0) return
      const socket = soAccept(vnet, host.now(), listener)
      const read = (): void => {
        for (;;) {
          const n = soRecv(vnet, host.now(), socket, into, 0, into.length, 0, from)
          if (n === -EAGAIN) break
          if (n <= 0) return reject(new Error(`the stream ended after ${received} bytes: ${n}`))
          received += n
          if (received < bytes) continue
          close(host, socket)
          close(host, listener)
          return resolve()
        }
        host.kick()
      }
      host.watch(socket, (news) => { if ((news & EV_READ) !== 0) read() })
      read()
    })
  })
}

/** Connects and sends `bytes`. */
function source(host: VnetHost, to: string, port: number, bytes: number): void {
  const { vnet } = host
  const socket = soCreate(vnet, host.now(), AF_INET, SOCK_STREAM, 0)
  const chunk = new Uint8Array(CHUNK)
  let sent = 0
  host.watch(socket, (what) => {
    if ((what & (EV_WRITE | EV_CONNECT)) === 0) return
    while (sent < bytes) {
      const n = soSend(vnet, host.now(), socket, chunk, 0, Math.min(CHUNK, bytes - sent), 0)
      if (n < 0) break
      sent += n
    }
    if (sent >= bytes) close(host, socket)
    host.kick()
  })
  soConnect(vnet, host.now(), socket, address(to), port)
  host.kick()
}

function close(host: VnetHost, socket: number): void {
  host.unwatch(socket)
  soClose(host.vnet, host.now(), socket)
  host.kick()
}

function address(text: string): Addr {
  return addrParse(text) as Addr
}
