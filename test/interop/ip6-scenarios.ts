/** IPv6 against the kernel over TAP: ping, TCP both ways, HTTP, address conflicts. Run inside a namespace by ip6.test.ts. */

import { createHash } from 'node:crypto'
import { createServer as kernelServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { createServer } from 'node:http'
import { connectTcp, TcpServer } from '../../src/socket/tcp.ts'
import { interfaceList } from '../../src/vimage/interfaces.ts'
import { neighbour6Rows } from '../../src/vimage/neighbours.ts'
import { startPing } from '../../src/vimage/ping.ts'
import type { PingEvent } from '../../src/vimage/ping-events.ts'
import { addAddress, changed, onStage } from './scene.ts'
import type { Net, Scene } from './scene.ts'
import { ip6Stats } from '../../src/ip6/state.ts'

const KERNEL = '2001:db8:66::1'
const VNET = '2001:db8:66::2'
const COUNT = 3

/** The scene's Vnet and kernel with addresses of the documentation prefix besides those of IPv4. */
async function net6(scene: Scene, n: number, offload = false): Promise<Net & { linkLocal: string }> {
  const net = await scene.net(n, { offload })
  await scene.ok('sysctl', '-qw', `net.ipv6.conf.${net.tap.name}.disable_ipv6=0`)
  await scene.ok('ip', 'addr', 'add', `${KERNEL}/64`, 'dev', net.tap.name, 'nodad')
  addAddress(net.host, net.ifId, `${VNET}/64`, true)
  const six = () => interfaceList(net.host)[1].addresses.filter((a) => a.address.includes(':'))
  await scene.until(() => six().every((a) => a.status === 'preferred'), 'addresses stay tentative')
  const linkLocal = six().find((a) => a.address.startsWith('fe80:'))?.address.replace(/%.*/, '') ?? ''
  return { ...net, linkLocal }
}

/** ping(8) pings the Vnet's global and link-local address. */
export function kernelToVnet(n: number, sizes: number[]) {
  return onStage(async (scene) => {
    const net = await net6(scene, n)
    const stats = ip6Stats(net.host.vnet.vn)
    const rows = []
    for (const size of sizes) {
      const before = { ...stats }
      const received = []
      for (const to of [VNET, `${net.linkLocal}%${net.tap.name}`]) {
        const { stdout } = await scene.run('ping', '-6', '-n', '-c', String(COUNT), '-i', '0.05', '-W', '2', '-s', String(size), to)
        received.push(Number(/(\d+) received/.exec(stdout)?.[1] ?? -1), /wrong|DUP|truncated|duplicates/.exec(stdout)?.[0] ?? '')
      }
      rows.push({ size, received, reassembled: stats.reassembled - before.reassembled, fragmented: stats.fragmented - before.fragmented })
    }
    const neighbours = await scene.ok('ip', '-6', 'neigh', 'show', 'dev', net.tap.name)
    return { rows, neighbours, ours: neighbour6Rows(net.host).map((row) => row.address) }
  })
}

/** The Vnet pings the kernel's global and link-local address. */
export function vnetToKernel(n: number, sizes: number[]) {
  return onStage(async (scene) => {
    const net = await net6(scene, n)
    const shown = await scene.ok('ip', '-6', '-o', 'addr', 'show', 'dev', net.tap.name, 'scope', 'link')
    const linkLocal = `${/inet6 (fe80:[^/]+)/.exec(shown)?.[1] ?? ''}%eth0`
    const rows = []
    for (const sizeBytes of sizes) {
      for (const host of [KERNEL, linkLocal]) {
        const summary = await new Promise<PingEvent>((resolve) => {
          startPing(net.host, { host, count: COUNT, intervalMs: 20, sizeBytes, timeoutMs: 2000, ttl: 0, source: '' }, (event) => {
            if (event.type === 'end') resolve(event)
          })
        })
        rows.push(summary.type === 'end' ? [sizeBytes, summary.received, summary.errors] : [])
      }
    }
    return rows
  })
}

/** curl fetches from and uploads to a Vnet; and a Vnet exchanges as much with a server of the kernel's. */
export function bulk(n: number, offload: boolean, bytes: number) {
  return onStage(async (scene) => {
    const net = await net6(scene, n, offload)
    const data = Buffer.alloc(bytes, 'vimage over six ')
    const http = createServer((request, response) => {
      if (request.method === 'GET') {
        response.end(data)
        return
      }
      const hash = createHash('sha256')
      request.on('data', (chunk: Buffer) => hash.update(chunk)).on('end', () => response.end(hash.digest('hex')))
    })
    const server = new TcpServer(net.host, (socket) => { http.emit('connection', socket) })
    server.listen({ host: '::', port: 80, allowHalfOpen: true })
    const expected = createHash('sha256').update(data).digest('hex')
    const [down] = (await scene.ok('sh', '-c', `curl -g -sS --max-time 50 'http://[${VNET}]/' | sha256sum`)).split(' ')
    const viaLink = await scene.ok('sh', '-c', `curl -g -sS --max-time 50 'http://[${net.linkLocal}%25${net.tap.name}]/' | wc -c`)
    const give = `curl -g -sS --max-time 50 'http://[${VNET}]/'`
    const up = await scene.ok('sh', '-c', `${give} | curl -g -sS --max-time 50 -T - 'http://[${VNET}]/'`)
    server.close()
    const echoed = await fromKernel(net, data)
    return {
      down, up, expected, echoed, viaLink: Number(viaLink), bytes, drops: changed(net.host.vnet.state.ip6.stats)['badscope'] ?? 0,
    }
  })
}

/** A server of the kernel's hashes what the Vnet sends, and sends that back. */
async function fromKernel(net: Net, data: Buffer): Promise<string> {
  const server = kernelServer({ allowHalfOpen: true }, (socket) => {
    const hash = createHash('sha256')
    socket.on('data', (chunk) => hash.update(chunk)).on('end', () => socket.end(hash.digest('hex')))
  }).listen(0, KERNEL)
  await new Promise((resolve) => server.once('listening', resolve))
  const socket = connectTcp(net.host, { host: KERNEL, port: (server.address() as AddressInfo).port, allowHalfOpen: true })
  socket.end(data)
  let said = ''
  for await (const chunk of socket) said += String(chunk)
  server.close()
  return said
}

/** RFC 4862 §5.4: the kernel has the address already. */
export function conflict(n: number) {
  return onStage(async (scene) => {
    const net = await scene.net(n)
    await scene.ok('sysctl', '-qw', `net.ipv6.conf.${net.tap.name}.disable_ipv6=0`)
    await scene.ok('ip', 'addr', 'add', `${VNET}/64`, 'dev', net.tap.name, 'nodad')
    addAddress(net.host, net.ifId, `${VNET}/64`, true)
    const status = (): string => interfaceList(net.host)[1].addresses.find((a) => a.address === VNET)?.status ?? ''
    await scene.until(() => status() !== 'tentative', 'the address stays tentative')
    return { status: status(), dupaddr: net.host.vnet.state.nd.stats.dupaddr }
  })
}
