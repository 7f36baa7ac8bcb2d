import { expect, it } from 'vitest'
import { AF_INET } from '../../src/inet/state.ts'
import { SOCK_DGRAM } from '../../src/inet/sockopt.ts'
import { createWorld } from '../../src/sim/world.ts'
import { BsdSockets } from '../../src/socket/bsd.ts'
import { UdpSocket } from '../../src/socket/udp.ts'
import { assertWorldClean } from '../support/plain.ts'

const G = '239.1.2.3'

function lan(): ReturnType<typeof createWorld> {
  const world = createWorld()
  const bridge = world.addSwitch('sw')
  for (let i = 1; i <= 3; i++) world.cable(world.addVnet(`h${i}`).addPort({ address: `10.0.0.${i}/24` }), bridge)
  return world
}

it('UdpSocket: members of a group on a switched link hear it, by source where they say so', () => {
  const world = lan()
  const heard: string[] = []
  const sockets = world.hosts.map((host, i) => {
    const socket = new UdpSocket(host).bind(5000)
    socket.on('message', (bytes: Buffer, from: { address: string }) => heard.push(`${i + 1} ${from.address} ${bytes.toString()}`))
    return socket
  })
  sockets[0].addMembership(G)
  sockets[1].addSourceSpecificMembership('10.0.0.3', G, '10.0.0.2')
  world.runFor(1_000_000)
  sockets[2].send(Buffer.from('a'), 5000, G)
  sockets[0].send(Buffer.from('b'), 5000, G)
  sockets[0].setMulticastLoopback(false).setMulticastTTL(4).setMulticastInterface('10.0.0.1')
  sockets[0].send(Buffer.from('c'), 5000, G)
  world.runFor(1_000_000)
  expect(heard.sort()).toEqual(['1 10.0.0.1 b', '1 10.0.0.3 a', '2 10.0.0.3 a'])
  sockets[0].blockSource('10.0.0.3', G)
  sockets[1].dropSourceSpecificMembership('10.0.0.3', G, '10.0.0.2')
  sockets[2].send(Buffer.from('d'), 5000, G)
  world.runFor(1_000_000)
  sockets[0].unblockSource('10.0.0.3', G)
  sockets[2].send(Buffer.from('e'), 5000, G)
  world.runFor(1_000_000)
  expect(heard.slice(3)).toEqual(['1 10.0.0.3 e'])
  sockets[0].dropMembership(G)
  expect(() => sockets[0].dropMembership(G)).toThrow(expect.objectContaining({ code: 'EADDRNOTAVAIL' }))
  expect(() => sockets[0].addMembership(G, '10.7.7.7')).toThrow(expect.objectContaining({ code: 'EADDRNOTAVAIL' }))
  for (const socket of sockets) socket.close()
  world.runFor(10_000_000)
  assertWorldClean(world)
})

it('BsdSockets: joingroup, setsourcefilter and what they refuse', () => {
  const world = lan()
  const bsd = new BsdSockets(world.hosts[0])
  const fd = bsd.socket(AF_INET, SOCK_DGRAM)
  bsd.joingroup(fd, G)
  expect(() => bsd.joingroup(fd, G, '10.0.0.1')).toThrow(expect.objectContaining({ code: 'EADDRINUSE' }))
  bsd.blocksource(fd, G, '10.0.0.9')
  bsd.unblocksource(fd, G, '10.0.0.9')
  bsd.setsourcefilter(fd, G, 'include', ['10.0.0.2', '10.0.0.3'])
  bsd.leavegroup(fd, G, 0, '10.0.0.2')
  bsd.leavegroup(fd, G)
  expect(() => bsd.leavegroup(fd, G)).toThrow(expect.objectContaining({ code: 'EADDRNOTAVAIL' }))
  expect(() => bsd.joingroup(fd, '10.0.0.2')).toThrow(expect.objectContaining({ code: 'EINVAL' }))
  bsd.close(fd)
  world.runFor(10_000_000)
  assertWorldClean(world)
})
