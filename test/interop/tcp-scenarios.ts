/** TCP connections between a Vnet and the kernel, from opening to closing. Run inside a namespace by tcp.test.ts. */

import { connect, createServer } from 'node:net'
import type { AddressInfo, Server, Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { startEcho } from '../../src/service/echo.ts'
import { connectTcp, TcpServer } from '../../src/socket/tcp.ts'
import type { TcpSocket } from '../../src/socket/tcp.ts'
import { addAddress, changed, eventOf, onStage, setSysctl } from './scene.ts'
import type { Net } from './scene.ts'
import { tcpStats } from '../../src/tcp/stats.ts'

const PORT = 7
const SETTLE_MS = 1000

type AnySocket = Socket | TcpSocket

/** `count` connections at once to the Vnet's echo service; each sends, checks, finishes. Nothing is left afterwards. */
export function manyToVnet(n: number, count: number) {
  return onStage(async (scene) => {
    const net = await scene.net(n)
    setSysctl(net.host, 'net.inet.tcp.msl', 200)
    const echo = startEcho(net.host)
    const peak = { tcbs: 0 }
    const oks = await manyEchoes(count, () => connect({ host: net.vnet, port: PORT, allowHalfOpen: true }), net, peak)
    await scene.until(() => open(net) === 1, () => `left: ${JSON.stringify(tables(net))}`, 10_000)
    echo.stop()
    await scene.until(() => empty(net), () => `left: ${JSON.stringify(tables(net))}`, 10_000)
    return { oks, peak: peak.tcbs, accepts: net.host.vnet.state.tcp.stats.accepts }
  })
}

/** The same from the Vnet to a kernel server. */
export function manyToKernel(n: number, count: number) {
  return onStage(async (scene) => {
    const net = await scene.net(n)
    setSysctl(net.host, 'net.inet.tcp.msl', 200)
    const [server, port] = await kernelServer(net, (s) => s.pipe(s))
    const peak = { tcbs: 0 }
    const make = (): TcpSocket => connectTcp(net.host, { host: net.kernel, port, allowHalfOpen: true })
    const oks = await manyEchoes(count, make, net, peak)
    server.close()
    await scene.until(() => empty(net), () => `left: ${JSON.stringify(tables(net))}`, 10_000)
    return { oks, peak: peak.tcbs, connects: net.host.vnet.state.tcp.stats.connects }
  })
}

/** All are open before the first one finishes. */
async function manyEchoes(count: number, make: () => AnySocket, net: Net, peak: { tcbs: number }): Promise<number> {
  const text = (i: number): string => `connection ${i} `.repeat(50)
  const sockets = Array.from({ length: count }, make)
  const opened = await Promise.all(sockets.map((s) => Promise.race([eventOf(s, 'connect', 20_000), failure(s)])))
  if (opened.some((x) => x === null)) throw new Error('not every connection opened')
  const results = sockets.map((s, i) => new Promise<boolean>((resolve) => {
    let got = ''
    s.setEncoding('utf8')
    s.on('data', (chunk: string) => { got += chunk })
    s.on('end', () => resolve(got === text(i)))
    s.on('error', () => resolve(false))
    s.write(text(i))
  }))
  await sleep(100)
  peak.tcbs = net.host.vnet.state.tcp.tcbs.size
  for (const s of sockets) s.end()
  return (await Promise.all(results)).filter(Boolean).length
}

/** RFC 9293 §3.6: each side finishes first and still receives. */
export function halfClose(n: number) {
  return onStage(async (scene) => {
    const net = await scene.net(n)
    // the Vnet answers only after the kernel's FIN
    const server = new TcpServer(net.host, (s) => answerAtEnd(s)).listen({ port: PORT, allowHalfOpen: true })
    const toVnet = await askAndFinish(connect({ host: net.vnet, port: PORT, allowHalfOpen: true }))
    server.close()
    const [kernel, port] = await kernelServer(net, answerAtEnd)
    const toKernel = await askAndFinish(connectTcp(net.host, { host: net.kernel, port, allowHalfOpen: true }))
    kernel.close()
    return { toVnet, toKernel }
  })
}

const LATE = 'late answer '.repeat(20_000)

function answerAtEnd(s: AnySocket): void {
  let heard = ''
  s.on('data', (chunk: Buffer) => { heard += String(chunk) })
  s.on('end', () => { setTimeout(() => s.end(heard + LATE), 100) })
}

async function askAndFinish(s: AnySocket): Promise<string> {
  let heard = ''
  s.on('data', (chunk: Buffer) => { heard += String(chunk) })
  s.end('question ')
  const ended = await Promise.race([eventOf(s, 'end'), failure(s)])
  return ended === null ? 'no end' : heard === `question ${LATE}` ? 'all of it' : `${heard.length} bytes`
}

/** RFC 9293 §3.10.7.4: a reset by one is ECONNRESET for the other, both ways. */
export function resets(n: number) {
  return onStage(async (scene) => {
    const net = await scene.net(n)
    const seen: Record<string, string> = {}
    for (const who of ['kernel', 'vnet']) {
      const accepted: AnySocket[] = []
      const server = new TcpServer(net.host, (s) => {
        accepted.push(s)
        s.on('error', () => undefined)
        s.resume()
      }).listen({ port: PORT })
      const client = connect({ host: net.vnet, port: PORT })
      client.on('error', () => undefined)
      client.resume()
      await scene.until(() => accepted.length === 1 && !client.connecting, 'no connection')
      const [from, to] = who === 'kernel' ? [client, accepted[0]] : [accepted[0], client]
      const error = eventOf(to, 'error')
      from?.resetAndDestroy()
      seen[who] = codeIn(await error)
      client.destroy()
      server.close()
      server.closeAllConnections()
    }
    await scene.until(() => open(net) === 0, () => `left: ${JSON.stringify(tables(net))}`)
    return { seen, sndrst: net.host.vnet.state.tcp.stats.sndrst, rcvrst: net.host.vnet.state.tcp.stats.rcvrst }
  })
}

/** RFC 9293 §3.5.2 group 1: nobody listens. */
export function refused(n: number) {
  return onStage(async (scene) => {
    const net = await scene.net(n)
    const kernel = codeIn(await eventOf(connect({ host: net.vnet, port: 9 }), 'error'))
    const vnet = codeIn(await eventOf(connectTcp(net.host, { host: net.kernel, port: 9 }), 'error'))
    return { kernel, vnet, left: tables(net), noport: net.host.vnet.state.tcp.stats.noport }
  })
}

/**
 * RFC 9293 §3.8.6.1: the reader stalls until the window is zero and stays so for `stallMs` (the sender probes), then
 * goes on: nothing is lost.
 */
export function zeroWindow(n: number, reader: 'vnet' | 'kernel', bytes: number, stallMs: number) {
  return onStage(async (scene) => {
    const net = await scene.net(n)
    const stats = tcpStats(net.host.vnet.vn)
    let server: { close(): unknown }
    let writer: AnySocket
    const accepted: AnySocket[] = []
    const take = (s: AnySocket): void => {
      s.pause()
      accepted.push(s)
    }
    if (reader === 'vnet') {
      server = new TcpServer(net.host, take).listen({ port: PORT })
      writer = connect({ host: net.vnet, port: PORT })
    } else {
      const [s, port] = await kernelServer(net, take)
      server = s
      writer = connectTcp(net.host, { host: net.kernel, port })
    }
    writer.write(Buffer.alloc(bytes, 'z'))
    await scene.until(() => accepted.length === 1, 'no connection')
    // by now the window is closed; what comes in the rest of the stall are probes and their answers
    await sleep(SETTLE_MS)
    const settled = { ...stats }
    await sleep(stallMs - SETTLE_MS)
    const during = changed(stats, settled)
    const [s] = accepted
    let got = 0
    const started = performance.now()
    s?.on('data', (chunk: Buffer) => { got += chunk.length })
    s?.resume()
    await scene.until(() => got === bytes, () => `${got} of ${bytes} bytes`, 20_000)
    const resumedMs = performance.now() - started
    writer.destroy()
    s?.destroy()
    server.close()
    return { during, got, resumedMs, drops: stats.drops }
  })
}

/** RFC 9293 §3.5.1: one side has lost its memory (a new stack with the old address) and resets what the other sends. */
export function reboots(n: number) {
  return onStage(async (scene) => {
    const net = await scene.net(n)
    new TcpServer(net.host, (s) => s.on('error', () => undefined)).listen({ port: PORT })
    const client = connect({ host: net.vnet, port: PORT })
    await eventOf(client, 'connect')
    const fresh = scene.host('fresh')
    const ifId = fresh.attach(net.tap, 'eth0')
    addAddress(fresh, ifId, `${net.vnet}/24`)
    const kernelError = eventOf(client, 'error')
    client.write('are you there?')
    const kernel = codeIn(await kernelError)

    const [server, port] = await kernelServer({ ...net, host: fresh }, (s) => s.on('error', () => undefined))
    const socket = connectTcp(fresh, { host: net.kernel, port })
    await eventOf(socket, 'connect')
    const other = await scene.namespace()
    await scene.move(net.tap, other, `${net.kernel}/24`)
    const vnetError = eventOf(socket, 'error')
    socket.write('are you there?')
    const vnet = codeIn(await vnetError)
    server.close()
    return { kernel, vnet, noport: fresh.vnet.state.tcp.stats.noport }
  })
}

/** RFC 9293 §3.8.4, RFC 1122 §4.2.3.6: probes keep a live peer's connection and end a dead one's. */
export function keepAlive(n: number) {
  return onStage(async (scene) => {
    const net = await scene.net(n)
    for (const [name, ms] of [['keepidle', 200], ['keepintvl', 200], ['keepcnt', 3]] as const) {
      setSysctl(net.host, `net.inet.tcp.${name}`, ms)
    }
    const [server, port] = await kernelServer(net, (s) => s.on('error', () => undefined))
    const socket = connectTcp(net.host, { host: net.kernel, port })
    let error = ''
    socket.on('error', (e: { code: string }) => { error = e.code })
    await eventOf(socket, 'connect')
    socket.setKeepAlive(true)
    const stats = tcpStats(net.host.vnet.vn)
    await scene.until(() => stats.keepprobe >= 3, 'no probes')
    const alive = error === '' && !socket.destroyed
    // the peer vanishes: the kernel drops what the Vnet sends, without a word
    await scene.ok('ip', 'addr', 'del', `${net.kernel}/24`, 'dev', net.tap.name)
    await scene.until(() => error !== '', 'the dead peer was not noticed', 10_000)
    server.close()
    return { alive, error, keepdrops: stats.keepdrops }
  })
}

/** RFC 1122 §4.2.3.4: without Nagle small writes leave at once; with it they wait for the ACK of those before. */
export function nagle(n: number, noDelay: boolean) {
  return onStage(async (scene) => {
    const net = await scene.net(n)
    let got = ''
    const [server, port] = await kernelServer(net, (s) => s.on('data', (chunk: Buffer) => { got += String(chunk) }))
    const socket = connectTcp(net.host, { host: net.kernel, port })
    await eventOf(socket, 'connect')
    socket.setNoDelay(noDelay)
    const stats = tcpStats(net.host.vnet.vn)
    const before = stats.sndpack
    let text = ''
    for (let i = 0; i < 20; i++) {
      socket.write(`${i},`)
      text += `${i},`
    }
    await scene.until(() => got === text, () => got)
    socket.destroy()
    server.close()
    return stats.sndpack - before
  })
}

/** Kernel's tools see a real peer: nc talks, ss shows what was negotiated. */
export function tools(n: number) {
  return onStage(async (scene) => {
    const net = await scene.net(n)
    const echo = startEcho(net.host)
    const nc = await scene.ok('sh', '-c', `printf 'hello from nc' | nc -N -w 5 ${net.vnet} ${PORT}`)
    const client = connect({ host: net.vnet, port: PORT })
    await eventOf(client, 'connect')
    client.write('x')
    await eventOf(client, 'data')
    const ss = await scene.ok('ss', '-tniH', 'dst', net.vnet)
    client.destroy()
    echo.stop()
    return { nc, ss }
  })
}

async function kernelServer(net: Net, onConnection: (s: Socket) => void): Promise<[Server, number]> {
  const server = createServer({ allowHalfOpen: true }, onConnection)
  server.listen({ host: net.kernel, port: 0, backlog: 2000 })
  await new Promise((resolve) => server.once('listening', resolve))
  return [server, (server.address() as AddressInfo).port]
}

function failure(s: AnySocket): Promise<never> {
  return new Promise((_resolve, reject) => s.once('error', reject))
}

function tables(net: Net) {
  const { tcp } = net.host.vnet.state
  return {
    sockets: tcp.tcbs.size, syncache: tcp.syncache.size, timewait: tcp.timewait.size, listeners: tcp.listeners.size,
    heads: tcp.table.heads.size + tcp.syncacheTable.heads.size + tcp.timewaitTable.heads.size,
    ports: tcp.table.ports.size, orphans: tcp.orphans,
  }
}

function empty(net: Net): boolean {
  return Object.values(tables(net)).every((size) => size === 0)
}

/** Sockets and TIME-WAIT records. */
function open(net: Net): number {
  const t = tables(net)
  return t.sockets + t.syncache + t.timewait
}

function codeIn(args: unknown[] | null): string {
  return args === null ? 'nothing' : (args[0] as { code: string }).code
}
