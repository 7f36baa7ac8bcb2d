/** Faults as data: what `explore` draws, shrinks and prints, and what `simulate({ faults })` does again. */

import type { LinkConditions } from './units.ts'
import type { TestWorld } from './world.ts'

/** `at` and `for` in ms of simulated time. */
export type Fault =
  | { at: number; do: 'partition'; between: [string, string]; oneWay?: boolean; for: number }
  | { at: number; do: 'cut'; link: [string, string]; for: number }
  | { at: number; do: 'link'; link: [string, string]; conditions: LinkConditions; for: number }
  | { at: number; do: 'crash' | 'kill'; host: string; for: number }
  | { at: number; do: 'skew'; host: string; ms: number }
  | { at: number; do: 'rebind'; nat: string }
  | { at: number; do: 'dns'; how: 'timeout' | 'servfail' | 'nxdomain'; for: number }

/** Plans them. A fault that names what the world has not by then fails the simulation. */
export function applyFaults(world: TestWorld, faults: readonly Fault[]): void {
  for (const fault of faults) world.at(fault.at, () => { applyFault(world, fault) })
}

export function applyFault(world: TestWorld, fault: Fault): void {
  switch (fault.do) {
    case 'partition':
      world.partition(fault.between[0], fault.between[1], { oneWay: fault.oneWay ?? false, for: fault.for })
      return
    case 'cut':
      world.between(...fault.link).cut('both', fault.for)
      return
    case 'link':
      world.between(...fault.link).disturb(fault.conditions, fault.for)
      return
    case 'crash':
    case 'kill': {
      const host = world.existing(fault.host)
      host[fault.do]()
      // another fault may have started it again
      world.at(world.now + fault.for, () => { if (!host.alive) host.restart() })
      return
    }
    case 'skew':
      world.existing(fault.host).clock.offsetMs += fault.ms
      world.note(`the clock of ${fault.host} jumps by ${fault.ms} ms`)
      return
    case 'rebind':
      world.nat(fault.nat).rebind()
      return
    case 'dns':
      world.dnsFails(fault.how)
      world.at(world.now + fault.for, () => { world.dnsFails(null) })
  }
}
