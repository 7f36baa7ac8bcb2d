/**
 * A simulated internet inside a test, for vitest, jest, node:test or any other: docs/testing.md.
 *
 * @example
 * import { simulate } from 'vimage/testing'
 * test('survives a partition', () => simulate(async (world) => {
 *   world.link('app', 'db', { delay: 20, loss: '1%' })
 *   world.host('db').run(() => startServer())
 *   world.at('5s', () => world.partition('app', 'db', { for: '30s' }))
 *   await world.host('app').run(() => client())
 * }, { seed: 7 }))
 */

export { simulate } from './simulate.ts'
export type { SimulateOptions } from './simulate.ts'
export { explore } from './explore.ts'
export type { Explored, ExploreOptions, FaultKind } from './explore.ts'
export type { Fault } from './faults.ts'
export { assertThat, delivered, havePackets, matchers, retransmitted } from './match.ts'
export type { Delivery, Matched, PacketsWanted, Retransmission, SimulationMatchers } from './match.ts'
export { TestHost } from './host.ts'
export type { HostOptions } from './host.ts'
export { TestLink } from './link.ts'
export { Nat } from './nat.ts'
export type { NatOptions } from './nat.ts'
export { NoHostError } from './scope.ts'
export { TestSwitch, TestWorld } from './world.ts'
export type { LinkConditions, LinkOptions } from './units.ts'
