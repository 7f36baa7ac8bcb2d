/** A transfer over a path that loses, reorders and delays, in virtual time: minutes pass in milliseconds, always the same. */

import { TcpServer, connectTcp } from 'vimage'
import { createWorld } from 'vimage/sim'

const world = createWorld({ seed: 42 })
const a = world.addVnet('a')
const b = world.addVnet('b')
world.cable(a.addPort({ address: '10.0.0.1/24' }), b.addPort({ address: '10.0.0.2/24' }), {
  delayUs: 40_000, jitterUs: 5000, rateBps: 20e6, lossRate: 0.02, reorderRate: 0.01,
})

const SIZE = 1_000_000
let received = 0
new TcpServer(b, (socket) => socket.on('data', (chunk) => { received += chunk.length })).listen({ port: 9 })
const socket = connectTcp(a, { host: '10.0.0.2', port: 9 })
socket.write(Buffer.alloc(SIZE))

// Node's streams work between the steps of the world
const startedAt = performance.now()
while (received < SIZE) {
  world.runFor(10_000)
  await new Promise(setImmediate)
}

const { sndpack, sndrexmitpack } = a.vnet.state.tcp.stats
console.log(`${received} bytes in ${(world.now() / 1e6).toFixed(2)} s of the world`)
console.log(`${sndpack} segments, ${sndrexmitpack} sent again`)
console.error(`(${Math.round(performance.now() - startedAt)} ms of yours)`)
