import { describe, expect, it } from 'vitest'
import { createWorld } from '../../src/sim/world.ts'
import type { SimHost } from '../../src/sim/host.ts'
import { SOCK_DGRAM, SOCK_STREAM } from '../../src/inet/sockopt.ts'
import { AF_INET } from '../../src/inet/state.ts'
import { addrFromIp4, createAddr } from '../../src/lib/addr.ts'
import { soAccept, soBind, soClose, soConnect, soCreate, soListen, soSendTo } from '../../src/vnet/so.ts'
import { destinationParse } from '../../src/vimage/address.ts'
import { counterRows } from '../../src/vimage/counters.ts'
import { ManageError } from '../../src/vimage/error.ts'
import { interfaceAddAddress, interfaceList, interfaceRows, interfaceSetUp } from '../../src/vimage/interfaces.ts'
import { messageRows, messageWrite } from '../../src/vimage/messages.ts'
import { neighbour6Rows, neighbourDelete, neighbourRows, neighbourSet } from '../../src/vimage/neighbours.ts'
import { policyDelete, policyRows, policySet } from '../../src/vimage/policy.ts'
import { routeGet, routeInsert, routeRemove, routeRows } from '../../src/vimage/routes.ts'
import { connectionsDrop, socketRows } from '../../src/vimage/sockets.ts'
import { vnetStatus } from '../../src/vimage/status.ts'
import { sysctlAssign, sysctlExpected, sysctlRows } from '../../src/vimage/sysctls.ts'
import { SYSCTLS, sysctlDef } from '../../src/vnet/sysctl.ts'

function twoHosts(): { world: ReturnType<typeof createWorld>; a: SimHost; b: SimHost } {
  const world = createWorld({ seed: 3 })
  const a = world.addVnet('a')
  const b = world.addVnet('b')
  world.cable(a.addPort({ address: '10.0.0.1/24' }), b.addPort({ address: '10.0.0.2/24' }), { delayUs: 1000 })
  return { world, a, b }
}

/** A listener on b, a connection from a; the ids. */
function connection(world: ReturnType<typeof createWorld>, a: SimHost,
  b: SimHost): { listener: number; client: number } {
  const listener = soCreate(b.vnet, b.now(), AF_INET, SOCK_STREAM, 0)
  soBind(b.vnet, b.now(), listener, addrFromIp4(0), 80)
  soListen(b.vnet, b.now(), listener, 5)
  const client = soCreate(a.vnet, a.now(), AF_INET, SOCK_STREAM, 0)
  soConnect(a.vnet, a.now(), client, addrFromIp4(0x0a000002), 80)
  a.kick()
  world.runFor(50_000)
  return { listener, client }
}

describe('interfaces', () => {
  it('are listed with flags, addresses and counters, first those made first', () => {
    const { world, a } = twoHosts()
    const socket = soCreate(a.vnet, a.now(), AF_INET, SOCK_DGRAM, 0)
    soSendTo(a.vnet, a.now(), socket, new Uint8Array(100), 0, 100, addrFromIp4(0x0a000002), 9)
    a.kick()
    world.runFor(50_000)
    const [lo, eth] = interfaceList(a)
    expect(lo).toMatchObject({ name: 'lo0', type: 'loopback', flags: ['UP', 'LOOPBACK', 'RUNNING', 'MULTICAST'],
      mac: '' })
    expect(eth).toMatchObject({ name: 'eth0', type: 'ether', mtuBytes: 1500 })
    expect(eth?.addresses).toEqual([
      { address: '10.0.0.1', prefixLen: 24, broadcast: '10.0.0.255', status: 'preferred', origin: '' }])
    // at least the datagram and the error about its port
    expect(eth?.outBytes).toBeGreaterThanOrEqual(142)
    expect(eth?.inPackets).toBeGreaterThan(0)
  })

  it('an address that is being probed is tentative (RFC 5227 §2.1)', () => {
    const { a } = twoHosts()
    interfaceAddAddress(a, 'eth0', '10.0.0.7/24', true)
    expect(interfaceRows(a)[1]?.addresses).toEqual(['10.0.0.1/24', '10.0.0.7/24 (tentative)'])
  })

  it('a /31 has no broadcast address (RFC 3021 §2.2)', () => {
    const { a } = twoHosts()
    interfaceAddAddress(a, 'eth0', '10.7.0.0/31', false)
    expect(interfaceList(a)[1]?.addresses[1]).toMatchObject({ address: '10.7.0.0', prefixLen: 31, broadcast: '' })
  })

  it('down and up again', () => {
    const { a } = twoHosts()
    interfaceSetUp(a, 'eth0', false)
    expect(interfaceList(a)[1]?.flags).not.toContain('UP')
    interfaceSetUp(a, 'eth0', true)
    expect(interfaceList(a)[1]?.flags).toContain('UP')
  })
})

describe('routes', () => {
  it('are read from text without bits outside the prefix, of either family', () => {
    expect(destinationParse('default')).toEqual({ addr: addrFromIp4(0), prefixLen: 0 })
    expect(destinationParse('default', true)).toEqual({ addr: createAddr(), prefixLen: 0 })
    expect(destinationParse('10.0.0.0/8')).toEqual({ addr: addrFromIp4(0x0a000000), prefixLen: 8 })
    expect(destinationParse('10.0.0.1')).toEqual({ addr: addrFromIp4(0x0a000001), prefixLen: 32 })
    expect(destinationParse('2001:db8::/32')?.prefixLen).toBe(32)
    expect(destinationParse('::1')?.prefixLen).toBe(128)
    for (const bad of ['10.0.0.1/8', '10.0.0.0/33', 'x', '', '10.0.0/8', '2001:db8::1/32', '::/129', 'fe80::%1/64']) {
      expect(destinationParse(bad), bad).toBeNull()
    }
  })

  it('of IPv6: by a gateway, by a link-local one with its interface, shown, found and taken away', () => {
    const { a } = twoHosts()
    interfaceAddAddress(a, 'eth0', '2001:db8::1/64', false)
    expect(interfaceList(a)[1].addresses.filter((x) => x.address.includes(':')).map((x) => `${x.address}/${x.prefixLen}`))
      .toEqual([expect.stringMatching(/^fe80::.*%eth0\/64$/), '2001:db8::1/64'])
    routeInsert(a, { to: 'default', via: 'fe80::9%eth0', interface: '' })
    expect(routeRows(a).find((r) => r.family === 'inet6' && r.destination === 'default'))
      .toMatchObject({ gateway: 'fe80::9%eth0', flags: 'UGS', interface: 'eth0' })
    expect(routeGet(a, '2001:db8:1::5')).toMatchObject({ destination: 'default' })
    expect(() => { routeInsert(a, { to: '10.9.0.0/16', via: 'fe80::9%eth0', interface: '' }) }).toThrow(/the one is IPv4/)
    expect(() => { routeInsert(a, { to: '2001:db8:7::/48', via: 'fe80::9%nowhere', interface: '' }) }).toThrow(/no interface "nowhere"/)
    routeRemove(a, 'default', 'fe80::9%eth0')
    expect(() => routeGet(a, '2001:db8:1::5')).toThrow(/no route/)
  })

  it('neighbours of IPv6 are set, shown and forgotten', () => {
    const { a } = twoHosts()
    neighbourSet(a, 'fe80::9%eth0', '02:00:00:00:00:09')
    expect(neighbour6Rows(a)).toEqual([
      { address: 'fe80::9%eth0', mac: '02:00:00:00:00:09', interface: 'eth0', status: 'permanent', expiresS: -1, router: false }])
    expect(() => { neighbourSet(a, 'fe80::9', '02:00:00:00:00:09') }).toThrow(/wants its interface/)
    neighbourDelete(a, 'fe80::9%eth0')
    expect(neighbour6Rows(a)).toEqual([])
  })

  it('show gateway, host and static flags in FreeBSD\'s letters, and what was sent by them', () => {
    const { a } = twoHosts()
    routeInsert(a, { to: 'default', via: '10.0.0.2', interface: '' })
    routeInsert(a, { to: '192.0.2.9', via: '', interface: 'eth0' })
    const rows = routeRows(a).filter((r) => r.family === 'inet')
    expect(rows.map((r) => [r.destination, r.gateway, r.flags, r.interface])).toEqual([
      ['default', '10.0.0.2', 'UGS', 'eth0'], ['10.0.0.0/24', 'link#2', 'U', 'eth0'],
      ['127.0.0.0/8', 'link#1', 'U', 'lo0'], ['192.0.2.9', 'link#2', 'UHS', 'eth0']])
    expect(routeGet(a, '192.0.2.8')).toMatchObject({ destination: 'default', mtuBytes: 1500, expiresS: -1 })
    expect(() => routeInsert(a, { to: 'default', via: '10.0.0.2', interface: 'em0' })).toThrow('no interface "em0"')
  })
})

describe('neighbours', () => {
  it('are listed with what is known of them', () => {
    const { world, a, b } = twoHosts()
    connection(world, a, b)
    neighbourSet(a, '10.0.0.77', '02:00:00:00:00:77')
    expect(neighbourRows(a)).toMatchObject([
      { address: '10.0.0.2', interface: 'eth0', status: 'reachable' },
      { address: '10.0.0.77', mac: '02:00:00:00:00:77', status: 'permanent', expiresS: -1 }])
    const [learnt] = neighbourRows(a)
    expect(learnt?.mac).toBe(interfaceList(b)[1]?.mac)
    expect(learnt?.expiresS).toBeGreaterThan(0)
    expect(() => neighbourSet(a, '10.0.0.77', '01:00:5e:00:00:01')).toThrow('not the address of one station')
  })
})

describe('sockets', () => {
  it('connections, listeners with what waits and their backlog, half-open and TIME-WAIT ones', () => {
    const { world, a, b } = twoHosts()
    const { listener, client } = connection(world, a, b)
    const shown = (host: SimHost): string[] => socketRows(host).map((s) =>
      `${s.proto} ${s.recvQ} ${s.sendQ} ${s.local} ${s.foreign} ${s.state}`.replace(/(10.0.0.1):\d+/, '$1:PORT'))
    expect(shown(b)).toEqual([
      'tcp4 1 5 *:80 *:* LISTEN', 'tcp4 0 0 10.0.0.2:80 10.0.0.1:PORT ESTABLISHED'])
    soClose(a.vnet, a.now(), client)
    a.kick()
    world.runFor(50_000)
    expect(shown(a)).toEqual(['tcp4 0 0 10.0.0.1:PORT 10.0.0.2:80 FIN_WAIT_2'])
    const accepted = soAccept(b.vnet, b.now(), listener)
    expect(socketRows(b).find((s) => s.state === 'CLOSE_WAIT')?.id).toBe(accepted)
    soClose(b.vnet, b.now(), accepted)
    b.kick()
    world.runFor(50_000)
    expect(shown(a)).toEqual(['tcp4 0 0 10.0.0.1:PORT 10.0.0.2:80 TIME_WAIT'])
    expect(shown(b)).toEqual(['tcp4 0 5 *:80 *:* LISTEN'])
  })

  it('dropping them all resets the peers, also where the user has gone (RFC 9293 §3.10.5)', () => {
    const { world, a, b } = twoHosts()
    const { client } = connection(world, a, b)
    soClose(a.vnet, a.now(), client)
    a.kick()
    world.runFor(50_000)
    expect(socketRows(a).map((s) => s.state)).toEqual(['FIN_WAIT_2'])
    connectionsDrop(a)
    world.runFor(50_000)
    expect(socketRows(a)).toEqual([])
    expect(socketRows(b).map((s) => s.state)).not.toContain('CLOSE_WAIT')
  })

  it('UDP and raw sockets, with what is queued', () => {
    const { world, a, b } = twoHosts()
    const at = soCreate(b.vnet, b.now(), AF_INET, SOCK_DGRAM, 0)
    soBind(b.vnet, b.now(), at, addrFromIp4(0x0a000002), 53)
    const from = soCreate(a.vnet, a.now(), AF_INET, SOCK_DGRAM, 0)
    soSendTo(a.vnet, a.now(), from, new Uint8Array(300), 0, 300, addrFromIp4(0x0a000002), 53)
    a.kick()
    world.runFor(50_000)
    expect(socketRows(b)).toEqual([
      { proto: 'udp4', recvQ: 300, sendQ: 0, local: '10.0.0.2:53', foreign: '*:*', state: '', id: at }])
  })
})

describe('tunables', () => {
  it('are listed whole, or below a name, as they are set', () => {
    const { a } = twoHosts()
    expect(sysctlRows(a).map((r) => r.name)).toEqual(SYSCTLS.map(([name]) => name))
    expect(sysctlRows(a, 'net.inet.ip.ttl')).toMatchObject([{ value: '64', default: '64' }])
    expect(sysctlRows(a, 'net.inet.udp').every((r) => r.name.startsWith('net.inet.udp.'))).toBe(true)
    // a part of a name is not a name
    expect(() => sysctlRows(a, 'net.ine')).toThrow(ManageError)
    for (const row of sysctlRows(a)) sysctlAssign(a, row.name, row.value)
    sysctlAssign(a, 'net.inet.ip.ttl', '3')
    expect(sysctlRows(a, 'net.inet.ip.ttl')[0]?.value).toBe('3')
  })

  it('say what they may be set to', () => {
    for (const [name, def] of SYSCTLS) expect(sysctlExpected(def), name).toMatch(/^(-?\d+ to \d+|one of )/)
    expect(sysctlExpected(sysctlDef('net.inet.ip.ttl') as NonNullable<ReturnType<typeof sysctlDef>>))
      .toBe('1 to 255 (hops)')
  })
})

describe('counters', () => {
  it('each has its words with the number first, and none is forgotten', () => {
    const { world, a, b } = twoHosts()
    connection(world, a, b)
    const { tcp, udp, ip, icmp, raw, arp, link } = b.vnet.state
    for (const [protocol, { stats }] of Object.entries({ tcp, udp, ip, icmp, raw, arp, link })) {
      const rows = counterRows(b, false).filter((r) => r.protocol === protocol)
      expect(rows.map((r) => r.name).sort(), protocol).toEqual(Object.keys(stats).sort())
      for (const r of rows) expect(r.text, `${protocol}.${r.name}`).toMatch(new RegExp(`^${r.value} \\S`))
    }
  })
})

describe('messages', () => {
  it('are numbered since boot, also after old ones were dropped', () => {
    const { a } = twoHosts()
    const { log } = a.vnet.state
    const before = messageRows(a).length
    for (let i = 0; i < log.limit + 10; i++) messageWrite(a, 6, `line ${i}`)
    const rows = messageRows(a)
    expect(rows[0]?.index).toBe(log.first)
    expect(log.first).toBeGreaterThan(0)
    expect(rows.at(-1)).toMatchObject({ index: before + log.limit + 9, text: `line ${log.limit + 9}`, level: 6 })
    expect(messageRows(a, before + log.limit + 8).map((r) => r.text)).toEqual([
      `line ${log.limit + 8}`, `line ${log.limit + 9}`])
    expect(messageRows(a, before + log.limit + 10)).toEqual([])
    // asked for what is gone: what there is, under its own numbers
    expect(messageRows(a, 0)).toEqual(rows)
  })
})

describe('the status', () => {
  it('survives JSON as it is: plain rows, units in the keys', () => {
    const { world, a, b } = twoHosts()
    connection(world, a, b)
    const status = vnetStatus(b)
    expect(JSON.parse(JSON.stringify(status))).toEqual(status)
    expect(status.name).toBe('b')
    expect(status.uptimeUs).toBe(Math.floor(b.now()))
    expect(status.counters.every((c) => c.value !== 0)).toBe(true)
  })
})

describe('the policy of address selection', () => {
  it('is shown, changed and brought back; IPv4 prefixes in either form', () => {
    const { a } = twoHosts()
    expect(policyRows(a)).toHaveLength(9)
    expect(policyRows(a)).toContainEqual({ prefix: '::ffff:0.0.0.0/96', precedence: 35, label: 4 })
    policySet(a, { prefix: '10.0.0.0/8', precedence: 7, label: 8 })
    policySet(a, { prefix: '::ffff:0.0.0.0/96', precedence: 100, label: 4 })
    expect(policyRows(a).slice(1, 3)).toEqual([
      { prefix: '::ffff:10.0.0.0/104', precedence: 7, label: 8 }, { prefix: '::ffff:0.0.0.0/96', precedence: 100, label: 4 }])
    policyDelete(a, '10.0.0.0/8')
    expect(policyRows(a)).toHaveLength(9)
    policyDelete(a, '')
    expect(policyRows(a)).toContainEqual({ prefix: '::ffff:0.0.0.0/96', precedence: 35, label: 4 })
  })

  it('says what is wrong', () => {
    const { a } = twoHosts()
    expect(() => { policySet(a, { prefix: 'nonsense', precedence: 1, label: 1 }) }).toThrow('"nonsense" is no prefix')
    expect(() => { policySet(a, { prefix: '2001:db8::1/32', precedence: 1, label: 1 }) }).toThrow('no bits set outside')
    expect(() => { policyDelete(a, '2001:db8::/32') }).toThrow('there is none for just this prefix')
  })
})
