/** What tap.test.ts has done inside a network namespace; every function cleans up after itself. */

import { spawn, spawnSync } from 'node:child_process'
import type { ChildProcess, StdioOptions } from 'node:child_process'
import { closeSync, existsSync, openSync, readFileSync, readdirSync, readlinkSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import {
  CSUM_PARTIAL, createFramePool, frameAlloc, frameBytes, frameFrom, frameLend, frameRelease, frameWhole,
} from '../../src/lib/frame.ts'
import type { Frame, FramePool } from '../../src/lib/frame.ts'
import { openTap } from '../../src/host/tap.ts'
import type { TapDevice } from '../../src/host/tap.ts'
import { openTapHandle } from '../../src/host/tap-handle.ts'
import { gsoSegment } from '../../src/wire/gso.ts'

const KERNEL_IP = 0x0a420001
const ETHER_TYPE_TEST = 0x88b5
/** FIN, PSH, ACK and CWR; a sequence number that wraps; timestamps. */
const TCP_HEADER = [
  0, 1, 0, 2, 0xff, 0xff, 0xff, 0, 0, 0, 0, 9, 0x80, 0x99, 1, 0, 0, 0, 0, 0, 1, 1, 8, 10, 1, 2, 3, 4, 5, 6, 7, 8,
]

export async function properties() {
  const tap = openTapHandle({ name: 'vmt%d' })
  const before = { name: tap.name, mtu: tap.mtu, up: tap.up, mac: tap.kernelMac, persistent: tap.persistent }
  tap.setMtu(9000)
  tap.setKernelMac(0x020000000099)
  tap.setTxQueueLen(77)
  tap.setUp(true)
  await until(() => tap.running)
  const after = {
    mtu: tap.mtu, mac: tap.kernelMac, txQueueLen: tap.txQueueLen, up: tap.up, running: tap.running, index: tap.ifIndex,
  }
  tap.setCarrier(false)
  await until(() => !tap.running)
  const cut = tap.running
  tap.close()
  tap.close()
  return { before, after, cut, left: interfaces() }
}

export async function arp() {
  const { pool, dev } = device('vmt%d')
  dev.tap.setKernelMac(0x020000000099)
  dev.tap.setKernelAddress(KERNEL_IP, 24)
  dev.tap.setUp(true)
  const reply = new Promise<string>((resolve) => {
    dev.onFrame = (f) => {
      if (f.view.getUint16(f.off + 12) === 0x0806) resolve(Buffer.from(frameBytes(f)).toString('hex'))
    }
  })
  sendBytes(pool, dev, Buffer.from(
    'ffffffffffff0200000000020806000108000604000102000000000' + '20a4200020000000000000a420001', 'hex'))
  dev.flush()
  const hex = await reply
  const result = { hex, inUse: pool.inUse, stats: { ...dev.stats } }
  dev.close()
  return result
}

/** `count` frames of growing size, as sent and as the kernel's own counters of the interface have them. */
export function batch(count: number) {
  const { pool, dev } = device('vmb%d')
  dev.tap.setUp(true)
  for (let i = 0; i < count; i++) sendBytes(pool, dev, testFrame(60 + i))
  dev.flush()
  const stats = kernelCounters(dev.name)
  const { txFrames, txBytes } = dev.stats
  const result = { inUse: pool.inUse, txFrames, txBytes, kernel: stats.rxPackets, kernelBytes: stats.rxBytes }
  dev.close()
  return result
}

/** The kernel is asked for a thread of its own; what it then says about the interface, and what it received of `count` frames. */
export async function threaded(count: number) {
  const { pool, dev } = device('vmk%d', { threaded: true })
  const file = `/sys/class/net/${dev.name}/threaded`
  const said = existsSync(file) ? readFileSync(file, 'utf8').trim() : 'no such file'
  dev.tap.setUp(true)
  for (let i = 0; i < count; i++) sendBytes(pool, dev, testFrame(60 + i))
  dev.flush()
  await until(() => kernelCounters(dev.name).rxPackets >= count)
  const result = { threaded: dev.tap.threaded, said, kernel: kernelCounters(dev.name).rxPackets, dropped: dev.stats.txDropped }
  dev.close()
  return { ...result, left: interfaces() }
}

/** A burst of broadcast datagrams from the kernel: many frames wait in one go. */
export async function flood(count: number) {
  const { pool, dev } = device('vmb%d')
  dev.tap.setKernelAddress(KERNEL_IP, 24)
  dev.tap.setUp(true)
  let udp = 0
  let inUseInside = 0
  let batches = 0
  dev.onFrame = (f) => {
    if (f.view.getUint16(f.off + 12) === 0x0800 && f.view.getUint8(f.off + 23) === 17) udp++
    inUseInside = Math.max(inUseInside, pool.inUse)
  }
  dev.onBatchEnd = () => { batches++ }
  const { createSocket } = await import('node:dgram')
  const socket = createSocket('udp4')
  await new Promise<void>((resolve) => socket.bind(0, resolve))
  socket.setBroadcast(true)
  await Promise.all(Array.from({ length: count }, (_, i) => new Promise((resolve) => {
    socket.send(Buffer.alloc(100, i), 9, '10.66.0.255', resolve)
  })))
  await until(() => udp === count)
  socket.close()
  const result = { udp, inUseInside, inUse: pool.inUse, batches, rxErrors: dev.stats.rxErrors }
  dev.close()
  return result
}

export async function jumbo() {
  const { pool, dev } = device('vmj%d', { mtu: 65_520 })
  dev.tap.setKernelAddress(KERNEL_IP, 24)
  dev.tap.setUp(true)
  const sizes: number[] = []
  let content = true
  dev.onFrame = (f) => {
    if (f.view.getUint16(f.off + 12) !== 0x0800 || f.view.getUint8(f.off + 23) !== 17) return
    sizes.push(f.len)
    for (let i = 42; i < f.len; i++) if (f.view.getUint8(f.off + i) !== ((i - 42) & 0xff)) content = false
  }
  for (const size of [100, 1400, 1878, 1879, 9000, 65_000]) await broadcastUdp(patterned(size))
  await until(() => sizes.length === 6)
  const big = frameAlloc(pool, 65_534) as Frame
  big.len = 65_534
  big.view.setUint16(big.off + 12, ETHER_TYPE_TEST)
  dev.send(big)
  frameRelease(pool, big)
  dev.flush()
  const kernel = kernelCounters(dev.name)
  const result = { sizes, content, sent: kernel.rxBytes, mtu: dev.mtu, inUse: pool.inUse }
  dev.close()
  return result
}

/** Somebody raises the MTU behind the device's back: one frame is lost, later ones arrive. */
export async function mtuRaisedOutside() {
  const { dev } = device('vmj%d')
  dev.tap.setKernelAddress(KERNEL_IP, 24)
  dev.tap.setUp(true)
  const sizes: number[] = []
  dev.onFrame = (f) => {
    if (f.view.getUint16(f.off + 12) === 0x0800 && f.view.getUint8(f.off + 23) === 17) sizes.push(f.len)
  }
  spawnSync('ip', ['link', 'set', dev.name, 'mtu', '9000'])
  for (let i = 0; i < 2; i++) {
    await broadcastUdp(patterned(5000))
    await until(() => dev.stats.rxErrors + sizes.length > i)
  }
  const result = { sizes, rxErrors: dev.stats.rxErrors }
  dev.close()
  return result
}

/**
 * Super-segments that lend their payload from a ring which wraps in the middle of it, written to a plain TAP: what another TAP of
 * the same bridge gets, and what src/wire/gso.ts makes of them.
 */
export async function lentSegments(family: 4 | 6, payload: number, wrapAt: number) {
  const { pool, dev } = device('vmba')
  const { pool: otherPool, dev: other } = device('vmbb')
  const linkLen = 14
  const l4 = linkLen + (family === 4 ? 20 : 40)
  const build = (): Frame => {
    const f = frameAlloc(pool, 65_000) as Frame
    f.slab.fill(0xff, f.off, f.off + 6)
    f.slab.set([2, 0, 0, 0, 0, 0x77, family === 4 ? 8 : 0x86, family === 4 ? 0 : 0xdd], f.off + 6)
    const ip4 = [0x45, 0, 0, 0, 0xff, 0xfe, 0, 0, 64, 6, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2]
    const ip6 = [0x60, 0, 0, 0, 0, 0, 6, 64, 0xfd, ...new Array<number>(14).fill(0), 1, 0xfd, ...new Array<number>(14).fill(0), 2]
    f.slab.set(family === 4 ? ip4 : ip6, f.off + linkLen)
    f.slab.set(TCP_HEADER, f.off + l4)
    f.len = l4 + 32
    f.l4 = f.off + l4
    f.proto = 6
    f.gsoSize = 1001
    f.csum = CSUM_PARTIAL
    frameLend(f, Uint8Array.from({ length: 16_384 }, (_, i) => i * 89 >> 2), 16_384 - wrapAt, payload)
    return f
  }
  const [whole, f] = [build(), build()]
  frameWhole(whole)
  const expected: string[] = []
  for (let k = 0; k * f.gsoSize < payload; k++) {
    const segment = gsoSegment(pool, whole, linkLen, k) as Frame
    expected.push(hex(segment))
    frameRelease(pool, segment)
  }
  frameRelease(pool, whole)
  const got: string[] = []
  other.onFrame = (frame) => { if (hex(frame).slice(12, 24) === '020000000077') got.push(hex(frame)) }
  ip('link', 'add', 'vmbridge', 'type', 'bridge')
  for (const name of [dev.name, other.name]) {
    ip('link', 'set', name, 'master', 'vmbridge')
    ip('link', 'set', name, 'up')
  }
  ip('link', 'set', 'vmbridge', 'up')
  await until(() => dev.tap.running && other.tap.running)
  await sleep(50)
  dev.send(f)
  frameRelease(pool, f)
  dev.flush()
  await until(() => got.length === expected.length)
  const result = {
    same: got.every((one, i) => one === expected[i]), count: got.length, stats: dev.stats, inUse: pool.inUse + otherPool.inUse,
  }
  dev.close()
  other.close()
  ip('link', 'del', 'vmbridge')
  return result
}

function hex(f: Frame): string {
  return Buffer.from(frameBytes(f)).toString('hex')
}

export function attachPersistent() {
  ip('tuntap', 'add', 'dev', 'vmp0', 'mode', 'tap')
  const tap = openTapHandle({ name: 'vmp0', mode: 'attach' })
  const persistent = tap.persistent
  const busy = failure(() => openTapHandle({ name: 'vmp0' }))
  tap.close()
  const stays = interfaces().includes('vmp0')
  const exists = failure(() => openTapHandle({ name: 'vmp0', mode: 'create' }))
  const again = openTapHandle({ name: 'vmp0' })
  again.setPersist(false)
  again.close()
  return { persistent, busy, stays, exists, left: interfaces() }
}

export function failures() {
  ip('tuntap', 'add', 'dev', 'vmtun0', 'mode', 'tun')
  const fd = openSync('/dev/null', 'r')
  const result = {
    missing: failure(() => openTapHandle({ name: 'vmnone', mode: 'attach' })),
    tun: failure(() => openTapHandle({ name: 'vmtun0' })),
    long: failure(() => openTapHandle({ name: 'a-name-that-is-too-long' })),
    notTap: failure(() => openTapHandle({ fd })),
    mtu: failure(() => {
      const tap = openTapHandle()
      try { tap.setMtu(70_000) } finally { tap.close() }
    }),
  }
  closeSync(fd)
  ip('link', 'del', 'vmtun0')
  return result
}

export function openAsIs() {
  return failure(() => openTapHandle({ name: 'vmdenied' }))
}

export function openAndClose() {
  const before = tunDescriptors()
  const tap = openTapHandle()
  const during = tunDescriptors()
  const name = tap.name
  tap.pollStart(() => undefined)
  tap.close()
  tap.close()
  const gone = !interfaces().includes(name)
  return { before, during, after: tunDescriptors(), gone, stale: failure(() => tap.refreshName()) }
}

/** The interface is deleted while the device listens: it closes itself and says so. */
export async function removedUnderUs() {
  const { dev } = device('vmg%d')
  dev.tap.setUp(true)
  const gone = new Promise<number>((resolve) => { dev.onGone = resolve })
  ip('link', 'del', dev.name)
  const errno = await Promise.race([gone, sleep(3000, -1)])
  return { errno, closed: dev.tap.closed, descriptors: tunDescriptors() }
}

export function downAndDropped() {
  const { pool, dev } = device('vmd%d')
  for (let i = 0; i < 3; i++) sendBytes(pool, dev, testFrame(100))
  dev.flush()
  const down = { ...dev.stats }
  dev.tap.setUp(true)
  sendBytes(pool, dev, testFrame(100))
  sendBytes(pool, dev, Buffer.alloc(5))
  sendBytes(pool, dev, testFrame(100))
  dev.flush()
  const up = { ...dev.stats }
  sendBytes(pool, dev, testFrame(100))
  dev.close()
  sendBytes(pool, dev, testFrame(100))
  return { down, up, closed: { ...dev.stats }, inUse: pool.inUse }
}

/** A Node program with an open, polled TAP: unref'd it ends by itself, referenced only process.exit ends it. */
export async function programEnds(kind: 'unref' | 'exit' | 'forget' | 'worker') {
  const program = `
    import { openTapHandle } from ${JSON.stringify(new URL('../../src/host/tap-handle.ts', import.meta.url).href)}
    let tap = openTapHandle({ name: 'vme%d' })
    tap.setUp(true)
    tap.pollStart(() => {})
    if (${JSON.stringify(kind)} === 'unref') tap.unref()
    if (${JSON.stringify(kind)} === 'exit') setTimeout(() => process.exit(0), 50)
    if (${JSON.stringify(kind)} === 'forget') { tap.close(); tap = undefined; globalThis.gc() }
  `
  const child = runProgram(program, 'inherit')
  const ended = new Promise<string>((resolve) => child.on('exit', (code, signal) => resolve(String(signal ?? code))))
  const result = await Promise.race([ended, sleep(8000, 'still running')])
  child.kill('SIGKILL')
  await ended
  return { result, left: interfaces() }
}

/** The descriptor is opened here, and used by a program that finds it as its descriptor 3. */
export async function descriptorOfAnother() {
  const tap = openTapHandle({ name: 'vmfd0' })
  const already = failure(() => openTapHandle({ fd: tap.fd }))
  tap.setUp(true)
  const program = `
    import { openTapHandle } from ${JSON.stringify(new URL('../../src/host/tap-handle.ts', import.meta.url).href)}
    const tap = openTapHandle({ fd: 3 })
    const bytes = new Uint8Array(60).fill(255, 0, 6)
    const records = Uint32Array.from([tap.native.registerArray(bytes), 0, 60, 0])
    const sent = tap.native.writeBatch(tap.handle, tap.native.registerArray(records), 0, 1)
    console.log(JSON.stringify({ name: tap.name, persistent: tap.persistent, sent }))
    tap.pollStart(() => {})
    process.stdin.on('end', () => tap.close()).resume()
  `
  const child = runProgram(program, ['pipe', 'pipe', 'inherit', tap.fd])
  const ended = new Promise((resolve) => child.on('exit', resolve))
  const said = await new Promise<string>((resolve) => child.stdout?.once('data', (data) => resolve(String(data))))
  const counted = kernelCounters('vmfd0').rxPackets
  tap.close()
  const during = interfaces()
  child.stdin?.end()
  const status = await ended
  return { already: already.code, said: JSON.parse(said) as unknown, counted, during, status, after: interfaces() }
}

/** The pool has nothing to lend: what waits is read away and counted, the event loop does not spin. */
export async function poolExhausted() {
  const { pool, dev } = device('vmq%d', {}, createFramePool({ smallLimit: 0, largeLimit: 0 }))
  dev.tap.setKernelAddress(KERNEL_IP, 24)
  dev.tap.setUp(true)
  for (let i = 0; i < 10; i++) await broadcastUdp(patterned(100))
  await until(() => dev.stats.rxErrors >= 10)
  const before = process.cpuUsage()
  await sleep(300)
  const { user, system } = process.cpuUsage(before)
  const result = { rxErrors: dev.stats.rxErrors, rxFrames: dev.stats.rxFrames, cpuUs: user + system, inUse: pool.inUse }
  dev.close()
  return result
}

/** The user of a frame throws, or closes the device in the middle of a batch: every slot goes back. */
export async function userMisbehaves() {
  const { pool, dev } = device('vmu%d')
  dev.tap.setKernelAddress(KERNEL_IP, 24)
  dev.tap.setUp(true)
  const thrown: string[] = []
  const listener = (error: Error): void => { thrown.push(error.message) }
  process.on('uncaughtException', listener)
  dev.onFrame = () => { throw new Error('from onFrame') }
  await broadcastUdp(patterned(100))
  await until(() => thrown.length > 0)
  const afterThrow = pool.inUse
  process.off('uncaughtException', listener)
  let frames = 0
  dev.onFrame = () => {
    frames++
    dev.close()
  }
  // While this blocks the event loop several frames come to wait.
  spawnSync('ping', ['-b', '-c', '5', '-i', '0.002', '-W', '0.1', '10.66.0.255'])
  await until(() => dev.tap.closed)
  await sleep(20)
  return { thrown: thrown[0], afterThrow, frames, inUse: pool.inUse, descriptors: tunDescriptors() }
}

function device(
  name: string, more: { mtu?: number; offload?: boolean; threaded?: boolean } = {}, pool: FramePool = createFramePool({ poison: true }),
): { pool: FramePool; dev: TapDevice } {
  return { pool, dev: openTap({ name, pool, ...more }) }
}

function sendBytes(pool: FramePool, dev: TapDevice, bytes: Uint8Array): void {
  const f = frameFrom(pool, bytes) as Frame
  dev.send(f)
  frameRelease(pool, f)
}

/** A frame of a local experimental EtherType (IEEE 802) that the kernel counts and ignores. */
function testFrame(length: number): Uint8Array {
  const bytes = Buffer.alloc(length, 0x5a)
  bytes.fill(0xff, 0, 6)
  bytes.writeUIntBE(0x020000000002, 6, 6)
  bytes.writeUInt16BE(ETHER_TYPE_TEST, 12)
  return bytes
}

/** Runs an ES module that may import our TypeScript sources. */
function runProgram(program: string, stdio: StdioOptions): ChildProcess {
  const hooks = new URL('ts-hooks.mjs', import.meta.url).href
  const loader = `data:text/javascript,import{register}from'node:module';register(${JSON.stringify(hooks)})`
  const flags = ['--no-warnings', '--expose-gc', ...'typescript' in process.features ? [] : ['--import', loader]]
  return spawn(process.execPath, [...flags, '--input-type=module', '-e', program], { stdio })
}

async function broadcastUdp(payload: Uint8Array): Promise<void> {
  const { createSocket } = await import('node:dgram')
  const socket = createSocket('udp4')
  await new Promise<void>((resolve) => socket.bind(0, resolve))
  socket.setBroadcast(true)
  await new Promise<void>((resolve, reject) => {
    socket.send(payload, 9, '10.66.0.255', (error) => error === null ? resolve() : reject(error))
  })
  socket.close()
}

async function until(what: () => boolean): Promise<void> {
  for (let i = 0; i < 200 && !what(); i++) await sleep(10)
}

function patterned(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => i & 0xff)
}

function failure(what: () => unknown) {
  try {
    what()
    return { code: 'none', syscall: '', path: '', message: '' }
  } catch (error) {
    const { code, syscall, path, message } = error as NodeJS.ErrnoException
    return { code, syscall, path, message }
  }
}

function ip(...args: string[]): void {
  const run = spawnSync('ip', args, { encoding: 'utf8' })
  if (run.status !== 0) throw new Error(`ip ${args.join(' ')}: ${run.stderr}`)
}

function kernelCounters(name: string): { rxPackets: number; rxBytes: number } {
  const run = spawnSync('ip', ['-j', '-s', 'link', 'show', name], { encoding: 'utf8' })
  const [link] = JSON.parse(run.stdout) as [{ stats64: { rx: { packets: number; bytes: number } } }]
  return { rxPackets: link.stats64.rx.packets, rxBytes: link.stats64.rx.bytes }
}

function interfaces(): string[] {
  const run = spawnSync('ip', ['-j', 'link'], { encoding: 'utf8' })
  return (JSON.parse(run.stdout) as { ifname: string }[]).map((l) => l.ifname)
}

function tunDescriptors(): number {
  return readdirSync('/proc/self/fd').filter((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`) === '/dev/net/tun'
    } catch {
      return false
    }
  }).length
}
