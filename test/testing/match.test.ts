/** What a test may expect of a world: matchers and packets in the language of scripts; each of them also fails. */

import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import dgram from 'node:dgram'
import net from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { parseCapture } from '../../src/pcap/reader.ts'
import { assertThat, delivered, havePackets, matchers, retransmitted, simulate } from '../../src/testing/index.ts'
import type { LinkOptions, SimulationMatchers, TestWorld } from '../../src/testing/index.ts'

declare module 'vitest' {
  interface Matchers<T> extends SimulationMatchers<T> { readonly ofSimulations?: never }
}

expect.extend(matchers)
const dir = mkdtempSync(join(tmpdir(), 'vimage-match-'))
afterAll(() => { rmSync(dir, { recursive: true, force: true }) })

/** a says "hello", b answers "welcome" and closes. */
async function greeting(world: TestWorld, options: LinkOptions = {}): Promise<void> {
  world.link('a', 'b', { delay: 10, ...options })
  world.host('b').run(() => { net.createServer((s) => s.on('data', () => s.end('welcome'))).listen(7) })
  await world.host('a').run(() => new Promise<void>((resolve, reject) => {
    net.connect(7, 'b', function (this: net.Socket) { this.write('hello') }).on('error', reject).on('close', () => { resolve() }).resume()
  }))
}

describe('delivered', () => {
  it('counts bytes and looks into them, by direction and port', async () => {
    await simulate(async (world) => {
      await greeting(world)
      expect(world).toHaveDelivered({ from: 'a', to: 'b' })
      expect(world).toHaveDelivered({ from: 'a', to: 'b', bytes: 5, data: 'hello', port: 7 })
      expect(world).toHaveDelivered({ from: 'b', to: 'a', data: /^wel.*me$/ })
      expect(world).not.toHaveDelivered({ from: 'a', to: 'b', bytes: 6 })
      expect(world).not.toHaveDelivered({ from: 'a', to: 'b', data: 'welcome' })
      expect(world).not.toHaveDelivered({ from: 'a', to: 'b', port: 8 })
      expect(() => { expect(world).toHaveDelivered({ from: 'a', to: 'b', data: 'bye' }) })
        .toThrow('a has delivered 5 bytes to b; not among them bye')
      expect(() => delivered(world, { from: 'a', to: 'nobody' })).toThrow('there is no host nobody')
    })
  })

  it('what was sent again counts once, what was lost not at all', async () => {
    await simulate(async (world) => {
      world.link('a', 'b', { delay: 10, lossEvery: 5 })
      world.host('b').run(() => {
        net.createServer((s) => s.resume()).listen(7)
        dgram.createSocket('udp4').bind(9)
      })
      const data = Buffer.alloc(100_000, '0123456789')
      // Node itself forgets an end() that comes before the second of its connection attempts
      await world.host('a').run(() => new Promise<void>((resolve) => {
        net.connect(7, 'b', function (this: net.Socket) { this.end(data) }).resume().on('close', () => { resolve() })
      }))
      expect(world).toHaveDelivered({ from: 'a', to: 'b', bytes: 100_000, data })
      expect(delivered(world, { from: 'a', to: 'b', bytes: 100_001 }).pass).toBe(false)
      world.between('a', 'b').set({ lossEvery: 0, cut: true })
      world.host('a').run(() => { dgram.createSocket('udp4').send('into the void', 9, world.host('b').address) })
      await world.sleep('1s')
      expect(world).not.toHaveDelivered({ from: 'a', to: 'b', data: 'void' })
      world.between('a', 'b').mend()
      world.host('a').run(() => { dgram.createSocket('udp4').send('to somebody', 9, world.host('b').address) })
      // its ARP request was in the void, too, and is sent again each second
      await world.sleep('3s')
      expect(world).toHaveDelivered({ from: 'a', to: 'b', data: 'to somebody', port: 9 })
    })
  })
})

it('retransmitted', async () => {
  await simulate(async (world) => {
    await greeting(world)
    expect(world).not.toHaveRetransmitted({ host: 'a' })
    expect(world).toHaveRetransmitted({ host: 'a', atLeast: 0, atMost: 0 })
    expect(() => { expect(world).toHaveRetransmitted({ host: 'b' }) }).toThrow('b has retransmitted 0 segments; expected at least 1')
  })
  await simulate(async (world) => {
    world.when(() => world.host('a').vnet.state.tcp.stats.sndpack > 0, () => { world.between('a', 'b').cut('both', '2s') })
    await greeting(world)
    expect(world).toHaveRetransmitted({ host: 'a', atLeast: 1, atMost: 8 })
    expect(() => { assertThat(retransmitted(world, { host: 'a', atLeast: 50 })) }).toThrow(/expected at least 50/)
  })
})

describe('packets', () => {
  const HANDSHAKE = `
    > S 0:0(0) <...>            // options as they come
    < S. 0:0(0) ack 1 <...>
    > . 1:1(0) ack 1`

  it('of one conversation in their order, others between them', async () => {
    await simulate(async (world) => {
      await greeting(world)
      expect(world).toHavePackets({ between: ['a', 'b'] }, HANDSHAKE)
      expect(world).toHavePackets({ between: ['a', 'b'] }, `${HANDSHAKE}
        > P. 1:6(5) ack 1
        < P. 1:8(7) ack 6
        < F. 8:8(0) ack 6`)
      // seen from the other side
      expect(world).toHavePackets({ between: ['b', 'a'] }, `
        < S 0:0(0) <mss 1440,nop,wscale 6,sackOK,TS val ... ecr ...>
        > S. 0:0(0) ack 1 <...>`)
    })
  })

  it('what is missing is said in the same words', async () => {
    await simulate(async (world) => {
      await greeting(world)
      expect(world).not.toHavePackets({ between: ['a', 'b'] }, '> R. 1:1(0) ack 1')
      expect(() => { expect(world).toHavePackets({ between: ['a', 'b'] }, `${HANDSHAKE}\n> P. 1:7(6) ack 1`) })
        .toThrow(/packet 4 of 4 is missing: > P\. 1:7\(6\) ack 1[^]*the last one in this direction was > \. 6:6\(0\) ack 9/)
      expect(() => havePackets(world, { between: ['a', 'b'] }, '> no packet')).toThrow()
      world.host('c')
      expect(havePackets(world, { between: ['a', 'c'] }, HANDSHAKE).message()).toBe('there was no packet between them')
    })
  })

  it('exactly: nothing may be between them', async () => {
    await simulate(async (world) => {
      await greeting(world)
      expect(havePackets(world, { between: ['a', 'b'], exactly: true }, HANDSHAKE).pass).toBe(true)
      const gap = havePackets(world, { between: ['a', 'b'], exactly: true }, '> S 0:0(0)\n> . 1:1(0) ack 1')
      expect(gap.pass).toBe(false)
      expect(gap.message()).toContain('there was < S. 0:0(0) ack 1')
    })
  })

  it('a lost segment and what comes instead', async () => {
    await simulate(async (world) => {
      world.when(() => world.host('a').vnet.state.tcp.stats.sndpack > 0, () => { world.between('a', 'b').cut('both', '100ms') })
      await greeting(world)
      expect(world).toHavePackets({ between: ['a', 'b'] }, `
        > P. 1:6(5) ack 1
        > P. 1:6(5) ack 1
        < FP. 1:8(7) ack 6`)
    })
  })
})

describe('captures', () => {
  it('of one link, by the name of the file; of a host; of all', async () => {
    const files = ['a-r.pcapng', 'b.pcapng', 'all.pcapng'].map((name) => join(dir, name))
    await simulate(async (world) => {
      world.router('r')
      world.link('a', 'r')
      world.link('r', 'b')
      for (const file of files) world.capture(file)
      world.host('b').run(() => { dgram.createSocket('udp4').bind(9) })
      world.host('a').run(() => { dgram.createSocket('udp4').send('once', 9, world.host('b').address) })
      await world.sleep('1s')
      expect(existsSync(files[0])).toBe(false)
    })
    const onceIn = (file: string): number => parseCapture(readFileSync(file)).records
      .filter((r) => Buffer.from(r.data).includes('once')).length
    const counts = files.map(onceIn)
    expect(counts).toEqual([1, 1, 4])
  })
})
