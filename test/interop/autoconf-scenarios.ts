/** Autoconfiguration with others: radvd configures a Vnet, a Vnet configures the kernel. Run in a namespace by autoconf.test.ts. */

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { addrParse, addrPrint } from '../../src/lib/addr.ts'
import type { Addr } from '../../src/lib/addr.ts'
import { ip6AddAddr } from '../../src/ip6/ifaddr.ts'
import { createNdAdvertConfig, createNdAdvertPrefix } from '../../src/nd/state-adverts.ts'
import { resolverSearch, resolverServers } from '../../src/resolver/resolver.ts'
import { interfaceAdvertise, interfaceAuto, prefixRows, routerRows } from '../../src/vimage/autoconf.ts'
import { interfaceList } from '../../src/vimage/interfaces.ts'
import { onStage } from './scene.ts'
import { sysctlsIn } from '../../src/vnet/sysctl.ts'

const PREFIX = '2001:db8:77::'

/** radvd advertises; the Vnet has address, router, MTU and name server of it, and answers the kernel's ping. */
export function fromRadvd(n: number) {
  return onStage(async (scene) => {
    const folder = mkdtempSync(join(tmpdir(), 'vimage-radvd-'))
    try {
      const tap = await scene.tap(n)
      const set = (key: string, value: number) => scene.ok('sysctl', '-qw', `net.ipv6.conf.${key}=${value}`)
      await set(`${tap.name}.disable_ipv6`, 0)
      await set('all.forwarding', 1)
      await scene.ok('ip', 'addr', 'add', `${PREFIX}1/64`, 'dev', tap.name, 'nodad')
      const file = join(folder, 'radvd.conf')
      writeFileSync(file, `interface ${tap.name} {
  AdvSendAdvert on; MinRtrAdvInterval 3; MaxRtrAdvInterval 4; AdvLinkMTU 1400; AdvCurHopLimit 55; AdvDefaultPreference high;
  prefix ${PREFIX}/64 { AdvValidLifetime 9000; AdvPreferredLifetime 6000; };
  route 2001:db8:88::/48 { AdvRouteLifetime 600; };
  RDNSS 2001:db8::53 { AdvRDNSSLifetime 600; };
  DNSSL example.org { AdvDNSSLLifetime 600; };
};
`)
      const host = scene.host(`v${n}`)
      const ifId = host.attach(tap, 'eth0')
      await scene.until(() => tap.tap.running, 'the TAP has no carrier')
      const ifp = host.vnet.state.link.ifnets.get(ifId)
      if (ifp !== undefined) ifp.flags |= 1
      await scene.start('version', 'radvd', '--nodaemon', '--logmethod=stderr', '--debug=1', '-C', file,
        '-p', join(folder, 'pid'), '-u', 'root')
      interfaceAuto(host, 'eth0', true)
      const six = () => interfaceList(host).find((i) => i.name === 'eth0')?.addresses.filter((x) => x.address.startsWith('2001')) ?? []
      await scene.until(() => six()[0]?.status === 'preferred', () => `no address: ${JSON.stringify(host.vnet.state.nd.stats)}`, 20_000)
      const i6 = host.vnet.state.ip6.ifs.get(ifId)
      return {
        address: six(), hopLimit: i6?.curHopLimit, mtu: i6?.linkMtu, prefixes: prefixRows(host), routers: routerRows(host),
        dns: resolverServers(host.vnet.state.resolver).map(addrPrint), search: resolverSearch(host.vnet.state.resolver),
        ping: (await scene.run('ping', '-6', '-n', '-c', '2', '-i', '0.1', '-W', '5', six()[0].address)).stdout,
        solicited: host.vnet.state.nd.stats.txrsolicits,
      }
    } finally {
      rmSync(folder, { recursive: true })
    }
  })
}

/** A Vnet advertises; the kernel configures itself, and pings an address of the Vnet by its default route. */
export function toKernel(n: number) {
  return onStage(async (scene) => {
    const tap = await scene.tap(n)
    const set = (key: string, value: number) => scene.ok('sysctl', '-qw', `net.ipv6.conf.${tap.name}.${key}=${value}`)
    await set('accept_ra', 2)
    await set('autoconf', 1)
    await set('disable_ipv6', 0)
    const host = scene.host(`v${n}`)
    const ifId = host.attach(tap, 'eth0')
    await scene.until(() => tap.tap.running, 'the TAP has no carrier')
    const { vnet } = host
    const ifp = vnet.state.link.ifnets.get(ifId)
    if (ifp !== undefined) ifp.flags |= 1
    sysctlsIn(vnet.state)['net.inet6.ip6.forwarding'] = 1
    vnet.setNow(host.now())
    // no prefix of the link: only the default route leads to it
    ip6AddAddr(vnet.vn, ifId, addrParse('2001:db8:99::1') as Addr, 128)
    const config = createNdAdvertConfig()
    config.prefixes.push(createNdAdvertPrefix(addrParse(PREFIX) as Addr, 64))
    config.linkMtu = 1400
    ip6AddAddr(vnet.vn, ifId, addrParse(`${PREFIX}1`) as Addr, 64)
    interfaceAdvertise(host, 'eth0', config)
    const addresses = () => scene.ok('ip', '-6', '-o', 'addr', 'show', 'dev', tap.name, 'scope', 'global')
    let shown = ''
    for (let i = 0; i < 100 && !/inet6 2001:db8:77:[^\n]*dynamic/.test(shown.replace(/tentative[^\n]*/, '')); i++) {
      await new Promise((resolve) => setTimeout(resolve, 100))
      shown = await addresses()
    }
    const routes = await scene.ok('ip', '-6', 'route', 'show', 'dev', tap.name)
    const ping = (await scene.run('ping', '-6', '-n', '-c', '2', '-i', '0.1', '-W', '5', '2001:db8:99::1')).stdout
    interfaceAdvertise(host, 'eth0', null)
    let after = routes
    for (let i = 0; i < 50 && after.includes('default'); i++) {
      await new Promise((resolve) => setTimeout(resolve, 100))
      after = await scene.ok('ip', '-6', 'route', 'show', 'dev', tap.name)
    }
    return { shown, routes, ping, after }
  })
}
