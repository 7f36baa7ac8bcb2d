/**
 * A whole world saved and made again: Vnets, cables with their queues and frames under way, switches, programs of plain
 * data and the clock. What is JavaScript (watchers and planned calls of one's own, captures) is nobody's data: a world
 * with such is refused, with words, and can only be run again from its start (timeline.ts).
 */

import { createRandom } from '../kern/random.ts'
import type { Device } from '../device/device.ts'
import type { Switch } from '../device/switch.ts'
import { AssertionError } from '../lib/assert.ts'
import { CSUM_NONE, CSUM_PARTIAL } from '../lib/frame.ts'
import type { HeldFrame } from '../device/held.ts'
import { checkImpairConfig } from '../device/impair-plan.ts'
import type { ImpairState } from '../device/impair-plan.ts'
import { demand, SnapshotError } from '../snapshot/fault.ts'
import { treeDecode, treeEncode } from '../snapshot/snapshot.ts'
import { TCP_HDR_LEN } from '../wire/tcp.ts'
import { Vnet } from '../vnet/vnet.ts'
import { createCable } from './cable.ts'
import type { Cable, CableFlight } from './cable.ts'
import { EVENT_CALL } from './clock.ts'
import type { AnyProgramKind, ProgramData } from './program.ts'
import { createLine, createWorldData, END_HOST, END_NOTHING, END_SWITCH, WORLD } from './world-data.ts'
import type { CableData, EndData, LineData, SwitchData, WorldData } from './world-data.ts'
import type { World } from './world.ts'

/** The world has parts that are no data; the message says which. */
export class WorldCodeError extends Error {
  override name = 'WorldCodeError'
}

/** The world as bytes. Between events, and nothing is waiting to be drained. Throws WorldCodeError. */
export function worldEncode(world: World): Uint8Array {
  checkData(world)
  const { pool } = world
  const data: WorldData = {
    seed: world.seed,
    clock: world.clock.save(),
    pool: { smallLimit: pool.smallLimit, largeLimit: pool.largeLimit, poison: pool.poison },
    hosts: world.hosts.map((host) => ({ ...host.save(), vnet: host.vnet.snapshot() })),
    switches: world.switches.map(switchData),
    cables: world.cables.map((cable) => cableData(world, cable)),
    programs: world.programs.map(({ kind, host, token, data: known }) =>
      ({ kind: kind.name, host: host.index, token, data: JSON.stringify(known) })),
  }
  return treeEncode(WORLD, data)
}

/** What bytes hold, checked as far as their schema goes. Throws a SnapshotError. */
export function worldDecode(bytes: Uint8Array): WorldData {
  const data = createWorldData()
  treeDecode(bytes, WORLD, data)
  return data
}

/** Fills a world that has nothing but its pool. Throws a SnapshotError; the world is then worthless. */
export function worldFill(world: World, data: WorldData, kinds: readonly AnyProgramKind[]): void {
  try {
    checkClock(data)
    world.clock.load(data.clock)
    for (const saved of data.hosts) {
      world.adoptVnet(Vnet.restore(saved.vnet, { pool: world.pool }), saved.bootAt).resume(saved)
    }
    for (const { name, macs } of data.switches) {
      Object.assign(world.addSwitch(name).macs, macs)
    }
    for (const cable of data.cables) fillCable(world, cable, data)
    for (const [i, sw] of data.switches.entries()) world.switches[i].resume(sw.nextId)
    for (const saved of data.programs) fillProgram(world, saved, kinds)
    const unclaimed = world.clock.tokens().length - claimed(world).size
    demand(unclaimed === 0, 'clock', `${unclaimed} calls are nobody's`)
  } catch (e) {
    if (e instanceof RangeError || e instanceof AssertionError) throw new SnapshotError(e.message, 'world')
    throw e
  }
}

/** New random numbers for everything: each Vnet's and each cable's follow from `seedOf` its name. */
export function worldReseed(world: World, seedOf: (name: string) => number[]): void {
  for (const host of world.hosts) host.replaceVnet(host.vnet.clone({ reseed: seedOf(`vnet ${host.name}`) }))
  for (const { name, aToB, bToA } of world.cables) {
    for (const [i, state] of [aToB, bToA].entries()) Object.assign(state.random, createRandom([...seedOf(`cable ${name}`), i + 1]))
  }
}

function checkData(world: World): void {
  const mine = claimed(world)
  const calls = world.clock.tokens().filter((token) => !mine.has(token)).length
  if (calls > 0) throw new WorldCodeError(`${calls} planned calls (world.at) are JavaScript: use programs (world.start)`)
  for (const host of world.hosts) {
    const known = new Set(world.programs.filter((p) => p.host === host).flatMap((p) => [...p.sockets]))
    const other = host.watched().filter((id) => !known.has(id)).length
    if (other > 0) {
      throw new WorldCodeError(`${other} sockets of ${host.name} are watched by JavaScript: use programs (world.start)`)
    }
    for (const device of host.devices().values()) checkDevice(world, device)
  }
  for (const sw of world.switches) for (const port of sw.ports.values()) checkDevice(world, port.device)
}

function checkDevice(world: World, device: Device): void {
  if (world.cables.some(({ a, b }) => a === device || b === device)) return
  throw new WorldCodeError(`${device.name} is no cable of this world`)
}

/** Tokens of calls that somebody says again after a restore. */
function claimed(world: World): Set<number> {
  const tokens = new Set<number>()
  for (const cable of world.cables) {
    const flight = cable.save()
    for (const line of flight === null ? [] : [flight.aToB, flight.bToA]) {
      for (const { token } of line.flying) tokens.add(token)
      tokens.add(line.codel.token)
    }
  }
  for (const host of world.hosts) for (const { token } of host.save().arrived) tokens.add(token)
  for (const { token } of world.programs) tokens.add(token)
  tokens.delete(0)
  return tokens
}

function switchData(sw: Switch): SwitchData {
  const ports = Array.from(sw.ports.values(), ({ id, name, mtu, up, stats }) => ({ id, name, mtu, up, stats }))
  return { name: sw.name, nextId: sw.nextId, macs: sw.macs, ports }
}

function cableData(world: World, cable: Cable): CableData {
  const { name, a, b } = cable
  const flight = cable.save()
  const line = (state: ImpairState, way: keyof CableFlight): LineData =>
    flight === null ? { ...createLine(), state } : { state, ...flight[way] }
  return {
    name, link: a.link, ifMtu: a.mtu, closed: flight === null, a: endData(world, a), b: endData(world, b),
    aToB: line(cable.aToB, 'aToB'), bToA: line(cable.bToA, 'bToA'),
  }
}

function endData(world: World, device: Device): EndData {
  const { stats } = device
  for (const [index, host] of world.hosts.entries()) {
    for (const [id, bound] of host.devices()) if (bound === device) return { place: END_HOST, index, id, stats }
  }
  for (const [index, sw] of world.switches.entries()) {
    for (const port of sw.ports.values()) if (port.device === device) return { place: END_SWITCH, index, id: port.id, stats }
  }
  return { place: END_NOTHING, index: 0, id: 0, stats }
}

function fillCable(world: World, saved: CableData, data: WorldData): void {
  checkImpairConfig(saved.aToB.state.config)
  checkImpairConfig(saved.bToA.state.config)
  const cable = createCable(world, saved.name, [], { link: saved.link, ifMtu: saved.ifMtu })
  world.cables.push(cable)
  for (const [line, state] of [[saved.aToB, cable.aToB], [saved.bToA, cable.bToA]] as const) {
    for (const { frame } of line.flying) checkHeld(frame, `cables.${saved.name}`)
    for (const { held } of line.codel.list) checkHeld(held, `cables.${saved.name}`)
    const { config, stats, random, ...rest } = line.state
    Object.assign(state, rest)
    Object.assign(state.config, config)
    Object.assign(state.stats, stats)
    Object.assign(state.random, random)
  }
  for (const [end, device] of [[saved.a, cable.a], [saved.b, cable.b]] as const) {
    Object.assign(device.stats, end.stats)
    plug(world, end, device, data)
  }
  if (saved.closed) cable.close()
  else cable.resume(saved, world.clock)
}

function plug(world: World, end: EndData, device: Device, data: WorldData): void {
  if (end.place === END_HOST) {
    demand(end.index < world.hosts.length, 'cables', `no host ${end.index}`)
    const host = world.hosts[end.index]
    demand(host.vnet.state.link.ifnets.has(end.id) && !host.devices().has(end.id), 'cables', `no free interface ${end.id}`)
    host.join(end.id, device)
  } else if (end.place === END_SWITCH) {
    const port = data.switches.at(end.index)?.ports.find(({ id }) => id === end.id)
    demand(port !== undefined, 'cables', `no port ${end.id} of switch ${end.index}`)
    const made = world.switches[end.index].resumePort(port.id, port.name, device)
    made.mtu = port.mtu
    made.up = port.up
    Object.assign(made.stats, port.stats)
  } else demand(end.place === END_NOTHING, 'cables', 'an end in no place')
}

function fillProgram(world: World, saved: WorldData['programs'][number], kinds: readonly AnyProgramKind[]): void {
  const kind = kinds.find(({ name }) => name === saved.kind)
  if (kind === undefined) throw new SnapshotError(`there is no kind of programs "${saved.kind}" here`, 'programs')
  demand(saved.host < world.hosts.length, 'programs', `no host ${saved.host}`)
  const known = kind.create()
  let read: unknown
  try {
    read = JSON.parse(saved.data)
  } catch {
    throw new SnapshotError('data that is no JSON', 'programs')
  }
  for (const key of Object.keys(known)) {
    const value = read !== null && typeof read === 'object' && Object.hasOwn(read, key) ? (read as ProgramData)[key] : undefined
    demand(typeof value === typeof known[key], 'programs', `${saved.kind}.${key} is not what it was`)
    known[key] = value as number
  }
  world.resumeProgram(kind, world.hosts[saved.host], known, saved.token)
}

function checkHeld({ bytes, csum, gsoSize, l4, proto }: HeldFrame, path: string): void {
  const offloaded = csum === CSUM_PARTIAL || gsoSize > 0
  demand(csum === CSUM_NONE || csum === CSUM_PARTIAL, path, 'a frame that somebody vouches for')
  demand(offloaded ? l4 + TCP_HDR_LEN <= bytes.length || proto !== 6 : l4 === 0, path, 'a header outside of its frame')
  demand(l4 + 8 <= bytes.length || l4 === 0, path, 'a header outside of its frame')
}

function checkClock({ clock, hosts }: WorldData): void {
  const { at, tie, kind, owner, nextTie } = clock.heap
  const path = 'clock.heap'
  demand([tie, kind, owner].every((list) => list.length === at.length), path, 'lists of different lengths')
  for (let i = 0; i < at.length; i++) {
    const up = (i - 1) >> 1
    demand(at[i] >= clock.now && at[i] < Infinity && tie[i] < nextTie, path, 'an event in the past, or of another world')
    demand(i === 0 || at[up] < at[i] || (at[up] === at[i] && tie[up] < tie[i]), path, 'no heap')
    demand(kind[i] === EVENT_CALL || (kind[i] === EVENT_CALL + 1 && owner[i] < hosts.length), path, 'an event of nobody')
  }
}
