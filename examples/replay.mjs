/**
 * A capture drives a Vnet that takes the part of one address: node examples/replay.mjs [FILE [ADDRESS/LEN]]
 * The default replays a recorded ping, and the Vnet answers in the place of the machine that was asked.
 */

import { readFileSync } from 'node:fs'
import { parseCapture } from 'vimage/pcap'
import { replayCapture } from 'vimage/sim'
import { printFrame } from 'vimage/wire'

const file = process.argv[2] ?? new URL('../pcaps/golden/ping.pcapng', import.meta.url)
const address = process.argv[3] ?? '10.0.0.2/24'

const { records, error } = parseCapture(readFileSync(file))
if (error !== null) console.error(`${error.message}; what comes before it is replayed`)

const result = replayCapture(records, { address, answersOnly: true })
console.log(`${result.fed} frames fed, ${result.own} left out (sent by ${address} itself), ${result.answers} answers:`)
for (const r of parseCapture(result.capture.bytes()).records) {
  const ms = (r.sec * 1000 + r.nsec / 1e6).toFixed(1)
  console.log(`${ms.padStart(8)} ms  ${printFrame(r.data, 0, r.data.length, r.linkType)}`)
}

const dropped = Object.entries(result.host.vnet.state.ip.stats).filter(([name, n]) => n > 0 && name.startsWith('bad'))
console.log(dropped.length === 0 ? 'nothing was damaged' : dropped.map(([name, n]) => `${name}: ${n}`).join(', '))
