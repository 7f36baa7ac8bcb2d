/** Faults: what a program sees of each, at times and on conditions. */

import { createServer as createHttpServer } from 'node:http'
import dgram from 'node:dgram'
import dns from 'node:dns'
import net from 'node:net'
import { describe, expect, it } from 'vitest'
import { simulate } from '../../src/testing/index.ts'
import type { Fault, LinkOptions, TestWorld } from '../../src/testing/index.ts'

function echo(world: TestWorld, host: string): void {
  world.host(host).start(() => { net.createServer((s) => s.on('error', () => undefined).pipe(s)).listen(7) })
}

/** Sends `bytes` from a to b's echo, and resolves with how long it took until all were back, ms. */
async function roundTrip(world: TestWorld, bytes: number, from = 'a', to = 'b'): Promise<number> {
  return world.host(from).run(() => new Promise<number>((resolve, reject) => {
    const begin = Date.now()
    let got = 0
    const socket = net.connect(7, to).on('error', reject)
    socket.on('data', (d) => {
      got += d.length
      if (got < bytes) return
      socket.destroy()
      resolve(Date.now() - begin)
    })
    socket.write(Buffer.alloc(bytes, 1))
  }))
}

function pair(world: TestWorld, options: LinkOptions = {}): void {
  world.link('a', 'b', { delay: 10, ...options })
  echo(world, 'b')
}

describe('links', () => {
  it.each<[string, LinkOptions, (stats: Record<string, number>) => boolean]>([
    ['loss', { loss: '5%' }, (s) => s['lost'] > 0],
    ['every tenth', { lossEvery: 10 }, (s) => s['lost'] > 0],
    ['bursts of losses', { burst: { enter: 0.02, leave: 0.3 } }, (s) => s['burstLost'] > 0],
    ['reordering', { reorder: 0.2, reorderBy: '5ms' }, (s) => s['reordered'] > 0],
    ['duplication', { duplicate: 0.2 }, (s) => s['duplicated'] > 0],
    ['corruption', { corrupt: 0.05 }, (s) => s['corrupted'] > 0],
    ['jitter', { jitter: '30ms' }, (s) => s['delayed'] > 0],
    ['a bottleneck with a short queue', { rate: '2Mbit', queue: '8kB' }, (s) => s['queueFull'] > 0],
  ])('%s: all the data comes all the same', async (_name, options, happened) => {
    await simulate(async (world) => {
      pair(world, options)
      await roundTrip(world, 150_000)
      expect(happened(world.between('a', 'b').stats.aToB as unknown as Record<string, number>)).toBe(true)
    }, { seed: 5 })
  })

  it('delay and rate are what they say', async () => {
    await simulate(async (world) => {
      pair(world, { delay: '50ms' })
      // neighbour discovery, handshake, echo
      expect(await roundTrip(world, 1)).toBe(300)
      expect(await roundTrip(world, 1)).toBe(200)
      world.between('a', 'b').set({ delay: '5ms' })
      expect(await roundTrip(world, 1)).toBe(20)
      world.between('a', 'b').set({ rate: '1Mbit' }, 'aToB')
      expect(await roundTrip(world, 100_000)).toBeGreaterThan(800)
    })
  })

  it('a smaller MTU, told and not told', async () => {
    await simulate(async (world) => {
      world.router('r')
      world.link('a', 'r', { delay: 1 })
      world.link('r', 'b', { delay: 1, mtu: 1280 })
      echo(world, 'b')
      expect(await roundTrip(world, 50_000)).toBeLessThan(1000)
      world.between('a', 'r').set({ blackhole: 1000 })
      const late = roundTrip(world, 50_000)
      world.at(world.now + 60_000, () => { world.between('a', 'r').set({ blackhole: Infinity }) })
      expect(await late).toBeGreaterThan(500)
    })
  })

  it('an MTU that changes in the middle of a connection: its ends are told', async () => {
    await simulate(async (world) => {
      world.router('r')
      world.link('a', 'r', { delay: 1, rate: '50Mbit' })
      const far = world.link('r', 'b', { delay: 1 })
      echo(world, 'b')
      const slow = roundTrip(world, 2_000_000)
      world.at('50ms', () => { far.setMtu(1300) })
      expect(await slow).toBeLessThan(5000)
      const long = world.recorder.list().filter((p) => p.sentUs > world.now * 1000 - 10_000 && p.bytes.length > 1314)
      expect(long).toEqual([])
      expect(world.host('r').vnet.state.icmp6.stats.outtoobig).toBeGreaterThan(0)
      expect(() => { far.setMtu(1000) }).toThrow(RangeError)
      expect(() => { far.setMtu(9000) }).toThrow(RangeError)
      world.host('b').crash()
      world.host('b').restart()
      await world.sleep('1s')
      expect([...world.host('b').vnet.state.link.ifnets.values()].map((i) => i.mtu)).toContain(1300)
    })
  })

  it('a long queue is delay (bufferbloat), which CoDel ends (RFC 8289)', async () => {
    const rtt = (codel: boolean): Promise<number> => simulate(async (world) => {
      pair(world, { rate: '5Mbit', queue: '512kB', codel })
      world.host('b').run(() => { net.createServer((s) => s.resume().on('error', () => undefined)).listen(9) })
      world.host('a').run(() => {
        const socket = net.connect(9, 'b').on('error', () => undefined)
        const more = (): void => { while (socket.write(Buffer.alloc(65_536))); }
        socket.on('connect', more).on('drain', more)
      })
      await world.sleep('8s')
      const took = await roundTrip(world, 1)
      world.host('a').crash()
      return took
    })
    expect(await rtt(false)).toBeGreaterThan(500)
    expect(await rtt(true)).toBeLessThan(200)
  })

  it('disturbances that overlap: each takes away only what it brought', async () => {
    await simulate(async (world) => {
      const link = world.link('a', 'b', { delay: 10, loss: '1%' })
      const { config } = link.cable.aToB
      link.disturb({ loss: 0.5, delay: 100 }, '10s')
      await world.sleep('5s')
      link.disturb({ loss: 0.9 }, '10s', 'aToB')
      expect([config.lossRate, config.delayUs, link.cable.bToA.config.lossRate]).toEqual([0.9, 100_000, 0.5])
      link.set({ delay: 20 })
      expect(config.delayUs).toBe(100_000)
      await world.sleep('6s')
      expect([config.lossRate, config.delayUs, link.cable.bToA.config.lossRate]).toEqual([0.9, 20_000, 0.01])
      link.cut('both', '10s')
      await world.sleep('5s')
      link.cut('both', '10s')
      await world.sleep('6s')
      expect([config.lossRate, config.cut]).toEqual([0.01, true])
      await world.sleep('5s')
      expect(config.cut).toBe(false)
      expect(() => { link.disturb({ loss: 2 }, '1s') }).toThrow(RangeError)
    })
  })

  it('a cut, a flapping link', async () => {
    await simulate(async (world) => {
      pair(world)
      await roundTrip(world, 1)
      const slow = roundTrip(world, 400_000)
      world.at(world.now + 50, () => { world.between('a', 'b').cut('both', '10s') })
      expect(await slow).toBeGreaterThan(10_000)
      expect(await slow).toBeLessThan(30_000)
      const flapping = roundTrip(world, 400_000)
      world.at(world.now + 50, () => { world.between('a', 'b').flap(3, '500ms') })
      expect(await flapping).toBeGreaterThan(1000)
      expect(world.between('a', 'b').stats.aToB.cut).toBeGreaterThan(1)
    })
  })
})

describe('partitions', () => {
  it('in both directions, for a time, between hosts of one switch', async () => {
    await simulate(async (world) => {
      const lan = world.switch()
      for (const name of ['a', 'b', 'c']) world.link(name, lan, { delay: 1 })
      echo(world, 'b')
      await roundTrip(world, 1, 'c')
      world.partition('a', ['b'], { for: '20s' })
      expect(await roundTrip(world, 1, 'c')).toBeLessThan(100)
      expect(await roundTrip(world, 1, 'a')).toBeGreaterThan(19_000)
      expect(await roundTrip(world, 1, 'a')).toBeLessThan(100)
    })
  })

  it('one way: requests arrive, answers do not', async () => {
    await simulate(async (world) => {
      world.link('a', 'b', { delay: 1 })
      const got: string[] = []
      world.host('b').run(() => {
        const s = dgram.createSocket('udp6')
        s.on('message', (m, from) => {
          got.push(m.toString())
          s.send('answer', from.port, from.address)
        }).bind(9)
      })
      const answers: string[] = []
      const client = world.host('a').run(() => dgram.createSocket('udp6').on('message', (m) => { answers.push(m.toString()) }))
      const send = (text: string): void => { world.host('a').run(() => { client.send(text, 9, world.host('b').address6) }) }
      send('one')
      await world.sleep('1s')
      world.partition('b', 'a', { oneWay: true })
      send('two')
      await world.sleep('1s')
      expect([got, answers]).toEqual([['one', 'two'], ['answer']])
      world.heal()
      send('three')
      await world.sleep('1s')
      expect(answers).toEqual(['answer', 'answer'])
    })
  })

  it('that overlap: the pair is apart until the last of them ends', async () => {
    await simulate(async (world) => {
      pair(world)
      const [a, b] = [world.host('a').address, world.host('b').address]
      world.partition('a', 'b', { for: '10s' })
      world.at('5s', () => { world.partition('a', 'b', { oneWay: true, for: '10s' }) })
      const apart = (): boolean[] => [world.separated(a, b), world.separated(b, a)]
      expect(apart()).toEqual([true, true])
      await world.sleep('11s')
      expect(apart()).toEqual([true, false])
      await world.sleep('5s')
      expect([apart(), world.partitioned]).toEqual([[false, false], false])
      world.partition('a', 'b')
      world.heal('b', 'a')
      expect(world.partitioned).toBe(false)
    })
  })

  it('on a condition: as soon as the first data is under way', async () => {
    await simulate(async (world) => {
      pair(world)
      const { tcp } = world.host('a').vnet.state
      let at = 0
      world.when(() => tcp.stats.sndpack > 0, () => {
        at = world.now
        world.between('a', 'b').cut('both', '3s')
      })
      const took = await roundTrip(world, 10)
      expect(at).toBeGreaterThan(0)
      expect(at).toBeLessThan(100)
      expect(took).toBeGreaterThan(2900)
    })
  })
})

describe('hosts', () => {
  it('a crash is silent: peers see nothing until they ask, and a reset after the restart', async () => {
    await simulate(async (world) => {
      pair(world)
      const seen: string[] = []
      const socket = world.host('a').run(() => net.connect(7, 'b').on('error', (e: NodeJS.ErrnoException) => { seen.push(String(e.code)) }))
      await world.sleep('1s')
      world.host('b').crash()
      await world.sleep('10s')
      expect(seen).toEqual([])
      expect(() => world.host('b').run(() => undefined)).toThrow(/is down/)
      socket.write('are you there?')
      await world.sleep('10s')
      expect(seen).toEqual([])
      world.host('b').restart()
      await world.sleep('60s')
      expect(seen).toEqual(['ECONNRESET'])
      expect(await roundTrip(world, 5)).toBeLessThan(500)
    })
  })

  it('killed programs leave resets behind, at once', async () => {
    await simulate(async (world) => {
      pair(world)
      const seen: string[] = []
      world.host('a').run(() => net.connect(7, 'b').on('error', (e: NodeJS.ErrnoException) => { seen.push(`${e.code} at ${world.now}`) }))
      await world.sleep('1s')
      world.host('b').kill()
      await world.sleep('1s')
      expect(seen).toEqual(['ECONNRESET at 1010'])
      await expect(roundTrip(world, 1)).rejects.toMatchObject({ code: 'ECONNREFUSED' })
      world.host('b').restart()
      await world.sleep('1s')
      expect(await roundTrip(world, 1)).toBeLessThan(100)
    })
  })

  it('nothing of a crashed host runs on: timers, immediates, callbacks', async () => {
    await simulate(async (world) => {
      world.link('a', 'b')
      let ticks = 0
      world.host('a').run(() => { setInterval(() => { ticks++ }, 100) })
      await world.sleep('1050ms')
      expect(ticks).toBe(10)
      world.host('a').crash()
      await world.sleep('10s')
      expect(ticks).toBe(10)
    })
  })

  it('a server that is crashed and restarted again and again serves those who try again', async () => {
    await simulate(async (world) => {
      world.link('a', 'b', { delay: 5 })
      world.host('b').start(() => { createHttpServer((_q, s) => { s.end('ok') }).listen(80) })
      for (let i = 1; i <= 5; i++) {
        world.at(i * 10_000, () => { world.host('b').crash() })
        world.at(i * 10_000 + 5000, () => { world.host('b').restart() })
      }
      const got = await world.host('a').run(async () => {
        let ok = 0
        let failed = 0
        for (let i = 0; i < 60; i++) {
          try {
            await (await fetch('http://b/', { signal: AbortSignal.timeout(900) })).text()
            ok++
          } catch {
            failed++
          }
          await new Promise((resolve) => setTimeout(resolve, 1000))
        }
        return { ok, failed }
      })
      expect(got.ok).toBeGreaterThan(25)
      expect(got.failed).toBeGreaterThan(5)
    })
  })
})

describe('faults as data', () => {
  it('each kind happens at its time, and ends', async () => {
    const faults: Fault[] = [
      { at: 1000, do: 'partition', between: ['a', 'b'], oneWay: true, for: 1000 },
      { at: 3000, do: 'cut', link: ['a', 'box-inside'], for: 1000 },
      { at: 5000, do: 'link', link: ['box', 'b'], conditions: { loss: 0.5 }, for: 1000 },
      { at: 7000, do: 'crash', host: 'b', for: 1000 },
      { at: 9000, do: 'kill', host: 'b', for: 1000 },
      { at: 11_000, do: 'skew', host: 'a', ms: 5000 },
      { at: 12_000, do: 'rebind', nat: 'box' },
      { at: 13_000, do: 'dns', how: 'nxdomain', for: 1000 },
    ]
    await simulate(async (world) => {
      world.link('a', world.nat('box').inside)
      world.link('box', 'b')
      // each time one that is in no cache
      const name = (): Promise<unknown> => world.host('a').run(() => {
        world.dns({ [`b${world.now}`]: 'b' })
        return dns.promises.lookup(`b${world.now}`).then(() => 'there', (e: Error) => e.name)
      })
      const look = async (): Promise<unknown[]> => [
        world.separated(world.host('a').address, world.host('b').address), world.between('a', 'box-inside').cable.aToB.config.cut,
        world.between('box', 'b').cable.bToA.config.lossRate, world.host('b').alive, world.host('a').clock.offsetMs, await name(),
      ]
      const usual: unknown[] = [false, false, 0, true, 0, 'there']
      const seen: unknown[][] = []
      for (let ms = 500; ms < 15_000; ms += 1000) {
        world.at(ms, async () => { seen.push(await look()) })
      }
      await world.sleep('16s')
      const differ = (i: number, value: number | boolean): unknown[] => usual.with(i, value)
      expect(seen.slice(0, 11)).toEqual([
        usual, differ(0, true), usual, differ(1, true), usual, differ(2, 0.5), usual, differ(3, false), usual, differ(3, false), usual,
      ])
      expect(seen.slice(11)).toEqual([differ(4, 5000), differ(4, 5000), [...differ(4, 5000).slice(0, 5), 'Error'], differ(4, 5000)])
      expect(world.recorder.notes.filter((n) => n.text === 'NAT box forgets its mappings').map((n) => n.atUs)).toEqual([12e6])
    }, { faults })
  })

  it('one about a host that there is not fails the simulation', async () => {
    const failed = simulate((world) => world.sleep('10s'), { faults: [{ at: 5, do: 'crash', host: 'nobody', for: 1 }], output: null })
    await expect(failed).rejects.toThrow('there is no host nobody')
  })
})

describe('NAT', () => {
  function behindNat(world: TestWorld, options = {}): void {
    const nat = world.nat('box', { tcpTimeout: '60s', udpTimeout: '30s', ...options })
    world.link('phone', nat.inside, { delay: 1 })
    world.link('tablet', nat.inside, { delay: 1 })
    world.link(nat, 'server', { delay: 10 })
  }

  it('hosts behind it share its address; those outside cannot reach them', async () => {
    await simulate(async (world) => {
      behindNat(world)
      const seen: string[] = []
      world.host('server').run(() => {
        createHttpServer((req, res) => {
          seen.push(String(req.socket.remoteAddress))
          res.end('ok')
        }).listen(80, '0.0.0.0')
      })
      for (const name of ['phone', 'tablet']) {
        expect(await world.host(name).run(async () => (await fetch('http://server/')).text())).toBe('ok')
      }
      expect(new Set(seen).size).toBe(1)
      expect(seen[0]).toMatch(/^10\./)
      await expect(roundTrip(world, 1, 'server', world.host('phone').address)).rejects.toMatchObject({ code: 'ENETUNREACH' })
      expect(world.nat('box').mappings).toBe(2)
    })
  })

  it('a connection that idles beyond its timeout is forgotten: what is sent then vanishes', async () => {
    await simulate(async (world) => {
      behindNat(world)
      echo(world, 'server')
      const socket = world.host('phone').run(() => net.connect(7, 'server'))
      let got = ''
      socket.on('data', (d) => { got += d.toString() }).on('error', () => undefined)
      socket.write('one ')
      await world.sleep('50s')
      socket.write('two ')
      await world.sleep('50s')
      expect(got).toBe('one two ')
      await world.sleep('61s')
      socket.write('three ')
      await world.sleep('60s')
      expect(got).toBe('one two ')
    })
  })

  it('or is given another port, and the server resets it; so does a box that was restarted', async () => {
    await simulate(async (world) => {
      behindNat(world, { midstream: 'map' })
      echo(world, 'server')
      for (const forget of [(): Promise<void> => world.sleep('61s'), async (): Promise<void> => { world.nat('box').rebind() }]) {
        const errors: string[] = []
        const failed = (e: NodeJS.ErrnoException): void => { errors.push(String(e.code)) }
        const socket = world.host('phone').run(() => net.connect(7, 'server').on('error', failed))
        await world.sleep('1s')
        await forget()
        socket.write('still there?')
        await world.sleep('1s')
        expect(errors).toEqual(['ECONNRESET'])
      }
    })
  })

  it('UDP: answers come in, strangers do not, and the path MTU is found through it', async () => {
    await simulate(async (world) => {
      behindNat(world)
      world.host('stranger')
      world.link('server', 'stranger')
      let port = 0
      world.host('server').run(() => {
        const s = dgram.createSocket('udp4')
        s.on('message', (m, from) => {
          port = from.port
          s.send(`back ${m.toString()}`, from.port, from.address)
        }).bind(53_001)
      })
      const got: string[] = []
      world.host('phone').run(() => {
        dgram.createSocket('udp4').on('message', (m) => { got.push(m.toString()) }).send('x', 53_001, 'server')
      })
      await world.sleep('1s')
      expect(got).toEqual(['back x'])
      const [box] = world.host('box').ports[1].addresses[0].split('/')
      world.host('server').run(() => { dgram.createSocket('udp4').send('who?', port, box) })
      await world.sleep('1s')
      expect(got).toEqual(['back x'])
      expect(world.nat('box').stats?.filtered).toBe(1)
    })
  })
})

describe('names', () => {
  it.each([['nxdomain', 'ENOTFOUND', 10], ['servfail', 'EAI_AGAIN', 10], ['timeout', 'EAI_AGAIN', 60_000]] as const)(
    '%s is %s', async (how, code, within) => {
      await simulate(async (world) => {
        pair(world)
        world.dnsFails(how)
        await world.host('a').run(async () => {
          const from = Date.now()
          await expect(dns.promises.lookup('b')).rejects.toMatchObject({ code })
          expect(Date.now() - from).toBeLessThanOrEqual(within)
        })
        world.dnsFails(null)
        await world.sleep('10s')
        expect(await roundTrip(world, 1)).toBeLessThan(100)
      })
    })

  it('one name on one host', async () => {
    await simulate(async (world) => {
      pair(world)
      world.dnsFails('nxdomain', { name: 'b', host: 'a' })
      await expect(roundTrip(world, 1)).rejects.toMatchObject({ code: 'ENOTFOUND' })
      await expect(world.host('b').run(() => dns.promises.resolve4('b'))).resolves.toHaveLength(1)
    })
  })
})
