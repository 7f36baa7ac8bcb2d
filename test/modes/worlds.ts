/** The tests that run worlds; imported into a file of a mode, they run in that mode. */

export const WORLD_TESTS: readonly string[] = Object.freeze([
  '../worlds/all-ping-all.test.ts', '../worlds/autoconf.test.ts', '../worlds/dhcp6.test.ts', '../worlds/ecn.test.ts',
  '../worlds/nud.test.ts', '../worlds/rough-links.test.ts', '../worlds/routed.test.ts',
  '../worlds/stale-neighbour.test.ts', '../worlds/switches.test.ts', '../sim/world.test.ts',
])
