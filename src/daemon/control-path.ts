/** Where the control socket is, and that nobody else can get at it. */

import { lstatSync, mkdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'

/** `given` (--control), else VIMAGE_CONTROL, else a path of this user's own. */
export function controlPath(given: string, env: NodeJS.ProcessEnv = process.env): string {
  if (given !== '') return resolve(given)
  const fromEnv = env['VIMAGE_CONTROL'] ?? ''
  return fromEnv === '' ? defaultControlPath(env) : resolve(fromEnv)
}

/** $XDG_RUNTIME_DIR/vimage/control.sock, or in a directory of the user's own below the system's for temporary files. */
export function defaultControlPath(env: NodeJS.ProcessEnv, uid: number = process.getuid?.() ?? 0): string {
  const runtime = env['XDG_RUNTIME_DIR'] ?? ''
  return runtime === '' ? join(tmpdir(), `vimage-${uid}`, 'control.sock') : join(runtime, 'vimage', 'control.sock')
}

/**
 * Makes the directory of the default socket (mode 0700), and refuses one that belongs to somebody else or that others
 * may write to: whoever made it could put a socket of his own there. Throws an Error that says so.
 */
export function secureDirectory(socketPath: string): void {
  const directory = dirname(socketPath)
  mkdirSync(directory, { recursive: true, mode: 0o700 })
  const { mode, uid } = lstatSync(directory)
  const isDirectory = (mode & 0o170000) === 0o040000
  if (!isDirectory || uid !== (process.getuid?.() ?? 0) || (mode & 0o022) !== 0) {
    throw Object.assign(new Error(`${directory} does not belong to this user alone (expected a directory of mode 0700);`
      + ' remove it, or choose another place for the control socket with --control'), { code: 'EPERM' })
  }
}
