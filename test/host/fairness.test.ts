/** The driver's shares (src/host/driver.ts): how long the event loop is held, in counts, and who waits for whom. */

import { expect, it } from 'vitest'
import { createPair } from '../../src/device/pair.ts'
import { watchDevice } from '../../src/device/watch.ts'
import { Driver, QUANTUM, TURN_COST } from '../../src/host/driver.ts'
import type { VnetHost } from '../../src/host/vnet-host.ts'
import { SOCK_DGRAM } from '../../src/inet/sockopt.ts'
import { AF_INET } from '../../src/inet/state.ts'
import { addrParse } from '../../src/lib/addr.ts'
import type { Addr } from '../../src/lib/addr.ts'
import { ifAddAddr } from '../../src/link/ifnet.ts'
import { connectTcp, TcpServer } from '../../src/socket/tcp.ts'
import { soCreate, soSendTo } from '../../src/vnet/so.ts'
import { FRAME_COST } from '../../src/vnet/vnet.ts'

const PORT = 9
const PEER = addrParse('10.0.0.2') as Addr

interface Scene {
  driver: Driver
  /** Names of the senders' Vnets in the order in which their frames left, and what each frame cost. */
  sent: { name: string; cost: number }[]
  /** A Vnet whose neighbour is known, and what sends `count` datagrams of `len` bytes in one event. */
  sender: (name: string) => (count: number, len: number) => void
  join: (name: string) => { from: VnetHost; to: VnetHost }
}

function scene(): Scene {
  const driver = new Driver()
  const sent: Scene['sent'] = []
  const join = (name: string): { from: VnetHost; to: VnetHost } => {
    const [left, right] = createPair(driver.pool, { names: [`${name}0`, `${name}1`] })
    const watched = watchDevice(left, (direction, f) => {
      if (direction === 'out') sent.push({ name, cost: FRAME_COST + f.len })
    })
    const [from, to] = [driver.addVnet({ name, seed: [1] }), driver.addVnet({ name: `${name}-peer`, seed: [2] })]
    ifAddAddr(from.vnet.vn, from.attach(watched, 'eth0'), addrParse('10.0.0.1') as Addr, 24)
    ifAddAddr(to.vnet.vn, to.attach(right, 'eth0'), PEER, 24)
    return { from, to }
  }
  const sender = (name: string): ((count: number, len: number) => void) => {
    const { from } = join(name)
    const socket = soCreate(from.vnet, from.now(), AF_INET, SOCK_DGRAM, 0)
    const send = (count: number, len: number): void => {
      const bytes = new Uint8Array(len)
      for (let i = 0; i < count; i++) expect(soSendTo(from.vnet, from.now(), socket, bytes, 0, len, PEER, PORT)).toBe(len)
      from.kick()
    }
    // ARP, before anything is counted
    send(1, 1)
    while (from.vnet.vn.txq.length > 0 || from.marked) driver.turn()
    return send
  }
  return { driver, sent, sender, join }
}

const costOf = (sent: Scene['sent'], name: string): number =>
  sent.reduce((sum, one) => one.name === name ? sum + one.cost : sum, 0)

it('a bulk transfer in memory holds the event loop for no more than two turns and their last shares', async () => {
  const { driver, sent, join } = scene()
  const { from, to } = join('a')
  const total = 16 * 2 ** 20
  let got = 0
  const done = new Promise<void>((resolve) => {
    new TcpServer(to, (socket) => {
      socket.on('data', (data: Buffer) => {
        if ((got += data.length) === total) resolve()
      })
    }).listen({ port: PORT })
  })
  const client = connectTcp(from, { host: '10.0.0.2', port: PORT })
  client.end(new Uint8Array(total))
  const rounds: number[] = []
  let running = true
  const round = (): void => {
    rounds.push(costOf(sent.splice(0), 'a'))
    if (running) setImmediate(round)
  }
  setImmediate(round)
  await done
  running = false
  driver.close()
  expect(rounds.reduce((sum, cost) => sum + cost, 0)).toBeGreaterThan(total * 0.9)
  // one from a timer, a call or a device, one of the driver's own
  expect(Math.max(...rounds)).toBeLessThan(2 * (TURN_COST + QUANTUM + 2 * FRAME_COST + 2 ** 16))
})

it('a Vnet with one frame waits for no more than a quantum of another that has thousands', () => {
  const { driver, sent, sender } = scene()
  const [bulk, quiet] = [sender('bulk'), sender('quiet')]
  sent.length = 0
  bulk(2000, 1400)
  quiet(1, 10)
  driver.turn()
  const before = sent.slice(0, sent.findIndex(({ name }) => name === 'quiet'))
  expect(before.length).toBeGreaterThan(1)
  expect(costOf(before, 'bulk')).toBeLessThan(QUANTUM + FRAME_COST + 2048)
  expect(costOf(sent, 'bulk')).toBeLessThan(TURN_COST + QUANTUM + FRAME_COST + 2048)
  driver.close()
})

it('Vnets that all have much get equal shares, whatever the size of their frames', async () => {
  const { driver, sent, sender } = scene()
  const names = ['long', 'short', 'both']
  const [long, short, both] = names.map(sender)
  sent.length = 0
  long(1500, 1400)
  short(1500, 10)
  for (let i = 0; i < 750; i++) {
    both(1, 1400)
    both(1, 10)
  }
  while (sent.length < 4500) await new Promise((resolve) => { setImmediate(resolve) })
  const costs = new Map(names.map((name) => [name, 0]))
  const finished = new Map(names.map((name) => [name, sent.findLastIndex((one) => one.name === name)]))
  const first = Math.min(...finished.values())
  for (const { name, cost } of sent.slice(0, first)) {
    costs.set(name, (costs.get(name) as number) + cost)
    // what deficit round robin promises: a quantum, and what the last frame was too long
    expect(Math.max(...costs.values()) - Math.min(...costs.values())).toBeLessThan(QUANTUM + 2 * (FRAME_COST + 2048))
  }
  expect(first).toBeGreaterThan(3000)
  driver.close()
})
