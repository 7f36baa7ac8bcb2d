/** What `vimage up` does: decides how the daemon is to run, and runs it, here or in a process of its own. */

import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { ConfigError } from '../daemon/config-error.ts'
import { LOG_LEVELS } from '../daemon/config-types.ts'
import type { DaemonConfig, LogLevel } from '../daemon/config-types.ts'
import { loadConfig } from '../daemon/config.ts'
import { controlPath, defaultControlPath, secureDirectory } from '../daemon/control-path.ts'
import type { DaemonOptions, NamespaceKind } from '../daemon/daemon.ts'
import { labConfig } from '../daemon/lab.ts'
import { launchDaemon, tellParent } from '../daemon/launch.ts'
import { daemonInfo } from '../daemon/listings.ts'
import { openLog } from '../daemon/log.ts'
import type { LogFormat } from '../daemon/log.ts'
import { bringLoopbackUp, planNamespace, tapUnavailable } from '../daemon/namespace.ts'
import { runDaemon } from '../daemon/run.ts'
import type { GlobalOptions } from './context.ts'
import { print, UsageError } from './output.ts'
import { upText } from './up-text.ts'

export interface UpOptions extends GlobalOptions {
  host?: boolean
  detach?: boolean
  tap: boolean
  log?: string
  /** In a process that another `vimage up` started: the namespace it is in. */
  child?: NamespaceKind
}

/** How the daemon is to run, decided before anything is started. */
interface Plan {
  taps: DaemonOptions['taps']
  /** What comes before Node's path to get a namespace; null for none. */
  enter: string[] | null
  kind: NamespaceKind
  missing: string[]
}

/** Resolves when the daemon has ended, or with --detach when it is up. */
export async function up(file: string | undefined, options: UpOptions): Promise<void> {
  const words = logWords(options.log)
  const config = readConfig(file, words.level)
  const control = chooseControl(options, config)
  const plan = makePlan(config, options)
  const detach = options.detach === true
  if (plan.enter === null && !detach) {
    await upHere(config, control, plan, words.format)
    return
  }
  const main = fileURLToPath(new URL(import.meta.url.endsWith('.ts') ? 'main.ts' : 'main.js', import.meta.url))
  const args = [main, ...childWords(file, options, control, plan)]
  const detachedLog = detach ? config.log.file || join(dirname(control), 'vimage.log') : ''
  const { info, exit } = await launchDaemon({ enter: plan.enter ?? [], args, detachedLog })
  print(upText(config, info, detachedLog))
  process.exitCode = await exit
}

/** In this process. */
async function upHere(config: DaemonConfig, control: string, plan: Plan, format: LogFormat | ''): Promise<void> {
  const log = openLog({ ...config.log, format: format || defaultFormat(config) })
  const { taps, missing, kind } = plan
  const daemon = await runDaemon({ config, log, control, namespace: kind, taps, missing })
  print(upText(config, daemonInfo(daemon), ''))
  await daemon.ended
}

/** In a process that `vimage up` started, in the namespace it is to be in. */
export async function upAsChild(file: string | undefined, options: UpOptions, kind: NamespaceKind): Promise<void> {
  try {
    const words = logWords(options.log)
    const config = readConfig(file, words.level)
    const control = chooseControl(options, config)
    const log = openLog({ ...config.log, format: words.format || defaultFormat(config) })
    if (kind !== 'none') bringLoopbackUp()
    const taps = options.tap ? (config.file === '' ? 'optional' : 'required') : 'none'
    const daemon = await runDaemon({ config, log, control, namespace: kind, taps, missing: [] })
    // a parent that was killed takes us with it; a detached one has let go on purpose
    if (options.detach !== true) process.once('disconnect', () => void daemon.close())
    await tellParent({ type: 'ready', info: daemonInfo(daemon) })
    await daemon.ended
    if (process.connected) process.disconnect()
  } catch (error) {
    const exitCode = error instanceof ConfigError ? 2 : 1
    await tellParent({ type: 'failed', message: (error as Error).message, exitCode })
    if (process.connected) process.disconnect()
    process.exitCode = exitCode
  }
}

function makePlan(config: DaemonConfig, options: UpOptions): Plan {
  const here = (taps: Plan['taps'], missing: string[]): Plan => ({ taps, enter: null, kind: 'none', missing })
  if (!options.tap) return here('none', [])
  const lab = config.file === ''
  const wantsTaps = config.bridges.some((b) => b.taps.length > 0)
    || config.vimages.some((v) => v.interfaces.some((i) => i.link.kind === 'tap'))
  if (!wantsTaps || options.host === true) return here(lab ? 'optional' : 'required', [])
  const noTap = tapUnavailable()
  if (noTap !== '') {
    if (!lab) throw new Error(`${noTap} ("--no-tap" does without)`)
    return here('none', [`The lab runs without its TAP: ${noTap}`])
  }
  const plan = planNamespace()
  if (plan.possible) return { taps: lab ? 'optional' : 'required', enter: plan.command, kind: plan.kind, missing: [] }
  if (!lab) throw new Error(`${plan.why} Root can put the TAPs on the host with --host; "--no-tap" does without.`)
  return here('none', [`The lab runs without its TAP: ${plan.why}`])
}

function childWords(file: string | undefined, options: UpOptions, control: string, plan: Plan): string[] {
  return [
    'up', ...(file === undefined ? [] : [file]), '--child', plan.kind, '--control', control,
    ...(options.log === undefined ? [] : ['--log', options.log]), ...(options.tap ? [] : ['--no-tap']),
    ...(options.host === true ? ['--host'] : []), ...(options.detach === true ? ['--detach'] : []),
  ]
}

/** --control, VIMAGE_CONTROL, the configuration's, or the user's own in this order. */
function chooseControl(options: UpOptions, config: DaemonConfig): string {
  const given = options.control ?? process.env['VIMAGE_CONTROL'] ?? ''
  const control = controlPath(given === '' ? config.control : given)
  if (control === defaultControlPath(process.env)) secureDirectory(control)
  return control
}

function readConfig(file: string | undefined, level: LogLevel | ''): DaemonConfig {
  const config = file === undefined ? labConfig({ level: 'info', file: '' }) : loadConfig(file)
  if (level !== '') config.log.level = level
  return config
}

/** One readable line each for a person at a terminal, JSON for files and programs. */
function defaultFormat(config: DaemonConfig): LogFormat {
  return config.log.file === '' && process.stderr.isTTY ? 'pretty' : 'json'
}

/** What --log says; '' for what it leaves open. */
function logWords(text: string | undefined): { level: LogLevel | ''; format: LogFormat | '' } {
  let level: LogLevel | '' = ''
  let format: LogFormat | '' = ''
  for (const word of (text ?? '').split(',').filter((w) => w !== '')) {
    if (word === 'json' || word === 'pretty') format = word
    else if ((LOG_LEVELS as readonly string[]).includes(word)) level = word as LogLevel
    else throw new UsageError(`--log is "${text}"; expected ${LOG_LEVELS.join(', ')}, json or pretty`)
  }
  return { level, format }
}
