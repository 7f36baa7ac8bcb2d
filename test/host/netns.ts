/**
 * Network namespaces for tests: a child process in a namespace of its own, and functions called in it.
 *
 * The namespace has no name and no other member, so it is gone, with every interface in it, when the child ends.
 */

import { spawn, spawnSync } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { describe, it } from 'vitest'
import { loadNative } from '../../src/host/native.ts'

/** Command that runs another in a new network namespace with loopback up. */
export const ENTER = ['unshare', '--net', '--', 'sh', '-c', 'ip link set lo up && exec "$@"', 'sh']

export interface NetnsOptions {
  /** Command that runs the child (default: unshare into a new network namespace). */
  enter?: string[]
  /** Node to run in it (default: this one). */
  node?: string
  /** Its flags. */
  flags?: string[]
}

export interface NetnsChild {
  /** Process in the namespace: `nsenter --net=/proc/PID/ns/net` joins it. */
  readonly pid: number
  /** Calls an exported function of a test module in the namespace; arguments and result travel as JSON. */
  call<T>(module: string | URL, name: string, ...args: unknown[]): Promise<T>
  /** Ends the child, and with it the namespace. */
  close(): Promise<void>
}

/** Why this process can make no network namespace with a TAP in it; '' when it can. */
export function netnsUnavailable(): string {
  const native = loadNative()
  if (!native.available) return native.why
  const tried = spawnSync('unshare', ['--net', '--', 'ip', 'tuntap', 'add', 'dev', 'vimage-try', 'mode', 'tap'], {
    encoding: 'utf8',
  })
  if (tried.error !== undefined) return `unshare (util-linux) does not run: ${tried.error.message}`
  if (tried.status !== 0) return `no network namespace with a TAP can be made here: ${tried.stderr.trim()}`
  return ''
}

/**
 * As vitest's describe. Without namespaces, or when `missing` names something else that is needed and not there, the
 * tests are skipped with the reason, and under CI=true they fail.
 */
export function describeInNetns(title: string, body: () => void, missing = ''): void {
  const why = missing === '' ? netnsUnavailable() : missing
  if (why === '') describe(title, body)
  else if (process.env['CI'] === 'true') it(`${title} (needs a network namespace)`, () => { throw new Error(why) })
  else describe.skip(`${title} (skipped: ${why})`, body)
}

/** A child in a new namespace whose loopback is up. */
export async function openNetns(options: NetnsOptions = {}): Promise<NetnsChild> {
  const enter = options.enter ?? ENTER
  const main = fileURLToPath(new URL('netns-child.mjs', import.meta.url))
  const args = [...enter.slice(1), options.node ?? process.execPath, ...options.flags ?? [], '--no-warnings', main]
  const child = spawn(enter[0], args, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
  const replies = new Replies(child)
  await replies.next(0)
  return {
    pid: child.pid as number,
    call: (module, name, ...callArgs) => replies.ask(child, String(module), name, callArgs),
    close: () => closeChild(child),
  }
}

class Replies {
  private readonly waiting = new Map<number, { resolve: (v: unknown) => void; reject: (e: Error) => void }>()
  private lastId = 0
  private ended = ''

  constructor(child: ChildProcess) {
    child.on('message', (m: { id: number; result?: unknown; error?: Error }) => {
      const w = this.waiting.get(m.id)
      this.waiting.delete(m.id)
      if (m.error === undefined) w?.resolve(m.result)
      else w?.reject(Object.assign(new Error(m.error.message), m.error))
    })
    child.on('error', (error) => this.end(error.message))
    child.on('exit', (status, signal) => this.end(`child ended with ${signal ?? status}`))
  }

  next(id: number): Promise<unknown> {
    if (this.ended !== '') return Promise.reject(new Error(this.ended))
    return new Promise((resolve, reject) => this.waiting.set(id, { resolve, reject }))
  }

  ask<T>(child: ChildProcess, module: string, name: string, args: unknown[]): Promise<T> {
    const reply = this.next(++this.lastId)
    if (this.ended === '') child.send({ id: this.lastId, module, name, args })
    return reply as Promise<T>
  }

  private end(why: string): void {
    this.ended = why
    for (const w of this.waiting.values()) w.reject(new Error(why))
    this.waiting.clear()
  }
}

function closeChild(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve()
  return new Promise((resolve) => {
    child.once('exit', () => resolve())
    child.disconnect()
  })
}
