/** What raw-ip.test.ts has done inside a network namespace; the peer is a second one behind a veth pair. */

import { spawn, spawnSync } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { readlinkSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { createFramePool, frameBytes, frameFrom, frameRelease } from '../../src/lib/frame.ts'
import type { Frame, FramePool } from '../../src/lib/frame.ts'
import { checksumAdd, checksumFold } from '../../src/lib/checksum.ts'
import { openRawIp } from '../../src/host/raw-ip.ts'
import type { RawIpDevice, RawIpOptions } from '../../src/host/raw-ip.ts'

/** The Vnet's address, unknown to the host in masquerade mode. */
const INSIDE = 0x0a420002
const LOOPBACK = 0x7f000001
const PEER = 0xc0000202
const BEYOND_PEER = 0xc6336401
const NOWHERE = 0xcb007101
const ECHO = 8

interface Setup { pool: FramePool; dev: RawIpDevice; got: Buffer[] }

/** Two pings of our own and one of the host's, which must not come in. */
export async function pingLoopback() {
  const s = open()
  const foreign = spawnSync('ping', ['-c', '1', '-W', '1', '127.0.0.1'], { encoding: 'utf8' }).status
  send(s, icmp(ECHO, 0x1234, 1, INSIDE, LOOPBACK, Buffer.from('first')))
  send(s, icmp(ECHO, 0x1234, 2, INSIDE, LOOPBACK, Buffer.alloc(1200, 7)))
  await until(() => s.got.length >= 2)
  await sleep(50)
  return finish(s, { foreign })
}

export async function pingPeer() {
  return withPeer(async () => {
    const s = open()
    send(s, icmp(ECHO, 0x77, 1, INSIDE, PEER, Buffer.from('over the veth pair')))
    await until(() => s.got.length >= 1)
    return finish(s, {})
  })
}

/** TTL 1 towards a network beyond the peer, then one the peer has no route to. */
export async function errors() {
  return withPeer(async () => {
    const s = open()
    send(s, icmp(ECHO, 0x99, 5, INSIDE, BEYOND_PEER, Buffer.from('traced'), 1))
    await until(() => s.got.length >= 1)
    send(s, icmp(ECHO, 0x9a, 6, INSIDE, NOWHERE, Buffer.from('lost')))
    await until(() => s.got.length >= 2)
    return finish(s, {})
  })
}

export async function refusals() {
  const s = open()
  send(s, icmp(0, 1, 1, INSIDE, LOOPBACK, Buffer.alloc(8)))
  send(s, icmp(11, 1, 1, INSIDE, LOOPBACK, Buffer.alloc(28)))
  const udp = icmp(ECHO, 1, 1, INSIDE, LOOPBACK, Buffer.alloc(8))
  udp[9] = 17
  send(s, udp)
  send(s, Buffer.from('60000000', 'hex'))
  send(s, Buffer.alloc(20, 0x41))
  const tooLong = icmp(ECHO, 1, 1, INSIDE, LOOPBACK, Buffer.alloc(8))
  spawnSync('ip', ['link', 'set', 'lo', 'mtu', '600'])
  send(s, icmp(ECHO, 2, 1, INSIDE, LOOPBACK, Buffer.alloc(1200)))
  send(s, tooLong)
  await until(() => s.dev.stats.txDropped >= 6 && s.dev.stats.txFrames >= 1)
  spawnSync('ip', ['link', 'set', 'lo', 'mtu', '65536'])
  return finish(s, {})
}

/** An address routed to this host, nothing rewritten; here ICMP and a protocol the kernel does not know. */
export async function transparent(protocol: number) {
  const s = open({ protocol, mode: 'transparent' })
  const packet = icmp(ECHO, 0x55, 1, LOOPBACK + 1, LOOPBACK, Buffer.from('as it is'))
  packet[9] = protocol
  send(s, packet)
  await until(() => s.got.length >= (protocol === 1 ? 2 : 1))
  return finish(s, {})
}

/** A burst beyond the queue: the rest is dropped and counted, what went out is answered. */
export async function burst(count: number) {
  const s = open()
  for (let i = 0; i < count; i++) send(s, icmp(ECHO, 0x4321, i, INSIDE, LOOPBACK, Buffer.alloc(32)))
  await until(() => s.got.length + s.dev.stats.txDropped >= count)
  return finish(s, {})
}

/** Nobody but the event loop knows the device: it must hear the host's pings before and after a collection. */
export async function survivesCollection() {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  const seen = { count: 0 }
  const weak = openForgotten(seen)
  spawnSync('ping', ['-c', '1', '127.0.0.1'])
  await until(() => seen.count === 2)
  const before = seen.count
  for (let i = 0; i < 5; i++) {
    await sleep(1)
    collect()
  }
  spawnSync('ping', ['-c', '1', '127.0.0.1'])
  await until(() => seen.count === 4)
  weak.deref()?.close()
  return { before, after: seen.count }
}

function openForgotten(seen: { count: number }): WeakRef<RawIpDevice> {
  const dev = openRawIp({ pool: createFramePool(), mode: 'transparent' })
  dev.onFrame = () => { seen.count++ }
  return new WeakRef(dev)
}

export function openAsIs() {
  try {
    openRawIp({ pool: createFramePool() }).close()
    return { code: 'none', message: '' }
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    return { code, message }
  }
}

function open(more: Partial<RawIpOptions> = {}): Setup {
  const pool = createFramePool({ poison: true })
  const dev = openRawIp({ pool, ...more })
  const got: Buffer[] = []
  dev.onFrame = (f: Frame) => { got.push(Buffer.from(frameBytes(f))) }
  return { pool, dev, got }
}

function finish<T extends object>(s: Setup, more: T) {
  s.dev.close()
  s.dev.close()
  return { packets: s.got.map(describe), stats: { ...s.dev.stats }, inUse: s.pool.inUse, ...more }
}

function describe(p: Buffer) {
  const view = new DataView(p.buffer, p.byteOffset, p.length)
  const quoted = p[20] === 3 || p[20] === 11 ? { qsrc: p.readUInt32BE(40), qdst: p.readUInt32BE(44), qid: p.readUInt16BE(52) } : {}
  return {
    type: p[20], id: p.readUInt16BE(24), seq: p.readUInt16BE(26), src: p.readUInt32BE(12), dst: p.readUInt32BE(16),
    data: p.subarray(28, 48).toString('latin1'), length: p.length,
    headerSum: checksumFold(checksumAdd(0, view, 0, 20)),
    sum: checksumFold(checksumAdd(0, view, 20, p.length - 20)),
    ...quoted,
  }
}

function icmp(type: number, id: number, seq: number, src: number, dst: number, data: Buffer, ttl = 64): Buffer {
  const p = Buffer.alloc(28 + data.length)
  const view = new DataView(p.buffer, p.byteOffset, p.length)
  p[0] = 0x45
  p.writeUInt16BE(p.length, 2)
  p.writeUInt16BE(0x3344, 4)
  p[8] = ttl
  p[9] = 1
  p.writeUInt32BE(src, 12)
  p.writeUInt32BE(dst, 16)
  p.writeUInt16BE(checksumFold(checksumAdd(0, view, 0, 20)), 10)
  p[20] = type
  p.writeUInt16BE(id, 24)
  p.writeUInt16BE(seq, 26)
  data.copy(p, 28)
  p.writeUInt16BE(checksumFold(checksumAdd(0, view, 20, p.length - 20)), 22)
  return p
}

function send(s: Setup, packet: Buffer): void {
  const f = frameFrom(s.pool, packet) as Frame
  s.dev.send(f)
  frameRelease(s.pool, f)
}

/** A process in a namespace of its own, 192.0.2.2, with this one as 192.0.2.1; both documentation addresses. */
async function withPeer<T>(body: () => Promise<T>): Promise<T> {
  const peer = spawn('unshare', ['--net', '--', 'sleep', '60'], { stdio: 'ignore' })
  const namespaceOf = (pid: number | string | undefined): string => readlinkSync(`/proc/${pid}/ns/net`)
  try {
    await until(() => namespaceOf(peer.pid) !== namespaceOf('self'))
    await until(() => ip('link', 'add', 'vmr0', 'type', 'veth', 'peer', 'name', 'vmr1', 'netns', String(peer.pid)) === 0)
    ip('addr', 'add', '192.0.2.1/24', 'dev', 'vmr0')
    ip('link', 'set', 'vmr0', 'up')
    ip('route', 'add', 'default', 'via', '192.0.2.2')
    inPeer(peer, 'ip addr add 192.0.2.2/24 dev vmr1; ip link set vmr1 up; sysctl -q -w net.ipv4.ip_forward=1')
    inPeer(peer, 'ip route add 198.51.100.0/24 via 192.0.2.1')
    return await body()
  } finally {
    peer.kill('SIGKILL')
    ip('link', 'del', 'vmr0')
  }
}

function inPeer(peer: ChildProcess, script: string): void {
  const run = spawnSync('nsenter', [`--net=/proc/${peer.pid}/ns/net`, 'sh', '-c', script], { encoding: 'utf8' })
  if (run.status !== 0) throw new Error(run.stderr)
}

function ip(...args: string[]): number {
  return spawnSync('ip', args, { stdio: 'ignore' }).status ?? -1
}

async function until(what: () => boolean): Promise<void> {
  for (let i = 0; i < 200 && !what(); i++) await sleep(10)
}
