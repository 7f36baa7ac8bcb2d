/**
 * Every frame of every file of the capture corpus into a Vnet (invariant 5): as it is, and again aimed at the Vnet so that
 * the upper layers are reached. Nothing throws or hangs, no frame is kept, nothing is left when the timers have run out,
 * and what is not delivered or answered has moved a counter.
 */

import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { LINK_ETHER, LINK_IP } from '../../src/device/device.ts'
import { parseCapture } from '../../src/pcap/index.ts'
import type { CaptureRecord } from '../../src/pcap/index.ts'
import { replayLink, replayPacket } from '../../src/sim/replay-link.ts'
import { ETHER_HDR_LEN } from '../../src/wire/ethernet.ts'
import { viewOf } from '../../src/wire/layout.ts'
import { assertVnetClean } from '../support/plain.ts'
import { aimEther, aimIp, portOf } from './rewrite.ts'
import { MY_IP, MY_MAC, createPool, createVictim, feed, quiesce } from './victim.ts'
import type { Victim } from './victim.ts'

const SHARED = process.env['VIMAGE_SHARED'] ?? join(import.meta.dirname, '../../../shared')
const FOLDER = join(SHARED, 'pcaps/tcpdump')
/** Listeners opened for one file: the ports that its packets go to. */
const MAX_PORTS = 64

describe.skipIf(!corpusReady())('the capture corpus as input', () => {
  const counts = { frames: 0, delivered: 0, answered: 0 }

  it.each([
    ['as captured', false],
    ['aimed at the Vnet, with right checksums and listeners on its ports', true],
  ])('%s: no throw, no hang, nothing kept, nothing vanishes without a counter', (_name, aimed) => {
    const pool = createPool()
    const wrong: string[] = []
    Object.assign(counts, { frames: 0, delivered: 0, answered: 0 })
    for (const name of readdirSync(FOLDER).sort()) {
      const { records } = parseCapture(readFileSync(join(FOLDER, name)))
      const victim = createVictim(pool, aimed ? portsOf(records) : [])
      for (const r of records) {
        for (const fault of feedRecord(victim, r, aimed)) wrong.push(`${name} record ${r.index}: ${fault}`)
        counts.frames++
      }
      for (const left of quiesce(victim)) wrong.push(`${name}: not given back: ${left}`)
      assertVnetClean(victim.vnet)
      counts.delivered += victim.vnet.state.ip.stats.delivered
      counts.answered += victim.ether.stats.opackets + victim.tun.stats.opackets
    }
    expect(wrong.slice(0, 20)).toEqual([])
    expect(counts.frames).toBeGreaterThan(10_000)
    // or the test would not reach what it is about
    if (aimed) expect(Math.min(counts.delivered, counts.answered)).toBeGreaterThan(1000)
  }, 300_000)
})

function feedRecord(v: Victim, r: CaptureRecord, aimed: boolean): string[] {
  const link = replayLink(r.linkType)
  const packet = link === LINK_IP ? replayPacket(r.linkType, r.data) : null
  const faults = [feed(v, v.ether, aimed && link === LINK_ETHER ? aimEther(r.data, MY_MAC, MY_IP) : r.data)]
  if (packet !== null) faults.push(feed(v, v.tun, aimed ? aimIp(packet, MY_IP) : packet))
  return faults.filter((fault) => fault !== '')
}

/** "protocol/port" of the destinations of a file's packets. */
function portsOf(records: readonly CaptureRecord[]): Set<string> {
  const ports = new Set<string>()
  for (const r of records) {
    if (ports.size >= MAX_PORTS) break
    const link = replayLink(r.linkType)
    const packet = link === 0 ? null : replayPacket(r.linkType, r.data)
    if (packet === null || packet.length < ETHER_HDR_LEN) continue
    const found = portOf(viewOf(packet), link === LINK_ETHER ? ETHER_HDR_LEN : 0)
    if (found !== null && found.port !== 0) ports.add(`${found.proto}/${found.port}`)
  }
  return ports
}

function corpusReady(): boolean {
  if (existsSync(FOLDER)) return true
  const complaint = `capture corpus ${FOLDER} is missing`
  if (process.env['CI'] === 'true') throw new Error(complaint)
  console.warn(`skipped: ${complaint}`)
  return false
}
