/** npm run bench:peers: our stack on a TAP beside gVisor's, pasta, slirp4netns and an ideal endpoint in C, in one run. */

import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import Table from 'cli-table3'
import { ourFigures } from './peers/ours.mjs'
import { has, theirFigures } from './peers/theirs.mjs'

const HELP = `Usage: npm run bench:peers -- [options]

Measures TCP bulk, round trips, connections, UDP and a bridge over TAPs at MTU 1500: this stack, and the peers that are installed
(Debian: slirp4netns, passt, golang-go with golang-gvisor-gvisor-dev; gcc and liburing-dev for the ideal endpoint in C).
Needs root. All namespaces are made for it and removed; nothing leaves them.

  --short         one second and one run each (about two minutes): a look, not a figure to quote
  --only NAME     only this peer (may be repeated): gvisor, pasta, slirp4netns; 'none' for ourselves alone
  --scripts PATH  folder of the peers' scripts (default: ../shared/bench-peers beside the project)
  --json          print one JSON object
  --quiet         no progress on stderr
  --help          this text`

const FIGURES = ['rxGbps', 'txGbps', 'roundTripUs', 'connectsPerSecond', 'udp64PerSecond', 'idleConnectionBytes']

const { values: options } = parseArgs({
  options: {
    short: { type: 'boolean', default: false }, only: { type: 'string', multiple: true, default: [] },
    scripts: { type: 'string' }, json: { type: 'boolean', default: false }, quiet: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
})
if (options.help) console.log(HELP)
else process.exitCode = await main()

async function main() {
  const folder = options.scripts ?? fileURLToPath(new URL('../../shared/bench-peers', import.meta.url))
  const why = unavailable(folder)
  if (why !== '') {
    console.error(`bench:peers: ${why}`)
    return 1
  }
  const tmp = mkdtempSync(join(tmpdir(), 'vimage-peers-'))
  const progress = (line) => { if (!options.quiet) console.error(`  ${line}`) }
  try {
    const how = { folder, tmp, runs: options.short ? 1 : 3, secs: options.short ? 1 : 3, only: options.only, progress }
    const netload = build(folder, tmp, 'netload', [])
    const tapbench = existsSync('/usr/include/liburing.h') ? build(folder, tmp, 'tapbench', ['-luring']) : null
    const bridge = build(fileURLToPath(new URL('peers', import.meta.url)), tmp, 'bridge', [])
    const ours = await ourFigures({ ...how, netload, tapbench, bridge })
    Object.assign(ours, JSON.parse(execFileSync(process.execPath, [
      '--expose-gc', fileURLToPath(new URL('peers/density.mjs', import.meta.url)), '10000'], { encoding: 'utf8' })))
    const peers = options.only.includes('none') ? {} : await theirFigures(how)
    const result = { short: options.short, node: process.version, ratios: ratios(ours, peers), vimage: ours, ...peers }
    if (options.json) console.log(JSON.stringify(result, null, 2))
    else print(result, peers)
    return 0
  } finally {
    rmSync(tmp, { recursive: true, force: true })
  }
}

/** The keys that bars are stated in: more than 1 is better than the peer, for round trips too. */
function ratios(ours, peers) {
  const out = {}
  const put = (key, value) => { if (Number.isFinite(value)) out[key] = Number(value.toPrecision(3)) }
  put('tapRxShareOfIdeal', ours.rxGbps / ours.idealRxGbps)
  put('tapTxShareOfIdeal', ours.txGbps / ours.idealTxGbps)
  put('tapRxPlainShareOfIdeal', ours.rxPlainGbps / ours.idealRxPlainGbps)
  put('tapTxPlainShareOfIdeal', ours.txPlainGbps / ours.idealTxPlainGbps)
  put('tapRxPlainThreadedShareOfIdeal', ours.rxPlainThreadedGbps / ours.idealRxPlainThreadedGbps)
  put('tapTxPlainThreadedShareOfIdeal', ours.txPlainThreadedGbps / ours.idealTxPlainThreadedGbps)
  put('roundTripThreadedVsInCall', ours.roundTripPlainThreadedUs / ours.roundTripUs)
  put('bridgeShareOfC', ours.bridge64PerSecond / ours.bridge64OfCPerSecond)
  put('bridge1514ShareOfC', ours.bridge1514PerSecond / ours.bridge1514OfCPerSecond)
  for (const [name, peer] of Object.entries(peers)) {
    const Name = name[0].toUpperCase() + name.slice(1)
    put(`tapRxVs${Name}`, ours.rxGbps / peer.rxGbps)
    put(`tapTxVs${Name}`, ours.txGbps / peer.txGbps)
    put(`roundTripVs${Name}`, peer.roundTripUs / ours.roundTripUs)
    put(`connectsVs${Name}`, ours.connectsPerSecond / peer.connectsPerSecond)
    put(`udp64Vs${Name}`, ours.udp64PerSecond / peer.udp64PerSecond)
  }
  for (const key of ['idleConnectionBytes', 'vnetCreateUs', 'vnetBytes']) put(key, ours[key])
  return out
}

function print({ ratios: keys, vimage }, peers) {
  const names = Object.keys(peers)
  const table = new Table({ head: ['MTU 1500 over a TAP', 'vimage', 'ideal in C', ...names], style: { head: [], border: [] } })
  const ideal = { rxGbps: vimage.idealRxGbps, txGbps: vimage.idealTxGbps }
  for (const key of FIGURES) table.push([key, show(vimage[key]), show(ideal[key]), ...names.map((n) => show(peers[n][key]))])
  table.push(['rxPlainGbps', show(vimage.rxPlainGbps), show(vimage.idealRxPlainGbps), ...names.map(() => '')])
  table.push(['txPlainGbps', show(vimage.txPlainGbps), show(vimage.idealTxPlainGbps), ...names.map(() => '')])
  for (const key of ['bridge64', 'bridge1514']) {
    table.push([`${key}PerSecond`, show(vimage[`${key}PerSecond`]), show(vimage[`${key}OfCPerSecond`]), ...names.map(() => '')])
  }
  console.log(table.toString())
  for (const name of names) if (peers[name].missing !== undefined) console.log(`${name}: ${peers[name].missing}`)
  console.log(Object.entries(keys).map(([key, value]) => `${key} ${value}`).join('\n'))
  console.log('rx is from the kernel to the stack; Plain is without the offload header. The peers have no offload on a TAP.')
}

function show(value) {
  if (value === undefined) return ''
  return value >= 1000 ? Math.round(value).toLocaleString('en') : value.toPrecision(3)
}

function unavailable(folder) {
  if (process.getuid?.() !== 0) return 'namespaces and TAPs of others need root'
  if (!existsSync(join(folder, 'netload.c'))) return `no peers' scripts at ${folder}; say where with --scripts`
  if (!has('gcc')) return 'the load generator is in C: gcc is not installed'
  return existsSync('/dev/net/tun') ? '' : 'there is no /dev/net/tun'
}

function build(folder, tmp, name, libraries) {
  const out = join(tmp, name)
  const args = ['-O2', '-march=native', '-o', out, join(folder, `${name}.c`), '-lpthread', ...libraries]
  const done = spawnSync('gcc', args, { encoding: 'utf8' })
  if (done.status !== 0) throw new Error(`${name}.c: ${done.stderr}`)
  return out
}
