/**
 * Network namespaces: what a daemon needs to have one of its own, and how a command gets into it.
 *
 * util-linux does it: unshare makes the namespace (and, for an ordinary user, a user namespace in which he is root),
 * nsenter joins it. The namespace has no name: it is gone when the daemon is.
 */

import { spawnSync } from 'node:child_process'
import { closeSync, openSync } from 'node:fs'
import { loadNative, NETIF_UP } from '../host/native.ts'
import { explainTapError } from '../host/tap-error.ts'
import { LAB_TAP } from './lab.ts'
import type { NamespaceKind } from './daemon.ts'

export type NamespacePlan =
  | { possible: true; kind: NamespaceKind; command: string[] }
  /** `why` is a sentence. */
  | { possible: false; why: string }

/** How to start a program in a namespace of its own; asks the system by making one. */
export function planNamespace(): NamespacePlan {
  const root = process.getuid?.() === 0
  const command = root ? ['unshare', '--net', '--'] : ['unshare', '--user', '--map-root-user', '--net', '--']
  const tried = spawnSync(command[0], [...command.slice(1), 'true'], { encoding: 'utf8' })
  if (tried.error !== undefined) {
    return { possible: false, why: 'Network namespaces need the program unshare (util-linux), which is not here.' }
  }
  if (tried.status === 0) return { possible: true, kind: root ? 'net' : 'user+net', command }
  const said = tried.stderr.trim().split('\n')[0] ?? ''
  return { possible: false, why: `Network namespaces are forbidden here (${said === '' ? 'unshare failed' : said}).` }
}

/** Why no TAP can be opened, in a sentence; '' when one can (given the right to make interfaces). */
export function tapUnavailable(device = '/dev/net/tun'): string {
  const loaded = loadNative()
  if (!loaded.available) return loaded.why
  try {
    closeSync(openSync(device, 'r+'))
    return ''
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    return explainTapError(Object.assign(new Error(code), { code, syscall: 'open' }), LAB_TAP).message
  }
}

/** Brings the loopback interface of a fresh namespace up, so that programs in it find 127.0.0.1. */
export function bringLoopbackUp(): void {
  const loaded = loadNative()
  if (loaded.available) loaded.native.netifSet('lo', NETIF_UP, 1)
}

/** The command that runs `argv` in the namespace of the daemon `pid`; null when it has none of its own. */
export function enterCommand(kind: NamespaceKind, pid: number, argv: readonly string[]): string[] | null {
  if (kind === 'none') return null
  const user = kind === 'user+net' ? ['--user', '--preserve-credentials'] : []
  return ['nsenter', '--target', String(pid), ...user, '--net', '--', ...argv]
}
