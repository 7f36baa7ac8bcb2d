/**
 * What merge.test.ts has done in a namespace: frames are written to one TAP, a bridge of the kernel's takes them to another, and that
 * one is read in one go.
 */

import { spawnSync } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import { openTap } from '../../src/host/tap.ts'
import type { TapDevice } from '../../src/host/tap.ts'
import { CSUM_NONE, CSUM_PARTIAL, createFramePool, frameBytes, frameFrom, frameRelease } from '../../src/lib/frame.ts'
import type { Frame, FramePool } from '../../src/lib/frame.ts'
import { etherHeaderLen } from '../../src/wire/ethernet.ts'
import { gsoCount, gsoSegment } from '../../src/wire/gso.ts'

/** A frame that nobody merges: it fills the first, small batch. */
const FILLER = `0200000000020200000000${'0188b5'.padEnd(2 * 60 - 22, '5a')}`
const FILLERS = 24
/** The last one of a row. */
const END = FILLER.replace(/5a$/, 'a5')

export interface Arrived {
  /** All frames in hex, super-segments cut again. */
  frames: string[]
  /** Which of them have sums that were verified. */
  summed: boolean[]
  /** How many segments each frame was that came. */
  counts: number[]
  /** The device's count of frames and octets, without what was not sent by the test. */
  rxFrames: number
  rxBytes: number
  inUse: number
}

/** Sends each row of frames (hex) in one go and says what arrived of it. */
export async function through(rows: string[][], merge: boolean): Promise<Arrived[]> {
  const pool = createFramePool({ poison: true })
  const a = openTap({ name: 'vma0', pool, mode: 'create' })
  const b = openTap({ name: 'vmb0', pool, mode: 'create', merge })
  const ip = (...args: string[]): void => {
    const done = spawnSync('ip', args, { encoding: 'utf8' })
    if (done.status !== 0) throw new Error(done.stderr)
  }
  // no router solicitations or neighbours of the kernel's among what is counted
  spawnSync('sysctl', ['-qw', 'net.ipv6.conf.all.disable_ipv6=1', 'net.ipv6.conf.default.disable_ipv6=1'])
  // where a bridge shows packets to the firewall, that one drops those with wrong sums and takes padding off
  spawnSync('sysctl', ['-qw', 'net.bridge.bridge-nf-call-iptables=0', 'net.bridge.bridge-nf-call-ip6tables=0'])
  ip('link', 'add', 'vmbr', 'type', 'bridge', 'mcast_snooping', '0')
  for (const name of ['vma0', 'vmb0', 'vmbr']) {
    if (name !== 'vmbr') ip('link', 'set', name, 'master', 'vmbr')
    ip('link', 'set', name, 'up')
  }
  try {
    const forwarding = (): boolean =>
      (spawnSync('bridge', ['link'], { encoding: 'utf8' }).stdout.match(/state forwarding/g) ?? []).length === 2
    for (const end = performance.now() + 5000; !forwarding(); await sleep(20)) {
      if (performance.now() > end) throw new Error('the bridge does not forward')
    }
    const results = []
    for (const row of rows) results.push(await oneRow(pool, a, b, row))
    return results
  } finally {
    a.close()
    b.close()
    ip('link', 'del', 'vmbr')
  }
}

async function oneRow(pool: FramePool, a: TapDevice, b: TapDevice, row: string[]): Promise<Arrived> {
  const got: Arrived = { frames: [], summed: [], counts: [], rxFrames: 0, rxBytes: 0, inUse: 0 }
  let ended = false
  let before = { ...b.stats }
  b.onFrame = (f) => {
    const hex = Buffer.from(frameBytes(f)).toString('hex')
    if (hex === END) {
      ended = true
      got.rxFrames = b.stats.rxFrames - before.rxFrames - 1
      got.rxBytes = b.stats.rxBytes - before.rxBytes - END.length / 2
    } else if (hex === FILLER) before = { ...b.stats }
    else {
      got.counts.push(gsoCount(f))
      got.summed.push(...new Array<boolean>(gsoCount(f)).fill(f.csum !== CSUM_NONE))
      got.frames.push(...f.gsoSize === 0 ? [hex] : segments(pool, f))
    }
  }
  for (const hex of [...new Array<string>(FILLERS).fill(FILLER), ...row, END]) send(pool, a, hex)
  a.flush()
  for (const end = performance.now() + 5000; !ended; await sleep(1)) {
    if (performance.now() > end) throw new Error(`the last frame did not arrive after ${got.frames.length}`)
  }
  got.inUse = pool.inUse
  return got
}

function segments(pool: FramePool, f: Frame): string[] {
  if (f.csum !== CSUM_PARTIAL) throw new Error('a super-segment whose sum is said to be finished')
  return Array.from({ length: gsoCount(f) }, (_, k) => {
    const s = gsoSegment(pool, f, etherHeaderLen(f.view, f.off), k)
    if (s === null) throw new Error('pool exhausted')
    const hex = Buffer.from(frameBytes(s)).toString('hex')
    frameRelease(pool, s)
    return hex
  })
}

function send(pool: FramePool, dev: TapDevice, hex: string): void {
  const f = frameFrom(pool, Buffer.from(hex, 'hex'))
  if (f === null) throw new Error('pool exhausted')
  dev.send(f)
  frameRelease(pool, f)
}
