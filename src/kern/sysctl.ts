/**
 * Tunables. Each protocol declares its own table (`tcp/sysctl.ts` …) under FreeBSD's names; vnet/sysctl.ts joins
 * them. A value is always a number; enumerations have `names` and are numbered by their place in it.
 */

export interface SysctlDef {
  /** Default. */
  readonly value: number
  readonly min: number
  readonly max: number
  /** Unit in words ('ms', 'bytes', 'hops' …), or ''. */
  readonly unit: string
  readonly doc: string
  readonly names?: readonly string[]
}

/** A switch that is 0 or 1. */
export function sysctlBool(value: 0 | 1, doc: string): SysctlDef {
  return Object.freeze({ value, min: 0, max: 1, unit: '', doc })
}

export function sysctlInt(value: number, min: number, max: number, unit: string, doc: string): SysctlDef {
  return Object.freeze({ value, min, max, unit, doc })
}

export function sysctlEnum(names: readonly string[], value: number, doc: string): SysctlDef {
  return Object.freeze({ value, min: 0, max: names.length - 1, unit: '', doc, names: Object.freeze([...names]) })
}
