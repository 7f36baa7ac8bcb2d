import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { LINK_IP } from '../../src/device/device.ts'
import { createPair } from '../../src/device/pair.ts'
import { Switch } from '../../src/device/switch.ts'
import type { SwitchOptions } from '../../src/device/switch.ts'
import type { SwitchPort } from '../../src/device/switch-port.ts'
import { createFramePool, frameRelease, frameRetain } from '../../src/lib/frame.ts'
import type { Frame, FramePool } from '../../src/lib/frame.ts'
import { BROADCAST, collect, etherBytes, sendBytes, testDevice } from './fixture.ts'
import type { TestDevice } from './fixture.ts'

let pool: FramePool
let time: number
const A = 0x020000000001
const B = 0x020000000002
const C = 0x020000000003

beforeEach(() => {
  pool = createFramePool({ poison: true })
  time = 0
})
afterEach(() => { expect(pool.inUse).toBe(0) })

function createSwitch(options: Partial<SwitchOptions> = {}): Switch {
  return new Switch({ name: 'sw', clock: { now: () => time }, pool, ...options })
}

function threeDevices(sw: Switch): { devices: TestDevice[]; ports: SwitchPort[] } {
  const devices = ['a', 'b', 'c'].map((name) => testDevice(pool, name))
  return { devices, ports: devices.map((d) => sw.addDevice(d)) }
}

describe('switch: learning and forwarding (IEEE 802.1D §7.7, §7.8)', () => {
  it('floods a frame for an unknown address to every port but its own', () => {
    const sw = createSwitch()
    const { devices: [a, b, c], ports: [pa] } = threeDevices(sw)
    a.arrive(etherBytes(B, A, 7))
    expect([a.sent.length, b.sent.length, c.sent.length]).toEqual([0, 1, 1])
    expect(b.sent[0]).toEqual(etherBytes(B, A, 7))
    expect(pa.stats).toMatchObject({ inFrames: 1, inBytes: 60, flooded: 1, outFrames: 0 })
  })

  it('forwards a frame for a learned address to its port alone', () => {
    const sw = createSwitch()
    const { devices: [a, b, c], ports: [, pb] } = threeDevices(sw)
    b.arrive(etherBytes(BROADCAST, B))
    a.arrive(etherBytes(B, A))
    expect([a.sent.length, b.sent.length, c.sent.length]).toEqual([1, 1, 1])
    expect(pb.stats).toMatchObject({ inFrames: 1, flooded: 1, outFrames: 1, outBytes: 60 })
  })

  it('does not send a frame back to the port that it came from', () => {
    const sw = createSwitch()
    const { devices: [a, b, c], ports: [pa] } = threeDevices(sw)
    a.arrive(etherBytes(BROADCAST, A))
    a.arrive(etherBytes(BROADCAST, C))
    b.sent.length = 0
    c.sent.length = 0
    a.arrive(etherBytes(C, A))
    expect([a.sent.length, b.sent.length, c.sent.length]).toEqual([0, 0, 0])
    expect(pa.stats.filtered).toBe(1)
  })

  it('floods broadcast and multicast always', () => {
    const sw = createSwitch()
    const { devices: [a, b, c], ports: [pa] } = threeDevices(sw)
    a.arrive(etherBytes(BROADCAST, A))
    a.arrive(etherBytes(0x01005e000001, A))
    expect([a.sent.length, b.sent.length, c.sent.length]).toEqual([0, 2, 2])
    expect(pa.stats.flooded).toBe(2)
  })

  it('follows an address that moves to another port, and counts it', () => {
    const sw = createSwitch()
    const { devices: [a, b, c], ports: [, , pc] } = threeDevices(sw)
    b.arrive(etherBytes(BROADCAST, B))
    c.arrive(etherBytes(BROADCAST, B))
    expect(pc.stats.moved).toBe(1)
    expect(sw.macs.moved).toBe(1)
    a.arrive(etherBytes(B, A, 9))
    expect(c.sent.filter((x) => x[14] === 9).length).toBe(1)
    expect(b.sent.filter((x) => x[14] === 9).length).toBe(0)
  })
})

describe('switch: ageing and limits (IEEE 802.1D §7.9)', () => {
  it('forgets an address that was not seen for 300 s', () => {
    const sw = createSwitch()
    const { devices: [a, , c] } = threeDevices(sw)
    c.arrive(etherBytes(BROADCAST, C))
    a.arrive(etherBytes(BROADCAST, A))
    time = 299_999_999
    expect(sw.list().map((e) => [e.mac, e.port])).toEqual([[A, 1], [C, 3]])
    a.arrive(etherBytes(C, A, 1))
    time = 300_000_000
    a.arrive(etherBytes(C, A, 2))
    expect(sw.macs.aged).toBe(1)
    expect(sw.ports.get(2)?.stats.outFrames).toBe(3)
    expect(sw.list().map((e) => [e.mac, e.ageUs])).toEqual([[A, 0]])
  })

  it('a frame from the address refreshes it', () => {
    const sw = createSwitch()
    const { devices: [a, b, c] } = threeDevices(sw)
    c.arrive(etherBytes(BROADCAST, C))
    time = 200_000_000
    c.arrive(etherBytes(BROADCAST, C))
    time = 400_000_000
    const before = b.sent.length
    a.arrive(etherBytes(C, A))
    expect(b.sent.length).toBe(before)
  })

  it('remembers a bounded number of addresses: the oldest makes room', () => {
    const sw = createSwitch({ macLimit: 100 })
    const { devices: [a] } = threeDevices(sw)
    for (let i = 0; i < 250; i++) {
      time += 10
      a.arrive(etherBytes(BROADCAST, A + i))
    }
    expect(sw.macs.entries.size).toBe(100)
    expect(sw.macs.evicted).toBe(150)
    expect(sw.list().map((e) => e.mac)).toEqual(Array.from({ length: 100 }, (_, i) => A + 150 + i))
  })

  it('an address in use is not the oldest, however long ago it was learned', () => {
    const sw = createSwitch({ macLimit: 10 })
    const { devices: [a, b] } = threeDevices(sw)
    b.arrive(etherBytes(BROADCAST, B))
    for (let i = 0; i < 50; i++) {
      time += 2_000_000
      b.arrive(etherBytes(BROADCAST, B))
      a.arrive(etherBytes(BROADCAST, A + 100 + i))
    }
    expect(sw.list().map((e) => e.mac)).toContain(B)
  })
})

describe('switch: frames that are not forwarded', () => {
  it('runts, frames from group addresses or from none, each counted', () => {
    const sw = createSwitch()
    const { devices: [a, b], ports: [pa] } = threeDevices(sw)
    a.arrive(new Uint8Array(13))
    a.arrive(etherBytes(B, 0x010000000001))
    a.arrive(etherBytes(B, 0))
    expect(b.sent).toEqual([])
    expect(pa.stats).toMatchObject({ inFrames: 3, runts: 1, badSource: 2 })
    expect(sw.macs.entries.size).toBe(0)
  })

  it('frames for the reserved bridge group addresses (IEEE 802.1D §7.12.6), but their neighbours pass', () => {
    const sw = createSwitch()
    const { devices: [a, b], ports: [pa] } = threeDevices(sw)
    for (let i = 0; i < 16; i++) a.arrive(etherBytes(0x0180c2000000 + i, A))
    expect(b.sent).toEqual([])
    expect(pa.stats.reserved).toBe(16)
    a.arrive(etherBytes(0x0180c2000010, A))
    expect(b.sent.length).toBe(1)
  })

  it('packets longer than the MTU of the port that they would leave by', () => {
    const sw = createSwitch()
    const a = testDevice(pool, 'a', 9000)
    const b = testDevice(pool, 'b', 1500)
    const c = testDevice(pool, 'c', 9000)
    const ports = [a, b, c].map((d) => sw.addDevice(d))
    a.arrive(etherBytes(BROADCAST, A, 0, 1515))
    expect([b.sent.length, c.sent.length]).toEqual([0, 1])
    expect(ports.map((p) => p.stats.tooLong)).toEqual([0, 1, 0])
  })

  it('from and to a port that is switched off; what was learned on it is forgotten', () => {
    const sw = createSwitch()
    const { devices: [a, b, c], ports: [, pb] } = threeDevices(sw)
    b.arrive(etherBytes(BROADCAST, B))
    sw.setPortUp(pb.id, false)
    expect(sw.list()).toEqual([])
    b.arrive(etherBytes(BROADCAST, B))
    a.arrive(etherBytes(B, A))
    expect(b.sent.length).toBe(0)
    expect(c.sent.length).toBe(2)
    expect(pb.stats.down).toBe(2)
    sw.setPortUp(pb.id, true)
    a.arrive(etherBytes(B, A))
    expect(b.sent.length).toBe(1)
  })

  it('a device that does not carry Ethernet cannot be plugged in', () => {
    expect(() => createSwitch().addDevice(testDevice(pool, 'tun0', 1500, LINK_IP))).toThrow('tun0')
  })
})

describe('switch: ports for stacks', () => {
  it('carries frames between offered ports and devices', () => {
    const sw = createSwitch()
    const tap = testDevice(pool, 'tap')
    sw.addDevice(tap)
    const x = sw.addPort('x').device
    const y = sw.addPort('y').device
    const atX = collect(x)
    const atY = collect(y)
    sendBytes(pool, x, etherBytes(BROADCAST, x.mac, 1))
    tap.arrive(etherBytes(x.mac, C, 2))
    expect(atX.map((f) => f[14])).toEqual([2])
    expect(atY.map((f) => f[14])).toEqual([1])
    expect(tap.sent.map((f) => f[14])).toEqual([1])
    expect(x.mac).not.toBe(y.mac)
    expect(x.stats).toMatchObject({ txFrames: 1, rxFrames: 1, rxBytes: 60 })
  })

  it('a flooded frame is one frame for all: no copies, and a device that keeps it holds a reference', () => {
    const sw = createSwitch()
    const from = sw.addPort('from').device
    const frames = new Set<Frame>()
    for (let i = 0; i < 10; i++) sw.addPort(`p${i}`).device.onFrame = (f) => { frames.add(f) }
    const keeper = testDevice(pool, 'keeper')
    const kept: Frame[] = []
    keeper.send = (f) => { frameRetain(f); kept.push(f) }
    keeper.flush = () => { for (const f of kept.splice(0)) frameRelease(pool, f) }
    sw.addDevice(keeper)
    sendBytes(pool, from, etherBytes(BROADCAST, A))
    expect(frames.size).toBe(1)
    expect(pool.inUse).toBe(1)
    from.flush()
    expect(pool.inUse).toBe(0)
  })

  it('a receiver that changes a lent frame is caught by a poisoning pool', () => {
    const sw = createSwitch()
    const from = sw.addPort('from').device
    sw.addPort('vandal').device.onFrame = (f) => { f.slab[f.off + 20] = 1 }
    expect(() => sendBytes(pool, from, etherBytes(BROADCAST, A))).toThrow('vandal changed a lent frame')
  })

  it('the end of a batch is passed on to the ports that were given frames, and to no others', () => {
    const sw = createSwitch()
    const { devices: [a, b, c] } = threeDevices(sw)
    const port = sw.addPort('p').device
    let ends = 0
    port.onBatchEnd = () => { ends++ }
    b.arrive(etherBytes(BROADCAST, B))
    b.endBatch()
    expect([a.flushes, b.flushes, c.flushes, ends]).toEqual([1, 0, 1, 1])
    a.arrive(etherBytes(B, A))
    a.arrive(etherBytes(B, A))
    expect(b.flushes).toBe(0)
    a.endBatch()
    a.endBatch()
    expect([a.flushes, b.flushes, c.flushes, ends]).toEqual([1, 1, 1, 1])
  })

  it('answers sent at the end of a batch are flushed, too', () => {
    const sw = createSwitch()
    const tap = testDevice(pool, 'tap')
    sw.addDevice(tap)
    const stack = sw.addPort('stack').device
    let waiting = 0
    stack.onFrame = () => { waiting++ }
    stack.onBatchEnd = () => {
      for (; waiting > 0; waiting--) sendBytes(pool, stack, etherBytes(A, stack.mac))
      stack.flush()
    }
    tap.arrive(etherBytes(stack.mac, A))
    tap.endBatch()
    expect(tap.sent.length).toBe(1)
    expect(tap.flushes).toBe(1)
  })

  it('a removed port is forgotten, its device gets nothing more', () => {
    const sw = createSwitch()
    const { devices: [a, b], ports: [, pb] } = threeDevices(sw)
    b.arrive(etherBytes(BROADCAST, B))
    sw.removePort(pb.id)
    a.arrive(etherBytes(B, A))
    b.arrive(etherBytes(A, B))
    expect(b.sent).toEqual([])
    expect(a.sent.length).toBe(1)
    expect(sw.list().map((e) => e.mac)).toEqual([A])
  })

  it('closes an offered port from the stack\'s end', () => {
    const sw = createSwitch()
    const x = sw.addPort('x').device
    const got = collect(x)
    x.close()
    sendBytes(pool, x, etherBytes(BROADCAST, A))
    expect(x.stats.txDropped).toBe(1)
    sendBytes(pool, sw.addPort('y').device, etherBytes(BROADCAST, B))
    expect(got).toEqual([])
  })
})

describe('switch: loops', () => {
  it('two switches joined twice do not hang: the storm meets a bounded queue and is counted', () => {
    const left = createSwitch({ name: 'left' })
    const right = createSwitch({ name: 'right' })
    for (const n of ['1', '2']) {
      const [l, r] = createPair(pool, { names: [`l${n}`, `r${n}`] })
      left.addDevice(l)
      right.addDevice(r)
    }
    const host = left.addPort('host').device
    sendBytes(pool, host, etherBytes(BROADCAST, A))
    const dropped = [left, right].flatMap((sw) => [...sw.ports.values()]).reduce((n, p) =>
      n + p.stats.overflow + p.device.stats.txDropped, 0)
    expect(dropped).toBeGreaterThan(0)
  })
})
