/** ARP between a Vnet and the kernel (RFC 826, RFC 5227). Run inside a namespace by arp.test.ts. */

import { arpLookup } from '../../src/arp/list.ts'
import { macPrint } from '../../src/lib/addr.ts'
import { IFA_DUPLICATED, IFA_PREFERRED } from '../../src/link/state.ts'
import type { IfAddr } from '../../src/link/state.ts'
import { connectTcp } from '../../src/socket/tcp.ts'
import { UdpSocket } from '../../src/socket/udp.ts'
import { addAddress, eventOf, ip4, onStage, setSysctl } from './scene.ts'
import type { Net } from './scene.ts'
import { arpStats } from '../../src/arp/state.ts'

/** Each side resolves the other. */
export function resolves(n: number) {
  return onStage(async (scene) => {
    const net = await scene.net(n)
    await scene.ok('ping', '-n', '-c', '1', '-W', '2', net.vnet)
    const row = (await scene.ok('ip', 'neigh', 'show', 'dev', net.tap.name, net.vnet)).trim()
    const vnetRow = arpLookup(net.host.vnet.vn, ip4(net.kernel))
    return {
      kernel: row.replace(macPrint(net.tap.mac), 'MAC'),
      vnet: vnetRow?.status,
      right: vnetRow?.mac === net.tap.tap.kernelMac,
    }
  })
}

/** RFC 5227 §2.1: an address that the kernel has is not taken; a free one is probed, announced and then used. */
export function probes(n: number) {
  return onStage(async (scene) => {
    const tap = await scene.tap(n)
    await scene.ok('ip', 'addr', 'add', `10.66.${n}.1/24`, 'dev', tap.name)
    const host = scene.host('probe')
    const ifId = host.attach(tap, 'eth0')
    await scene.until(() => tap.tap.running, 'no carrier')
    const addrs = (): readonly IfAddr[] => host.vnet.state.link.ifnets.get(ifId)?.addrs ?? []
    addAddress(host, ifId, `10.66.${n}.1/24`, true)
    await scene.until(() => addrs()[0]?.status === IFA_DUPLICATED, `no conflict seen: ${addrs()[0]?.status}`, 10_000)
    addAddress(host, ifId, `10.66.${n}.2/24`, true)
    const free = addrs()[1]
    await scene.until(() => free?.status === IFA_PREFERRED, `not taken: ${free?.status}`, 10_000)
    await scene.ok('ping', '-n', '-c', '1', '-W', '2', `10.66.${n}.2`)
    const stats = arpStats(host.vnet.vn)
    const conflict = addrs()[0]?.status === IFA_DUPLICATED
    return { conflict, dupips: stats.dupips, probes: stats.txprobes, log: log(host.vnet.state.log) }
  })
}

/** RFC 5227 §2.3, §2.4: the kernel learns from a Vnet's announcement; its claim on the Vnet's address is fought. */
export function conflicts(n: number) {
  return onStage(async (scene) => {
    const net = await scene.net(n)
    // accept what is announced by those we never asked
    await scene.ok('sysctl', '-qw', `net.ipv4.conf.${net.tap.name}.arp_accept=1`)
    addAddress(net.host, net.ifId, `10.66.${n}.77/24`)
    let announced = ''
    for (let i = 0; i < 50 && !announced.includes('lladdr'); i++) {
      announced = await scene.ok('ip', 'neigh', 'show', 'dev', net.tap.name, `10.66.${n}.77`)
    }
    await scene.ok('ip', 'addr', 'add', `10.66.${n}.77/32`, 'dev', net.tap.name)
    // the kernel asks for somebody else with the address as the question's sender
    await scene.run('ping', '-n', '-c', '1', '-W', '1', '-I', `10.66.${n}.77`, `10.66.${n}.50`)
    const stats = arpStats(net.host.vnet.vn)
    await scene.until(() => stats.dupips > 0, 'no conflict seen')
    const learnt = announced.includes(macPrint(net.tap.mac))
    return { announced: learnt, dupips: stats.dupips, log: log(net.host.vnet.state.log) }
  })
}

/** RFC 1122 §2.3.2.2, §3.3.1.4: nobody there. The user of a connection and of a datagram socket is told. */
export function silent(n: number) {
  return onStage(async (scene) => {
    const net = await scene.net(n)
    setSysctl(net.host, 'net.link.ether.inet.maxtries', 2)
    // a connection attempt outlives the first errors (RFC 9293 §3.9.2.2): give it less time between its SYNs
    setSysctl(net.host, 'net.inet.tcp.rexmit_initial', 300)
    const tcp = connectTcp(net.host, { host: `10.66.${n}.99`, port: 80 })
    const started = performance.now()
    const tcpError = await eventOf(tcp, 'error', 20_000)
    const seconds = (performance.now() - started) / 1000
    const udp = new UdpSocket(net.host)
    let udpCode = ''
    udp.on('error', (e: { code: string }) => { udpCode = e.code })
    udp.connect(80, `10.66.${n}.98`)
    await scene.until(() => {
      try {
        if (udpCode === '') udp.send(Buffer.from('x'))
      } catch (e) {
        udpCode = (e as { code: string }).code
      }
      return udpCode !== ''
    }, 'the datagram socket never heard of it', 20_000)
    udp.close()
    return { tcp: codeIn(tcpError), seconds, udp: udpCode, queues: queued(net) }
  })
}

/** Packets that still wait for somebody's address. */
function queued(net: Net): number {
  let n = 0
  for (const table of net.host.vnet.state.arp.tables.values()) for (const e of table.values()) n += e.queue.length
  return n
}

function log(l: { entries: { text: string }[] }): string {
  return l.entries.map((e) => e.text).join('\n')
}

function codeIn(args: unknown[] | null): string {
  return args === null ? 'nothing' : (args[0] as { code: string }).code
}
