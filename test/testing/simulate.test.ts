/** `simulate`: whose network plain modules use, whose time timers follow, how it ends. */

import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer as createHttpServer, get } from 'node:http'
import { promisify } from 'node:util'
import dgram from 'node:dgram'
import dns from 'node:dns'
import net from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { gzip } from 'node:zlib'
import { pbkdf2, randomUUID } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { afterAll, describe, expect, it } from 'vitest'
import { NoHostError, simulate } from '../../src/testing/index.ts'

const dir = mkdtempSync(join(tmpdir(), 'vimage-testing-'))
afterAll(() => { rmSync(dir, { recursive: true, force: true }) })

function hello(text = 'hello'): void {
  createHttpServer((_req, res) => { res.end(text) }).listen(80)
}

describe('hosts', () => {
  it('plain http and fetch belong to the host in whose context they are called', async () => {
    const got = await simulate(async (world) => {
      world.link('a', 'b', { delay: 10 })
      world.host('b').run(() => {
        createHttpServer((req, res) => { res.end(`${req.socket.localAddress} for ${req.socket.remoteAddress}`) }).listen(80)
      })
      return world.host('a').run(async () => (await fetch('http://b/')).text())
    })
    expect(got).toBe('2001:db8::2 for 2001:db8::1')
  })

  it('each host has its own ports, and sees nothing of the others but by the wire', async () => {
    await simulate(async (world) => {
      world.link('a', 'b')
      world.host('a').run(() => { hello('a') })
      world.host('b').run(() => { hello('b') })
      const on = (name: string): Promise<string> => world.host(name).run(async () => (await fetch('http://localhost/')).text())
      expect([await on('a'), await on('b')]).toEqual(['a', 'b'])
    })
  })

  it('connections that an agent keeps are not lent to another host', async () => {
    const seen = new Set<string>()
    await simulate(async (world) => {
      const lan = world.switch()
      for (const name of ['a', 'b', 'web']) world.link(name, lan)
      world.host('web').run(() => {
        createHttpServer((req, res) => {
          seen.add(String(req.socket.remoteAddress))
          res.end()
        }).listen(80)
      })
      for (const name of ['a', 'b', 'a']) {
        await world.host(name).run(async () => (await fetch('http://web/')).text())
        await world.host(name).run(() => new Promise<void>((resolve, reject) => {
          get('http://web/', (res) => res.resume().on('end', resolve)).on('error', reject)
        }))
      }
    })
    expect(seen.size).toBe(2)
  })

  it('UDP and names, through a router', async () => {
    await simulate(async (world) => {
      world.router('r')
      world.link('a', 'r', { delay: 5 })
      world.link('r', 'b', { delay: 5 })
      world.dns({ 'service.example': 'b', 'far.example': ['203.0.113.7', '2001:db8::7'] })
      world.host('b').run(() => {
        const socket = dgram.createSocket('udp4')
        socket.on('message', (m, from) => { socket.send(`got ${m.toString()}`, from.port, from.address) }).bind(53_000)
      })
      const answer = await world.host('a').run(() => new Promise<string>((resolve) => {
        const socket = dgram.createSocket('udp4')
        socket.on('message', (m) => { resolve(m.toString()) })
        socket.send('ping', 53_000, 'service.example')
      }))
      expect(answer).toBe('got ping')
      await world.host('a').run(async () => {
        expect(await dns.promises.resolve4('far.example')).toEqual(['203.0.113.7'])
        expect(await dns.promises.resolve6('far.example')).toEqual(['2001:db8::7'])
        expect((await dns.promises.lookup('b', { family: 4 })).address).toBe(world.host('b').address)
        await expect(dns.promises.lookup('nobody.example')).rejects.toMatchObject({ code: 'ENOTFOUND' })
      })
    })
  })

  it('a name gives the addresses that the asker can reach', async () => {
    await simulate(async (world) => {
      for (const name of ['a', 'b']) world.link(name, 'server')
      for (const [name, address] of [['a', '10.0.0.2'], ['b', '10.0.1.2']]) {
        expect(await world.host(name).run(() => dns.promises.resolve4('server'))).toEqual([address])
      }
      world.host('c')
      expect(await world.host('c').run(() => dns.promises.resolve4('server'))).toHaveLength(2)
    })
  })

  it('code on no host has no network: a clear error, and nothing reaches the real one', async () => {
    const real = net.createServer().listen(0, '127.0.0.1')
    await new Promise((resolve) => real.once('listening', resolve))
    const { port } = real.address() as net.AddressInfo
    let reached = 0
    real.on('connection', () => reached++)
    await simulate(async (world) => {
      world.host('a')
      expect(() => net.connect(port, '127.0.0.1')).toThrow(NoHostError)
      await expect(fetch(`http://127.0.0.1:${port}/`)).rejects.toThrow()
      expect(() => net.createServer().listen(0)).toThrow(/world\.host\("name"\)\.run/)
      expect(() => dgram.createSocket('udp4').bind(0)).toThrow(NoHostError)
      await expect(world.host('a').run(() => fetch(`http://127.0.0.1:${port}/`))).rejects.toMatchObject({ cause: { code: 'ECONNREFUSED' } })
    })
    expect(reached).toBe(0)
    // and afterwards all is as before
    await new Promise<void>((resolve) => { net.connect(port, '127.0.0.1', () => { resolve() }).unref() })
    await new Promise((resolve) => setTimeout(resolve, 5))
    expect(reached).toBe(1)
    real.close()
  })

  it('the connecting error of a host that is not there is the one of a real network', async () => {
    await simulate(async (world) => {
      world.link('a', 'b')
      world.host('b')
      await world.host('a').run(async () => {
        const error = await new Promise<NodeJS.ErrnoException>((resolve) => { net.connect(81, 'b').on('error', resolve) })
        expect(error.code).toBe('ECONNREFUSED')
      })
    })
  })
})

describe('time', () => {
  it('hours pass in milliseconds, for every kind of timer', async () => {
    const real = performance.now()
    await simulate(async (world) => {
      const begin = Date.now()
      expect(new Date().toISOString()).toBe('2026-01-01T00:00:00.000Z')
      await new Promise((resolve) => setTimeout(resolve, 3_600_000))
      await sleep(3_600_000)
      await promisify(setTimeout)(3_600_000)
      let ticks = 0
      await new Promise<void>((resolve) => {
        const timer = setInterval(() => {
          if (++ticks === 60) {
            clearInterval(timer)
            resolve()
          }
        }, 60_000)
      })
      const signal = AbortSignal.timeout(3_600_000)
      await new Promise((resolve) => { signal.addEventListener('abort', resolve) })
      expect(Date.now() - begin).toBe(5 * 3_600_000)
      expect(world.now).toBe(5 * 3_600_000)
      expect(performance.now()).toBe(5 * 3_600_000)
      expect(process.hrtime.bigint()).toBe(18_000_000_000_000n)
    })
    expect(performance.now() - real).toBeLessThan(2000)
    expect(Math.abs(Date.now() - new Date().getTime())).toBeLessThan(1000)
  })

  it("timers of sockets and of HTTP are Node's own, and virtual all the same", async () => {
    await simulate(async (world) => {
      world.link('a', 'b', { delay: 10 })
      const closed = world.host('b').run(() => {
        const server = createHttpServer((_req, res) => { res.end() }).listen(80)
        server.keepAliveTimeout = 90_000
        return new Promise<number>((resolve) => server.on('connection', (s) => s.on('close', () => { resolve(world.now) })))
      })
      await world.host('a').run(async () => (await fetch('http://b/')).text())
      const idle = world.host('a').run(() => {
        const socket = net.connect(80, 'b').setTimeout(120_000)
        return new Promise<number>((resolve) => socket.on('timeout', () => { resolve(world.now) }))
      })
      expect(await closed).toBeLessThan(92_000)
      expect(await idle).toBeGreaterThan(120_000)
    })
  })

  it('timers fire in the order of their times, those of one time in the order of their making', async () => {
    const order: number[] = []
    await simulate(async () => {
      setTimeout(() => { order.push(3) }, 20)
      setTimeout(() => { order.push(1) }, 10)
      setTimeout(() => { order.push(4) }, 20)
      setTimeout(() => {
        order.push(2)
        queueMicrotask(() => order.push(2.1))
        process.nextTick(() => order.push(2.05))
        setImmediate(() => order.push(2.2))
      }, 10)
      const stopped = setTimeout(() => { order.push(99) }, 5)
      clearTimeout(stopped)
      const again = setTimeout(() => { order.push(5) }, 15)
      await sleep(10)
      again.refresh()
      await sleep(30)
    })
    expect(order).toEqual([1, 2, 2.05, 2.1, 2.2, 3, 4, 5])
  })

  it('work that really takes time is waited for, and takes none', async () => {
    await simulate(async (world) => {
      let late = false
      setTimeout(() => { late = true }, 1)
      const [zipped, key, text] = await Promise.all([
        promisify(gzip)(Buffer.alloc(4_000_000, 7)),
        promisify(pbkdf2)('secret', 'salt', 50_000, 32, 'sha256'),
        readFile(new URL(import.meta.url)),
      ])
      expect([zipped.length > 0, key.length, text.length > 1000]).toEqual([true, 32, true])
      expect([late, world.now]).toEqual([false, 0])
      await world.real(() => new Promise((resolve) => { setImmediate(resolve) }))
      expect(world.now).toBe(0)
    })
  })

  it('clocks of hosts differ by their skew and drift', async () => {
    await simulate(async (world) => {
      world.host('fast', { clock: { skewMs: 5000, driftPpm: 100 } })
      world.host('right')
      const date = (name: string): number => world.host(name).run(() => Date.now())
      expect(date('fast') - date('right')).toBe(5000)
      await world.sleep('1000s')
      expect(date('fast') - date('right')).toBe(5100)
      const took = await world.host('fast').run(async () => {
        const from = world.now
        await sleep(1_000_000)
        return world.now - from
      })
      expect(Math.round(took)).toBe(999_900)
    })
  })
})

describe('the same again', () => {
  async function run(seed: number): Promise<{ bytes: Buffer; log: string[] }> {
    const file = join(dir, `a-b.pcapng`)
    const log = await simulate(async (world) => {
      world.link('a', 'b', { delay: 20, jitter: 5, loss: 0.05, reorder: 0.02, rate: '5Mbit' })
      world.capture(file)
      world.host('b').run(() => { createHttpServer((req, res) => { req.pipe(res) }).listen(80) })
      return world.host('a').run(async () => {
        const lines: string[] = []
        for (let i = 0; i < 5; i++) {
          const body = Buffer.alloc(20_000, Math.random().toString(36))
          const res = await fetch('http://b/', { method: 'POST', body })
          lines.push(`${(await res.arrayBuffer()).byteLength} ${world.now} ${randomUUID()} ${res.headers.get('date')}`)
        }
        return lines
      })
    }, { seed })
    return { bytes: readFileSync(file), log }
  }

  it('the same seed gives the same packets, to the byte, and another one others', async () => {
    const one = await run(42)
    const two = await run(42)
    expect(two.log).toEqual(one.log)
    expect(one.bytes.length).toBeGreaterThan(200_000)
    expect(two.bytes.equals(one.bytes)).toBe(true)
    expect((await run(43)).bytes.equals(one.bytes)).toBe(false)
  })
})

describe('how it ends', () => {
  it('a failure names its seed, and leaves a capture, a timeline and a diagram', async () => {
    const failed = simulate(async (world) => {
      world.link('a', 'b', { delay: 1 })
      world.host('b').run(() => { hello() })
      await world.host('a').run(async () => (await fetch('http://b/')).text())
      world.partition('a', 'b')
      throw new Error('as it was to be shown')
    }, { seed: 11, name: 'a failure', output: dir })
    await expect(failed).rejects.toThrow(/as it was to be shown\n.*seed 11, failed at 0\.\d+ s/)
    const folder = join(dir, 'a-failure-seed11')
    expect(readFileSync(join(folder, 'capture.pcapng')).length).toBeGreaterThan(500)
    const text = readFileSync(join(folder, 'timeline.txt'), 'utf8')
    expect(text).toContain('Flags [S]')
    expect(text).toContain('*** partition: a>b b>a')
    expect(readFileSync(join(folder, 'timeline.html'), 'utf8')).toContain('<svg')
  })

  it('a promise that nobody will settle is an error that says what there is', async () => {
    const real = performance.now()
    const stuck = simulate(async (world) => {
      world.link('a', 'b')
      world.host('b').run(() => { net.createServer().listen(8080) })
      await world.host('a').run(() => new Promise((resolve) => { net.connect(8080, 'b').on('end', resolve).resume() }))
    }, { output: null })
    await expect(stuck).rejects.toThrow(/nothing will ever happen[^]*b: tcp4 \*:8080 – \*:\* LISTEN[^]*ESTABLISHED/)
    expect(performance.now() - real).toBeLessThan(3000)
  })

  it('one that never ends is stopped at its limit', async () => {
    const endless = simulate(() => new Promise<void>(() => { setInterval(() => undefined, 1000) }), { limit: '10min', output: null })
    await expect(endless).rejects.toThrow(/still goes on at 600/)
  })

  it('an error that nobody caught, on a host, fails it', async () => {
    const failed = simulate(async (world) => {
      world.host('a').run(() => { setTimeout(() => { throw new Error('in a timer') }, 100) })
      await world.sleep('1s')
    }, { output: null })
    await expect(failed).rejects.toThrow('in a timer')
  })

  it('simulations started together run one after the other', async () => {
    const seen: string[] = []
    await Promise.all(['x', 'y'].map((name) => simulate(async (world) => {
      seen.push(`${name} begins`)
      await world.sleep('1min')
      seen.push(`${name} ends`)
    })))
    expect(seen).toEqual(['x begins', 'x ends', 'y begins', 'y ends'])
    expect(existsSync(join(dir, 'nothing'))).toBe(false)
  })
})
