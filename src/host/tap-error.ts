/**
 * What went wrong when a TAP was opened, in words that tell the user what to do about it.
 */

import { statSync } from 'node:fs'

export interface TapError extends Error {
  code: string
  errno: number
  syscall: string
  path: string
}

/** The addon's error with a message for people; code, errno and syscall stay, `path` is always there. */
export function explainTapError(error: unknown, name: string): TapError {
  const e = error as TapError
  if (typeof e.code !== 'string') return e
  const path = typeof e.path === 'string' ? e.path : name
  const explained = new Error(`${e.code}: ${explain(e.code, e.syscall, name)}`, { cause: error }) as TapError
  return Object.assign(explained, { code: e.code, errno: e.errno, syscall: e.syscall, path })
}

function explain(code: string, syscall: string, name: string): string {
  const what = `cannot open TAP "${name}"`
  if (syscall === 'open') {
    if (code === 'ENOENT') return `${what}: there is no /dev/net/tun here; ${moduleHint()}`
    if (code === 'ENODEV' || code === 'ENXIO') return `${what}: /dev/net/tun has no driver behind it; ${moduleHint()}`
    if (code === 'EACCES' || code === 'EPERM') {
      return `${what}: this user may not open /dev/net/tun (mode ${tunMode()}); run as root, or let everybody open it`
        + ' with "chmod 0666 /dev/net/tun" as most systems do (making interfaces stays privileged)'
    }
  }
  if (code === 'EPERM') {
    return `${what}: making an interface needs CAP_NET_ADMIN in this network namespace; run as root or inside`
      + ` "unshare --user --map-root-user --net", or have root make one for you:`
      + ` "ip tuntap add dev ${name} mode tap user $USER"`
  }
  if (code === 'EBUSY') return `${what}: another process has it open (or it exists and was to be made anew)`
  if (code === 'EEXIST') return `${what}: the descriptor is attached already`
  if (code === 'ENODEV') return `${what}: there is no such interface in this network namespace`
  if (code === 'EINVAL') return `${what}: an interface of that name exists and is not a TAP of this kind`
  if (code === 'ENAMETOOLONG') return `${what}: interface names have at most 15 characters`
  if (code === 'EPROTOTYPE') return `${what}: it is a TUN, or frames carry packet information (IFF_NO_PI is needed)`
  if (code === 'EBADFD' || code === 'ENOTTY' || code === 'EBADF') return `${what}: the descriptor is not an open TAP`
  if (code === 'EMFILE') return `${what}: too many TAPs are open in this process`
  return `${what}: ${syscall} failed`
}

function moduleHint(): string {
  return 'load the module ("modprobe tun"), or hand the device to the container ("--device /dev/net/tun")'
}

function tunMode(): string {
  const stat = statSync('/dev/net/tun', { throwIfNoEntry: false })
  return stat === undefined ? 'unknown' : (stat.mode & 0o777).toString(8).padStart(4, '0')
}
