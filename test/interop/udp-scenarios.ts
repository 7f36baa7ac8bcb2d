/** UDP between a Vnet and the kernel (RFC 768, RFC 1122 §4.1). Run inside a namespace by udp.test.ts. */

import { createSocket } from 'node:dgram'
import type { Socket } from 'node:dgram'
import { setTimeout as sleep } from 'node:timers/promises'
import { UdpSocket } from '../../src/socket/udp.ts'
import { changed, codeOf, eventOf, onStage } from './scene.ts'
import type { Net } from './scene.ts'

const PORT = 5000

/** Datagrams of each size from the kernel to a Vnet that sends them back, and the other way round. */
export function sizes(n: number, list: number[]) {
  return onStage(async (scene) => {
    const net = await scene.net(n)
    const kernel = await kernelSocket(net)
    const vnet = new UdpSocket(net.host).bind(PORT)
    const rows = []
    for (const size of list) {
      const there = await toVnet(net, kernel, vnet, size)
      rows.push({ size, toVnet: there, toKernel: await toKernel(net, kernel, vnet, size) })
    }
    kernel.close()
    vnet.close()
    return { rows, badsum: net.host.vnet.state.udp.stats.badsum }
  })
}

async function toVnet(net: Net, kernel: Socket, vnet: UdpSocket, size: number): Promise<string> {
  const data = content(size)
  const arrived = eventOf(vnet, 'message')
  kernel.send(data, PORT, net.vnet)
  const [bytes, from] = (await arrived ?? []) as [Buffer?, { address: string; port: number }?]
  return bytes === undefined ? 'lost' : bytes.equals(data) ? `${from?.address}` : 'differs'
}

async function toKernel(net: Net, kernel: Socket, vnet: UdpSocket, size: number): Promise<string> {
  const data = content(size)
  const arrived = eventOf(kernel, 'message')
  vnet.send(data, PORT, net.kernel)
  const [bytes, from] = (await arrived ?? []) as [Buffer?, { address: string; port: number }?]
  return bytes === undefined ? 'lost' : bytes.equals(data) ? `${from?.address}` : 'differs'
}

/**
 * A sender that leaves the cutting to its kernel (UDP_SEGMENT), which leaves it to the TAP where that offers it: what the Vnet's socket
 * hears, by length, and how many frames its kernel sent.
 */
export function segmented(n: number, offload: boolean, size: number, bytes: number) {
  return onStage(async (scene) => {
    const net = await scene.net(n, { offload })
    const vnet = new UdpSocket(net.host).bind(PORT)
    const got: Buffer[] = []
    vnet.on('message', (data: Buffer) => got.push(data))
    // socket(7): Node has no call for the option
    await scene.ok('python3', '-c', `
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.setsockopt(socket.IPPROTO_UDP, 103, ${size})
s.sendto(bytes(i * 7 % 251 for i in range(${bytes})), ('${net.vnet}', ${PORT}))
`)
    for (let tries = 0; tries < 200 && got.reduce((sum, data) => sum + data.length, 0) < bytes; tries++) await sleep(10)
    vnet.close()
    const whole = Buffer.concat(got)
    const { stdout } = await scene.run('ip', '-s', '-j', 'link', 'show', net.tap.name)
    const [link] = JSON.parse(stdout) as [{ stats64: { tx: { packets: number } } }]
    const { rxFrames, rxErrors } = net.tap.stats
    return {
      sizes: got.map((data) => data.length), same: whole.every((octet, i) => octet === i * 7 % 251),
      sent: link.stats64.tx.packets, rxFrames, rxErrors,
      badsum: net.host.vnet.state.udp.stats.badsum,
    }
  })
}

/** RFC 1122 §3.2.2.1, §4.1.3.1: port unreachable becomes ECONNREFUSED on a connected socket, each way. */
export function noListener(n: number) {
  return onStage(async (scene) => {
    const net = await scene.net(n)
    const vnet = new UdpSocket(net.host)
    const vnetError = eventOf(vnet, 'error')
    vnet.connect(9, net.kernel).send(Buffer.from('x'))
    const kernel = createSocket('udp4')
    const kernelError = eventOf(kernel, 'error')
    kernel.connect(9, net.vnet)
    await eventOf(kernel, 'connect')
    kernel.send('x')
    const { udp, icmp } = net.host.vnet.state
    const result = { vnet: codeIn(await vnetError), kernel: codeIn(await kernelError) }
    kernel.close()
    vnet.close()
    return { ...result, noport: udp.stats.noport, outunreach: icmp.stats.outunreach, inunreach: icmp.stats.inunreach }
  })
}

/** Broadcasts to the network and to all ones, each way; without SO_BROADCAST EACCES. */
export function broadcast(n: number) {
  return onStage(async (scene) => {
    const net = await scene.net(n)
    const all = `10.66.${n}.255`
    const kernel = await kernelSocket(net, '0.0.0.0')
    const vnet = new UdpSocket(net.host).bind(PORT)
    const denied = await codeOf(() => vnet.send(Buffer.from('x'), PORT, all))
    kernel.setBroadcast(true)
    vnet.setBroadcast(true)
    await scene.ok('ip', 'route', 'add', '255.255.255.255', 'dev', net.tap.name)
    // both hear their own broadcasts as well
    const seen: string[] = []
    vnet.on('message', (text: Buffer, from: { address: string }) => seen.push(`vnet hears ${from.address}: ${text}`))
    kernel.on('message', (text: Buffer, from) => seen.push(`kernel hears ${from.address}: ${text}`))
    for (const to of [all, '255.255.255.255']) {
      kernel.send(`to ${to}`, PORT, to)
      vnet.send(Buffer.from(`to ${to}`), PORT, to)
    }
    await scene.until(() => seen.length === 8, () => seen.join('\n'))
    kernel.close()
    vnet.close()
    // RFC 1122 §3.2.2: a broadcast to a port without a socket is no reason for an ICMP error
    const stray = createSocket('udp4')
    await new Promise<void>((resolve) => stray.bind(0, resolve))
    stray.setBroadcast(true)
    stray.send('x', 9, all)
    const { udp, icmp } = net.host.vnet.state
    await scene.until(() => udp.stats.noportbcast === 1, () => `no broadcast: ${JSON.stringify(changed(udp.stats))}`)
    stray.close()
    return { denied, seen: seen.sort(), unreachables: icmp.stats.outunreach }
  })
}

/** A burst into a socket that nobody reads is bounded and counted. */
export function flood(n: number, count: number, size: number) {
  return onStage(async (scene) => {
    const net = await scene.net(n)
    const vnet = net.sockets.socket(2, 2)
    net.sockets.bind(vnet, net.vnet, PORT)
    const kernel = await kernelSocket(net)
    for (let i = 0; i < count; i++) {
      kernel.send(Buffer.alloc(size), PORT, net.vnet)
      await new Promise(setImmediate)
    }
    const { udp } = net.host.vnet.state
    await scene.until(() => udp.stats.ipackets === count, () => JSON.stringify(changed(udp.stats)))
    kernel.close()
    const pcb = udp.pcbs.get(vnet)
    return { queued: pcb?.queued ?? 0, limit: pcb?.rcvLimit ?? 0, fullsock: udp.stats.fullsock }
  })
}

async function kernelSocket(net: Net, address: string = net.kernel): Promise<Socket> {
  const socket = createSocket('udp4')
  await new Promise<void>((resolve) => socket.bind(PORT, address, resolve))
  socket.setRecvBufferSize(200_000)
  socket.setSendBufferSize(200_000)
  return socket
}

function content(size: number): Buffer {
  const data = Buffer.alloc(size)
  for (let i = 0; i < size; i++) data[i] = i * 11 + (i >> 8)
  return data
}

function codeIn(args: unknown[] | null): string {
  return args === null ? 'nothing' : (args[0] as { code: string }).code
}

