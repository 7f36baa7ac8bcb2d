/**
 * Frames that get from one TAP to another a second: through our switch, and through the least that a bridge in C can be. The
 * kernel sends them into the one as fast as it can and drops what comes out of the other as not its own.
 */

import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { median } from '../measure.mjs'

const [LEFT, RIGHT] = ['brleft', 'brright']
const OURS = '10.81.0.1'
const BEYOND = '10.81.0.2'
const PEER_MAC = '02:00:00:00:00:81'
/** Octets of UDP payload: frames of 64 and of 1,514 octets, without their check sequence. */
const SIZES = [['64', 22], ['1514', 1472]]

/** bridge64PerSecond, bridge64OfCPerSecond and so on; `inNs` runs a command in a namespace, `ns` is its name, for children that stay. */
export async function bridgeFigures({ ns, inNs, netload, bridge, runs, secs, progress }, figures) {
  const ours = [process.execPath, fileURLToPath(new URL('bridge.mjs', import.meta.url))]
  const keys = SIZES.flatMap(([size, payload]) => [
    [`bridge${size}PerSecond`, ours, payload], [`bridge${size}OfCPerSecond`, [bridge], payload],
  ])
  const taken = Object.fromEntries(keys.map(([key]) => [key, []]))
  let most = 0
  // in turn, so that what else the machine does is the same for both
  for (let i = 0; i < runs; i++) {
    for (const [key, program, payload] of keys) {
      progress(key)
      const { figure, offered } = await rate({ ns, inNs, netload, secs }, program, payload)
      taken[key].push(figure)
      most = Math.max(most, offered)
    }
  }
  for (const [key] of keys) figures[key] = median(taken[key])
  // what gets through cannot be more: a share that is bounded by this says nothing
  figures.bridgeOfferedPerSecond = most
}

async function rate({ ns, inNs, netload, secs }, program, payload) {
  const child = spawn('ip', ['netns', 'exec', ns, ...program, LEFT, RIGHT], { stdio: ['pipe', 'pipe', 'inherit'] })
  const ended = new Promise((resolve) => { child.on('close', resolve) })
  const ready = new Promise((resolve) => { createInterface({ input: child.stdout }).once('line', resolve) })
  if (await Promise.race([ready, ended]) !== 'ready') throw new Error(`${program.join(' ')} did not start`)
  for (const name of [LEFT, RIGHT]) {
    inNs(['sysctl', '-qw', `net.ipv6.conf.${name}.disable_ipv6=1`])
    inNs(['ip', 'link', 'set', name, 'up'])
  }
  inNs(['ip', 'addr', 'add', `${OURS}/24`, 'dev', LEFT])
  inNs(['ip', 'neigh', 'replace', BEYOND, 'lladdr', PEER_MAC, 'dev', LEFT, 'nud', 'permanent'])
  const came = () => Number(inNs(['cat', `/sys/class/net/${RIGHT}/statistics/rx_packets`]))
  const sender = spawn('ip', ['netns', 'exec', ns, netload, 'udp-send', BEYOND, '9', String(payload), String(2 * secs + 1)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const sent = new Promise((resolve) => { createInterface({ input: sender.stdout }).once('line', (line) => resolve(Number(line))) })
  // a warm-up, as for everything else here
  await sleep(secs * 1000)
  const [before, from] = [came(), performance.now()]
  await sleep(secs * 1000)
  const figure = (came() - before) / (performance.now() - from) * 1000
  const offered = await sent
  child.stdin.end()
  await ended
  return { figure, offered }
}
