/** The policy table of address selection (RFC 6724 §2.1) as `ip6addrctl` shows and changes it. */

import { ip6PolicyDelete, ip6PolicyReset, ip6PolicySet, ip6PolicyTable } from '../ip6/policy.ts'
import { addrIsV4, addrParse, addrPrint } from '../lib/addr.ts'
import type { Addr } from '../lib/addr.ts'
import { EINVAL, ENOBUFS, ENOENT } from '../lib/errno.ts'
import type { Runner } from '../vnet/runner.ts'
import { ManageError, manageCheck } from './error.ts'

export interface PolicyRow {
  /** "2002::/16"; of IPv4 "::ffff:0.0.0.0/96". */
  prefix: string
  /** Destinations of a higher one are tried first. */
  precedence: number
  /** A source is preferred whose label is that of the destination. */
  label: number
}

/** Longest prefix first. */
export function policyRows({ vnet }: Runner): PolicyRow[] {
  return ip6PolicyTable(vnet.vn).map(({ prefix, prefixLen, precedence, label }) => (
    { prefix: `${addrIsV4(prefix) ? '::ffff:' : ''}${addrPrint(prefix)}/${prefixLen}`, precedence, label }))
}

/** Adds a row or changes one. ManageError EINVAL, ENOBUFS. */
export function policySet(runner: Runner, { prefix, precedence, label }: PolicyRow): void {
  const { addr, prefixLen } = parsePrefix(prefix)
  const errno = ip6PolicySet(runner.vnet.vn, addr, prefixLen, precedence, label)
  runner.kick()
  manageCheck(errno, `cannot set the policy of ${prefix}`, {
    [EINVAL]: 'expected no bits set outside the prefix, and whole numbers from 0 on for precedence and label',
    [ENOBUFS]: 'the table is full',
  })
}

/** Takes a row away; '' for `prefix`: the default table again. ManageError EINVAL, ENOENT. */
export function policyDelete(runner: Runner, prefix: string): void {
  if (prefix === '') {
    ip6PolicyReset(runner.vnet.vn)
    return runner.kick()
  }
  const { addr, prefixLen } = parsePrefix(prefix)
  const errno = ip6PolicyDelete(runner.vnet.vn, addr, prefixLen)
  runner.kick()
  manageCheck(errno, `cannot delete the policy of ${prefix}`, {
    [ENOENT]: 'there is none for just this prefix', [EINVAL]: 'it is the last one; "reset" brings the default table back',
  })
}

function parsePrefix(text: string): { addr: Addr; prefixLen: number } {
  const [, address = '', len = ''] = /^([^/]+)[/](\d{1,3})$/.exec(text) ?? []
  const addr = address === '' ? null : addrParse(address)
  if (addr === null || addr.zone !== 0) throw new ManageError('EINVAL', `"${text}" is no prefix; expected one like 2001:db8::/32`)
  // 10.0.0.0/8 is ::ffff:10.0.0.0/104 (RFC 6724 §2.1)
  return { addr, prefixLen: Number(len) + (address.includes(':') ? 0 : 96) }
}
