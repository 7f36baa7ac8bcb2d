/** Tunables as `sysctl` shows and sets them. */

import { EINVAL } from '../lib/errno.ts'
import type { SysctlDef } from '../kern/sysctl.ts'
import type { Runner } from '../vnet/runner.ts'
import { SYSCTLS, sysctlDef, sysctlPrint, sysctlSet } from '../vnet/sysctl.ts'
import { ManageError, manageCheck } from './error.ts'

export interface SysctlRow {
  name: string
  /** As it is read and set: a number, or a name where the tunable is an enumeration. */
  value: string
  default: string
  unit: string
  description: string
}

/** Tunables whose name is `prefix` or lies below it ('net.inet.tcp'); all for ''. ManageError ENOENT when none does. */
export function sysctlRows(runner: Runner, prefix = ''): SysctlRow[] {
  const below = prefix.endsWith('.') ? prefix : `${prefix}.`
  const rows = SYSCTLS.filter(([name]) => prefix === '' || name === prefix || name.startsWith(below))
  if (rows.length === 0) throw unknown(prefix)
  const values = runner.vnet.state.sysctl
  return rows.map(([name, def]) => ({
    name,
    value: sysctlPrint(name, values[name]),
    default: sysctlPrint(name, def.value),
    unit: def.unit,
    description: def.doc,
  }))
}

/** Sets one tunable from its text. */
export function sysctlAssign(runner: Runner, name: string, value: string): void {
  const def = sysctlDef(name)
  if (def === null) throw unknown(name)
  runner.vnet.setNow(runner.now())
  const errno = sysctlSet(runner.vnet.state, name, value)
  runner.kick()
  manageCheck(errno, `cannot set ${name} to "${value}"`, { [EINVAL]: `expected ${sysctlExpected(def)}` })
}

/** What a tunable may be set to, in words. */
export function sysctlExpected(def: SysctlDef): string {
  const range = def.names === undefined ? `${def.min} to ${def.max}` : `one of ${def.names.join(', ')}`
  return def.unit === '' ? range : `${range} (${def.unit})`
}

function unknown(name: string): ManageError {
  return new ManageError('ENOENT', `there is no sysctl "${name}"; "vimage sysctl -a" lists them all`)
}
