/** Vnets in threads of their own: made, talked to over ring cables, moved while connections are open, closed. */

import { afterEach, describe, expect, it } from 'vitest'
import { once } from 'node:events'
import { Driver } from '../../src/host/driver.ts'
import type { VnetHost } from '../../src/host/vnet-host.ts'
import { createRingCable, openRing } from '../../src/host/ring-cable.ts'
import type { RingEnd } from '../../src/host/ring-cable.ts'
import { placeVnet } from '../../src/host/vnet-move.ts'
import { VnetWorker } from '../../src/host/vnet-worker.ts'
import type { VnetWorkerOptions } from '../../src/host/vnet-worker.ts'
import { addrParse } from '../../src/lib/addr.ts'
import { ifAddAddr } from '../../src/link/ifnet.ts'
import { connectTcp } from '../../src/socket/tcp.ts'
import type { TcpSocket } from '../../src/socket/tcp.ts'

const execArgv = ['--import', new URL('./ts-register.mjs', import.meta.url).href]
const MODULE = new URL('./vnet-worker-module.mjs', import.meta.url)

const workers: VnetWorker[] = []
const drivers: Driver[] = []
afterEach(async () => {
  for (const driver of drivers.splice(0)) driver.close()
  await Promise.all(workers.splice(0).map((worker) => worker.terminate()))
})

describe('VnetWorker', () => {
  it('makes Vnets from a configuration, whose services answer over a ring cable', async () => {
    const [here, there] = createRingCable()
    const worker = started(echoOptions(there))
    expect(await worker.ready).toEqual(['b'])
    expect(await talk(connectTcp(client(here), { host: '10.0.0.2', port: 7 }), 200_000)).toBe(200_000)
    await worker.close()
  }, 60_000)

  it('runs a module: its functions are called, messages go both ways', async () => {
    const worker = started({ module: MODULE, data: 'anything' })
    expect(await worker.ready).toEqual([])
    expect(await worker.call('name')).toBe('mine')
    expect(await worker.call('add', 2, 3)).toBe(5)
    await expect(worker.call('refuse')).rejects.toThrow(TypeError)
    await expect(worker.call('toString')).rejects.toThrow('no function "toString"')
    const answered = once(worker, 'message')
    worker.post({ x: 1 })
    expect(await answered).toEqual([{ echoed: { x: 1 }, vnets: 1 }])
    await worker.close()
    await expect(worker.call('name')).rejects.toThrow('has ended')
  }, 60_000)

  it.each<[string, VnetWorkerOptions, RegExp]>([
    ['a cable that it has not', { vnets: [{ name: 'b', interfaces: [{ name: 'eth0', cable: 'x' }] }] }, /no cable "x"/],
    ['a module that throws', { module: MODULE, data: 'fail' }, /does not want to/],
    ['a module without startVnets', { module: new URL('./ts-register.mjs', import.meta.url) }, /exports no function startVnets/],
  ])('ready rejects: %s', async (_what, options, message) => {
    await expect(started(options).ready).rejects.toThrow(message)
  }, 60_000)

  it('a thread that fails: who waits for an answer hears of it; else it is an event; its cables are unplugged', async () => {
    const waiting = started({ module: MODULE })
    await waiting.ready
    await expect(waiting.call('fail')).rejects.toThrow('the thread fails')

    const [here, there] = createRingCable()
    const driver = made()
    const device = openRing(here, driver)
    const gone = new Promise<void>((resolve) => { device.onGone = resolve })
    const worker = started({ module: MODULE, cables: { there } })
    await worker.ready
    const failed = once(worker, 'error')
    await worker.call('failLater')
    expect(await failed).toEqual([expect.objectContaining({ message: 'the thread fails later' })])
    await gone
  }, 60_000)

  it('a live Vnet moves from thread to thread and home, with a connection open and data under way', async () => {
    const [here, there] = createRingCable()
    const first = started(echoOptions(there))
    const second = started({})
    await Promise.all([first.ready, second.ready])
    const host = client(here)
    const socket = connectTcp(host, { host: '10.0.0.2', port: 7 })
    const total = 24_000_000
    const echoed = talk(socket, total)
    const moves = async (): Promise<void> => {
      await reached(socket, total / 8)
      expect(await second.place(await first.take('b'))).toBe('b')
      await reached(socket, total / 4)
      await first.place(await second.take('b'))
      await reached(socket, total / 2)
      placeVnet(made(), await first.take('b'))
    }
    await moves()
    // not sooner: it was under way all the time
    expect(socket.bytesRead).toBeLessThan(total)
    expect(await echoed).toBe(total)
    expect(host.vnet.state.tcp.stats.sndrexmitpack).toBeLessThan(200)
    await expect(first.take('b')).rejects.toThrow('no vnet "b"')
    await Promise.all([first.close(), second.close()])
  }, 100_000)
})

function started(options: VnetWorkerOptions): VnetWorker {
  const worker = new VnetWorker({ ...options, execArgv })
  workers.push(worker)
  return worker
}

function made(): Driver {
  const driver = new Driver()
  drivers.push(driver)
  return driver
}

function echoOptions(there: RingEnd): VnetWorkerOptions {
  const interfaces = [{ name: 'eth0', cable: 'there', addresses: ['10.0.0.2/24'] }]
  return { cables: { there }, vnets: [{ name: 'b', interfaces, services: [{ name: 'echo' }], sysctls: { 'net.inet.ip.ttl': 63 } }] }
}

function client(end: RingEnd): VnetHost {
  const driver = made()
  const host = driver.addVnet({ name: 'a' })
  const addr = addrParse('10.0.0.1')
  if (addr === null) throw new Error('no address')
  ifAddAddr(host.vnet.vn, host.attach(openRing(end, driver), 'eth0'), addr, 24)
  return host
}

/** Sends `total` octets in a pattern and checks that they come back; resolves to how many did. */
function talk(socket: TcpSocket, total: number): Promise<number> {
  let sent = 0
  let received = 0
  const write = (): void => {
    while (sent < total) {
      const length = Math.min(16_384, total - sent)
      const chunk = Buffer.from(Uint8Array.from({ length }, (_, i) => (sent + i) % 251))
      sent += length
      if (!socket.write(chunk)) return
    }
    socket.end()
  }
  socket.on('drain', write)
  write()
  return new Promise((resolve, reject) => {
    socket.on('error', reject)
    socket.on('data', (chunk: Buffer) => {
      for (const octet of chunk) if (octet !== received++ % 251) reject(new Error(`octet ${received - 1} is ${octet}`))
    })
    socket.on('end', () => { resolve(received) })
  })
}

async function reached(socket: TcpSocket, count: number): Promise<void> {
  while (socket.bytesRead < count) await once(socket, 'data')
}
