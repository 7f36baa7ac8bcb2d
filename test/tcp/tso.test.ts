/** Segmentation offload: what leaves as one packet is segments to TCP, and becomes segments wherever it must. */

import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { afterEach, describe, expect, it } from 'vitest'
import { createPair } from '../../src/device/pair.ts'
import { Switch } from '../../src/device/switch.ts'
import { WrappedDevice } from '../../src/device/wrapped.ts'
import { OFFLOAD_TSO, framePacketBytes, LINK_ETHER } from '../../src/device/device.ts'
import type { Device } from '../../src/device/device.ts'
import { Driver } from '../../src/host/driver.ts'
import type { VnetHost } from '../../src/host/vnet-host.ts'
import { route6Add } from '../../src/ip6/route.ts'
import { RTF_GATEWAY, RTF_STATIC, RTF_UP } from '../../src/ip/state.ts'
import { addrParse, createAddr } from '../../src/lib/addr.ts'
import type { Addr } from '../../src/lib/addr.ts'
import { checksumAdd, checksumFold } from '../../src/lib/checksum.ts'
import { CSUM_NONE, frameBytes } from '../../src/lib/frame.ts'
import type { Frame } from '../../src/lib/frame.ts'
import { ifAddAddr } from '../../src/link/ifnet.ts'
import { connectTcp, TcpServer } from '../../src/socket/tcp.ts'
import { sysctlSet } from '../../src/vnet/sysctl.ts'
import { tcbsSeen } from '../support/tcbs.ts'
import { tcpStats } from '../../src/tcp/stats.ts'

const TOTAL = 2 ** 20
let driver: Driver

/** What passed a device towards the medium, and a say in it. */
class Tap extends WrappedDevice {
  readonly sizes: number[] = []
  readonly gso: number[] = []
  readonly plain: Uint8Array[] = []
  lose: (f: Frame, nth: number) => boolean = () => false
  readonly #offload: number

  constructor(inner: Device, offload: number) {
    super(inner)
    this.#offload = offload
    inner.onFrame = (f) => { this.onFrame(f) }
  }

  override get offload(): number {
    return this.#offload
  }

  send(f: Frame): void {
    this.sizes.push(framePacketBytes(f, LINK_ETHER))
    this.gso.push(f.gsoSize)
    if (f.gsoSize === 0 && f.csum === CSUM_NONE) this.plain.push(frameBytes(f).slice())
    if (!this.lose(f, this.sizes.length)) this.inner.send(f)
  }
}

afterEach(() => { driver.close() })

function stack(name: string, device: Device, address: string): VnetHost {
  const host = driver.addVnet({ name, seed: [name.length] })
  ifAddAddr(host.vnet.vn, host.attach(device, 'eth0'), addrParse(address) as Addr, address.includes(':') ? 64 : 24, { probe: false })
  host.kick()
  return host
}

type Family = 4 | 6
const NAMES = { 4: ['10.1.0.1', '10.1.0.2'], 6: ['2001:db8:1::1', '2001:db8:1::2'] } as const

function twoHosts(offload: number, mtu = 1500, family: Family = 4): { a: VnetHost; b: VnetHost; tap: Tap } {
  driver = new Driver()
  const [left, right] = createPair(driver.pool, { mtu })
  const tap = new Tap(left, offload)
  return { tap, a: stack('a', tap, NAMES[family][0]), b: stack('b', right, NAMES[family][1]) }
}

/** TOTAL bytes from a to b; resolves when b has seen their end. */
async function transfer(a: VnetHost, b: VnetHost, family: Family = 4, to: string = NAMES[family][1]): Promise<void> {
  const data = Buffer.alloc(TOTAL)
  for (let i = 0; i < TOTAL; i++) data[i] = i * 31 + (i >> 8)
  const server = new TcpServer(b)
  server.listen({ host: family === 6 ? '::' : '0.0.0.0', port: 80 })
  const hash = createHash('sha1')
  server.on('connection', (socket) => { socket.on('data', (chunk: Buffer) => { hash.update(chunk) }) })
  const socket = connectTcp(a, { host: to, port: 80 })
  const accepted = once(server, 'connection') as Promise<[NodeJS.ReadableStream]>
  socket.end(data)
  const [peer] = await accepted
  await once(peer, 'end')
  server.close()
  expect(hash.digest('hex')).toBe(createHash('sha1').update(data).digest('hex'))
}

describe('TCP segmentation offload', () => {
  it('bulk data leaves in packets of many segments, and arrives', async () => {
    const { a, b, tap } = twoHosts(OFFLOAD_TSO)
    await transfer(a, b)
    const supers = tap.gso.filter((size) => size > 0)
    expect(supers.length).toBeGreaterThan(10)
    expect(new Set(supers)).toEqual(new Set([1448]))
    expect(tap.sizes.length).toBeLessThan(TOTAL / 1448 / 4)
    expect(Math.max(...tap.sizes)).toBe(1500)
  })

  it('over IPv6, too: segments of 1,500 less 40 of IPv6, 20 of TCP and 12 of timestamps', async () => {
    const { a, b, tap } = twoHosts(OFFLOAD_TSO, 1500, 6)
    await transfer(a, b, 6)
    const supers = tap.gso.filter((size) => size > 0)
    expect(supers.length).toBeGreaterThan(10)
    expect(new Set(supers)).toEqual(new Set([1428]))
    expect(tap.sizes.length).toBeLessThan(TOTAL / 1428 / 4)
    expect(Math.max(...tap.sizes)).toBe(1500)
  })

  it('over IPv6 a device without it gets segments only, and what is lost goes again in single ones', async () => {
    const plain = twoHosts(0, 1500, 6)
    await transfer(plain.a, plain.b, 6)
    expect(plain.tap.gso.every((size) => size === 0)).toBe(true)
    driver.close()
    const { a, b, tap } = twoHosts(OFFLOAD_TSO, 1500, 6)
    let lost = 0
    tap.lose = (f, nth) => f.gsoSize > 0 && nth > 5 && lost < 3 && ++lost > 0
    await transfer(a, b, 6)
    expect(lost).toBe(3)
    expect(a.vnet.state.tcp.stats.sndrexmitpack).toBeGreaterThanOrEqual(6)
  })

  it('RFC 8200 §4.5 has no router fragment: a router cuts IPv6 super-segments up for a device that takes none', async () => {
    driver = new Driver()
    const [left, inner] = createPair(driver.pool)
    const [outer, right] = createPair(driver.pool)
    const tap = new Tap(outer, 0)
    const a = stack('a', left, '2001:db8:1::1')
    const router = stack('r', inner, '2001:db8:1::99')
    ifAddAddr(router.vnet.vn, router.attach(tap, 'eth1'), addrParse('2001:db8:2::99') as Addr, 64, { probe: false })
    const b = stack('b', right, '2001:db8:2::2')
    expect(sysctlSet(router.vnet.state, 'net.inet6.ip6.forwarding', '1')).toBe(0)
    for (const [host, gateway] of [[a, '2001:db8:1::99'], [b, '2001:db8:2::99']] as const) {
      expect(route6Add(host.vnet.vn, createAddr(), 0, addrParse(gateway) as Addr, 0, RTF_UP | RTF_GATEWAY | RTF_STATIC)).toBe(0)
    }
    await transfer(a, b, 6, '2001:db8:2::2')
    expect(tap.gso.every((size) => size === 0)).toBe(true)
    const cut = tap.plain.filter((bytes) => bytes.length === 1514)
    expect(cut.length).toBeGreaterThan(100)
    for (const bytes of cut) {
      const view = new DataView(bytes.buffer, bytes.byteOffset)
      expect(checksumFold(checksumAdd(checksumAdd(6 + 1460, view, 22, 32), view, 54, 1460))).toBe(0)
    }
  })

  it('a device without it, or net.inet.tcp.tso=0, gets segments only', async () => {
    for (const offload of [0, OFFLOAD_TSO]) {
      const { a, b, tap } = twoHosts(offload)
      if (offload !== 0) expect(sysctlSet(a.vnet.state, 'net.inet.tcp.tso', '0')).toBe(0)
      await transfer(a, b)
      expect(tap.gso.every((size) => size === 0)).toBe(true)
      expect(tap.sizes.length).toBeGreaterThan(TOTAL / 1448)
      driver.close()
    }
  })

  it('of any MTU: where two segments do not fit one packet, each goes alone (RFC 791 §3.1: 65,535 octets)', async () => {
    for (const mtu of [9000, 32_700, 32_800, 40_000, 65_480, 65_520]) {
      const { a, b, tap } = twoHosts(OFFLOAD_TSO, mtu)
      await transfer(a, b)
      expect(a.vnet.state.tcp.stats.persisttimeo).toBe(0)
      expect(tap.gso.some((size) => size > 0)).toBe(mtu < 32_750)
      driver.close()
    }
  })

  it('what is lost goes again in single segments (RFC 6675: the scoreboard knows segments)', async () => {
    const { a, b, tap } = twoHosts(OFFLOAD_TSO)
    let lost = 0
    tap.lose = (f, nth) => f.gsoSize > 0 && nth > 5 && lost < 3 && ++lost > 0
    await transfer(a, b)
    const stats = tcpStats(a.vnet.vn)
    expect(lost).toBe(3)
    expect(stats.sndrexmitpack).toBeGreaterThanOrEqual(6)
    const [meter] = tcbsSeen(a.vnet.state.tcp).map((tcb) => tcb.meter)
    expect(meter === undefined || meter.retrans === stats.sndrexmitpack).toBe(true)
  })

  it('a switch cuts them up for a port that does not take them: checksums, numbers and PSH are the segments\' own', async () => {
    driver = new Driver()
    const sw = new Switch({ name: 'sw', clock: driver, pool: driver.pool })
    const [left, right] = createPair(driver.pool)
    const tap = new Tap(left, 0)
    sw.addDevice(tap, 'plain')
    const a = stack('a', sw.addPort('a').device, '10.1.0.1')
    const b = stack('b', right, '10.1.0.2')
    await transfer(a, b)
    const cut = tap.plain.filter((bytes) => bytes.length === 1514)
    expect(cut.length).toBeGreaterThan(100)
    expect(Math.max(...tap.sizes)).toBe(1500)
    for (const bytes of cut) {
      const view = new DataView(bytes.buffer, bytes.byteOffset)
      expect(checksumFold(checksumAdd(0, view, 14, 20))).toBe(0)
      expect(checksumFold(checksumAdd(checksumAdd(6 + 1480, view, 26, 8), view, 34, 1480))).toBe(0)
    }
    const pushed = cut.filter((bytes) => (bytes[47] & 8) !== 0)
    expect(pushed.length).toBeLessThan(cut.length / 10)
    sw.close()
  })
})
