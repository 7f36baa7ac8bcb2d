/**
 * Simulated networks on a virtual clock. Runs anywhere (no Node), as fast as the machine can.
 *
 * @example
 * import { createWorld } from 'vimage/sim'
 * const world = createWorld({ seed: 7 })
 * const a = world.addVnet('a')
 * const b = world.addVnet('b')
 * world.cable(a.addPort({ address: '10.0.0.1/24' }), b.addPort({ address: '10.0.0.2/24' }), {
 *   delayUs: 20_000, rateBps: 10e6, lossRate: 0.01,
 * })
 * const capture = world.capture(a)
 * new TcpServer(b, (socket) => socket.pipe(socket)).listen({ port: 7 })   // a host is a Runner for sockets
 * world.run({ untilUs: 5e6 })
 * writeFileSync('a.pcapng', capture.bytes())
 */

export { createWorld, World } from './world.ts'
export type { RunEnd, RunOptions, RunResult, WorldOptions } from './world.ts'
export { WorldCodeError } from './world-save.ts'
export { createTimeline, Timeline } from './timeline.ts'
export type { Found, TimelineOptions } from './timeline.ts'
export { Program } from './program.ts'
export type { AnyProgramKind, ProgramData, ProgramKind, ProgramSide } from './program.ts'
export { RECEIVER, SENDER } from './programs.ts'
export type { ReceiverData, SenderData } from './programs.ts'
export { SimHost } from './host.ts'
export type { Jack, SimPort, SimPortOptions } from './host.ts'
export { createCable, DEFAULT_CABLE_DELAY_US } from './cable.ts'
export type { Cable, CableOptions } from './cable.ts'
export { createImpairConfig } from '../device/impair-plan.ts'
export type { ImpairConfig, ImpairState, ImpairStats } from '../device/impair-plan.ts'
export { Switch } from '../device/switch.ts'
export { MemoryCapture } from './capture.ts'
export { SimClock } from './clock.ts'
export { createPathOptions, jainIndex, measurePath } from './path.ts'
export type { PathOptions, PathResult, PathSample } from './path.ts'
export { CC_NAMES } from '../tcp/cc/names.ts'
export { replayCapture } from './replay.ts'
export type { ReplayOptions, ReplayResult } from './replay.ts'
export { linkTypeName } from './replay-link.ts'
