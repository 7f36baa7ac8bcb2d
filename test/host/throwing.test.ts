/** A user's callback that throws takes the running turn with it, and nothing of the others (src/host/driver.ts, src/vnet/vnet.ts). */

import { expect, it } from 'vitest'
import { Driver } from '../../src/host/driver.ts'
import type { VnetHost } from '../../src/host/vnet-host.ts'
import { SOCK_DGRAM } from '../../src/inet/sockopt.ts'
import { AF_INET } from '../../src/inet/state.ts'
import { EV_READ } from '../../src/kern/vn.ts'
import { addrFromIp4, IP4_LOOPBACK } from '../../src/lib/addr.ts'
import { soBind, soCreate, soSendTo } from '../../src/vnet/so.ts'

const LOOPBACK = addrFromIp4(IP4_LOOPBACK)

/** Sockets on ports 1 … `count` of a Vnet's loopback, each told of once; `on` is called with the port of who is told. */
function receivers(host: VnetHost, count: number, on: (port: number) => void): void {
  const sender = soCreate(host.vnet, host.now(), AF_INET, SOCK_DGRAM, 0)
  for (let port = 1; port <= count; port++) {
    const socket = soCreate(host.vnet, host.now(), AF_INET, SOCK_DGRAM, 0)
    expect(soBind(host.vnet, host.now(), socket, LOOPBACK, port)).toBe(0)
    host.watch(socket, (what) => { if ((what & EV_READ) !== 0) on(port) }, false)
    expect(soSendTo(host.vnet, host.now(), sender, new Uint8Array(1), 0, 1, LOOPBACK, port)).toBe(1)
  }
  host.vnet.advance(host.now())
}

it('a watcher that throws: the other sockets of its Vnet, and the other Vnets, are told all the same', () => {
  const driver = new Driver()
  const told: string[] = []
  for (const name of ['first', 'second', 'third']) {
    receivers(driver.addVnet({ name, seed: [1] }), 3, (port) => {
      told.push(`${name}:${port}`)
      if (port === 1) throw new Error(`${name} fails`)
    })
  }
  for (const name of ['first', 'second', 'third']) expect(() => driver.turn()).toThrow(`${name} fails`)
  driver.turn()
  expect(told.sort()).toEqual(['first', 'second', 'third'].flatMap((name) => [1, 2, 3].map((port) => `${name}:${port}`)))
  driver.close()
})

it('what is left for the next turn is not waited for: no other event is needed', async () => {
  const driver = new Driver()
  const told: number[] = []
  const thrown: unknown[] = []
  const host = driver.addVnet({ seed: [1] })
  const told3 = new Promise<void>((resolve) => {
    receivers(host, 3, (port) => {
      told.push(port)
      if (told.length === 3) resolve()
      if (port < 3) throw new Error(`${port} fails`)
    })
  })
  // as an 'uncaughtException' handler goes on after what a turn of the loop threw
  try { driver.turn() } catch (err) { thrown.push(err) }
  const handlers = process.listeners('uncaughtException')
  process.removeAllListeners('uncaughtException')
  process.on('uncaughtException', (err) => thrown.push(err))
  await told3
  await new Promise((resolve) => setImmediate(resolve))
  process.removeAllListeners('uncaughtException')
  for (const handler of handlers) process.on('uncaughtException', handler)
  driver.close()
  expect(told).toEqual([1, 2, 3])
  expect(thrown.map(String)).toEqual(['Error: 1 fails', 'Error: 2 fails'])
})
