/** A Vnet on a TAP against the kernel, in a network namespace made for it: TCP bulk each way, UDP frames each way. */

import { spawn, spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { loadNative } from '../dist/host/native.js'
import { row } from './measure.mjs'

export const tap = {
  name: 'tap',
  title: 'Vnet on a TAP against the kernel (baseline: the kernel over loopback, the same two processes)',
  run,
}

async function run({ short }) {
  const why = unavailable()
  if (why !== '') return { skipped: why }
  const figures = await inNamespace({ short })
  const base = figures.kernelLoopbackTcpBulkGbps
  const bulk = (key) => row(key, figures[key], 'kernelLoopbackTcpBulkGbps', base)
  const udpBase = 'kernelLoopbackUdp64ByteFramesPerSecond'
  const udp = (key) => row(key, figures[key], udpBase, figures[udpBase])
  return {
    rows: [
      bulk('tcpBulkKernelToVnetMtu1500Gbps'),
      bulk('tcpBulkVnetToKernelMtu1500Gbps'),
      bulk('tcpBulkKernelToVnetOffloadGbps'),
      bulk('tcpBulkVnetToKernelOffloadGbps'),
      udp('udp64ByteKernelToVnetFramesPerSecond'),
      udp('udp64ByteVnetToKernelFramesPerSecond'),
      row('udp64ByteKernelSentFramesPerSecond', figures.udp64ByteKernelSentFramesPerSecond),
    ],
    note: 'The kernel\'s end is a node:net or node:dgram program in a process of its own; what it sends by UDP bounds\n' +
      'what can arrive.',
  }
}

/** Why this cannot run here, in a sentence; '' when it can. */
function unavailable() {
  const loaded = loadNative()
  if (!loaded.available) return loaded.why
  if (!existsSync('/dev/net/tun')) return 'There is no /dev/net/tun here, so no TAP can be opened.'
  const tried = spawnSync(...command(['ip', 'tuntap', 'add', 'dev', 'vimage-try', 'mode', 'tap']), { encoding: 'utf8' })
  if (tried.error !== undefined) return 'Network namespaces need the program unshare (util-linux), which is not here.'
  if (tried.status !== 0) return `No network namespace with a TAP can be made here: ${tried.stderr.trim().split('\n')[0]}.`
  return ''
}

function command(argv) {
  const root = process.getuid?.() === 0
  return ['unshare', [...(root ? ['--net'] : ['--user', '--map-root-user', '--net']), '--', ...argv]]
}

function inNamespace(options) {
  const child = fileURLToPath(new URL('tap-child.mjs', import.meta.url))
  const [program, args] = command([process.execPath, child, JSON.stringify(options)])
  const proc = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  let out = ''
  proc.stdout.on('data', (chunk) => { out += chunk })
  return new Promise((resolve, reject) => {
    proc.on('error', reject)
    proc.on('close', (status) => {
      if (status === 0) resolve(JSON.parse(out))
      else reject(new Error(`the benchmark in the namespace ended with ${status}`))
    })
  })
}
