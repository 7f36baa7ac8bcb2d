/** TCP and ping over a link that loses, reorders, doubles, damages. Run inside a namespace by impair.test.ts. */

import { createHash } from 'node:crypto'
import { connect, createServer } from 'node:net'
import type { AddressInfo, Socket } from 'node:net'
import { impairDevice } from '../../src/device/impair.ts'
import type { ImpairedDevice } from '../../src/device/impair.ts'
import type { ImpairConfig } from '../../src/device/impair-plan.ts'
import { connectTcp, TcpServer } from '../../src/socket/tcp.ts'
import type { TcpSocket } from '../../src/socket/tcp.ts'
import { changed, onStage } from './scene.ts'
import type { Net, Scene } from './scene.ts'
import { tcpStats } from '../../src/tcp/stats.ts'

const PORT = 7
const LIMIT_MS = 50_000

type AnySocket = Socket | TcpSocket

export interface Case {
  /** From the Vnet to the kernel, and from the kernel to the Vnet. */
  tx?: Partial<ImpairConfig>
  rx?: Partial<ImpairConfig>
}

/** `bytes` from the kernel to a Vnet and from the Vnet to the kernel over the link; hashes at both ends. */
export function transfers(n: number, link: Case, bytes: number) {
  return onStage(async (scene) => {
    const { net, impaired } = await badNet(scene, n, link)
    const stats = tcpStats(net.host.vnet.vn)
    const up = await kernelSends(net, bytes)
    const middle = { ...stats }
    const down = await vnetSends(net, bytes)
    return {
      up, down, link: { tx: changed(impaired.tx.stats), rx: changed(impaired.rx.stats) },
      receiving: changed(middle), sending: changed(stats, middle), badsum: stats.rcvbadsum,
    }
  })
}

/** ping(8) sees what the link does, and a Vnet's reassembly survives it. */
export function pings(n: number, link: Case, count: number, size: number) {
  return onStage(async (scene) => {
    const { net, impaired } = await badNet(scene, n, link)
    const args = ['-n', '-q', '-c', String(count), '-i', '0.02', '-W', '1', '-s', String(size)]
    const { stdout } = await scene.run('ping', ...args, net.vnet)
    return {
      received: Number(/(\d+) received/.exec(stdout)?.[1] ?? -1),
      duplicates: Number(/\+(\d+) duplicates/.exec(stdout)?.[1] ?? 0),
      link: { tx: changed(impaired.tx.stats), rx: changed(impaired.rx.stats) },
      ip: changed(net.host.vnet.state.ip.stats), icmp: changed(net.host.vnet.state.icmp.stats),
    }
  })
}

async function badNet(scene: Scene, n: number, link: Case): Promise<{ net: Net; impaired: ImpairedDevice }> {
  const made: ImpairedDevice[] = []
  const net = await scene.net(n, {
    wrap: (tap, driver) => {
      const device = impairDevice(tap, {
        clock: driver, pool: driver.pool, seed: [1, n], tx: link.tx ?? {}, rx: link.rx ?? {},
      })
      made.push(device)
      return device
    },
  })
  return { net, impaired: made[0] }
}

async function kernelSends(net: Net, bytes: number) {
  const received = new Promise<string>((resolve, reject) => {
    const server = new TcpServer(net.host, (s) => {
      server.close()
      hashOf(s).then(resolve, reject)
    }).listen({ port: PORT })
  })
  return send(connect({ host: net.vnet, port: PORT }), received, bytes)
}

async function vnetSends(net: Net, bytes: number) {
  const server = createServer()
  const received = new Promise<string>((resolve, reject) => {
    server.on('connection', (s) => {
      server.close()
      hashOf(s).then(resolve, reject)
    })
  })
  server.listen(0, net.kernel)
  await new Promise((resolve) => server.once('listening', resolve))
  return send(connectTcp(net.host, { host: net.kernel, port: (server.address() as AddressInfo).port }), received, bytes)
}

async function send(socket: AnySocket, received: Promise<string>, bytes: number) {
  const data = Buffer.alloc(bytes)
  for (let i = 0; i + 4 <= bytes; i += 4) data.writeUInt32LE(Math.imul(i, 2654435761) >>> 0, i)
  const started = performance.now()
  let error = ''
  socket.on('error', (e: Error) => { error = e.message })
  socket.end(data)
  const timeout = new Promise<string>((resolve) => setTimeout(() => resolve('not in time'), LIMIT_MS).unref())
  const hash = await Promise.race([received, timeout])
  socket.destroy()
  const same = hash === createHash('sha256').update(data).digest('hex')
  return { same, hash, error, ms: Math.round(performance.now() - started) }
}

async function hashOf(socket: AnySocket): Promise<string> {
  const hash = createHash('sha256')
  for await (const chunk of socket) hash.update(chunk as Buffer)
  return hash.digest('hex')
}
