/**
 * A daemon in a process of its own: inside a namespace, or detached, or both.
 *
 * Parent and child keep an IPC channel. The child says over it when it is up, or why it is not; and a child that is not
 * detached ends when the channel closes, so that it cannot outlive a parent that was killed.
 */

import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { openSync } from 'node:fs'
import { constants } from 'node:os'
import type { DaemonInfo } from './listings.ts'

/** What the child says. */
export type ChildMessage =
  | { type: 'ready'; info: DaemonInfo }
  | { type: 'failed'; message: string; exitCode: number }

export interface LaunchOptions {
  /** What comes before Node's own path: `unshare …`, or nothing. */
  enter: readonly string[]
  /** The program's arguments, from its file on. */
  args: readonly string[]
  /** Let go of the child when it is up; its output goes to this file. '' keeps it. */
  detachedLog: string
}

export interface Launched {
  info: DaemonInfo
  /** Resolves with the exit code when the child ends; at once for a detached one. */
  exit: Promise<number>
}

/** The child said that it cannot start. */
export class LaunchError extends Error {
  override name = 'LaunchError'
  readonly exitCode: number

  constructor(message: string, exitCode: number) {
    super(message)
    this.exitCode = exitCode
  }
}

/** Resolves when the child is up; rejects with LaunchError when it is not. Signals are handed on to it. */
export async function launchDaemon(options: LaunchOptions): Promise<Launched> {
  const [command, ...rest] = [...options.enter, process.execPath, ...process.execArgv, ...options.args]
  const detached = options.detachedLog !== ''
  const output = detached ? openSync(options.detachedLog, 'a', 0o600) : 'inherit'
  // a session of its own: a terminal's Ctrl-C reaches the child once, through us, and not twice
  const child = spawn(command, rest, { stdio: ['ignore', output, output, 'ipc'], detached: true })
  const exit = exitOf(child)
  const stopForwarding = forwardSignals(child)
  void exit.then(stopForwarding, stopForwarding)
  const info = await Promise.race([ready(child), exit.then((code): never => {
    throw new LaunchError(`the daemon's process ended with ${code} before it was up`, 1)
  })])
  if (!detached) return { info, exit }
  stopForwarding()
  child.disconnect()
  child.unref()
  return { info, exit: Promise.resolve(0) }
}

/** The child's side: says that it is up, or why not. Does nothing in a process that nobody launched. */
export function tellParent(message: ChildMessage): Promise<void> {
  return new Promise((resolve) => {
    if (process.send === undefined || !process.connected) resolve()
    else process.send(message, undefined, undefined, () => resolve())
  })
}

function ready(child: ChildProcess): Promise<DaemonInfo> {
  return new Promise((resolve, reject) => {
    child.once('message', (message: ChildMessage) => {
      if (message.type === 'ready') resolve(message.info)
      else reject(new LaunchError(message.message, message.exitCode))
    })
  })
}

/** 128 and the signal's number when a signal ended it, as shells count. */
export function exitOf(child: ChildProcess): Promise<number> {
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('exit', (code, signal) => resolve(signal === null ? code ?? 1 : 128 + constants.signals[signal]))
  })
}

function forwardSignals(child: ChildProcess): () => void {
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const
  const forward = (signal: NodeJS.Signals): void => {
    child.kill(signal)
  }
  for (const signal of signals) process.on(signal, forward)
  return () => {
    for (const signal of signals) process.off(signal, forward)
  }
}
