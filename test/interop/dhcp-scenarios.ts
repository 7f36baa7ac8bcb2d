/** DHCP from dnsmasq, and multicast membership as the kernel's bridge hears it. Run in a namespace by dhcp.test.ts. */

import { createSocket } from 'node:dgram'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { dhcpStart, dhcpStop } from '../../src/dhcp/client.ts'
import { DHCPS_BOUND } from '../../src/dhcp/state.ts'
import type { DhcpClient } from '../../src/dhcp/state.ts'
import { routeList } from '../../src/ip/route.ts'
import { addrPrint, ip4Print } from '../../src/lib/addr.ts'
import { resolverSearch, resolverServers } from '../../src/resolver/resolver.ts'
import { UdpSocket } from '../../src/socket/udp.ts'
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
