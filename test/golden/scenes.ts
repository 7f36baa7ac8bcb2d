/** The worlds behind the golden captures: virtual time, fixed seeds, so that each gives the same bytes on every machine. */

import { createWorld } from '../../src/sim/world.ts'
import type { World } from '../../src/sim/world.ts'
import type { SimHost } from '../../src/sim/host.ts'
import type { CableOptions } from '../../src/sim/cable.ts'
import { startService } from '../../src/service/service.ts'
import { sysctlSet } from '../../src/vnet/sysctl.ts'
import { assertWorldClean } from '../support/plain.ts'
import { startPinger, startTcpSink, startTcpSource, startUdp } from '../sim/apps.ts'

const A = '10.0.0.1'
const B = '10.0.0.2'
const SEC = 1_000_000

/** File name (without .pcapng) → its bytes. */
export const SCENES: Readonly<Record<string, () => Uint8Array>> = Object.freeze({
  'arp-conflict': arpConflict,
  fragments,
  ping,
  'tcp-handshake-close': tcpHandshakeClose,
  'tcp-loss-recovery': tcpLossRecovery,
  'udp-echo': udpEcho,
})

/** Three echo requests, a second apart; before the first the neighbour is asked for. */
function ping(): Uint8Array {
  return between((world, a) => {
    const pinger = startPinger(a, 0x1234)
    for (const seq of [1, 2, 3]) world.at(seq * SEC, () => { pinger.ping(B, seq) })
    world.runFor(4 * SEC)
    if (pinger.replies.length !== 3) throw new Error(`${pinger.replies.length} replies`)
    pinger.close()
  })
}

/** Datagrams of 0, 100 and 1,472 bytes to the echo service, and one to a port where nobody is. */
function udpEcho(): Uint8Array {
  return between((world, a, b) => {
    const echo = startService(b, 'echo')
    const client = startUdp(a, 4000)
    for (const [i, size] of [0, 100, 1472].entries()) world.at((i + 1) * SEC, () => { client.send(B, 7, pattern(size)) })
    world.at(4 * SEC, () => { client.send(B, 99, pattern(10)) })
    world.runFor(5 * SEC)
    if (client.got.length !== 3) throw new Error(`${client.got.length} answers`)
    client.close()
    echo.stop()
  })
}

/** Three datagrams too long for the link: an echo, its reply, and a UDP datagram, each in pieces. */
function fragments(): Uint8Array {
  return between((world, a, b) => {
    const [pinger, server, client] = [startPinger(a, 7), startUdp(b, 9), startUdp(a, 4000)]
    world.at(SEC, () => { pinger.ping(B, 1, 4000) })
    world.at(2 * SEC, () => { client.send(B, 9, pattern(3000)) })
    world.runFor(3 * SEC)
    if (pinger.replies.length !== 1 || server.got.length !== 1) throw new Error('a datagram did not arrive')
    for (const app of [pinger, server, client]) app.close()
  })
}

/** A connection from its first segment to its last, with 3,000 bytes in between. */
function tcpHandshakeClose(): Uint8Array {
  return between((world, a, b) => {
    const sink = startTcpSink(b, 9)
    const source = startTcpSource(a, B, 9, 3000)
    world.run({ untilUs: 10 * SEC, until: () => source.closed && sink.ended === 1 })
    if (!source.closed || sink.bytes !== 3000 || sink.wrongAt >= 0) throw new Error('the transfer went wrong')
    world.runFor(SEC)
    sink.close()
  })
}

/** 60,000 bytes over a path that loses one packet in twelve. */
function tcpLossRecovery(): Uint8Array {
  return between((world, a, b) => {
    sysctlSet(a.vnet.state, 'net.inet.tcp.cc.algorithm', 'newreno')
    const sink = startTcpSink(b, 9)
    const source = startTcpSource(a, B, 9, 60_000)
    world.run({ untilUs: 100 * SEC, until: () => source.closed && sink.ended === 1 })
    if (!source.closed || sink.bytes !== 60_000 || sink.wrongAt >= 0) throw new Error('the transfer went wrong')
    const { sndrexmitpack } = a.vnet.state.tcp.stats
    if (sndrexmitpack === 0) throw new Error('nothing was lost')
    world.runFor(SEC)
    sink.close()
  }, { rateBps: 10e6, aToB: { lossRate: 0.08 } })
}

/** One who probes an address that is taken and leaves it, one who takes it without asking, and the owner's defence. */
function arpConflict(): Uint8Array {
  const world = createWorld({ seed: 7 })
  const sw = world.addSwitch()
  const owner = world.addVnet('owner')
  const capture = world.capture(owner)
  world.cable(owner.addPort({ address: `${A}/24`, probe: true }), sw)
  const [polite, rude] = [world.addVnet('polite'), world.addVnet('rude')]
  const ports = [polite, rude].map((host) => {
    const port = host.addPort()
    world.cable(port, sw)
    return port
  })
  world.at(12 * SEC, () => { ports[0].addAddress(`${A}/24`, { probe: true }) })
  world.at(24 * SEC, () => { ports[1].addAddress(`${A}/24`) })
  world.runFor(30 * SEC)
  const { dupips } = owner.vnet.state.arp.stats
  if (dupips === 0) throw new Error('nobody disputed the address')
  assertWorldClean(world)
  return capture.bytes()
}

/** Two hosts on a cable of 5 ms; the capture is taken at the first. */
function between(play: (world: World, a: SimHost, b: SimHost) => void, cable: CableOptions = {}): Uint8Array {
  const world = createWorld({ seed: 7 })
  const [a, b] = [world.addVnet('a'), world.addVnet('b')]
  const capture = world.capture(a)
  world.cable(a.addPort({ address: `${A}/24` }), b.addPort({ address: `${B}/24` }), { delayUs: 5000, ...cable })
  play(world, a, b)
  world.runFor(1)
  assertWorldClean(world)
  return capture.bytes()
}

function pattern(size: number): Uint8Array {
  return new Uint8Array(size).map((_, i) => i)
}
