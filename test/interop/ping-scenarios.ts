/** Ping both ways (RFC 792, RFC 791 §3.2). Run inside a namespace by ping.test.ts. */

import { SOCK_RAW, SO_RCVBUF, SO_SNDBUF, SOL_SOCKET } from '../../src/inet/sockopt.ts'
import { AF_INET } from '../../src/inet/state.ts'
import { EV_READ } from '../../src/kern/vn.ts'
import { checksumAdd, checksumFold } from '../../src/lib/checksum.ts'
import { IPPROTO_ICMP } from '../../src/wire/ipv4.ts'
import { changed, onStage, setSysctl } from './scene.ts'
import type { Net } from './scene.ts'
import { ipStats } from '../../src/ip/state.ts'

const COUNT = 3
const IP_HEADER = 20
const ICMP_HEADER = 8

/** ping(8), which compares the data of each reply, pings the Vnet. */
export function kernelToVnet(n: number, sizes: number[]) {
  return onStage(async (scene) => {
    const { host, vnet } = await scene.net(n)
    const stats = ipStats(host.vnet.vn)
    const rows = []
    for (const size of sizes) {
      const before = { ...stats }
      const args = ['-n', '-c', String(COUNT), '-i', '0.05', '-W', '2', '-s', String(size)]
      const { stdout } = await scene.run('ping', ...args, vnet)
      rows.push({
        size,
        received: Number(/(\d+) received/.exec(stdout)?.[1] ?? -1),
        complaints: /wrong|DUP|truncated|duplicates/.exec(stdout)?.[0] ?? '',
        fragmentsIn: stats.fragments - before.fragments,
        fragmentsOut: stats.ofragments - before.ofragments,
        reassembled: stats.reassembled - before.reassembled,
      })
    }
    return rows
  })
}

/** A raw socket of the Vnet pings the kernel and compares what comes back, byte by byte. */
export function vnetToKernel(n: number, sizes: number[]) {
  return onStage(async (scene) => {
    const net = await scene.net(n)
    const stats = ipStats(net.host.vnet.vn)
    const rows = []
    for (const size of sizes) {
      const before = { ...stats }
      let same = 0
      for (let seq = 0; seq < COUNT; seq++) if (await echo(net, size, seq)) same++
      rows.push({
        size, same,
        fragmentsIn: stats.fragments - before.fragments,
        fragmentsOut: stats.ofragments - before.ofragments,
        reassembled: stats.reassembled - before.reassembled,
      })
    }
    return rows
  })
}

/** RFC 791 §3.1: what ping(8) shows of the options that a Vnet has filled in; and who answers group addresses. */
export function optionsAndGroups(n: number) {
  return onStage(async (scene) => {
    const { host, tap, vnet } = await scene.net(n)
    const ping = async (...args: string[]): Promise<string> =>
      (await scene.run('ping', '-n', '-c', '1', '-W', '1', ...args)).stdout
    await scene.ok('ip', 'route', 'add', '224.0.0.0/4', 'dev', tap.name)
    return {
      recordRoute: await ping('-R', vnet),
      timestamps: await ping('-T', 'tsandaddr', vnet),
      // off unless asked for (RFC 1122 §3.2.2.6 allows it)
      multicast: await ping('224.0.0.1'),
      broadcast: await ping('-b', `10.66.${n}.255`),
      asked: await (async () => {
        setSysctl(host, 'net.inet.icmp.bmcastecho', 1)
        return [await ping('224.0.0.1'), await ping('-b', `10.66.${n}.255`)]
      })(),
      stats: changed(host.vnet.state.icmp.stats),
    }
  })
}

/** The kernel's end changes its Ethernet address, and the cable is pulled and put back: a ping afterwards works. */
export function linkChanges(n: number) {
  return onStage(async (scene) => {
    const { tap, vnet } = await scene.net(n)
    await scene.ok('sysctl', '-qw', `net.ipv4.conf.${tap.name}.arp_notify=1`)
    const before = await scene.ok('ping', '-n', '-c', '1', '-W', '2', vnet)
    await scene.ok('ip', 'link', 'set', tap.name, 'address', '02:00:00:00:66:01')
    const moved = (await scene.run('ping', '-n', '-c', '1', '-W', '3', vnet)).stdout
    tap.tap.setCarrier(false)
    await scene.until(() => !tap.tap.running, 'the carrier stays')
    tap.tap.setCarrier(true)
    await scene.until(() => tap.tap.running, 'the carrier does not come back')
    const replugged = (await scene.run('ping', '-n', '-c', '1', '-W', '3', vnet)).stdout
    return { before, moved, replugged }
  })
}

async function echo(net: Net, size: number, seq: number): Promise<boolean> {
  const { sockets, kernel, scene } = net
  const fd = sockets.socket(AF_INET, SOCK_RAW, IPPROTO_ICMP)
  try {
    sockets.setsockopt(fd, SOL_SOCKET, SO_SNDBUF, 65_535)
    sockets.setsockopt(fd, SOL_SOCKET, SO_RCVBUF, 262_144)
    const request = echoRequest(size, seq)
    sockets.sendto(fd, request, kernel, 0)
    await scene.until(() => (sockets.ready(fd) & EV_READ) !== 0, `no reply to a ping of ${size} bytes`, 3000)
    const into = Buffer.alloc(65_535)
    const { bytes } = sockets.recvfrom(fd, into)
    const reply = into.subarray(IP_HEADER, bytes)
    return reply[0] === 0 && reply.subarray(4).equals(request.subarray(4))
  } finally {
    sockets.close(fd)
  }
}

function echoRequest(size: number, seq: number): Buffer {
  const packet = Buffer.alloc(ICMP_HEADER + size)
  packet[0] = 8
  packet.writeUInt16BE(0x5649, 4)
  packet.writeUInt16BE(seq, 6)
  for (let i = 0; i < size; i++) packet[ICMP_HEADER + i] = i * 7 + (i >> 8) + seq
  const view = new DataView(packet.buffer, packet.byteOffset, packet.length)
  packet.writeUInt16BE(checksumFold(checksumAdd(0, view, 0, packet.length)), 2)
  return packet
}
