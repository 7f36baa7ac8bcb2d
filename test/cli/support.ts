/** The command line as a child process on dist/ (built before the tests run). */

import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach } from 'vitest'

export const MAIN = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url))

export interface Ran {
  code: number | null
  signal: NodeJS.Signals | null
  out: string
  err: string
}

export interface Running extends Ran {
  child: ChildProcess
  ended: Promise<Ran>
}

export interface Shell {
  directory: string
  control: string
  /** Runs `vimage …` to its end. */
  vimage(...args: string[]): Promise<Ran>
  /** Starts `vimage …`; `enter` is a command in front of it. */
  begin(args: string[], options?: { enter?: string[]; env?: NodeJS.ProcessEnv }): Running
  /** Starts `vimage up …` and waits until it has said what to try. */
  up(args: string[], options?: { enter?: string[]; env?: NodeJS.ProcessEnv }): Promise<Running>
}

/** A directory and a control path for each test; what a test leaves running is told to end, and must. */
export function useShells(): () => Shell {
  const directories: string[] = []
  const running: Running[] = []
  afterEach(async () => {
    for (const r of running.splice(0)) {
      if (r.child.exitCode === null && r.child.signalCode === null) r.child.kill('SIGTERM')
      await r.ended
    }
    for (const directory of directories.splice(0)) {
      await until('no process of the test is left', () => processesOf(directory).length === 0)
      rmSync(directory, { recursive: true })
    }
  })
  return () => {
    if (!existsSync(MAIN)) throw new Error('dist/ is not there: run "npm run build" first')
    const directory = mkdtempSync(join(tmpdir(), 'vimage-cli-'))
    directories.push(directory)
    const control = join(directory, 'c.sock')
    const begin: Shell['begin'] = (args, options = {}) => {
      const [command, ...rest] = [...(options.enter ?? []), process.execPath, MAIN, ...args]
      const env = { ...process.env, VIMAGE_CONTROL: control, npm_command: undefined, ...options.env }
      const child = spawn(command, rest, { env, cwd: directory, stdio: ['ignore', 'pipe', 'pipe'] })
      const r = follow(child)
      running.push(r)
      return r
    }
    return {
      directory, control, begin,
      vimage: (...args) => begin(args).ended,
      up: async (args, options) => {
        const r = begin(['up', ...args], options)
        await until('vimage is up', () => r.out.includes('Try:') || r.code !== null || r.signal !== null)
        if (!r.out.includes('Try:')) throw new Error(`vimage up: ${r.code} ${r.err}`)
        return r
      },
    }
  }
}

function follow(child: ChildProcess): Running {
  const r: Running = { child, code: null, signal: null, out: '', err: '', ended: Promise.resolve() as never }
  child.stdout?.setEncoding('utf8').on('data', (text: string) => (r.out += text))
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (r.err += text))
  r.ended = new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code, signal) => {
      r.code = code
      r.signal = signal
      resolve(r)
    })
  })
  return r
}

/** Process ids whose command line or environment names the directory; also a daemon that let go of its parent. */
export function processesOf(directory: string): number[] {
  return readdirSync('/proc').filter((name) => /^\d+$/.test(name)).map(Number).filter((pid) => {
    try {
      const words = readFileSync(`/proc/${pid}/cmdline`, 'utf8') + readFileSync(`/proc/${pid}/environ`, 'utf8')
      return pid !== process.pid && words.includes(directory)
    } catch {
      return false
    }
  })
}

export async function until(what: string, condition: () => boolean, ms = 15_000): Promise<void> {
  const end = performance.now() + ms
  while (!condition()) {
    if (performance.now() > end) throw new Error(`not within ${ms} ms: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}
