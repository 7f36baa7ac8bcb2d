/** A world as plain data, and the schema after which it is saved (snapshot/node.ts): what there is, joined how. */

import type { CodelState } from '../device/codel.ts'
import type { CodelLineData, Waiting } from '../device/codel-line.ts'
import type { DeviceStats } from '../device/device.ts'
import type { HeldFrame } from '../device/held.ts'
import type { FlyingFrame } from '../device/impair.ts'
import type { ImpairConfig, ImpairState } from '../device/impair-plan.ts'
import type { MacEntry, MacTable } from '../device/mactable.ts'
import type { SwitchPortStats } from '../device/switch-port.ts'
import { createCodelState } from '../device/codel.ts'
import { createDeviceStats } from '../device/device.ts'
import { createImpairState } from '../device/impair-plan.ts'
import { createMacTable } from '../device/mactable.ts'
import { createSwitchPortStats } from '../device/switch-port.ts'
import { createTimerHeap } from '../kern/timer.ts'
import { FRAME_LARGE } from '../lib/frame.ts'
import {
  AMOUNT, BOOL, BYTE, bytes, COUNT, COUNTERS, list, PAST, queueMap, real, record, SAFE_MAX, text, TIME, UINT16, UINT32,
} from '../snapshot/node.ts'
import { RANDOM, TIMERS } from '../snapshot/schema/kern.ts'
import type { ClockData } from './clock.ts'
import type { ArrivedFrame, SimHostData } from './host.ts'

/** What a cable's end is plugged into. */
export const END_NOTHING = 0
export const END_HOST = 1
export const END_SWITCH = 2

export interface WorldData {
  seed: number
  clock: ClockData
  pool: { smallLimit: number; largeLimit: number; poison: boolean }
  hosts: HostData[]
  switches: SwitchData[]
  cables: CableData[]
  programs: ProgramSaved[]
}

export interface HostData extends SimHostData { vnet: Uint8Array }
export interface ProgramSaved { kind: string; host: number; token: number; data: string }
export interface SwitchData { name: string; nextId: number; macs: MacTable; ports: PortData[] }
export interface PortData { id: number; name: string; mtu: number; up: boolean; stats: SwitchPortStats }
/** `id`: of an interface, or of a port; `place`: END_*. */
export interface EndData { place: number; index: number; id: number; stats: DeviceStats }
export interface LineData { state: ImpairState; flying: FlyingFrame[]; codel: CodelLineData }
export interface CableData {
  name: string
  link: number
  ifMtu: number
  /** Closed: nothing passes any more. */
  closed: boolean
  a: EndData
  b: EndData
  aToB: LineData
  bToA: LineData
}

const createHeld = (): HeldFrame => ({ bytes: new Uint8Array(0), csum: 0, gsoSize: 0, l4: 0, proto: 0 })
const createEnd = (): EndData => ({ place: 0, index: 0, id: 0, stats: createDeviceStats() })
export const createLine = (): LineData => ({
  state: createImpairState([0]), flying: [], codel: { state: createCodelState(), list: [], token: 0 },
})

const NAME = text(1024)
const RATE = real(0, 1)
const HELD = record<HeldFrame>(createHeld, {
  bytes: bytes(FRAME_LARGE), csum: BYTE, gsoSize: UINT16, l4: UINT32, proto: BYTE,
})

const CONFIG = record<ImpairConfig>(null, {
  on: BOOL, cut: BOOL, lossRate: RATE, lossEvery: COUNT, burstEnterRate: RATE, burstLeaveRate: RATE, burstLossRate: RATE,
  delayUs: AMOUNT, jitterUs: AMOUNT, reorderRate: RATE, reorderUs: AMOUNT, duplicateRate: RATE, corruptRate: RATE, rateBps: TIME,
  queueBytes: TIME, codel: BOOL, codelTargetUs: TIME, codelIntervalUs: TIME, ecn: BOOL, mtu: TIME, limitFrames: TIME,
})
const IMPAIR = record<ImpairState>(null, {
  config: CONFIG, stats: COUNTERS, random: RANDOM, bad: BOOL, busyUntil: AMOUNT,
  lastAt: AMOUNT, held: COUNT,
})
const CODEL = record<CodelState>(null, {
  firstAboveAt: AMOUNT, dropNextAt: AMOUNT, count: COUNT, lastCount: COUNT, dropping: BOOL, maxBytes: COUNT,
})
const WAITING = record<Waiting>(() => ({ held: createHeld(), at: 0, frameBytes: 0, packetBytes: 0 }), {
  held: HELD, at: AMOUNT, frameBytes: COUNT, packetBytes: COUNT,
})
const FLYING = record<FlyingFrame>(() => ({ token: 0, frame: createHeld() }), { token: COUNT, frame: HELD })
const LINE = record<LineData>(createLine, {
  state: IMPAIR, flying: list(FLYING), codel: record<CodelLineData>(null, { state: CODEL, list: list(WAITING), token: COUNT }),
})
const END = record<EndData>(createEnd, { place: BYTE, index: COUNT, id: COUNT, stats: COUNTERS })
const CABLE = record<CableData>(() => ({
  name: '', link: 1, ifMtu: 0, closed: false, a: createEnd(), b: createEnd(), aToB: createLine(), bToA: createLine(),
}), { name: NAME, link: BYTE, ifMtu: UINT32, closed: BOOL, a: END, b: END, aToB: LINE, bToA: LINE })

const ARRIVED = record<ArrivedFrame>(() => ({ token: 0, ifId: 0, frame: createHeld() }), {
  token: COUNT, ifId: COUNT, frame: HELD,
})
const HOST = record<HostData>(() => ({ vnet: new Uint8Array(0), bootAt: 0, alarmAt: 0, ports: 0, arrived: [] }), {
  vnet: bytes(2 ** 31), bootAt: PAST, alarmAt: TIME, ports: COUNT, arrived: list(ARRIVED),
})
const PORT = record<PortData>(() => ({ id: 0, name: '', mtu: 0, up: false, stats: createSwitchPortStats() }), {
  id: COUNT, name: NAME, mtu: UINT32, up: BOOL, stats: COUNTERS,
})
const MACS = record<MacTable>(null, {
  entries: queueMap(COUNT, record<MacEntry>(() => ({ port: 0, at: 0 }), { port: COUNT, at: AMOUNT })),
  limit: COUNT, ageUs: TIME, learned: COUNT, moved: COUNT, evicted: COUNT, aged: COUNT,
})
const SWITCH = record<SwitchData>(() => ({ name: '', nextId: 1, macs: createMacTable(0, 0), ports: [] }), {
  name: NAME, nextId: COUNT, macs: MACS, ports: list(PORT),
})
const PROGRAM = record<ProgramSaved>(() => ({ kind: '', host: 0, token: 0, data: '' }), {
  kind: NAME, host: COUNT, token: COUNT, data: text(2 ** 24),
})

export const WORLD = record<WorldData>(null, {
  seed: real(-SAFE_MAX, SAFE_MAX), clock: record<ClockData>(null, { now: AMOUNT, nextToken: COUNT, heap: TIMERS }),
  pool: record<WorldData['pool']>(null, { smallLimit: COUNT, largeLimit: COUNT, poison: BOOL }),
  hosts: list(HOST), switches: list(SWITCH), cables: list(CABLE), programs: list(PROGRAM),
})

/** To be filled in from a snapshot. */
export function createWorldData(): WorldData {
  return {
    seed: 0, clock: { now: 0, nextToken: 1, heap: createTimerHeap() },
    pool: { smallLimit: 0, largeLimit: 0, poison: false }, hosts: [], switches: [], cables: [], programs: [],
  }
}
