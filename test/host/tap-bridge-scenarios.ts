/**
 * Two TAPs bridged by hand, the second one moved into another namespace where a program serves TCP: bytes cross the
 * kernel's TCP twice and our offload code in both directions.
 */

import { spawn, spawnSync } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { createHash } from 'node:crypto'
import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { createFramePool } from '../../src/lib/frame.ts'
import { openTap } from '../../src/host/tap.ts'
import type { TapDevice } from '../../src/host/tap.ts'

const PORT = 7

/** Sends `bytes` to an echo server behind the bridge and compares what comes back. */
export async function transfer(offloadA: boolean, offloadB: boolean, family: 4 | 6, bytes: number, merge: boolean) {
  const pool = createFramePool({ poison: true })
  const a = openTap({ name: 'vma0', pool, offload: offloadA, merge })
  const b = openTap({ name: 'vmb0', pool, offload: offloadB, merge })
  const seen = { a: join(a, b), b: join(b, a) }
  const peer = await startEcho()
  try {
    run(['ip', 'link', 'set', 'vmb0', 'netns', String(peer.pid)])
    configure([], 'vma0', 1)
    configure(['nsenter', `--net=/proc/${peer.pid}/ns/net`], 'vmb0', 2)
    const startedMs = performance.now()
    const ok = await echo(family === 4 ? '10.66.0.2' : 'fd66::2', bytes)
    const ms = performance.now() - startedMs
    const dropped = [a.stats.txDropped, b.stats.txDropped, a.stats.rxErrors, b.stats.rxErrors]
    return { ok, seen, dropped, inUse: pool.inUse, megabytesPerSecond: Math.round(2 * bytes / ms / 1000) }
  } finally {
    a.close()
    b.close()
    peer.kill('SIGKILL')
  }
}

interface Seen { longest: number; superSegments: number }

function join(from: TapDevice, to: TapDevice): Seen {
  const seen = { longest: 0, superSegments: 0 }
  from.onFrame = (f) => {
    seen.longest = Math.max(seen.longest, f.len)
    if (f.gsoSize > 0) seen.superSegments++
    to.send(f)
  }
  from.onBatchEnd = () => to.flush()
  return seen
}

/** A TCP echo server in a namespace of its own; resolves when it listens. */
function startEcho(): Promise<ChildProcess> {
  const program = `require('node:net').createServer((s) => { s.pipe(s); s.on('error', () => {}) })
    .listen(${PORT}, '::', () => console.log('up'))`
  const args = ['--net', '--', process.execPath, '-e', program]
  const child = spawn('unshare', args, { stdio: ['ignore', 'pipe', 'inherit'] })
  return new Promise((resolve) => child.stdout.once('data', () => resolve(child)))
}

function configure(enter: string[], name: string, host: number): void {
  run([...enter, 'ip', 'addr', 'add', `10.66.0.${host}/24`, 'dev', name])
  run([...enter, 'ip', 'addr', 'add', `fd66::${host}/64`, 'dev', name, 'nodad'])
  run([...enter, 'ip', 'link', 'set', name, 'up'])
}

async function echo(host: string, bytes: number): Promise<boolean> {
  const socket = await connected(host)
  const [sent, received] = [createHash('sha256'), createHash('sha256')]
  let back = 0
  const done = new Promise<void>((resolve, reject) => {
    socket.on('data', (chunk: Buffer) => {
      received.update(chunk)
      back += chunk.length
    })
    socket.on('end', resolve)
    socket.on('error', reject)
  })
  const block = Buffer.alloc(65_536)
  for (let i = 0; i < bytes; i += block.length) {
    const chunk = Buffer.from(block.fill(i / block.length))
    for (let k = 0; k < chunk.length; k += 61) chunk[k] = k
    sent.update(chunk)
    if (!socket.write(chunk)) await new Promise((resolve) => socket.once('drain', resolve))
  }
  socket.end()
  await done
  return back >= bytes && sent.digest('hex') === received.digest('hex')
}

/** The link needs a moment to come up, so the first attempts may find no route. */
async function connected(host: string): Promise<ReturnType<typeof connect>> {
  for (let attempt = 0; ; attempt++) {
    const socket = connect(PORT, host)
    const error = await new Promise<Error | null>((resolve) => {
      socket.once('connect', () => resolve(null))
      socket.once('error', resolve)
    })
    if (error === null) return socket
    if (attempt === 50) throw error
    await sleep(20)
  }
}

function run(command: string[]): void {
  const done = spawnSync(command[0], command.slice(1), { encoding: 'utf8' })
  if (done.status !== 0) throw new Error(`${command.join(' ')}: ${done.stderr}`)
}
