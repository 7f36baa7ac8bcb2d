/**
 * The daemon: everything that a configuration describes, running in this process, with its control socket.
 *
 * It is all there or nothing is: what was made is undone when a later step fails, in the reverse order, and in the same
 * way when the daemon ends.
 */

import { rmSync, writeFileSync } from 'node:fs'
import { Driver } from '../host/driver.ts'
import type { Switch } from '../device/switch.ts'
import type { Vimage } from '../vimage/vimage.ts'
import { buildBridge, buildVimage, undoAll } from './build.ts'
import type { BuildContext, MadeVimage } from './build.ts'
import type { CapturePoint } from './capture-point.ts'
import type { DaemonConfig } from './config-types.ts'
import { openControl } from './control.ts'
import type { Logger } from './log.ts'

/** How long connections may take to end when the daemon does. */
const GRACE_MS = 1000

/** Where the daemon's interfaces are: in its own network namespace, in one of a user namespace, or on the host. */
export type NamespaceKind = 'none' | 'net' | 'user+net'

export interface DaemonOptions {
  config: DaemonConfig
  log: Logger
  /** Path of the control socket. */
  control: string
  namespace: NamespaceKind
  /** 'optional': go on without a TAP that cannot be opened (the lab does); 'none': do not even try. */
  taps: 'required' | 'optional' | 'none'
  /** Sentences about what is missing from the start. */
  missing: readonly string[]
}

export interface Daemon extends BuildContext {
  readonly config: DaemonConfig
  readonly control: string
  readonly namespace: NamespaceKind
  readonly startedAt: Date
  /** Resolves when the daemon has ended, whoever ended it. */
  readonly ended: Promise<void>
  /** Lets connections end for a second, then takes everything down. Resolves when nothing is left. */
  close(): Promise<void>
  /** Takes everything down at once. */
  kill(): void
}

/** Starts everything or nothing; rejects with an Error that says what could not be done. */
export async function startDaemon(options: DaemonOptions): Promise<Daemon> {
  const { config, log, control } = options
  const running = new RunningDaemon(options)
  try {
    running.undo.push(await openControl(control, running, log))
    for (const bridge of config.bridges) buildBridge(running, bridge)
    for (const vimage of config.vimages) buildVimage(running, vimage)
    const pidFile = `${control}.pid`
    writeFileSync(pidFile, `${process.pid}\n`, { mode: 0o600 })
    running.undo.push(() => rmSync(pidFile, { force: true }))
  } catch (error) {
    running.kill()
    throw error
  }
  for (const sentence of running.missing) log.warn(sentence)
  log.info({ pid: process.pid, control, vimages: running.vimages.size, bridges: running.bridges.size }, 'vimage is up')
  return running
}

class RunningDaemon implements Daemon {
  readonly config: DaemonConfig
  readonly log: Logger
  readonly control: string
  readonly namespace: NamespaceKind
  readonly taps: DaemonOptions['taps']
  readonly startedAt = new Date()
  readonly driver = new Driver()
  readonly bridges = new Map<string, Switch>()
  readonly vimages = new Map<string, Vimage>()
  readonly made = new Map<string, MadeVimage>()
  readonly points: CapturePoint[] = []
  readonly missing: string[]
  readonly undo: (() => void)[] = []
  readonly ended: Promise<void>
  readonly #killed = new AbortController()
  #end: () => void = () => undefined
  #closing = false

  constructor(options: DaemonOptions) {
    this.config = options.config
    this.log = options.log
    this.control = options.control
    this.namespace = options.namespace
    this.taps = options.taps
    this.missing = [...options.missing]
    this.ended = new Promise((resolve) => {
      this.#end = resolve
    })
    this.undo.push(() => this.driver.close())
  }

  async close(): Promise<void> {
    if (!this.#closing) {
      this.#closing = true
      this.log.info('vimage goes down')
      const stopped = [...this.vimages.values()].map((vimage) => vimage.stop(GRACE_MS, this.#killed.signal))
      for (const result of await Promise.allSettled(stopped)) {
        if (result.status === 'rejected') this.log.error({ err: String(result.reason) }, 'a vimage did not stop')
      }
      this.kill()
    }
    await this.ended
  }

  kill(): void {
    this.#closing = true
    this.#killed.abort()
    for (const { undo } of [...this.made.values()].reverse()) undoAll(undo, this.log)
    this.made.clear()
    undoAll(this.undo, this.log)
    this.#end()
  }
}
