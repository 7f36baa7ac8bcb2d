/** Sockets again after a restore: by id, with what was unread; on a driver by freezing, with devices by name. */

import { once } from 'node:events'
import { describe, expect, it } from 'vitest'
import { createPair } from '../../src/device/pair.ts'
import { Driver } from '../../src/host/driver.ts'
import type { VnetHost } from '../../src/host/vnet-host.ts'
import { addrFromIp4, ip4Parse } from '../../src/lib/addr.ts'
import { ifAddAddr } from '../../src/link/ifnet.ts'
import { IFF_RUNNING } from '../../src/link/state.ts'
import type { Device } from '../../src/device/device.ts'
import { adoptSocket } from '../../src/socket/adopt.ts'
import { BsdSockets } from '../../src/socket/bsd.ts'
import { connectTcp, TcpServer, TcpSocket } from '../../src/socket/tcp.ts'
import { UdpSocket } from '../../src/socket/udp.ts'

interface Pair { driver: Driver; a: VnetHost; b: VnetHost }

function pairOfHosts(): Pair {
  const driver = new Driver()
  const [a, b] = [driver.addVnet({ name: 'a', seed: [1] }), driver.addVnet({ name: 'b', seed: [2] })]
  const [left, right] = createPair(driver.pool)
  for (const [host, device, ip] of [[a, left, '10.0.0.1'], [b, right, '10.0.0.2']] as const) {
    ifAddAddr(host.vnet.vn, host.attach(device, 'eth0'), addrFromIp4(ip4Parse(ip) as number), 24)
  }
  return { driver, a, b }
}

/** Freezes a host and restores it from the bytes, its devices bound again by name. */
function reincarnate(driver: Driver, host: VnetHost): VnetHost {
  const devices: Record<string, Device> = {}
  const bytes = host.freeze((name, device) => { devices[name] = device })
  expect(Object.keys(devices)).toEqual(['eth0'])
  expect(driver.hosts.has(host)).toBe(false)
  return driver.restoreVnet(bytes, devices)
}

async function read(socket: TcpSocket, n: number): Promise<string> {
  let text = ''
  while (text.length < n) {
    const [chunk] = await once(socket, 'data') as [Buffer]
    text += chunk.toString()
  }
  return text
}

describe('adopting sockets', () => {
  it('a connection with unread data, its listener with one that waits, and a UDP socket with a datagram', async () => {
    const { driver, a, b } = pairOfHosts()
    const accepted: TcpSocket[] = []
    const server = new TcpServer(b, (socket) => accepted.push(socket)).listen({ port: 7 })
    const client = connectTcp(a, { host: '10.0.0.2', port: 7 })
    await once(server, 'connection')
    const udp = new UdpSocket(b).bind(53)
    const peer = new UdpSocket(a)
    b.unwatch(udp.id)
    b.unwatch(server.id)
    client.write('said before')
    peer.send(Buffer.from('sent before'), 53, '10.0.0.2')
    const second = connectTcp(a, { host: '10.0.0.2', port: 7 })
    await once(second, 'connect')
    driver.turn()

    const next = reincarnate(driver, b)
    const infos = next.vnet.sockets()
    expect(infos.map((s) => [s.kind, s.state, s.localPort, s.unread])).toEqual([
      ['tcp-listener', 'LISTEN', 7, 1], ['tcp', 'ESTABLISHED', 7, 11], ['udp', '', 53, 1],
    ])
    expect(infos[1].remoteAddress).toBe('10.0.0.1')
    const [listener, connection, datagrams] = infos.map(({ id }) => adoptSocket(next, id))
    expect(connection).toBeInstanceOf(TcpSocket)
    expect((connection as TcpSocket).remotePort).toBe(client.localPort)
    const waited = once(listener as TcpServer, 'connection') as Promise<[TcpSocket]>
    const message = once(datagrams as UdpSocket, 'message') as Promise<[Buffer]>
    expect(await read(connection as TcpSocket, 11)).toBe('said before')
    expect((await message)[0].toString()).toBe('sent before')
    const [late] = await waited
    expect(late.remotePort).toBe(second.localPort)
    // and all of them go on, in both directions
    client.write('and after')
    expect(await read(connection as TcpSocket, 9)).toBe('and after')
    late.write('hello')
    expect(await read(second, 5)).toBe('hello');
    (datagrams as UdpSocket).send(Buffer.from('back'), peer.address().port, '10.0.0.1')
    expect(((await once(peer, 'message')) as [Buffer])[0].toString()).toBe('back')
    // the connection closes in order
    const ended = once(client, 'close')
    client.resume().end();
    (connection as TcpSocket).resume().end()
    await ended
    driver.close()
  })

  it('twenty times over in the middle of a transfer, at either end: every byte arrives, once', async () => {
    const { driver, ...hosts } = pairOfHosts()
    let { a, b } = hosts
    const total = 3_000_000
    const pattern = Buffer.from(Uint8Array.from({ length: total }, (_, i) => (i * 31) ^ (i >>> 8)))
    const bsd = new BsdSockets(b)
    const server = new TcpServer(b).listen({ port: 9 })
    const client = connectTcp(a, { host: '10.0.0.2', port: 9 })
    const [first] = await once(server, 'connection') as [TcpSocket]
    const ids = [client.id, first.id]
    expect(bsd.getpeername(ids[1]).port).toBe(client.localPort)
    let sent = 0
    const got: Buffer[] = []
    let have = 0
    const into = Buffer.alloc(40_000)
    // over ids, which is what survives
    for (let round = 0; have < total; round++) {
      expect(round).toBeLessThan(5000)
      const [left, right] = [new BsdSockets(a), new BsdSockets(b)]
      if (sent < total && (left.ready(ids[0]) & 2) !== 0) sent += left.send(ids[0], pattern.subarray(sent, sent + 50_000))
      driver.turn()
      if ((right.ready(ids[1]) & 1) !== 0) {
        const n = right.recv(ids[1], into)
        got.push(Buffer.from(into.subarray(0, n)))
        have += n
      }
      if (round < 40 && round % 2 === 0) {
        if (round % 4 === 0) a = reincarnate(driver, a)
        else b = reincarnate(driver, b)
      }
      await new Promise((resolve) => { setImmediate(resolve) })
    }
    expect(Buffer.concat(got).equals(pattern)).toBe(true)
    driver.close()
  })

  it('refuses ids that nobody can hold, and raw sockets', () => {
    const { driver, a } = pairOfHosts()
    const bsd = new BsdSockets(a)
    const raw = bsd.socket(2, 3, 1)
    expect(() => adoptSocket(a, 4000)).toThrow(/EBADF/)
    expect(() => adoptSocket(a, raw)).toThrow(/EPROTONOSUPPORT/)
    driver.close()
  })
})

describe('freezing and restoring on a driver', () => {
  it('an interface without a device has no carrier; an unknown name is refused and nothing is driven', () => {
    const { driver, a } = pairOfHosts()
    const devices: Device[] = []
    const bytes = a.freeze((_name, device) => { devices.push(device) })
    expect(() => driver.restoreVnet(bytes, { eth9: devices[0] })).toThrow(/no interface eth9/)
    expect(driver.hosts.size).toBe(1)
    const flags = (host: VnetHost): number => [...host.vnet.state.link.ifnets.values()][1].flags & IFF_RUNNING
    const back = driver.restoreVnet(bytes)
    expect(flags(back)).toBe(0)
    back.bind(2, devices[0])
    expect(flags(back)).toBe(IFF_RUNNING)
    driver.close()
  })

  it('closes the devices that nobody takes', () => {
    const { driver, a } = pairOfHosts()
    let closed = 0
    const device = a.deviceOf(2) as Device
    const close = device.close.bind(device)
    device.close = () => { closed++; close() }
    a.freeze()
    expect(closed).toBe(1)
    driver.close()
  })

  it('within a socket\'s event is refused', async () => {
    const { driver, a } = pairOfHosts()
    const server = new TcpServer(a).listen({ port: 1 })
    const errors: unknown[] = []
    server.on('connection', () => {
      try {
        a.freeze()
      } catch (e) {
        errors.push(e)
      }
    })
    const client = connectTcp(a, { host: '127.0.0.1', port: 1 })
    await once(client, 'connect')
    await new Promise((resolve) => { setTimeout(resolve, 20) })
    expect(String(errors[0])).toMatch(/within an event/)
    driver.close()
  })
})
