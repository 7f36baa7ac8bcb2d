/**
 * TCP with peers and links of other kinds: options off, odd MTUs, a bottleneck, unusual openings and closings. Run
 * inside a namespace by variety.test.ts.
 */

import { createHash } from 'node:crypto'
import { connect, createServer } from 'node:net'
import type { AddressInfo, Socket } from 'node:net'
import { impairDevice } from '../../src/device/impair.ts'
import type { ImpairConfig } from '../../src/device/impair-plan.ts'
import { connectTcp, TcpServer } from '../../src/socket/tcp.ts'
import type { TcpSocket } from '../../src/socket/tcp.ts'
import { addRoute, changed, eventOf, onStage, setSysctl } from './scene.ts'
import type { Net, TapOptions } from './scene.ts'

const PORT = 7

type AnySocket = Socket | TcpSocket

export interface Kind {
  /** sysctl of the kernel, of the Vnet. */
  kernel?: Record<string, number>
  vnet?: Record<string, number>
  mtu?: number
  offload?: boolean
  /** What the link does to frames, each way. */
  link?: Partial<ImpairConfig>
}

/** `bytes` each way at once on one connection, and the same on a second one opened by the other side. */
export function bothWays(n: number, kind: Kind, bytes: number) {
  return onStage(async (scene) => {
    const { link } = kind
    const wrap: TapOptions['wrap'] = (tap, driver) =>
      link === undefined ? tap : impairDevice(tap, { clock: driver, pool: driver.pool, seed: [9], tx: link, rx: link })
    const net = await scene.net(n, { mtu: kind.mtu ?? 1500, offload: kind.offload ?? false, wrap })
    for (const [name, value] of Object.entries(kind.kernel ?? {})) await scene.ok('sysctl', '-qw', `${name}=${value}`)
    for (const [name, value] of Object.entries(kind.vnet ?? {})) setSysctl(net.host, name, value)
    const byKernel = await exchange(net, 'kernel', bytes)
    const byVnet = await exchange(net, 'vnet', bytes)
    for (const name of Object.keys(kind.kernel ?? {})) await scene.ok('sysctl', '-qw', `${name}=1`)
    return { byKernel, byVnet, stats: changed(net.host.vnet.state.tcp.stats) }
  })
}

async function exchange(net: Net, opener: 'kernel' | 'vnet', bytes: number) {
  const { client, accepted, close } = await pair(net, opener)
  const data = Buffer.alloc(bytes)
  for (let i = 0; i + 4 <= bytes; i += 4) data.writeInt32LE(Math.imul(i, 2654435761), i)
  const right = sha256(data)
  const hashes = Promise.all([hashOf(client), hashOf(accepted)])
  client.end(data)
  accepted.end(data)
  const same = (await hashes).map((h) => h === right)
  close()
  return same
}

/** Congestion control at a bottleneck: goodput in Mb/s, of the Vnet's sending or of its receiving. */
export function bottleneck(n: number, sender: 'kernel' | 'vnet', link: Partial<ImpairConfig>, bytes: number) {
  return onStage(async (scene) => {
    const wrap: TapOptions['wrap'] = (tap, driver) => impairDevice(tap, {
      clock: driver, pool: driver.pool, seed: [7], ...(sender === 'vnet' ? { tx: link } : { rx: link }),
    })
    const net = await scene.net(n, { wrap })
    const { client, accepted, close } = await pair(net, 'vnet')
    const [from, to] = sender === 'vnet' ? [client, accepted] : [accepted, client]
    const started = performance.now()
    const data = Buffer.alloc(bytes, 'neck')
    from.end(data)
    const same = await hashOf(to) === sha256(data)
    const mbps = Math.round(bytes * 8 / (performance.now() - started) / 10) / 100
    close()
    return { same, mbps, stats: changed(net.host.vnet.state.tcp.stats) }
  })
}

/** RFC 9293 §3.5 figure 7: both sides connect to each other at the same moment. */
export function simultaneousOpen(n: number) {
  return onStage(async (scene) => {
    const delay = { delayUs: 100_000 }
    const wrap: TapOptions['wrap'] = (tap, driver) =>
      impairDevice(tap, { clock: driver, pool: driver.pool, seed: [7], tx: delay, rx: delay })
    const net = await scene.net(n, { wrap })
    // each must know the other's address before
    await scene.ok('ping', '-n', '-c', '2', '-i', '0.3', '-W', '2', net.vnet)
    const local = { localAddress: net.kernel, localPort: 7002 }
    const kernel = connect({ host: net.vnet, port: 7001, ...local, allowHalfOpen: true })
    const vnet = connectTcp(net.host, { host: net.kernel, port: 7002, localPort: 7001, allowHalfOpen: true })
    const connected = await Promise.all([opened(kernel), opened(vnet)])
    const texts = Promise.all([textOf(kernel), textOf(vnet)])
    kernel.end('from the kernel')
    vnet.end('from the Vnet')
    return { connected, texts: await texts, stats: changed(net.host.vnet.state.tcp.stats) }
  })
}

/** RFC 9293 §3.10.7.4 (TIME-WAIT), RFC 6191: the same four-tuple again, while one side remembers the old one. */
export function sameTuple(n: number, first: 'kernel' | 'vnet', times: number) {
  return onStage(async (scene) => {
    const net = await scene.net(n)
    const answers: string[] = []
    if (first === 'vnet') {
      // the Vnet closes first and has the TIME-WAIT; the kernel comes again from its port
      const server = new TcpServer(net.host, (s) => s.end('bye')).listen({ port: PORT })
      for (let i = 0; i < times; i++) {
        const s = connect({ host: net.vnet, port: PORT, localPort: 7100 })
        answers.push(await textOf(s))
        await new Promise((resolve) => s.closed ? resolve(null) : s.once('close', resolve))
        await scene.until(() => net.host.vnet.state.tcp.timewait.size === 1, 'no TIME-WAIT')
      }
      server.close()
    } else {
      const server = createServer((s) => s.end('bye')).listen(PORT, net.kernel)
      await eventOf(server, 'listening')
      for (let i = 0; i < times; i++) {
        const s = connectTcp(net.host, { host: net.kernel, port: PORT, localPort: 7100 })
        answers.push(await textOf(s))
        await scene.until(() => net.host.vnet.state.tcp.tcbs.size === 0, 'the connection stays')
      }
      server.close()
    }
    return { answers, stats: changed(net.host.vnet.state.tcp.stats) }
  })
}

/** RFC 1122 §4.2.2.13, RFC 2525 §2.17: closing with data unread tells the peer that it was lost. */
export function closeUnread(n: number) {
  return onStage(async (scene) => {
    const net = await scene.net(n)
    const seen: Record<string, string> = {}
    for (const closer of ['kernel', 'vnet'] as const) {
      const { client, accepted, close } = await pair(net, closer)
      accepted.on('error', () => undefined)
      accepted.write('nobody reads this')
      await new Promise((resolve) => setTimeout(resolve, 100))
      const error = eventOf(accepted, 'error')
      client.destroy()
      // what is written now meets the reset at the latest
      accepted.write('nor this')
      seen[closer] = ((await error)?.[0] as { code?: string } | undefined)?.code ?? 'nothing'
      close()
    }
    return seen
  })
}

/** RFC 9293 §3.8.3: the peer vanishes while data is under way. */
export function vanished(n: number, retries: number) {
  return onStage(async (scene) => {
    const net = await scene.net(n)
    setSysctl(net.host, 'net.inet.tcp.retries', retries)
    const { client, close } = await pair(net, 'vnet')
    await scene.ok('ip', 'addr', 'del', `${net.kernel}/24`, 'dev', net.tap.name)
    const started = performance.now()
    const error = eventOf(client, 'error', 20_000)
    client.write('is anybody there?')
    const code = ((await error)?.[0] as { code?: string } | undefined)?.code ?? 'nothing'
    const ms = performance.now() - started
    close()
    return { code, ms, left: net.host.vnet.state.tcp.tcbs.size, timeouts: net.host.vnet.state.tcp.stats.rexmttimeo }
  })
}

/** RFC 1122 §4.2.3.9: a router says that there is no way; connecting is given up after a few SYNs, not at once. */
export function noWay(n: number, kind: 'prohibit' | 'unreachable') {
  return onStage(async (scene) => {
    const net = await scene.net(n)
    setSysctl(net.host, 'net.inet.tcp.rexmit_initial', 100)
    await scene.ok('sysctl', '-qw', 'net.ipv4.ip_forward=1', 'net.ipv4.icmp_ratelimit=0')
    await scene.ok('ip', 'route', 'add', kind, '10.66.200.0/24')
    addRoute(net.host, '10.66.200.0/24', net.kernel)
    const error = await eventOf(connectTcp(net.host, { host: '10.66.200.1', port: PORT }), 'error', 10_000)
    await scene.ok('ip', 'route', 'del', kind, '10.66.200.0/24')
    const { tcp, icmp } = net.host.vnet.state
    const code = (error?.[0] as { code?: string } | undefined)?.code
    return { code, unreach: icmp.stats.inunreach, left: tcp.tcbs.size }
  })
}

/** Somebody removes the interface under a connection that is sending. */
export function interfaceGone(n: number) {
  return onStage(async (scene) => {
    const net = await scene.net(n)
    setSysctl(net.host, 'net.inet.tcp.retries', 2)
    let errno = 0
    net.tap.onGone = (e) => { errno = e }
    const { client, accepted, close } = await pair(net, 'vnet')
    accepted.on('error', () => undefined).resume()
    const error = eventOf(client, 'error', 30_000)
    client.write(Buffer.alloc(10_000_000))
    await scene.until(() => net.host.vnet.state.tcp.stats.rcvackbyte > 100_000, 'nothing arrives')
    await scene.ok('ip', 'link', 'del', net.tap.name)
    const code = ((await error)?.[0] as { code?: string } | undefined)?.code
    net.host.detach(net.ifId)
    const after = await eventOf(connectTcp(net.host, { host: net.kernel, port: PORT }), 'error')
    accepted.destroy()
    close()
    return { gone: errno > 0, code, after: (after?.[0] as { code?: string } | undefined)?.code }
  })
}

interface Pair { client: AnySocket; accepted: AnySocket; close: () => void }

/** An established connection; `opener` has `client`. Half-open is allowed on both sides. */
async function pair(net: Net, opener: 'kernel' | 'vnet'): Promise<Pair> {
  if (opener === 'kernel') {
    const server = new TcpServer(net.host)
    const accepting = eventOf(server, 'connection')
    server.listen({ port: PORT, allowHalfOpen: true })
    const client = connect({ host: net.vnet, port: PORT, allowHalfOpen: true })
    const accepted = (await accepting)?.[0] as TcpSocket
    await settled(client)
    return { client, accepted, close: () => void server.close() }
  }
  const server = createServer({ allowHalfOpen: true }).listen(0, net.kernel)
  await eventOf(server, 'listening')
  const accepting = eventOf(server, 'connection')
  const { port } = server.address() as AddressInfo
  const client = connectTcp(net.host, { host: net.kernel, port, allowHalfOpen: true })
  const accepted = (await accepting)?.[0] as Socket
  await settled(client)
  return { client, accepted, close: () => void server.close() }
}

async function settled(s: AnySocket): Promise<void> {
  if (s.connecting) await eventOf(s, 'connect')
}

function opened(s: AnySocket): Promise<string> {
  return new Promise((resolve) => {
    s.once('connect', () => resolve('connected'))
    s.once('error', (e: { code?: string }) => resolve(e.code ?? 'error'))
  })
}

/** Not by for await: that destroys the socket at the end of what it reads, with what it still has to write. */
function hashOf(s: AnySocket): Promise<string> {
  const hash = createHash('sha256')
  return new Promise((resolve) => {
    s.on('data', (chunk: Buffer) => hash.update(chunk))
    s.once('end', () => resolve(hash.digest('hex')))
    s.once('error', (e: { code?: string }) => resolve(e.code ?? 'error'))
  })
}

async function textOf(s: AnySocket): Promise<string> {
  try {
    let text = ''
    for await (const chunk of s) text += String(chunk)
    return text
  } catch (error) {
    return (error as { code?: string }).code ?? String(error)
  }
}

function sha256(data: Buffer): string {
  return createHash('sha256').update(data).digest('hex')
}

