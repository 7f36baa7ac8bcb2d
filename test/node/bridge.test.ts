/** Programs under vimage/register whose Vnet is not alone: on a daemon's bridge, over its control socket, and in a world. */

import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { connect } from 'node:net'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { connectTcp } from '../../src/socket/tcp.ts'
import type { Vimage } from '../../src/vimage/vimage.ts'
import { TWO, usePlaces } from '../daemon/support.ts'
import { build } from './build.ts'
import type { Build } from './build.ts'

const run = promisify(execFile)
const place = usePlaces()
let built: Build
let register = ''

beforeAll(() => {
  built = build()
  register = pathToFileURL(join(built.dir, 'src/node/register.js')).href
})
afterAll(() => { built.remove() })

interface Result { stdout: string; stderr: string; code: number }

async function program(source: string, config: unknown, kind = 'module'): Promise<Result> {
  const args = ['--import', register, `--input-type=${kind}`, '--eval', source]
  const env = { ...process.env, VIMAGE_CONFIG: JSON.stringify(config) }
  return run(process.execPath, args, { env, timeout: 30_000 }).then(
    ({ stdout, stderr }) => ({ stdout, stderr, code: 0 }),
    (e: unknown) => {
      const { stdout, stderr, code } = e as Result
      return { stdout, stderr, code }
    })
}

const onBridge = (control: string, more: object = {}): object =>
  ({ name: 'prog', interfaces: { eth0: { bridge: 'br0', control, address: '10.9.0.77/24', ...more } } })

describe('on a bridge of a daemon', () => {
  it('fetches a page of one of its vimages, and ends although its link is open', async () => {
    const p = place()
    const daemon = await p.start(TWO)
    const { stdout, stderr } = await program(`
      const page = await fetch('http://10.9.0.2/status.json')
      console.log((await page.json()).name)`, onBridge(p.control))
    expect([stdout, stderr]).toEqual(['b\n', ''])
    expect([...daemon.bridges.get('br0')?.ports.values() ?? []].map((port) => port.name).sort()).toEqual(['a/eth0', 'b/eth0'])
    expect(daemon.points.map((point) => point.name)).toEqual(['eth0', 'eth0'])
  })

  it('serves: a vimage of the daemon reaches the program; a megabyte both ways arrives whole', async () => {
    const p = place()
    const daemon = await p.start(TWO)
    const running = program(`
      const net = require('node:net')
      const server = net.createServer((c) => { c.pipe(c); c.on('close', () => server.close()) }).listen(4000, '0.0.0.0')`,
      onBridge(p.control), 'commonjs')
    const { runner } = daemon.vimages.get('a') as Vimage
    const body = Buffer.alloc(1_000_000, 'what goes around ')
    for (;;) {
      const client = connectTcp(runner, { host: '10.9.0.77', port: 4000, allowHalfOpen: true })
      const [event] = await Promise.race([
        once(client, 'connect').then(() => ['connect']),
        new Promise<Error[]>((resolve) => { client.once('error', (e: Error) => { resolve([e]) }) }),
      ])
      if (event !== 'connect') continue
      client.end(body)
      const parts: Buffer[] = []
      for await (const part of client) parts.push(part as Buffer)
      expect(Buffer.concat(parts).equals(body)).toBe(true)
      break
    }
    expect(await running).toMatchObject({ stderr: '', code: 0 })
  })

  it('a bridge or a daemon that is not there is said', async () => {
    const p = place()
    await p.start(TWO)
    const bad = { name: 'prog', interfaces: { eth0: { bridge: 'br9', control: p.control, address: '10.9.0.77/24' } } }
    const { stderr, code } = await program('setTimeout(() => {}, 10000)', bad)
    expect(code).not.toBe(0)
    expect(stderr).toContain('there is no bridge "br9" here; there are br0')
    const nobody = await program('setTimeout(() => {}, 10000)', onBridge(join(p.directory, 'nobody.sock')))
    expect(nobody.stderr).toContain('cannot join bridge br0')
    expect(nobody.stderr).toContain('ENOENT')
  })

  it('the other end of the socket may say what it likes: nonsense ends the port, and only that', async () => {
    const p = place()
    const daemon = await p.start(TWO)
    const ports = (): number => daemon.bridges.get('br0')?.ports.size ?? 0
    const join9 = 'GET /v1/bridges/br0/port?name=x HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: vimage-frames\r\n\r\n'
    for (const [head, nonsense] of [
      [join9, Buffer.from([0, 0, 0, 0])], [join9, Buffer.from([0xff, 0xff, 0xff, 0xff])],
      [join9.replace('br0', '%zz'), Buffer.alloc(0)], [join9.replace('vimage-frames', 'websocket'), Buffer.alloc(0)],
      [join9.replace('name=x', 'name=%20'), Buffer.alloc(0)],
    ] as const) {
      const socket = connect(p.control)
      socket.on('error', () => undefined).resume()
      socket.write(Buffer.concat([Buffer.from(head), nonsense]))
      await once(socket, 'close')
      expect(ports()).toBe(2)
    }
    // short frames, and one that comes in pieces
    const socket = connect(p.control)
    socket.write(`${join9}`)
    await once(socket, 'data')
    expect(ports()).toBe(3)
    socket.write(Buffer.from([0, 0, 0, 3, 1, 2, 3, 0, 0]))
    socket.write(Buffer.from([0, 60, ...new Array<number>(60).fill(7)]))
    await new Promise((resolve) => setTimeout(resolve, 20))
    const port = [...daemon.bridges.get('br0')?.ports.values() ?? []].find((one) => one.name === 'x')
    expect(port?.stats).toMatchObject({ inFrames: 2, runts: 1 })
    socket.destroy()
    await new Promise((resolve) => setTimeout(resolve, 20))
    expect(ports()).toBe(2)
  })
})

describe('a world in the configuration', () => {
  const world = {
    hosts: {
      ns: { address: '10.7.0.53/24', services: [{ name: 'dns', zones: { 'lab.test': ['echo A 10.7.0.7', 'www CNAME echo'] } }] },
      talk: { address: '10.7.0.7/24', services: ['echo'] },
    },
  }
  const source = `
    const net = require('node:net')
    const started = performance.now()
    net.connect(7, 'www.lab.test', function () { this.end('hello') })
      .on('data', (d) => console.log(String(d), performance.now() - started > 1100 ? 'late' : 'soon'))`

  it('names and services of its hosts, and the program ends', async () => {
    const config = { interfaces: { eth0: { world: true, address: '10.7.0.2/24' } }, resolver: { servers: ['10.7.0.53'] }, world }
    expect(await program(source, config, 'commonjs')).toEqual({ stdout: 'hello soon\n', stderr: '', code: 0 })
  })

  it('over a bad path', async () => {
    const impair = { out: { delayUs: 400_000 } }
    const config = { interfaces: { eth0: { world: true, address: '10.7.0.2/24', impair } }, resolver: { servers: ['10.7.0.53'] }, world }
    expect(await program(source, config, 'commonjs')).toEqual({ stdout: 'hello late\n', stderr: '', code: 0 })
  })

  it('what is wrong is said with its place', async () => {
    const wrong = async (config: object): Promise<string> => (await program('0', config)).stderr
    expect(await wrong({ interfaces: { eth0: { address: '10.7.0.2/24' } } })).toContain('interfaces.eth0: expected exactly one of')
    const zones = { 'a.test': ['x A y'] }
    const hosts = { a: { address: '10.0.0.1/8', services: [{ name: 'dns', zones }] } }
    expect(await wrong({ world: { hosts } })).toContain('world.hosts.a')
    const impair = { in: { lossRat: 1 } }
    expect(await wrong({ interfaces: { eth0: { world: true, address: '10.7.0.2/24', impair } } })).toContain('impair.in')
  })
})
