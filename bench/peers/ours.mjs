/** Our figures, taken with the peers' own load generator in a network namespace made for it. */

import { spawn, spawnSync } from 'node:child_process'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { median } from '../measure.mjs'
import { bridgeFigures } from './bridging.mjs'

const NS = 'bp-vimage'
/** The ideal endpoint has the same addresses, so it lives in a namespace of its own. */
const IDEAL_NS = 'bp-ideal'
const ADDRESS = '10.79.0.2'
const IDLE_CONNECTIONS = 10_000

/** TCP bulk each way, UDP, round trips and connections, for MTU 1500 with and without the offload header; a bridge of two TAPs. */
export async function ourFigures({ netload, tapbench, bridge, runs, secs, progress }) {
  const figures = {}
  await withNamespace(NS, (inNs) => withNamespace(IDEAL_NS, async (inIdeal) => {
    const ideal = tapbench === null ? null : await idealEndpoint(inIdeal, netload, tapbench, secs)
    for (const [suffix, offload, threaded] of [['', true, false], ['Plain', false, false], ['PlainThreaded', false, true]]) {
      const stack = await startStack(inNs, { offload, threaded, mtu: 1500, address: ADDRESS })
      const load = (...args) => Number(inNs([netload, ...args]).split(' ')[0])
      const take = async (key, once, idealOnce = null) => {
        progress(`vimage ${key}`)
        const values = []
        const ideals = []
        // V8 compiles what is busy in its first second: a daemon that has run for a day has that behind it
        for (let i = -1; i < runs; i++) {
          values.push(await once())
          // in turn, so that what else the machine does is the same for both
          if (idealOnce !== null && i >= 0) ideals.push(idealOnce())
        }
        figures[key] = median(values.slice(1))
        if (idealOnce !== null) figures[`ideal${key[0].toUpperCase()}${key.slice(1)}`] = median(ideals)
      }
      await take(`rx${suffix}Gbps`, () => load('tcp-source', ADDRESS, '6001', secs), ideal?.rx(offload))
      await take(`tx${suffix}Gbps`, () => load('tcp-sink', ADDRESS, '6002', secs), ideal?.tx(offload))
      if (offload || threaded) await take(`roundTrip${suffix}Us`, () => load('tcp-rr', ADDRESS, '6003', secs))
      if (offload) {
        await take('connectsPerSecond', () => load('tcp-crr', ADDRESS, '6001', '1'))
        await take('udp64PerSecond', () => udpRate(inNs, stack, netload, secs))
        progress('vimage idle connections')
        figures.idleConnectionBytes = await idleBytes(inNs, stack, netload)
      }
      await stack.stop()
    }
    ideal?.stop()
    await bridgeFigures({ ns: NS, inNs, netload, bridge, runs, secs, progress }, figures)
  }))
  return figures
}

/** A TCP without loss recovery in C on the same kind of device: functions that say what it gets out of it in Gb/s. */
async function idealEndpoint(inNs, netload, tapbench, secs) {
  const servers = [['tcp-sink-server', '6001'], ['tcp-source-server', '6002']]
    .map(([mode, port]) => spawn('ip', ['netns', 'exec', IDEAL_NS, netload, mode, '0.0.0.0', port], { stdio: 'ignore' }))
  for (let tries = 0; inNs(['ss', '-Hltn']).split('\n').length < servers.length; tries++) {
    if (tries === 100) throw new Error(`the servers of ${netload} do not listen`)
    await sleep(100)
  }
  const once = (...args) => () => Number(inNs([tapbench, ...args, '-t', String(secs)]).split(' ')[0])
  return {
    rx: (offload) => once('tcp-sink', '-p', '6002', ...(offload ? ['-v'] : ['-m', '1500'])),
    tx: (offload) => once('tcp-source', '-p', '6001', ...(offload ? ['-v', '-G', '65160'] : ['-m', '1500'])),
    stop: () => { for (const server of servers) server.kill() },
  }
}

async function udpRate(inNs, stack, netload, secs) {
  const sender = spawn('ip', ['netns', 'exec', NS, netload, 'udp-send', ADDRESS, '6100', '22', String(secs + 1)], { stdio: 'ignore' })
  const ended = new Promise((resolve) => { sender.on('close', resolve) })
  await sleep(400)
  const a = await stack.ask('udp')
  await sleep(secs * 1000)
  const b = await stack.ask('udp')
  await ended
  return (b.datagrams - a.datagrams) / (b.at - a.at) * 1000
}

/** Bytes that an open connection which does nothing takes on our side. */
async function idleBytes(inNs, stack, netload) {
  const before = await stack.ask('mem')
  const holder = spawn('ip', ['netns', 'exec', NS, netload, 'tcp-hold', ADDRESS, '6005', String(IDLE_CONNECTIONS)], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  await new Promise((resolve) => { createInterface({ input: holder.stdout }).once('line', resolve) })
  await sleep(3000)
  const after = await stack.ask('mem')
  holder.stdin.end()
  await new Promise((resolve) => { holder.on('close', resolve) })
  return (after.bytes - before.bytes) / (after.connections - before.connections)
}

async function startStack(inNs, options) {
  const program = fileURLToPath(new URL('stack.mjs', import.meta.url))
  const child = spawn('ip', ['netns', 'exec', NS, process.execPath, '--expose-gc', program, JSON.stringify(options)], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const waiting = []
  const line = () => new Promise((resolve) => { waiting.push(resolve) })
  createInterface({ input: child.stdout }).on('line', (text) => waiting.shift()?.(text))
  const closed = new Promise((resolve) => { child.on('close', resolve) })
  if (await Promise.race([line(), closed.then(() => 'ended')]) !== 'ready') throw new Error('the stack did not start')
  await sleep(300)
  return {
    ask: async (what) => {
      const answer = line()
      child.stdin.write(`${what}\n`)
      return JSON.parse(await answer)
    },
    stop: async () => {
      child.stdin.end()
      await closed
    },
  }
}

/** `fn` gets a call that runs a command in the fresh namespace `ns` and returns its output; it is gone afterwards. */
async function withNamespace(ns, fn) {
  run(['ip', 'netns', 'add', ns])
  try {
    run(['ip', '-n', ns, 'link', 'set', 'lo', 'up'])
    const inNs = (argv) => run(['ip', 'netns', 'exec', ns, ...argv])
    inNs(['sysctl', '-qw', 'net.ipv4.tcp_max_tw_buckets=0', 'net.ipv4.ip_local_port_range=1024 65535'])
    await fn(inNs)
  } finally {
    run(['ip', 'netns', 'del', ns])
  }
}

function run(argv) {
  const done = spawnSync(argv[0], argv.slice(1), { encoding: 'utf8', timeout: 120_000 })
  if (done.error !== undefined) throw done.error
  if (done.status !== 0) throw new Error(`${argv.join(' ')}: ${done.stderr.trim()}`)
  return done.stdout.trim()
}
