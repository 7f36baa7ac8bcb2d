/** nmap and thc-ipv6's attacks on a Vnet over TAP: nothing throws, tables keep their bounds, ping is answered afterwards. */

import { TcpServer } from '../../src/socket/tcp.ts'
import { interfaceList } from '../../src/vimage/interfaces.ts'
import { addAddress, onStage } from './scene.ts'
import type { Net, Scene } from './scene.ts'

const KERNEL = '2001:db8:66::1'
const VNET = '2001:db8:66::2'

async function net6(scene: Scene, n: number): Promise<Net & { linkLocal: string }> {
  const net = await scene.net(n)
  await scene.ok('sysctl', '-qw', `net.ipv6.conf.${net.tap.name}.disable_ipv6=0`)
  await scene.ok('ip', 'addr', 'add', `${KERNEL}/64`, 'dev', net.tap.name, 'nodad')
  addAddress(net.host, net.ifId, `${VNET}/64`, true)
  const six = () => interfaceList(net.host)[1].addresses.filter((a) => a.address.includes(':'))
  await scene.until(() => six().every((a) => a.status === 'preferred'), 'addresses stay tentative')
  const linkLocal = six().find((a) => a.address.startsWith('fe80:'))?.address.replace(/%.*/, '') ?? ''
  return { ...net, linkLocal }
}

/** A scan of ports, and nmap's probes that tell systems apart. */
export function scan(n: number) {
  return onStage(async (scene) => {
    const net = await net6(scene, n)
    const server = new TcpServer(net.host, (socket) => { socket.end() })
    server.listen({ host: '::', port: 80 })
    const limits = ['-T5', '--max-retries', '1', '--max-os-tries', '1', '--host-timeout', '15s']
    const { stdout } = await scene.run('nmap', '-6', '-n', '-Pn', '-sS', '-O', '-p', '1-200', ...limits, VNET)
    server.close()
    return { open: stdout.match(/^\d+\/tcp +open/gm) ?? [], probed: stdout.includes('OS detection performed'), ...await after(scene, net) }
  })
}

/** Each attack for a second at most; floods are cut off, the others end by themselves. */
export function attacks(n: number, tools: readonly (readonly string[])[]) {
  return onStage(async (scene) => {
    const net = await net6(scene, n)
    const fill = (word: string): string => word
      .replace('IF', net.tap.name).replace('VNET', VNET).replace('LL', net.linkLocal).replace('KERNEL', KERNEL)
    const deaf: string[] = []
    for (const tool of tools) {
      const before = heard(net)
      await scene.run('timeout', '-s', 'KILL', '1', ...tool.map(fill))
      if (heard(net) === before) deaf.push(tool.join(' '))
    }
    return { deaf, ...await after(scene, net) }
  })
}

/** Packets that came, those for groups that are not ours included. */
function heard({ host }: Net): number {
  const { ip6, link } = host.vnet.state
  return ip6.stats.total + link.stats.notforus
}

async function after(scene: Scene, net: Net) {
  // the kernel has heard the attacks, too: what it believes of neighbours and routers goes
  await scene.run('ip', '-6', 'neigh', 'flush', 'dev', net.tap.name)
  const { stdout } = await scene.run('ping', '-6', '-n', '-c', '3', '-i', '0.2', '-W', '2', '-I', KERNEL, VNET)
  const { ip6, nd, tcp, sysctl } = net.host.vnet.state
  const i6 = ip6.ifs.get(net.ifId)
  return {
    received: Number(/(\d+) received/.exec(stdout)?.[1] ?? -1),
    addresses: i6?.addrs.length ?? 0,
    routes: [...ip6.routes.values()].reduce((sum, list) => sum + [...list.values()].flat().length, 0),
    neighbours: [nd.count, sysctl['net.inet6.icmp6.nd6_maxentries']] as const,
    reassembly: [ip6.reass.size, sysctl['net.inet6.ip6.maxfragpackets']] as const,
    reassemblyBytes: [ip6.reassBytes, sysctl['net.inet6.ip6.maxfragbytes']] as const,
    heldBytes: [nd.heldBytes, sysctl['net.inet6.icmp6.nd6_maxholdbytes']] as const,
    pmtu: [ip6.pmtu.size, sysctl['net.inet.ip.pmtu.max_entries']] as const,
    connections: tcp.tcbs.size,
  }
}
