/**
 * Many connections in both directions whose ends write, stall, finish, leave and reset at random, over a good or a bad
 * link. What arrives must be what was sent, and in the end nothing is left. Run inside a namespace by monkey.test.ts.
 */

import { connect, createServer } from 'node:net'
import type { Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { impairDevice } from '../../src/device/impair.ts'
import type { ImpairConfig } from '../../src/device/impair-plan.ts'
import { createRandom, randomBelow } from '../../src/kern/random.ts'
import { connectTcp, TcpServer } from '../../src/socket/tcp.ts'
import type { TcpSocket } from '../../src/socket/tcp.ts'
import { changed, eventOf, onStage, setSysctl } from './scene.ts'

/** Connections at once, and how much one end may have unsent. */
const MOST = 60
const UNSENT = 500_000
const VNET_PORT = 7
const KERNEL_PORT = 70

interface Log { opened: number; bytes: number; wrong: number; errors: Record<string, number> }

/** `rnd(n)` is 0 … n − 1. */
type Rnd = (n: number) => number

export function monkeys(n: number, seed: number, link: Partial<ImpairConfig>, offload: boolean, seconds: number) {
  return onStage(async (scene) => {
    const random = createRandom([seed])
    const rnd: Rnd = (below) => randomBelow(random, below)
    const net = await scene.net(n, {
      offload,
      wrap: (tap, driver) => impairDevice(tap, { clock: driver, pool: driver.pool, seed: [seed], tx: link, rx: link }),
    })
    for (const [name, value] of [
      ['msl', 300], ['finwait2_timeout', 2000], ['recvspace', 1024 << rnd(8)], ['sendspace', 4096 << rnd(6)],
    ] as const) setSysctl(net.host, `net.inet.tcp.${name}`, value)
    const log: Log = { opened: 0, bytes: 0, wrong: 0, errors: {} }
    const vnet = new TcpServer(net.host, (s) => play(s, 1, rnd, log)).listen({ port: VNET_PORT, allowHalfOpen: true })
    const kernel = createServer({ allowHalfOpen: true }, (s) => play(s, 1, rnd, log))
    kernel.listen({ host: net.kernel, port: KERNEL_PORT, backlog: 500 })
    await eventOf(kernel, 'listening')
    const { tcp } = net.host.vnet.state
    for (const end = performance.now() + seconds * 1000; performance.now() < end; await sleep(5 + rnd(10))) {
      if (tcp.tcbs.size >= MOST) continue
      log.opened++
      play(rnd(2) === 0
        ? connect({ host: net.vnet, port: VNET_PORT, allowHalfOpen: true })
        : connectTcp(net.host, { host: net.kernel, port: KERNEL_PORT, allowHalfOpen: true }), 0, rnd, log)
    }
    vnet.close()
    kernel.close()
    const left = (): number[] => [
      tcp.tcbs.size, tcp.syncache.size, tcp.timewait.size, tcp.orphans, tcp.table.ports.size, tcp.table.heads.size,
      tcp.syncacheTable.heads.size, tcp.timewaitTable.heads.size,
    ]
    await scene.until(() => left().every((x) => x === 0), () => `seed ${seed}: left ${left().join(' ')}`, 30_000)
    return { ...log, stats: changed(tcp.stats) }
  })
}

/** One end of a connection: sends stream `own`, checks that the other's arrives, until it has had enough. */
function play(s: Socket | TcpSocket, own: number, rnd: Rnd, log: Log): void {
  let sent = 0
  let got = 0
  s.on('data', (chunk: Buffer) => {
    for (let i = 0; i < chunk.length; i++) if (chunk[i] !== byteOf(own ^ 1, got + i)) log.wrong++
    got += chunk.length
    log.bytes += chunk.length
    if (rnd(20) !== 0) return
    s.pause()
    setTimeout(() => s.resume(), rnd(60))
  })
  s.on('error', (e: { code?: string }) => { log.errors[e.code ?? '?'] = (log.errors[e.code ?? '?'] ?? 0) + 1 })
  const step = (): void => {
    if (s.destroyed) return
    const what = rnd(100)
    if (what === 0) s.destroy()
    else if (what === 1) s.resetAndDestroy()
    else if (what < 5) {
      s.end()
      setTimeout(() => s.destroy(), 1000 + rnd(1500))
    } else {
      if (what < 75 && s.writableLength < UNSENT) {
        const bytes = 1 + rnd(rnd(10) === 0 ? 100_000 : 3000)
        s.write(stream(own, sent, bytes))
        sent += bytes
      }
      setTimeout(step, rnd(15))
    }
  }
  step()
}

function stream(which: number, at: number, bytes: number): Buffer {
  const chunk = Buffer.alloc(bytes)
  for (let i = 0; i < bytes; i++) chunk[i] = byteOf(which, at + i)
  return chunk
}

function byteOf(which: number, i: number): number {
  return (which * 31 + i * 7 + (i >> 8) * 13) & 255
}
