/**
 * Routing: a Vnet between two kernel namespaces (RFC 1812), and path MTU discovery with the narrow link behind the
 * kernel or behind the Vnet (RFC 1191). Run inside a namespace by route.test.ts.
 */

import { createHash } from 'node:crypto'
import { impairDevice } from '../../src/device/impair.ts'
import type { ImpairedDevice } from '../../src/device/impair.ts'
import type { Driver } from '../../src/host/driver.ts'
import type { VnetHost } from '../../src/host/vnet-host.ts'
import type { TapDevice } from '../../src/host/tap.ts'
import { pmtuGet } from '../../src/ip/pmtu.ts'
import { ifSetMtu } from '../../src/link/ifnet.ts'
import { connectTcp } from '../../src/socket/tcp.ts'
import type { TcpSocket } from '../../src/socket/tcp.ts'
import { addAddress, addRoute, changed, eventOf, ip4, onStage, setSysctl } from './scene.ts'
import type { Scene } from './scene.ts'
import { tcbSeenIn } from '../support/tcbs.ts'
import { tcpStats } from '../../src/tcp/stats.ts'

interface Routed {
  router: VnetHost
  /** Words that put a command into the namespace of 10.66.0.1 and of 10.66.1.1. */
  a: string[]
  b: string[]
}

const B = '10.66.1.1'

/** a (10.66.0.1) – router (10.66.0.2, 10.66.1.2) – b (10.66.1.1). */
async function routed(scene: Scene, offload: boolean): Promise<Routed> {
  const router = scene.host('router')
  setSysctl(router, 'net.inet.ip.forwarding', 1)
  const ends: string[][] = []
  for (const n of [0, 1]) {
    const tap = await scene.tap(n, { offload })
    const ns = await scene.namespace()
    await scene.move(tap, ns, `10.66.${n}.1/24`, `10.66.${n}.2`)
    addAddress(router, router.attach(tap, `eth${n}`), `10.66.${n}.2/24`)
    ends.push(ns)
  }
  const [a = [], b = []] = ends
  await scene.ok(...a, 'ping', '-n', '-c', '1', '-W', '5', '10.66.0.2')
  return { router, a, b }
}

/** What ping(8) says through and about the router. */
export function pings() {
  return onStage(async (scene) => {
    const { router, a } = await routed(scene, false)
    setSysctl(router, 'net.link.ether.inet.maxtries', 2)
    const ping = async (...args: string[]): Promise<string> =>
      (await scene.run(...a, 'ping', '-n', '-c', '1', '-W', '2', ...args)).stdout
    return {
      through: await ping(B),
      big: await ping('-s', '60000', B),
      expired: await ping('-t', '1', B),
      noRoute: await ping('172.16.9.9'),
      silent: await ping('-W', '8', '10.66.1.99'),
      enough: await ping('-t', '2', B),
      stats: changed(router.vnet.state.ip.stats),
    }
  })
}

/** iperf3 in a against iperf3 in b. Gb/s for TCP; for UDP what got through. */
export function iperf(offload: boolean, seconds: number) {
  return onStage(async (scene) => {
    const { router, a, b } = await routed(scene, offload)
    await scene.start('Server listening', ...b, 'iperf3', '-s', '--forceflush')
    const client = (...args: string[]): Promise<string> =>
      scene.ok(...a, 'iperf3', '-c', B, '-t', String(seconds), '-J', ...args)
    const tcp = JSON.parse(await client())
    const back = JSON.parse(await client('-R'))
    const udp = JSON.parse(await client('-u', '-b', '20M', '-l', '1400'))
    // what kernels drop before and behind the router: a full TAP queue, a full socket of a program without a processor
    const before = JSON.parse(await scene.ok(...a, 'ip', '-s', '-j', 'link', 'show', 'vi0'))[0].stats64.tx.dropped
    const [names = '', values = ''] = (await scene.ok(...b, 'grep', '^Udp:', '/proc/net/snmp')).split('\n')
    const behind = Number(values.split(' ')[names.split(' ').indexOf('RcvbufErrors')])
    return {
      udpLostInKernels: before + behind,
      tcpGbps: gbps(tcp.end.sum_received.bits_per_second), backGbps: gbps(back.end.sum_received.bits_per_second),
      udpPackets: udp.end.sum.packets, udpLost: udp.end.sum.lost_packets,
      stats: changed(router.vnet.state.ip.stats),
    }
  })
}

function gbps(bps: number): number {
  return Math.round(bps / 1e7) / 100
}

/** RFC 1191 §4: the router's next link is narrow. The kernel is told, and TCP goes on in smaller segments. */
export function narrowRouter(offload: boolean, mtu: number) {
  return onStage(async (scene) => {
    const { router, a, b } = await routed(scene, offload)
    const { vn } = router.vnet
    for (const ifp of vn.state.link.ifnets.values()) if (ifp.name === 'eth1') ifSetMtu(vn, ifp.id, mtu)
    const df = await scene.run(...a, 'ping', '-n', '-c', '1', '-W', '2', '-M', 'do', '-s', '1400', B)
    await scene.ok(...a, 'ip', 'route', 'flush', 'cache')
    const fragmented = await scene.run(...a, 'ping', '-n', '-c', '1', '-W', '2', '-M', 'dont', '-s', '1400', B)
    const sum = await upload(scene, a, b)
    return {
      df: df.stdout, fragmented: fragmented.stdout, ...sum,
      cache: await scene.ok(...a, 'ip', 'route', 'get', B), stats: changed(router.vnet.state.ip.stats),
    }
  })
}

/** 5 MB from a to b with nc; the hashes of both ends. */
async function upload(scene: Scene, a: string[], b: string[]): Promise<{ sent: string; got: string }> {
  const got = scene.ok(...b, 'sh', '-c', 'nc -l -N -w 10 7 | sha256sum')
  await new Promise((resolve) => setTimeout(resolve, 300))
  const sent = await scene.ok(...a, 'sh', '-c',
    `f=$(mktemp); head -c 5000000 /dev/urandom > $f; nc -N -w 10 ${B} 7 < $f; sha256sum < $f; rm $f`)
  return { sent: sent.trim(), got: (await got).trim() }
}

/**
 * RFC 1191 §3, §6: the kernel is the router, and the link behind it is narrow. A Vnet learns of it from the kernel's
 * ICMP error and sends smaller segments; what comes back is as the far kernel sends it.
 */
export function narrowKernel(n: number, mtu: number, bytes: number) {
  return onStage(async (scene) => {
    const net = await scene.net(n)
    await scene.ok('sysctl', '-qw', 'net.ipv4.ip_forward=1')
    const far = await scene.namespace()
    const pid = far[1]?.replace(/\D+/g, '') ?? ''
    await scene.ok('ip', 'link', 'add', 'near0', 'type', 'veth', 'peer', 'name', 'far0', 'netns', pid)
    await scene.ok('ip', 'addr', 'add', '10.66.100.1/24', 'dev', 'near0')
    await scene.ok('ip', 'link', 'set', 'near0', 'mtu', String(mtu), 'up')
    await scene.ok(...far, 'ip', 'addr', 'add', '10.66.100.2/24', 'dev', 'far0')
    // its own link says 1500, so that it announces an MSS that is too large for the way
    await scene.ok(...far, 'ip', 'link', 'set', 'far0', 'up')
    await scene.ok(...far, 'ip', 'route', 'add', 'default', 'via', '10.66.100.1')
    addRoute(net.host, '10.66.100.0/24', net.kernel)
    await scene.start('up', ...far, process.execPath, '-e', HASH_SERVER)
    const socket = connectTcp(net.host, { host: '10.66.100.2', port: 7, allowHalfOpen: true })
    const { sent, answer, mss } = await ask(net.host, socket, bytes)
    const { tcp, icmp } = net.host.vnet.state
    const learnt = pmtuGet(net.host.vnet.vn, ip4('10.66.100.2'))
    await scene.ok('ip', 'link', 'del', 'near0')
    const { mturesent: resent, rexmttimeo: timeouts } = tcp.stats
    return { sent, answer, mss, learnt, resent, unreach: icmp.stats.inunreach, timeouts }
  })
}

/**
 * RFC 2923 §2.1: large packets vanish and no ICMP error says so. A Vnet that does not look for smaller ones waits
 * quietly and goes on when the way is mended; with `detect` it gets through by itself.
 */
export function blackHole(n: number, mtu: number, bytes: number, detect: boolean) {
  return onStage(async (scene) => {
    const made: ImpairedDevice[] = []
    const wrap = (tap: TapDevice, driver: Driver): ImpairedDevice => {
      made[0] = impairDevice(tap, { clock: driver, pool: driver.pool, seed: [1], tx: { mtu } })
      return made[0]
    }
    const net = await scene.net(n, { wrap })
    setSysctl(net.host, 'net.inet.tcp.pmtud_blackhole_detection', detect ? 1 : 0)
    const ns = await scene.namespace()
    await scene.move(net.tap, ns, `${net.kernel}/24`)
    await scene.start('up', ...ns, process.execPath, '-e', HASH_SERVER)
    const socket = connectTcp(net.host, { host: net.kernel, port: 7, allowHalfOpen: true })
    const asked = ask(net.host, socket, bytes)
    if (!detect) await new Promise((resolve) => setTimeout(resolve, 2000))
    const stats = tcpStats(net.host.vnet.vn)
    const stuck = { acked: stats.rcvackbyte, resent: stats.sndrexmitpack, timeouts: stats.rexmttimeo }
    const config = made[0]?.tx.config
    if (!detect && config !== undefined) config.mtu = Infinity
    const { sent, answer, mss } = await asked
    return { stuck, vanished: made[0]?.tx.stats.blackholed ?? 0, same: sent === answer, mss, drops: stats.drops }
  })
}

/** Answers everything with its hash. */
const HASH_SERVER = `
  require("node:net").createServer({ allowHalfOpen: true }, (s) => {
    const hash = require("node:crypto").createHash("sha256")
    s.on("data", (chunk) => hash.update(chunk))
    s.on("end", () => s.end(hash.digest("hex")))
  }).listen(7, () => console.log("up"))`

async function ask(host: VnetHost, socket: TcpSocket, bytes: number) {
  const data = Buffer.alloc(bytes, 'narrow ')
  let answer = ''
  let mss = 0
  socket.on('data', (chunk: Buffer) => {
    answer += String(chunk)
    mss = tcbSeenIn(host.vnet.state.tcp, socket.id)?.mss ?? 0
  })
  socket.end(data)
  await eventOf(socket, 'end', 20_000)
  return { sent: createHash('sha256').update(data).digest('hex'), answer, mss }
}
