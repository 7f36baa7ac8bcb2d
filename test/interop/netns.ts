/**
 * Where interop tests run: a child process in a network namespace of its own (test/host/netns.ts), as root or, through
 * a user namespace, as an ordinary user. What cannot run here is skipped with its reason, and under CI=true fails.
 */

import { spawnSync } from 'node:child_process'
import { afterAll, beforeAll, describe, it } from 'vitest'
import { loadNative } from '../../src/host/native.ts'
import { openNetns } from '../host/netns.ts'
import type { NetnsChild } from '../host/netns.ts'

const UP = ['--', 'sh', '-c', 'ip link set lo up && exec "$@"', 'sh']

/** Calls a scenario: an exported function of the scenario file, by its name. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- each scenario returns a record of its own
export type Scenario = (name: string, ...args: unknown[]) => Promise<any>

/**
 * As vitest's describe, for tests whose scenarios run in one namespace made for the block. `programs` are what they
 * start besides ip(8).
 */
export function describeInterop(
  title: string, scenarios: URL, programs: readonly string[], body: (run: Scenario) => void,
): void {
  const why = unavailable(programs)
  if (why !== '' && process.env['CI'] === 'true') {
    it(`${title} (against the kernel)`, () => { throw new Error(why) })
    return
  }
  if (why !== '') {
    describe.skip(`${title} (skipped: ${why})`, () => body(() => Promise.reject(new Error(why))))
    return
  }
  describe(title, () => {
    let ns: NetnsChild | null = null
    beforeAll(async () => { ns = await openNetns({ enter: enterCommand() }) })
    afterAll(() => ns?.close())
    body((name, ...args) => ns === null ? Promise.reject(new Error('no namespace')) : ns.call(scenarios, name, ...args))
  })
}

/** One sentence that says what is missing here, or ''. */
function unavailable(programs: readonly string[]): string {
  const native = loadNative()
  if (!native.available) return native.why
  const missing = ['unshare', 'nsenter', 'ip', ...programs].filter((p) => spawnSync('which', [p]).status !== 0)
  if (missing.length > 0) return `not installed here: ${missing.join(', ')}`
  const [command = '', ...args] = enterCommand()
  const tried = spawnSync(command, [...args, 'ip', 'tuntap', 'add', 'dev', 'vimage-try', 'mode', 'tap'], {
    encoding: 'utf8',
  })
  return tried.status === 0 ? '' : `no network namespace with a TAP can be made here: ${tried.stderr.trim()}`
}

/** Root makes a network namespace directly; anybody else needs a user namespace around it. */
function enterCommand(): string[] {
  return ['unshare', ...(process.getuid?.() === 0 ? [] : ['--user', '--map-root-user']), '--net', ...UP]
}
