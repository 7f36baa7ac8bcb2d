/** The policy table of address selection (RFC 6724 §2.1): precedence and label of an address, which a user may change. */

import type { Vn } from '../kern/vn.ts'
import type { Addr } from '../lib/addr.ts'
import { addr6, prefixEq, prefixOf, sameWords } from '../lib/addr6.ts'
import { EINVAL, ENOBUFS, ENOENT } from '../lib/errno.ts'
import { createIp6Policy } from './state.ts'
import type { Ip6Policy } from './state.ts'

/** The row of the longest prefix that fits; a table without one for all gives precedence 0 and a label that nobody has. */
export function ip6Policy(vn: Vn, a: Addr): { readonly precedence: number; readonly label: number } {
  for (const row of ip6PolicyTable(vn)) if (prefixEq(a, row.prefix, row.prefixLen)) return row
  return NO_POLICY
}

/** The rows, longest prefix first. Read them, do not keep them. */
export function ip6PolicyTable(vn: Vn): readonly Readonly<Ip6Policy>[] {
  return vn.state.ip6.policy.length === 0 ? DEFAULT : vn.state.ip6.policy
}

/**
 * Adds a row, or changes that of the same prefix; of IPv4 prefixes the length counts the 96 bits before them. EINVAL: no such
 * prefix, or numbers that are none. ENOBUFS: the table is full.
 */
export function ip6PolicySet(vn: Vn, prefix: Addr, prefixLen: number, precedence: number, label: number): number {
  const sizes = [precedence, label].every((n) => Number.isInteger(n) && n >= 0 && n <= NUMBER_MAX)
  if (!sizes || !Number.isInteger(prefixLen) || prefixLen < 0 || prefixLen > 128) return EINVAL
  if (!sameWords(prefixOf(prefix, prefixLen), prefix)) return EINVAL
  const table = own(vn)
  const known = table.find((row) => row.prefixLen === prefixLen && sameWords(row.prefix, prefix))
  if (known !== undefined) {
    known.precedence = precedence
    known.label = label
    return 0
  }
  if (table.length >= ROWS_MAX) return ENOBUFS
  table.push(createIp6Policy(prefix, prefixLen, precedence, label))
  table.sort((a, b) => b.prefixLen - a.prefixLen)
  return 0
}

/** Takes the row of a prefix away. ENOENT; EINVAL for the last one, for no rows at all stand for the default table. */
export function ip6PolicyDelete(vn: Vn, prefix: Addr, prefixLen: number): number {
  const rows = ip6PolicyTable(vn)
  const i = rows.findIndex((row) => row.prefixLen === prefixLen && sameWords(row.prefix, prefix))
  if (i < 0) return ENOENT
  if (rows.length === 1) return EINVAL
  own(vn).splice(i, 1)
  return 0
}

/** The default table again. */
export function ip6PolicyReset(vn: Vn): void {
  vn.state.ip6.policy = []
}

/** Nobody needs more, and each packet without a source looks through all. */
const ROWS_MAX = 256
const NUMBER_MAX = 0x7fffffff

/** A table that may be changed: the first change copies the default. */
function own(vn: Vn): Ip6Policy[] {
  const { ip6 } = vn.state
  if (ip6.policy.length === 0) {
    ip6.policy = DEFAULT.map((row) => createIp6Policy(row.prefix, row.prefixLen, row.precedence, row.label))
  }
  return ip6.policy
}

/** RFC 6724 §2.1, longest prefix first. */
const DEFAULT = Object.freeze([
  { prefix: addr6(0, 0, 0, 1), prefixLen: 128, precedence: 50, label: 0 },
  { prefix: addr6(0, 0, 0xffff, 0), prefixLen: 96, precedence: 35, label: 4 },
  { prefix: addr6(0, 0, 0, 0), prefixLen: 96, precedence: 1, label: 3 },
  { prefix: addr6(0x20010000, 0, 0, 0), prefixLen: 32, precedence: 5, label: 5 },
  { prefix: addr6(0x20020000, 0, 0, 0), prefixLen: 16, precedence: 30, label: 2 },
  { prefix: addr6(0x3ffe0000, 0, 0, 0), prefixLen: 16, precedence: 1, label: 12 },
  { prefix: addr6(0xfec00000, 0, 0, 0), prefixLen: 10, precedence: 1, label: 11 },
  { prefix: addr6(0xfc000000, 0, 0, 0), prefixLen: 7, precedence: 3, label: 13 },
  { prefix: addr6(0, 0, 0, 0), prefixLen: 0, precedence: 40, label: 1 },
].map((row) => Object.freeze({ ...row, prefix: Object.freeze(row.prefix) })))

const NO_POLICY = Object.freeze({ precedence: 0, label: -1 })
