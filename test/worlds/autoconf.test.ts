/** IPv6 networks that configure themselves: hosts behind our own router, renumbering, a router that dies (RFC 4861, RFC 4862). */

import { expect, test } from 'vitest'
import { ip6AddAddr, ip6Addrs, ip6MakeAddr } from '../../src/ip6/ifaddr.ts'
import { route6Add, route6Lookup } from '../../src/ip6/route.ts'
import { IA6_DEPRECATED } from '../../src/ip6/state.ts'
import { addrParse, addrPrint } from '../../src/lib/addr.ts'
import type { Addr } from '../../src/lib/addr.ts'
import { IFA_PREFERRED } from '../../src/link/state.ts'
import { AF_INET6 } from '../../src/inet/state.ts'
import { SOCK_STREAM } from '../../src/inet/sockopt.ts'
import { ndAutoStart } from '../../src/nd/auto.ts'
import { ndAdvertStart } from '../../src/nd/rtadv.ts'
import { createNdAdvertConfig, createNdAdvertPrefix } from '../../src/nd/state-adverts.ts'
import type { NdAdvertPrefix } from '../../src/nd/state-adverts.ts'
import type { SimHost, SimPort } from '../../src/sim/host.ts'
import { createWorld } from '../../src/sim/world.ts'
import type { World } from '../../src/sim/world.ts'
import { BsdSockets } from '../../src/socket/bsd.ts'
import { cleanAfterEach } from '../support/plain.ts'
import { sysctlsIn } from '../../src/vnet/sysctl.ts'
import { tcbsSeen } from '../support/tcbs.ts'

const watch = cleanAfterEach()
const a = (text: string): Addr => addrParse(text) as Addr
const P = '2001:db8:1::'
const Q = '2001:db8:2::'
const SERVER = '2001:db8:ffff::9'

interface Net { world: World; hosts: SimHost[]; ports: SimPort[]; router: SimHost; server: SimHost }

/** `n` hosts and a router on a switch, a server behind the router that knows the way back. */
function net(n: number, seed: number): Net {
  const world = watch(createWorld({ seed }))
  const lan = world.addSwitch()
  const wan = world.addSwitch()
  const server = world.addVnet('server')
  const ps = server.addPort({ address: `${SERVER}/64` })
  world.cable(ps, wan)
  const router = addRouter(world, 'r1', lan, wan, '2001:db8:ffff::1', [createNdAdvertPrefix(a(P), 64)])
  const hosts: SimHost[] = []
  const ports: SimPort[] = []
  for (let i = 0; i < n; i++) {
    const host = world.addVnet(`h${i}`)
    const port = host.addPort()
    world.cable(port, lan)
    host.vnet.state.link.ifnets.get(port.ifId)!.flags |= 1
    expect(ndAutoStart(host.vnet.vn, port.ifId)).toBe(0)
    host.kick()
    hosts.push(host)
    ports.push(port)
  }
  return { world, hosts, ports, router, server }
}

function addRouter(
  world: World, name: string, lan: ReturnType<World['addSwitch']>, wan: ReturnType<World['addSwitch']>, address: string,
  prefixes: NdAdvertPrefix[], preference = 0,
): SimHost {
  const router = world.addVnet(name)
  const [inside, outside] = [router.addPort(), router.addPort({ address: `${address}/64` })]
  world.cable(inside, lan)
  world.cable(outside, wan)
  sysctlsIn(router.vnet.state)['net.inet6.ip6.forwarding'] = 1
  router.vnet.state.link.ifnets.get(inside.ifId)!.flags |= 1
  for (const p of prefixes) {
    expect(ip6AddAddr(router.vnet.vn, inside.ifId, { ...p.prefix, w3: router.index + 1 }, 64)).toBe(0)
  }
  expect(ndAdvertStart(router.vnet.vn, inside.ifId, { ...createNdAdvertConfig(), prefixes, preference })).toBe(0)
  router.kick()
  return router
}

function globals(host: SimHost) {
  return ip6Addrs(host.vnet.vn, 2).filter((ia) => !addrPrint(ia.addr).startsWith('fe80'))
}

function echo(server: SimHost): BsdSockets {
  const s = new BsdSockets(server)
  const listener = s.socket(AF_INET6, SOCK_STREAM)
  s.bind(listener, '::', 7)
  s.listen(listener, 128)
  return s
}

test('50 hosts configure themselves through one router, each with an address of its own, and all reach a server behind it', () => {
  const { world, hosts, server } = net(50, 1)
  echo(server)
  world.runFor(10e6)
  const addresses = hosts.map(globals)
  expect(addresses.every((l) => l.length === 1 && l[0].status === IFA_PREFERRED)).toBe(true)
  expect(new Set(addresses.map((l) => addrPrint(l[0].addr))).size).toBe(50)
  // the way back
  route(server.vnet, P, '2001:db8:ffff::1')
  const clients = hosts.map((h) => {
    const s = new BsdSockets(h)
    const c = s.socket(AF_INET6, SOCK_STREAM)
    expect(() => { s.connect(c, SERVER, 7) }).toThrow(/EINPROGRESS/)
    return { s, c }
  })
  world.runFor(5e6)
  expect(clients.map(({ s, c }) => s.getpeername(c).address)).toEqual(hosts.map(() => SERVER))
  // §6.2.6: all of them were answered by a handful of advertisements
  expect(world.hosts.find((h) => h.name === 'r1')?.vnet.state.nd.stats.txradverts).toBeLessThan(8)
})

test('renumbering: connections stay on the deprecated prefix, new ones use the new, the old one goes in time (RFC 4862 §5.5.4)', () => {
  const { world, hosts, server, router } = net(1, 2)
  const [host] = hosts
  echo(server)
  world.runFor(10e6)
  for (const prefix of [P, Q]) route(server.vnet, prefix, '2001:db8:ffff::1')
  const c = new BsdSockets(host)
  const old = c.socket(AF_INET6, SOCK_STREAM)
  expect(() => { c.connect(old, SERVER, 7) }).toThrow(/EINPROGRESS/)
  world.runFor(1e6)
  expect(c.getsockname(old).address).toMatch(/^2001:db8:1:/)
  const advertise = (prefixes: NdAdvertPrefix[]): void => {
    const [advertiser] = router.vnet.state.nd.advertisers.values()
    advertiser.config.prefixes = prefixes
  }
  advertise([{ ...createNdAdvertPrefix(a(P), 64), validS: 7200, preferredS: 0 }, createNdAdvertPrefix(a(Q), 64)])
  ip6AddAddr(router.vnet.vn, 2, a('2001:db8:2::1'), 64)
  router.kick()
  world.runFor(700e6)
  expect(globals(host).map((ia) => ia.flags & IA6_DEPRECATED)).toEqual([IA6_DEPRECATED, 0])
  const fresh = c.socket(AF_INET6, SOCK_STREAM)
  expect(() => { c.connect(fresh, SERVER, 7) }).toThrow(/EINPROGRESS/)
  world.runFor(1e6)
  expect(c.getsockname(fresh).address).toMatch(/^2001:db8:2:/)
  expect(c.send(old, new Uint8Array(5000))).toBe(5000)
  world.runFor(5e6)
  expect(tcbsSeen(host.vnet.state.tcp).every((t) => t.sndUna === t.sndNxt)).toBe(true)
  advertise([createNdAdvertPrefix(a(Q), 64)])
  world.runFor(2.5 * 3600e6)
  expect(globals(host).map((ia) => addrPrint(ia.addr).slice(0, 11))).toEqual(['2001:db8:2:'])
})

test('a router that dies is found out by silence, the other takes over the connection (RFC 4861 §7.3.3, §6.3.6)', () => {
  const world = watch(createWorld({ seed: 3 }))
  const [lan, wan] = [world.addSwitch(), world.addSwitch()]
  const server = world.addVnet('server')
  world.cable(server.addPort({ address: `${SERVER}/64` }), wan)
  const prefixes = [createNdAdvertPrefix(a(P), 64)]
  const r1 = addRouter(world, 'r1', lan, wan, '2001:db8:ffff::1', prefixes, 1)
  addRouter(world, 'r2', lan, wan, '2001:db8:ffff::2', prefixes)
  const host = world.addVnet('host')
  world.cable(host.addPort(), lan)
  host.vnet.state.link.ifnets.get(2)!.flags |= 1
  ndAutoStart(host.vnet.vn, 2)
  host.kick()
  echo(server)
  world.runFor(30e6)
  // back by the second router, which lives
  route(server.vnet, P, '2001:db8:ffff::2')
  const c = new BsdSockets(host)
  const socket = c.socket(AF_INET6, SOCK_STREAM)
  expect(() => { c.connect(socket, SERVER, 7) }).toThrow(/EINPROGRESS/)
  world.runFor(1e6)
  const first = route6Lookup(host.vnet.vn, a(SERVER))?.gateway
  r1.unbind(2)
  expect(c.send(socket, new Uint8Array(5000))).toBe(5000)
  world.runFor(60e6)
  const second = route6Lookup(host.vnet.vn, a(SERVER))?.gateway
  expect([first?.w3 === second?.w3, host.vnet.state.nd.stats.timeouts]).toEqual([false, 1])
  expect(tcbsSeen(host.vnet.state.tcp).every((t) => t.sndUna === t.sndNxt)).toBe(true)
})

test('an address that somebody has already is found to be a duplicate; another identifier is taken (RFC 4862 §5.4.5, RFC 7217 §6)', () => {
  const { world, hosts, ports } = net(2, 4)
  const ifp = hosts[1].vnet.state.link.ifnets.get(ports[1].ifId)
  if (ifp === undefined) throw new Error('no interface')
  const wanted = ip6MakeAddr(hosts[1].vnet.vn, ifp, a(P), 0)
  ports[0].addAddress(`${addrPrint(wanted)}/64`, { probe: false })
  world.runFor(20e6)
  expect(globals(hosts[0]).map((ia) => addrPrint(ia.addr))).toContain(addrPrint(wanted))
  expect(hosts[1].vnet.state.nd.stats.dupaddr).toBe(1)
  expect(globals(hosts[1]).map((ia) => [addrPrint(ia.addr), ia.status]))
    .toEqual([[addrPrint(ip6MakeAddr(hosts[1].vnet.vn, ifp, a(P), 1)), IFA_PREFERRED]])
})

function route(vnet: SimHost['vnet'], prefix: string, via: string): void {
  expect(route6Add(vnet.vn, a(prefix), 64, a(via), 0, 0)).toBe(0)
}
