/** A vimage that moves from daemon process to daemon process while the kernel's curl downloads from it. */

import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { createCipheriv, createHash } from 'node:crypto'
import { once } from 'node:events'
import { closeSync, mkdtempSync, openSync, rmSync, writeFileSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { ControlClient } from '../../src/daemon/client.ts'
import type { Moved } from '../../src/daemon/move.ts'
import { onStage } from './scene.ts'
import type { Scene } from './scene.ts'

const MAIN = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url))
const KERNEL = '10.66.90.1'
const VNET = '10.66.90.2'
const TAP = 'vi90'
/** Bytes of the file that are made at once. */
const BLOCK = 4 * 1024 * 1024
/** Daemons that start at the same time. */
const AT_ONCE = 2

export interface Migrated {
  expected: string
  got: string
  cycles: number
  /** Longest time that the vimage stood still, ms. */
  longestMs: number
  curl: string
}

interface Process { child: ChildProcess; client: ControlClient; control: string }

/**
 * curl gets `bytes` bytes at `rate`; meanwhile the vimage is, in turn, migrated to a fresh daemon, or saved to a file and
 * restored from it by a fresh daemon, `cycles` times, `everyMs` ms apart; each old process is killed (SIGKILL) at once. The fresh daemons
 * wait from before the download on, so that a busy machine does not run out of download before it has started them all.
 */
export async function download(bytes: number, rate: string, cycles: number, everyMs: number): Promise<Migrated> {
  const directory = mkdtempSync(join(tmpdir(), 'vimage-move-'))
  try {
    return await onStage((scene) => cycle(scene, directory, bytes, rate, cycles, everyMs))
  } finally {
    rmSync(directory, { recursive: true })
  }
}

async function cycle(
  scene: Scene, directory: string, bytes: number, rate: string, cycles: number, everyMs: number,
): Promise<Migrated> {
  const expected = makeFile(join(directory, 'big'), bytes)
  await scene.stayingTap(TAP, `${KERNEL}/24`)
  writeFileSync(join(directory, 'first.yaml'), `
vimages:
  - name: w
    interfaces: [{ name: eth0, tap: { name: ${TAP}, attach: true, offload: true }, addresses: [${VNET}/24] }]
    services: [{ name: files, root: . }]
`)
  writeFileSync(join(directory, 'empty.yaml'), 'vimages: []\n')
  const processes: Process[] = []
  let ended = false
  try {
    let here = await startDaemon(directory, 'first.yaml', 0, processes)
    const fresh = await startEmpty(directory, cycles, processes)
    const curl = spawn('sh', ['-c',
      `curl -sS --max-time 90 --limit-rate ${rate} -w '%{stderr}%{http_code} %{size_download}' http://${VNET}/big | sha256sum`])
    let [out, err] = ['', '']
    curl.stdout.on('data', (chunk: Buffer) => { out += chunk })
    curl.stderr.on('data', (chunk: Buffer) => { err += chunk })
    curl.on('close', () => { ended = true })
    const closed = once(curl, 'close')
    let [longestMs, done] = [0, 0]
    for (const there of fresh) {
      await setTimeout(everyMs)
      if (ended) break
      const pause = done % 2 === 0 ? await migrate(here, there) : await throughFile(here, there, join(directory, 'w.vimage'))
      longestMs = Math.max(longestMs, pause)
      here = there
      if (!ended) done++
    }
    await closed
    return { expected, got: out.slice(0, 64), cycles: done, longestMs, curl: err }
  } finally {
    for (const { child } of processes) child.kill('SIGKILL')
  }
}

async function startEmpty(directory: string, count: number, all: Process[]): Promise<Process[]> {
  const started: Process[] = []
  while (started.length < count) {
    const numbers = Array.from({ length: Math.min(AT_ONCE, count - started.length) }, (_, i) => started.length + 1 + i)
    started.push(...await Promise.all(numbers.map((n) => startDaemon(directory, 'empty.yaml', n, all))))
  }
  return started
}

async function migrate(from: Process, to: Process): Promise<number> {
  const { pauseUs } = await from.client.call<Moved>('POST', '/v1/vimages/w/migrate', { to: to.control })
  from.child.kill('SIGKILL')
  return pauseUs / 1000
}

async function throughFile(from: Process, to: Process, file: string): Promise<number> {
  const start = performance.now()
  const bytes = await from.client.getBytes('POST', '/v1/vimages/w/snapshot?stop')
  writeFileSync(file, bytes)
  from.child.kill('SIGKILL')
  await to.client.sendBytes('POST', '/v1/vimages', bytes)
  return performance.now() - start
}

async function startDaemon(directory: string, config: string, n: number, all: Process[]): Promise<Process> {
  const control = join(directory, `${n}.sock`)
  const child = spawn(process.execPath, [MAIN, 'up', join(directory, config), '--host', '--control', control], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let said = ''
  child.stderr.on('data', (chunk: Buffer) => { said += chunk })
  const p: Process = { child, control, client: new ControlClient(control) }
  all.push(p)
  await new Promise<void>((resolve, reject) => {
    child.stdout.once('data', () => resolve())
    child.once('exit', (code) => reject(new Error(`the daemon ended with ${code}: ${said}`)))
  })
  return p
}

/** A file of bytes that do not repeat; returns their SHA-256. */
function makeFile(path: string, bytes: number): string {
  const cipher = createCipheriv('aes-128-ctr', Buffer.alloc(16, 7), Buffer.alloc(16))
  const hash = createHash('sha256')
  const zeros = Buffer.alloc(BLOCK)
  const fd = openSync(path, 'w')
  for (let at = 0; at < bytes; at += BLOCK) {
    const block = cipher.update(zeros.subarray(0, Math.min(BLOCK, bytes - at)))
    hash.update(block)
    writeSync(fd, block)
  }
  closeSync(fd)
  return hash.digest('hex')
}
