/**
 * Churn mode (invariant 3): a world in which every Vnet is saved, destroyed and restored between every two events sends,
 * to the bit, what it sends undisturbed. Along the way, states are compared as canonical dumps.
 */

import { describe, expect, it } from 'vitest'
import { dhcpStart } from '../../src/dhcp/client.ts'
import type { DhcpStats } from '../../src/dhcp/state.ts'
import { SOCK_RAW } from '../../src/inet/sockopt.ts'
import { AF_INET } from '../../src/inet/state.ts'
import { ifSetFlags } from '../../src/link/ifnet.ts'
import { IFF_RUNNING } from '../../src/link/state.ts'
import type { Ifnet } from '../../src/link/state.ts'
import type { CableOptions } from '../../src/sim/cable.ts'
import { createWorld } from '../../src/sim/world.ts'
import type { World } from '../../src/sim/world.ts'
import { diffDumps } from '../../src/snapshot/diff.ts'
import type { Dump } from '../../src/snapshot/dump.ts'
import { BsdSockets } from '../../src/socket/bsd.ts'
import { UdpSocket } from '../../src/socket/udp.ts'
import { startServer } from '../dhcp/server.ts'
import { filesDiffer } from '../support/bytes.ts'
import { assertWorldClean } from '../support/plain.ts'
import { startPinger, startTcpSink, startTcpSource, startUdp } from '../sim/apps.ts'
import { churnOnce } from './churn.ts'
import { sysctlsIn } from '../../src/vnet/sysctl.ts'
import { tcbsAwake, tcbsSeen } from '../support/tcbs.ts'

interface Story {
  /** True once everything has happened that the test is about. */
  done: () => boolean
  /** What must be true at the end, or the test would prove nothing. */
  check: () => void
}

const ROUGH: CableOptions = {
  delayUs: 7000, jitterUs: 900, lossRate: 0.03, reorderRate: 0.05, duplicateRate: 0.02, corruptRate: 0.01,
}

function pair(world: World, options: CableOptions = {}): [ReturnType<World['addVnet']>, ReturnType<World['addVnet']>] {
  const [a, b] = [world.addVnet('a'), world.addVnet('b')]
  world.cable(a.addPort({ address: '10.0.0.1/24' }), b.addPort({ address: '10.0.0.2/24' }), options)
  return [a, b]
}

/** Two transfers, one each way, over loss, reordering, duplication and damage. */
function transfer(world: World): Story {
  const [a, b] = pair(world, { ...ROUGH, rateBps: 30e6 })
  const sinks = [startTcpSink(b, 9), startTcpSink(a, 9)]
  const sources = [startTcpSource(a, '10.0.0.2', 9, 180_000), startTcpSource(b, '10.0.0.1', 9, 60_000)]
  let parked = 0
  return {
    done: () => {
      for (const { vnet } of world.hosts) for (const tcb of tcbsSeen(vnet.state.tcp)) parked += tcb.reass.length
      return sources.every((s) => s.closed) && sinks.every((s) => s.ended === 1)
    },
    check: () => {
      expect(sinks.map((s) => [s.bytes, s.wrongAt, s.errors])).toEqual([[180_000, -1, []], [60_000, -1, []]])
      expect(parked, 'data parked out of order').toBeGreaterThan(30)
      const lost = world.hosts.reduce((n, h) => n + h.vnet.state.tcp.stats.sndrexmitpack, 0)
      expect(lost, 'retransmissions').toBeGreaterThan(3)
    },
  }
}

/** Many short connections: handshakes, SYN cache, both orders of closing, TIME-WAIT and its end, refusals. */
function handshakes(world: World): Story {
  const [a, b] = pair(world, { delayUs: 3000, lossRate: 0.1 })
  const sink = startTcpSink(b, 9)
  const sources = Array.from({ length: 12 }, (_, i) => startTcpSource(a, '10.0.0.2', i % 4 === 3 ? 77 : 9, i * 37))
  let halfOpen = 0
  let timewait = 0
  return {
    done: () => {
      halfOpen += b.vnet.state.tcp.syncache.size
      timewait += a.vnet.state.tcp.timewait.size
      return sources.every((s) => s.closed) && a.vnet.state.tcp.timewait.size + b.vnet.state.tcp.tcbs.size === 1
    },
    check: () => {
      expect(sources.map((s) => s.error)).toEqual(sources.map((_, i) => i % 4 === 3 ? 'ECONNREFUSED' : ''))
      expect(sink.ended).toBe(9)
      expect(halfOpen).toBeGreaterThan(5)
      expect(timewait).toBeGreaterThan(5)
    },
  }
}

/** Echo, datagrams in fragments, lost fragments, unreachable ports, errors, loopback. */
function chatter(world: World): Story {
  const [a, b] = pair(world, ROUGH)
  const [pinger, server, client] = [startPinger(a), startUdp(b, 7), startUdp(a, 8)]
  const inside = startUdp(a, 9)
  let fragments = 0
  for (let i = 0; i < 60; i++) {
    world.at(i * 4000, () => {
      pinger.ping('10.0.0.2', i, i * 70)
      client.send('10.0.0.2', 7, new Uint8Array(i * 110).fill(i))
      client.send('10.0.0.1', 9, new Uint8Array(i * 50))
      if (i % 10 === 0) client.send('10.0.0.99', 7, new Uint8Array(2000))
    })
  }
  return {
    done: () => {
      fragments += b.vnet.state.ip.reassFragments
      return world.now() > 70e6
    },
    check: () => {
      expect(pinger.replies.length).toBeGreaterThan(20)
      expect(server.got.length).toBeGreaterThan(20)
      expect(inside.got).toHaveLength(60)
      expect(fragments).toBeGreaterThan(20)
      expect(b.vnet.state.ip.stats.fragtimeout + a.vnet.state.ip.stats.fragtimeout).toBeGreaterThan(0)
    },
  }
}

/** RFC 5227: two that want one address; probes, announcements, a conflict and its defence. */
function conflict(world: World): Story {
  const hub = world.addSwitch()
  const hosts = ['a', 'b', 'c'].map((name) => world.addVnet(name))
  for (const [i, host] of hosts.entries()) {
    const port = host.addPort({ address: `10.0.0.${i < 2 ? 7 : 3}/24`, probe: i === 1 })
    world.cable(port, hub, { delayUs: 500 + 100 * i })
  }
  const [a, b, c] = hosts
  const pinger = startPinger(c)
  for (let i = 0; i < 8; i++) world.at(i * 3e6, () => { pinger.ping('10.0.0.7', i) })
  return {
    done: () => world.now() > 40e6,
    check: () => {
      expect(a.vnet.state.arp.stats.dupips + b.vnet.state.arp.stats.dupips).toBeGreaterThan(0)
      expect(b.vnet.state.link.ifnets.get(2)?.addrs[0]?.status).toBe(2)
      expect(pinger.replies.length).toBeGreaterThan(2)
    },
  }
}

/** A DHCP client on a bad cable: offers, probes, renewals, an address that is somebody's, a link that goes and comes. */
function leases(world: World): Story {
  const [server, client, thief] = ['server', 'client', 'thief'].map((name) => world.addVnet(name))
  const bridge = world.addSwitch('sw')
  world.cable(server.addPort({ address: '10.0.0.1/24' }), bridge)
  world.cable(thief.addPort({ address: '10.0.0.100/24' }), bridge)
  const port = client.addPort()
  world.cable(port, bridge, { lossRate: 0.1, duplicateRate: 0.1, delayUs: 900 })
  const served = startServer(server, '10.0.0.1', 240)
  dhcpStart(client.vnet.vn, port.ifId, 'client')
  client.kick()
  let bounced = false
  const stats = (): DhcpStats => client.vnet.state.dhcp.stats
  return {
    done: () => {
      const { flags } = client.vnet.state.link.ifnets.get(port.ifId) as Ifnet
      if (!bounced && stats().acks > 3) {
        bounced = true
        ifSetFlags(client.vnet.vn, port.ifId, flags & ~IFF_RUNNING)
        ifSetFlags(client.vnet.vn, port.ifId, flags | IFF_RUNNING)
        client.kick()
      }
      return stats().acks > 6
    },
    check: () => {
      expect(served.declined).toEqual([0x0a000064])
      expect(stats()).toMatchObject({ conflicts: 1, declines: 1 })
      expect(client.vnet.state.link.ifnets.get(port.ifId)?.addrs[0]?.addr.w3).toBe(0x0a000065)
    },
  }
}

/** Members that come and go under a querier of version 3, then of version 2, on a switch. */
function members(world: World): Story {
  const bridge = world.addSwitch('sw')
  const hosts = [1, 2, 3].map((i) => {
    const host = world.addVnet(`h${i}`)
    world.cable(host.addPort({ address: `10.0.0.${i}/24` }), bridge, { delayUs: 300 })
    return host
  })
  const heard: string[] = []
  const sockets = hosts.map((host, i) => {
    const socket = new UdpSocket(host).bind(5000)
    socket.on('message', (bytes: Buffer) => heard.push(`${i} ${bytes.toString()}`))
    return socket
  })
  const querier = new BsdSockets(hosts[2])
  const raw = querier.socket(AF_INET, SOCK_RAW, 2)
  const steps = [
    () => sockets[0].addMembership('239.1.1.1'),
    () => sockets[1].addSourceSpecificMembership('10.0.0.3', '239.1.1.1'),
    () => sockets[1].addSourceSpecificMembership('10.0.0.9', '239.1.1.1'),
    () => querier.sendto(raw, Uint8Array.of(0x11, 100, 0xec, 0x1e, 0, 0, 0, 0, 2, 125, 0, 0), '224.0.0.1', 0),
    () => { sockets[2].send(Buffer.from('x'), 5000, '239.1.1.1') },
    () => querier.sendto(raw, Uint8Array.of(0x11, 100, 0xee, 0x9b, 0, 0, 0, 0), '224.0.0.1', 0),
    () => sockets[0].addMembership('239.1.1.2'),
    () => sockets[0].dropMembership('239.1.1.1'),
    () => { sockets[2].send(Buffer.from('y'), 5000, '239.1.1.1') },
  ]
  for (const host of hosts) sysctlsIn(host.vnet.state)['net.inet.igmp.requirera'] = 0
  let next = 0
  return {
    done: () => {
      if (next < steps.length && world.now() >= next * 300_000) steps[next++]()
      return world.now() > 40e6 || (next === steps.length && hosts.every(({ vnet }) => vnet.nextDeadline() > 100e6))
    },
    check: () => {
      expect(next).toBe(steps.length)
      expect(heard).toEqual(['0 x', '1 x', '1 y'])
      expect(hosts[0].vnet.state.igmp.stats).toMatchObject({ v3queries: 1, v2queries: 1 })
      expect(hosts[0].vnet.state.igmp.stats.sndreports).toBeGreaterThan(3)
    },
  }
}

interface Run { captures: Uint8Array[]; dumps: Dump[]; events: number; churned: number }

function run(story: (world: World) => Story, seed: number, churn: boolean, every: number): Run {
  const world = createWorld({ seed })
  const { done, check } = story(world)
  const captures = world.hosts.map((host) => world.capture(host))
  const dumps: Dump[] = []
  let events = 0
  let churned = 0
  const until = (): boolean => {
    if (churn) {
      churnOnce(world)
      churned++
    }
    if (events++ % every === 0) dumps.push(world.hosts.map((host) => host.vnet.dump()))
    return done()
  }
  expect(world.run({ untilUs: 3600e6, until }).end).toBe('until')
  check()
  assertWorldClean(world)
  return { captures: captures.map((c) => c.bytes()), dumps, events, churned }
}

function expectSame(story: (world: World) => Story, seed: number, every = 25): void {
  const plain = run(story, seed, false, every)
  const churned = run(story, seed, true, every)
  expect(churned.churned).toBe(churned.events)
  expect(filesDiffer(plain.captures, churned.captures)).toBe('')
  expect(churned.dumps.length).toBe(plain.dumps.length)
  expect(plain.dumps.length).toBeGreaterThan(3)
  for (const [i, dump] of plain.dumps.entries()) expect(diffDumps(dump, churned.dumps[i])).toEqual([])
}

describe('churn: saved, destroyed and restored between every two events', () => {
  it('TCP transfers over rough cables: every segment as if nothing had happened', () => {
    expectSame(transfer, 11)
  })

  it('handshakes, half-open connections, closing, TIME-WAIT and refusals', () => expectSame(handshakes, 3))

  it('ping, UDP, fragments that get lost, errors and loopback', () => expectSame(chatter, 4))

  it('address conflicts (RFC 5227)', () => expectSame(conflict, 5, 4))

  it('DHCP: leases, a conflict, a link that comes back', () => expectSame(leases, 6))

  it('multicast: joins, queries of two versions, leaves', () => expectSame(members, 7, 5))

  it('bites: a restore that halves a window is found out', () => {
    const change = (world: World): Story => {
      const story = transfer(world)
      return {
        ...story,
        done: () => {
          for (const { vnet } of world.hosts) for (const tcb of tcbsAwake(vnet.vn)) tcb.cwnd >>= 1
          return story.done()
        },
      }
    }
    const [plain, other] = [run(transfer, 11, false, 1000), run(change, 11, true, 1000)]
    expect(filesDiffer(plain.captures, other.captures)).not.toBe('')
  })
})
