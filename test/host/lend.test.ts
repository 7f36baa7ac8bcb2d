/**
 * Payload on loan (docs/architecture.md) under a driver: a device that gathers at its flush, as a TAP does, sends what was
 * written; all others, and what looks at frames in between, see whole frames.
 */

import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { expect, it } from 'vitest'
import { captureDevice } from '../../src/device/capture.ts'
import { createDeviceStats, ignoreFrame, LINK_ETHER, OFFLOAD_GATHER, OFFLOAD_TSO } from '../../src/device/device.ts'
import type { Device } from '../../src/device/device.ts'
import { frameThaw } from '../../src/device/held.ts'
import type { HeldFrame } from '../../src/device/held.ts'
import { createPair } from '../../src/device/pair.ts'
import { Driver } from '../../src/host/driver.ts'
import type { VnetHost } from '../../src/host/vnet-host.ts'
import { addrParse } from '../../src/lib/addr.ts'
import type { Addr } from '../../src/lib/addr.ts'
import { frameRelease, frameRetain } from '../../src/lib/frame.ts'
import type { Frame, FramePool } from '../../src/lib/frame.ts'
import { ifAddAddr } from '../../src/link/ifnet.ts'
import { connectTcp, TcpServer } from '../../src/socket/tcp.ts'

const PORT = 5001
const BYTES = 12 * 2 ** 20

/** Gathers what was sent at its flush, and hands it to the other end in one batch. */
class Gathering implements Device {
  readonly link = LINK_ETHER
  readonly mtu = 1500
  readonly offload = OFFLOAD_TSO | OFFLOAD_GATHER
  readonly stats = createDeviceStats()
  readonly name: string
  readonly mac: number
  onFrame: (f: Frame) => void = ignoreFrame
  onBatchEnd: () => void = ignoreFrame
  peer: Gathering | null = null
  /** Super-segments in all, of them such as lent, and such as lent from both ends of a buffer; buffers lent from. */
  seen = { all: 0, lent: 0, wrapped: 0, most: 0, buffers: new Set<Uint8Array>() }
  readonly #pool: FramePool
  readonly #queue: Frame[] = []

  constructor(pool: FramePool, name: string, mac: number) {
    this.#pool = pool
    this.name = name
    this.mac = mac
  }

  send(f: Frame): void {
    frameRetain(f)
    this.#queue.push(f)
    if (f.gsoSize > 0) this.seen.all++
    if (f.lentLen === 0) return
    this.seen.lent++
    if (f.lentAt + f.lentLen > f.lent.length) this.seen.wrapped++
    this.seen.buffers.add(f.lent)
  }

  flush(): void {
    this.seen.most = Math.max(this.seen.most, this.#queue.filter((f) => f.lentLen > 0).length)
    const held = this.#queue.map(gather)
    for (const f of this.#queue.splice(0)) frameRelease(this.#pool, f)
    const { peer } = this
    if (peer === null || held.length === 0) return
    setImmediate(() => {
      for (const h of held) {
        const f = frameThaw(this.#pool, h) as Frame
        peer.onFrame(f)
        frameRelease(this.#pool, f)
      }
      peer.onBatchEnd()
    })
  }

  close(): void {
    for (const f of this.#queue.splice(0)) frameRelease(this.#pool, f)
  }
}

/** As the addon does it: the slot, the buffer to its end, the buffer from its beginning. */
function gather(f: Frame): HeldFrame {
  const own = f.len - f.lentLen
  const first = Math.min(f.lentLen, f.lent.length - f.lentAt)
  const bytes = new Uint8Array(f.len)
  bytes.set(f.slab.subarray(f.off, f.off + own))
  bytes.set(f.lent.subarray(f.lentAt, f.lentAt + first), own)
  bytes.set(f.lent.subarray(0, f.lentLen - first), own + first)
  const offloaded = f.csum === 2
  return { bytes, csum: offloaded ? f.csum : 0, gsoSize: f.gsoSize, l4: offloaded ? f.l4 - f.off : 0, proto: offloaded ? f.proto : 0 }
}

function scene(wrap: (device: Device, driver: Driver) => Device = (device) => device) {
  const driver = new Driver()
  const [left, right] = [new Gathering(driver.pool, 'a', 0x020000000001), new Gathering(driver.pool, 'b', 0x020000000002)]
  left.peer = right
  right.peer = left
  const on = (name: string, device: Device, address: string): VnetHost => {
    const host = driver.addVnet({ name, seed: [name.length] })
    ifAddAddr(host.vnet.vn, host.attach(device, 'eth0'), addrParse(address) as Addr, 24)
    return host
  }
  return { driver, left, a: on('a', wrap(left, driver), '10.0.0.1'), b: on('bb', right, '10.0.0.2') }
}

/** Sends BYTES from `a` to `b` in writes of all sizes; the digests of what was written and of what was read. */
async function bulk(a: VnetHost, b: VnetHost, to = '10.0.0.2'): Promise<[string, string]> {
  const [sent, got] = [createHash('sha256'), createHash('sha256')]
  const server = new TcpServer(b, (socket) => {
    socket.on('data', (chunk: Buffer) => got.update(chunk))
    socket.on('end', () => { socket.end() })
  })
  server.listen({ port: PORT })
  const socket = connectTcp(a, { host: to, port: PORT })
  const closed = once(socket, 'close')
  socket.resume()
  await once(socket, 'connect')
  let random = 1
  for (let at = 0; at < BYTES;) {
    const n = Math.min(BYTES - at, 1 + ((random = Math.imul(random, 48271) >>> 0) >>> 4) % 200_000)
    const chunk = Buffer.alloc(n)
    for (let i = 0; i < n; i++) chunk[i] = (at + i) * 131 >> 5
    sent.update(chunk)
    at += n
    if (!socket.write(chunk)) await once(socket, 'drain')
  }
  socket.end()
  await closed
  server.close()
  return [sent.digest('hex'), got.digest('hex')]
}

it('what is lent goes out as it was written, while the buffer grows and wraps and ACKs come in batches', async () => {
  const { driver, left, a, b } = scene()
  const [sent, got] = await bulk(a, b)
  const { all, lent, wrapped, most, buffers } = left.seen
  driver.close()
  expect(got).toBe(sent)
  expect(lent).toBe(all)
  expect(lent).toBeGreaterThan(150)
  expect(wrapped).toBeGreaterThan(3)
  expect(most).toBeGreaterThan(2)
  expect(buffers.size).toBeGreaterThan(2)
  expect(driver.pool.inUse).toBe(0)
})

it('who captures on the device sees every byte, and the device is given whole frames', async () => {
  const payload = createHash('sha256')
  let next = -1
  const { driver, left, a, b } = scene((device, clock) => captureDevice(device, clock, (_time, bytes, direction) => {
    if (direction !== 'out') return
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
    const at = 34 + (view.getUint8(46) >> 4) * 4
    const seq = view.getUint32(38)
    const end = 16 + view.getUint16(16) - 2
    if ((view.getUint8(47) & 2) !== 0) next = seq + 1 >>> 0
    if (seq !== next || end <= at) return
    payload.update(bytes.subarray(at, end))
    next = seq + end - at >>> 0
  }))
  const [sent, got] = await bulk(a, b)
  driver.close()
  expect([got, payload.digest('hex')]).toEqual([sent, sent])
  expect(left.seen.all).toBeGreaterThan(150)
  expect(left.seen.lent).toBe(0)
})

it('a Vnet with a device that gathers and one that does not gives the latter whole frames', async () => {
  const { driver, a } = scene()
  const [left, right] = createPair(driver.pool)
  const c = driver.addVnet({ name: 'ccc', seed: [7] })
  ifAddAddr(a.vnet.vn, a.attach(left, 'eth1'), addrParse('10.0.1.1') as Addr, 24)
  ifAddAddr(c.vnet.vn, c.attach(right, 'eth0'), addrParse('10.0.1.2') as Addr, 24)
  const [sent, got] = await bulk(a, c, '10.0.1.2')
  expect(a.vnet.vn.lends).toBe(true)
  driver.close()
  expect(got).toBe(sent)
})
