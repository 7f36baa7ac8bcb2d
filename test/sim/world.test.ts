import { describe, expect, it } from 'vitest'
import { createPair } from '../../src/device/pair.ts'
import { frameAlloc, frameRelease } from '../../src/lib/frame.ts'
import type { Frame } from '../../src/lib/frame.ts'
import { parseCapture } from '../../src/pcap/reader.ts'
import { PACKET_IN, PACKET_OUT } from '../../src/pcap/record.ts'
import { createWorld } from '../../src/sim/world.ts'
import type { World } from '../../src/sim/world.ts'
import type { CableOptions } from '../../src/sim/cable.ts'
import type { SimHost } from '../../src/sim/host.ts'
import { printFrame } from '../../src/wire/print.ts'
import { cleanAfterEach } from '../support/plain.ts'
import { startPinger, startTcpSink, startTcpSource, startUdp } from './apps.ts'

const watch = cleanAfterEach()

function twoHosts(options: CableOptions = {}, seed = 1): { world: World; a: SimHost; b: SimHost } {
  const world = watch(createWorld({ seed }))
  const [a, b] = [world.addVnet('a'), world.addVnet('b')]
  world.cable(a.addPort({ address: '10.0.0.1/24' }), b.addPort({ address: '10.0.0.2/24' }), options)
  return { world, a, b }
}

describe('world: a cable between two Vnets', () => {
  it('carries a ping; the round trip is twice the delay', () => {
    const { world, a } = twoHosts({ delayUs: 25_000 })
    const pinger = startPinger(a)
    world.run({ untilUs: 1e6 })
    pinger.ping('10.0.0.2', 1)
    world.runFor(200_000)
    pinger.ping('10.0.0.2', 2)
    world.runFor(200_000)
    // the first one also waits for the ARP exchange
    expect(pinger.replies).toEqual([
      { from: '10.0.0.2', seq: 1, rttUs: 100_000, bytes: 56 }, { from: '10.0.0.2', seq: 2, rttUs: 50_000, bytes: 56 },
    ])
  })

  it('carries datagrams both ways', () => {
    const { world, a, b } = twoHosts()
    const server = startUdp(b, 7)
    const client = startUdp(a, 4000)
    client.send('10.0.0.2', 7, Uint8Array.of(1, 2, 3))
    world.run({ until: () => server.got.length > 0 })
    expect(server.got).toEqual([{ from: '10.0.0.1', port: 4000, bytes: Uint8Array.of(1, 2, 3) }])
    server.send('10.0.0.1', 4000, Uint8Array.of(4))
    world.run({ until: () => client.got.length > 0 })
    expect(client.got[0]?.bytes).toEqual(Uint8Array.of(4))
  })

  it('carries a TCP transfer over loss, reordering and duplication in each direction, in virtual time', () => {
    const { world, a, b } = twoHosts({
      delayUs: 10_000, rateBps: 20e6, queueBytes: 60_000, lossRate: 0.02, reorderRate: 0.01, reorderUs: 3000,
      duplicateRate: 0.01,
    })
    const sink = startTcpSink(b, 9)
    const source = startTcpSource(a, '10.0.0.2', 9, 500_000)
    world.run({ untilUs: 600e6, until: () => source.closed && sink.ended === 1 })
    expect(source).toMatchObject({ sent: 500_000, finished: true, closed: true, error: '' })
    expect(sink).toMatchObject({ bytes: 500_000, wrongAt: -1, ended: 1, errors: [] })
    expect(world.cables[0]?.aToB.stats.lost).toBeGreaterThan(2)
    sink.close()
    world.runUntilIdle()
  })

  it('carries a TCP transfer past damaged frames: checksums find every one', () => {
    const { world, a, b } = twoHosts({ delayUs: 5000, corruptRate: 0.03 })
    const sink = startTcpSink(b, 9)
    startTcpSource(a, '10.0.0.2', 9, 300_000)
    world.run({ untilUs: 600e6, until: () => sink.ended === 1 })
    expect(sink).toMatchObject({ bytes: 300_000, wrongAt: -1, ended: 1 })
    expect(world.cables[0]?.aToB.stats.corrupted).toBeGreaterThan(2)
  })

  it('a pulled cable carries nothing, and the rest when it is back', () => {
    const { world, a } = twoHosts()
    const [cable] = world.cables
    const pinger = startPinger(a)
    pinger.ping('10.0.0.2', 1)
    world.runFor(1e6)
    cable.aToB.config.cut = true
    pinger.ping('10.0.0.2', 2)
    world.runFor(1e6)
    cable.aToB.config.cut = false
    pinger.ping('10.0.0.2', 3)
    world.runFor(1e6)
    expect(pinger.replies.map((r) => r.seq)).toEqual([1, 3])
    expect(cable.aToB.stats.cut).toBe(1)
  })
})

describe('world: the step contract', () => {
  it('what an event produces arrives in a later one, even over a cable without delay', () => {
    const { world, a } = twoHosts({ delayUs: 0 })
    world.runFor(1000)
    const pinger = startPinger(a)
    pinger.ping('10.0.0.2')
    const seen: [number, number][] = []
    let events = 0
    while (pinger.replies.length === 0 && events < 20) {
      events += world.run({ maxEvents: 1 }).events
      seen.push([world.now(), world.clock.pending])
    }
    // request and reply of ARP, then of ICMP: four frames, an event each
    expect(events).toBe(4)
    expect(seen.every(([now]) => now === 1000)).toBe(true)
  })

  it('a device that delivers at once is no exception', () => {
    const world = watch(createWorld())
    const [a, b] = [world.addVnet('a'), world.addVnet('b')]
    const [x, y] = createPair(world.pool)
    a.addPort({ address: '10.0.0.1/24' }).plug(x)
    b.addPort({ address: '10.0.0.2/24' }).plug(y)
    world.runUntilQuiet()
    const pinger = startPinger(a)
    pinger.ping('10.0.0.2')
    expect(world.run({ until: () => pinger.replies.length > 0 }).events).toBe(4)
  })

  it('events at one time keep the order in which they were planned', () => {
    const world = createWorld()
    const order: number[] = []
    for (let i = 0; i < 100; i++) world.at(500, () => { order.push(i) })
    world.run()
    expect(order).toEqual(Array.from({ length: 100 }, (_, i) => i))
  })

  it('a world cannot be run from inside itself', () => {
    const world = createWorld()
    world.at(1, () => { world.run() })
    expect(() => world.run()).toThrow('inside itself')
    expect(world.run().end).toBe('idle')
  })

  it('an error in a planned call comes out of run, and the world goes on afterwards', () => {
    const world = createWorld()
    let after = false
    world.at(1, () => { throw new Error('planned') })
    world.at(2, () => { after = true })
    expect(() => world.run()).toThrow('planned')
    world.run()
    expect(after).toBe(true)
  })
})

describe('world: running', () => {
  it('an idle world has nothing to do: no event happens, however far time goes', () => {
    const { world } = twoHosts()
    world.runUntilIdle()
    const result = world.run({ untilUs: 1000 * 365 * 24 * 3600 * 1e6 })
    expect(result).toMatchObject({ end: 'idle', events: 0 })
    expect(world.now()).toBe(1000 * 365 * 24 * 3600 * 1e6)
  })

  it('stops at a time, after a number of events, or when told', () => {
    const world = createWorld()
    let count = 0
    for (let i = 1; i <= 10; i++) world.at(i * 100, () => { count++ })
    expect(world.run({ untilUs: 350 })).toEqual({ end: 'time', events: 3, now: 350 })
    expect(world.run({ maxEvents: 2 })).toEqual({ end: 'events', events: 2, now: 500 })
    expect(world.run({ until: () => count === 7 })).toEqual({ end: 'until', events: 2, now: 700 })
    expect(world.runFor(100)).toEqual({ end: 'time', events: 1, now: 800 })
    expect(world.run()).toEqual({ end: 'idle', events: 2, now: 1000 })
  })

  it('a world that never gets idle is an error that says what is left', () => {
    const world = createWorld()
    const again = (): void => { world.at(world.now() + 1000, again) }
    again()
    const words = /not idle after 1 s: time 1 s, 1 frames or calls under way, next event at/
    expect(() => world.runUntilIdle(1e6)).toThrow(words)
    expect(() => world.runUntilQuiet(1e6)).toThrow('not quiet after 1 s')
  })

  it('names the Vnets whose timers are left', () => {
    const { world, a } = twoHosts({ cut: true })
    const pinger = startPinger(a)
    pinger.ping('10.0.0.2')
    world.runFor(1000)
    expect(world.describe()).toContain('timers in a')
  })

  it('assertIdle finds a frame that was not given back', () => {
    const world = createWorld()
    const f = frameAlloc(world.pool, 100) as Frame
    expect(() => { world.assertIdle() }).toThrow('1 frames were not released')
    frameRelease(world.pool, f)
    world.assertIdle()
  })

  it('a frame that outlives its event is found at once', () => {
    const world = createWorld()
    let kept: Frame | null = null
    world.at(5, () => { kept = frameAlloc(world.pool, 100) })
    expect(() => world.run()).toThrow('1 frames outlive an event')
    frameRelease(world.pool, kept as unknown as Frame)
  })

  it('two Vnets of one name are refused, two cables between the same hosts are not', () => {
    const world = createWorld()
    world.addVnet('a')
    expect(() => world.addVnet('a')).toThrow('exists')
    const [b, c] = [world.addVnet('b'), world.addVnet('c')]
    world.cable(b, c)
    world.cable(b, c)
    expect(world.cables.map((x) => x.name)).toEqual(['b-c', 'b-c-2'])
    expect(() => b.addPort({ address: 'nonsense' })).toThrow('nonsense is not an address')
  })
})

describe('world: captures', () => {
  it('every frame of a host with time and direction, readable', () => {
    const { world, a } = twoHosts({ delayUs: 1000 })
    world.runFor(1e6)
    const capture = world.capture(a)
    startPinger(a).ping('10.0.0.2')
    world.runFor(1e6)
    const { records, interfaces, error } = parseCapture(capture.bytes())
    expect(error).toBeNull()
    expect(interfaces.map((i) => i.name)).toEqual(['a/eth0'])
    const lines = records.map((r) => `${r.nsec / 1000} ${r.flags === PACKET_IN ? 'in' : 'out'} ` +
      printFrame(r.data, 0, r.data.length, r.linkType).split(',')[0])
    expect(lines).toEqual([
      '0 out ARP', '2000 in ARP', '2000 out IP 10.0.0.1 > 10.0.0.2: ICMP echo request',
      '4000 in IP 10.0.0.2 > 10.0.0.1: ICMP echo reply',
    ])
    expect(records.filter((r) => r.flags === PACKET_OUT).length).toBe(2)
    expect(records[0]?.sec).toBe(1)
    expect(capture.packets).toBe(4)
  })

  it('classic captures, too', () => {
    const { world, a } = twoHosts()
    const capture = world.capture(a, 'pcap')
    startPinger(a).ping('10.0.0.2')
    world.runFor(1e6)
    expect(parseCapture(capture.bytes())).toMatchObject({ format: 'pcap', error: null })
  })
})
