/** The peers' figures: their scripts are run, and their lines read. */

import { spawn, spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { createInterface } from 'node:readline'

/** Name, script, the program that must be there, and which line is which figure. */
const PEERS = [
  {
    name: 'gvisor', script: '05-gvisor.sh', needs: ['go'], env: { MTUS: '1500' },
    lines: {
      'gvisor TAP mtu=1500 kernel->stack TCP Gbps': 'rxGbps',
      'gvisor TAP mtu=1500 stack->kernel TCP Gbps': 'txGbps',
      'gvisor TAP mtu=1500 TCP_RR p50 us': 'roundTripUs',
      'gvisor TAP mtu=1500 connect+close /s': 'connectsPerSecond',
      'gvisor TAP mtu=1500 UDP 64B frames received pps': 'udp64PerSecond',
    },
  },
  {
    name: 'pasta', script: '03-pasta.sh', needs: ['pasta'], env: {},
    lines: {
      'pasta mtu=1500 guest->host TCP Gbps via tap': 'rxGbps',
      'pasta mtu=1500 host->guest TCP Gbps via tap (guest dials)': 'txGbps',
      'pasta mtu=1500 TCP_RR p50 us via tap': 'roundTripUs',
      'pasta mtu=1500 connect+close /s via tap': 'connectsPerSecond',
    },
  },
  {
    name: 'slirp4netns', script: '02-slirp4netns.sh', needs: ['slirp4netns', 'socat', 'iperf3'], env: {},
    lines: {
      'slirp4netns mtu=1500 guest->host TCP Gbps': 'rxGbps',
      'slirp4netns mtu=1500 host->guest TCP Gbps (guest dials)': 'txGbps',
      'slirp4netns mtu=1500 TCP_RR p50 us': 'roundTripUs',
      'slirp4netns mtu=1500 guest->host connect+close /s': 'connectsPerSecond',
    },
  },
]

/** { peer: { figure: value } or { missing: what } } of the peers that are installed. */
export async function theirFigures({ folder, tmp, runs, secs, only, progress }) {
  const all = {}
  for (const peer of PEERS) {
    if (only.length > 0 && !only.includes(peer.name)) continue
    const missing = peer.needs.filter((program) => !has(program))
    all[peer.name] = missing.length > 0 ? { missing: `${missing.join(', ')} not installed` }
      : await runScript(peer, { folder, tmp, runs, secs, progress })
  }
  return all
}

/** True when the program is on the PATH. */
export function has(program) {
  return spawnSync('sh', ['-c', `command -v ${program}`], { stdio: 'ignore' }).status === 0
}

/** A line of a script: `LABEL   median=… min=… max=… n=…`. */
export function parseFigure(line) {
  const found = /^(.*?)\s+median=(\S+) min=/.exec(line)
  return found === null ? null : { label: found[1], value: Number(found[2]) }
}

async function runScript(peer, { folder, tmp, runs, secs, progress }) {
  const child = spawn('bash', [join(folder, peer.script)], {
    env: { ...process.env, RUNS: String(runs), SECS: String(secs), BP_TMP: tmp, ...peer.env },
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  const figures = {}
  createInterface({ input: child.stdout }).on('line', (line) => {
    progress(line.trim())
    const figure = parseFigure(line)
    const key = figure === null ? undefined : peer.lines[figure.label]
    if (key !== undefined) figures[key] = figure.value
    const idle = /KiB each=(\S+) rss KiB each=(\S+)/.exec(line)
    if (idle !== null) figures.idleConnectionBytes = Number(idle[1]) * 1024
  })
  await new Promise((resolve) => { child.on('close', resolve) })
  const absent = Object.values(peer.lines).filter((key) => figures[key] === undefined)
  return absent.length === 0 ? figures : { ...figures, missing: `no figure for ${absent.join(', ')}` }
}
