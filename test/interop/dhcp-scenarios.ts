/** DHCP from dnsmasq, and multicast membership as the kernel's bridge hears it. Run in a namespace by dhcp.test.ts. */

import { createSocket } from 'node:dgram'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { dhcpStart, dhcpStop } from '../../src/dhcp/client.ts'
import { TIMER_DHCP6, alarmSet } from '../../src/kern/timer.ts'
import { DHCPS_BOUND } from '../../src/dhcp/state.ts'
import { DHCP6S_BOUND, DHCP6S_INFORMED } from '../../src/dhcp6/state.ts'
import type { DhcpClient } from '../../src/dhcp/state.ts'
import { routeList } from '../../src/ip/route.ts'
import { addrPrint, ip4Print } from '../../src/lib/addr.ts'
import { resolverSearch, resolverServers } from '../../src/resolver/resolver.ts'
import { UdpSocket } from '../../src/socket/udp.ts'
import { interfaceAuto } from '../../src/vimage/autoconf.ts'
import { interfaceDhcp6, interfaceList } from '../../src/vimage/interfaces.ts'
import { addAddress, eventOf, onStage } from './scene.ts'

/** Leased, used, renewed, released. */
export function lease(n: number) {
  return onStage(async (scene) => {
    const folder = mkdtempSync(join(tmpdir(), 'vimage-dhcp-'))
    const file = join(folder, 'leases')
    try {
      const tap = await scene.tap(n)
      const kernel = `10.66.${n}.1`
      await scene.ok('ip', 'addr', 'add', `${kernel}/24`, 'dev', tap.name)
      await scene.start('DHCP, IP range', 'dnsmasq', '--no-daemon', '--conf-file=/dev/null', '--port=0', '--user=root',
        `--interface=${tap.name}`, '--bind-interfaces', '--pid-file=', `--dhcp-leasefile=${file}`, '--no-ping',
        `--dhcp-range=10.66.${n}.100,10.66.${n}.109,255.255.255.0,120s`, '--dhcp-authoritative',
        `--dhcp-option=option:dns-server,${kernel},9.9.9.9`, '--dhcp-option=option:domain-name,example.org',
        '--dhcp-option=option:domain-search,eng.example.org,example.org', '--dhcp-option=option:mtu,1400',
        `--dhcp-option=option:classless-static-route,0.0.0.0/0,${kernel},192.168.77.0/24,10.66.${n}.7`,
        '--dhcp-option=option:T2,9')
      const host = scene.host(`v${n}`)
      const ifId = host.attach(tap, 'eth0')
      await scene.until(() => tap.tap.running, 'the TAP has no carrier')
      const { vnet } = host
      const started = performance.now()
      host.vnet.setNow(host.now())
      dhcpStart(vnet.vn, ifId, 'guest')
      host.kick()
      const client = (): DhcpClient | undefined => vnet.state.dhcp.clients.get(ifId)
      await scene.until(() => client()?.state === DHCPS_BOUND, () => `not bound: ${JSON.stringify(vnet.state.dhcp.stats)}`, 20_000)
      const { addr, prefixLen } = client()!.lease
      const address = ip4Print(addr)
      const first = {
        address: `${address}/${prefixLen}`, mtu: vnet.state.link.ifnets.get(ifId)?.mtu, ms: performance.now() - started,
        routes: routeList(vnet.vn).filter((r) => r.gateway !== 0).map((r) => `${ip4Print(r.dst)}/${r.prefixLen} ${ip4Print(r.gateway)}`),
        dns: resolverServers(vnet.state.resolver).map(addrPrint), search: resolverSearch(vnet.state.resolver),
        leases: readFileSync(file, 'utf8').trim().split(' ').slice(2, 4),
        ping: (await scene.run('ping', '-n', '-c', '1', '-W', '5', address)).stdout,
      }
      const { expiresAt } = client()!.lease
      await scene.until(() => (client()?.lease.expiresAt ?? 0) > expiresAt, () => `not renewed: ${JSON.stringify(client()?.lease)}`, 20_000)
      const renewed = { acks: vnet.state.dhcp.stats.acks, naks: vnet.state.dhcp.stats.naks }
      host.vnet.setNow(host.now())
      dhcpStop(vnet.vn, ifId)
      host.kick()
      await scene.until(() => readFileSync(file, 'utf8').trim() === '', 'the lease was not released')
      return { ...first, ...renewed, left: vnet.state.link.ifnets.get(ifId)?.addrs.length }
    } finally {
      rmSync(folder, { recursive: true })
    }
  })
}

/**
 * DHCPv6 from dnsmasq, which also advertises: with `stateful` addresses (M), else the rest alone (O) beside SLAAC. Nothing is
 * asked of the Vnet but to listen to routers.
 */
export function six(n: number, stateful: boolean) {
  return onStage(async (scene) => {
    const folder = mkdtempSync(join(tmpdir(), 'vimage-dhcp6-'))
    const file = join(folder, 'leases')
    try {
      const tap = await scene.tap(n)
      const prefix = `2001:db8:${n}::`
      await scene.ok('sysctl', '-qw', `net.ipv6.conf.${tap.name}.disable_ipv6=0`)
      await scene.ok('ip', 'addr', 'add', `${prefix}1/64`, 'dev', tap.name, 'nodad')
      await scene.start('router advertisement', 'dnsmasq', '--no-daemon', '--conf-file=/dev/null', '--port=0', '--user=root',
        `--interface=${tap.name}`, '--bind-interfaces', '--pid-file=', `--dhcp-leasefile=${file}`, '--enable-ra',
        stateful ? `--dhcp-range=${prefix}100,${prefix}1ff,64,120s` : `--dhcp-range=${prefix},ra-stateless`,
        '--dhcp-option=option6:dns-server,[2001:db8::53]', '--dhcp-option=option6:domain-search,eng.example.org,example.org',
        '--dhcp-option=option6:information-refresh-time,900')
      const host = scene.host(`v${n}`)
      const ifId = host.attach(tap, 'eth0')
      await scene.until(() => tap.tap.running, 'the TAP has no carrier')
      const ifp = host.vnet.state.link.ifnets.get(ifId)
      if (ifp !== undefined) ifp.flags |= 1
      interfaceAuto(host, 'eth0', true)
      const { state } = host.vnet
      const client = () => state.dhcp6.clients.get(ifId)
      const done = stateful ? DHCP6S_BOUND : DHCP6S_INFORMED
      await scene.until(() => client()?.state === done, () => `no answer: ${JSON.stringify([client()?.state, state.dhcp6.stats])}`, 30_000)
      const leased = () => interfaceList(host).find((i) => i.name === 'eth0')?.addresses.filter((a) => a.origin === 'dhcp') ?? []
      if (stateful) await scene.until(() => leased()[0]?.status === 'preferred', () => `not checked: ${JSON.stringify(leased())}`, 10_000)
      const seen = {
        leased: leased(), dns: resolverServers(state.resolver).map(addrPrint), search: resolverSearch(state.resolver),
        refreshS: Math.round(((client()?.deadline ?? 0) - state.now) / 1e6), leases: readFileSync(file, 'utf8'),
        ping: stateful ? (await scene.run('ping', '-6', '-n', '-c', '1', '-W', '5', leased()[0].address)).stdout : '',
      }
      if (stateful) {
        const until = (): number => client()?.leases[0]?.validUntil ?? 0
        const before = until()
        // T1 of the shortest lease that dnsmasq gives is a minute away: brought near
        const leaser = client()!
        leaser.renewAt = leaser.deadline = state.now + 2e6
        alarmSet(state.timers, TIMER_DHCP6, ifId, leaser, leaser.deadline)
        host.kick()
        await scene.until(() => until() > before, () => `not renewed: ${JSON.stringify(state.dhcp6.stats)}`, 20_000)
        interfaceDhcp6(host, 'eth0', false)
        await scene.until(() => client() === undefined, 'the release was not answered', 10_000)
      }
      const { sent, replies, badform, notours } = state.dhcp6.stats
      return { ...seen, sent, replies, badform, notours, after: readFileSync(file, 'utf8'), left: leased() }
    } finally {
      rmSync(folder, { recursive: true })
    }
  })
}

/** Multicasts both ways, and reports as tcpdump reads them. */
export function groups(n: number) {
  return onStage(async (scene) => {
    const net = await scene.net(n)
    const group = '239.66.1.2'
    const dump = scene.run('timeout', '20', 'tcpdump', '-l', '-n', '-v', '-c', '2', '-Q', 'in', '-i', net.tap.name, 'igmp')
    await new Promise((resolve) => setTimeout(resolve, 1500))
    const vnet = new UdpSocket(net.host).bind(5000)
    vnet.addMembership(group)
    const kernel = createSocket({ type: 'udp4', reuseAddr: true })
    await new Promise<void>((resolve) => kernel.bind(5001, () => resolve()))
    kernel.setMulticastInterface(net.kernel)
    kernel.addMembership('239.66.1.3', net.kernel)
    const toVnet = eventOf(vnet, 'message')
    kernel.send('to the vnet', 5000, group)
    const toKernel = eventOf(kernel, 'message')
    vnet.send(Buffer.from('to the kernel'), 5001, '239.66.1.3')
    const words = async (event: Promise<unknown[] | null>): Promise<string> => String((await event)?.[0] ?? 'lost')
    const heard = [await words(toVnet), await words(toKernel)]
    const { stdout } = await dump
    kernel.close()
    vnet.close()
    return { heard, dump: stdout }
  })
}

/** The kernel's bridge asks, and notes who has joined what. */
export function snooping(n: number, version: number) {
  return onStage(async (scene) => {
    const tap = await scene.tap(n)
    const bridge = `br${n}`
    await scene.ok('ip', 'link', 'add', bridge, 'type', 'bridge', 'mcast_snooping', '1', 'mcast_igmp_version', `${version}`,
      'mcast_query_response_interval', '100', 'mcast_startup_query_interval', '200')
    await scene.ok('ip', 'link', 'set', tap.name, 'master', bridge)
    await scene.ok('ip', 'addr', 'add', `10.66.${n}.1/24`, 'dev', bridge)
    const host = scene.host(`v${n}`)
    const ifId = host.attach(tap, 'eth0')
    await scene.ok('ip', 'link', 'set', bridge, 'up')
    await scene.until(() => tap.tap.running, 'the TAP has no carrier')
    addAddress(host, ifId, `10.66.${n}.2/24`)
    await scene.ok('ip', 'link', 'set', bridge, 'type', 'bridge', 'mcast_querier', '1')
    const queries = (): number => host.vnet.state.igmp.stats[version === 3 ? 'v3queries' : 'v2queries']
    await scene.until(() => queries() > 0, () => `no query: ${JSON.stringify(host.vnet.state.igmp.stats)}`, 20_000)
    const socket = new UdpSocket(host).bind(5000)
    socket.addMembership('239.66.2.2')
    const mdb = async (): Promise<string> => scene.ok('bridge', 'mdb', 'show', 'dev', bridge)
    const seen = async (want: boolean): Promise<boolean> => {
      for (let i = 0; i < 100; i++) {
        if ((await mdb()).includes('239.66.2.2') === want) return true
        await new Promise((resolve) => setTimeout(resolve, 50))
      }
      return false
    }
    const joined = await seen(true)
    socket.dropMembership('239.66.2.2')
    const left = await seen(false)
    socket.close()
    await scene.ok('ip', 'link', 'del', bridge)
    return { joined, left }
  })
}
