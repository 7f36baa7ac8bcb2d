/** `vimage/register`: unmodified programs, each a process of its own, whose network is a Vnet. */

import { execFile } from 'node:child_process'
import { createServer } from 'node:net'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { build } from './build.ts'
import type { Build } from './build.ts'

const run = promisify(execFile)
let built: Build
let register = ''

beforeAll(() => {
  built = build()
  register = pathToFileURL(join(built.dir, 'src/node/register.js')).href
})
afterAll(() => { built.remove() })

interface Result { stdout: string; stderr: string; code: number }

async function program(source: string, config = '', kind = 'module'): Promise<Result> {
  const args = ['--import', register, `--input-type=${kind}`, '--eval', source]
  const env = { ...process.env, VIMAGE_CONFIG: config }
  return run(process.execPath, args, { env, timeout: 60_000 }).then(
    ({ stdout, stderr }) => ({ stdout, stderr, code: 0 }),
    (error: Error & { stdout: string; stderr: string; code: number }) => ({ stdout: error.stdout, stderr: error.stderr, code: error.code }))
}

describe('vimage/register', () => {
  it('the differential suite passes in a program under it', async () => {
    const { stdout } = await run(process.execPath, ['--import', register, join(built.dir, 'test/node/registered.js')],
      { timeout: 120_000 }).catch((e: unknown) => e as Result)
    const { count, failures } = JSON.parse(stdout) as { count: number; failures: unknown[] }
    expect(failures).toEqual([])
    expect(count).toBeGreaterThan(100)
  }, 150_000)

  it('nothing leaks: a server of the host is not there, nor is one of ours on the host', async () => {
    const host = createServer().listen(0, '127.0.0.1')
    await once(host, 'listening')
    const { port } = host.address() as AddressInfo
    const { stdout } = await program(`
      import net from 'node:net'
      const one = net.connect(${port}, '127.0.0.1')
      one.on('connect', () => console.log('leak')).on('error', (e) => console.log(e.code))
      const server = net.createServer().listen(${port}, '127.0.0.1', () => { console.log('taken for itself'); server.close() })`)
    expect(stdout.trim().split('\n').sort()).toEqual(['ECONNREFUSED', 'taken for itself'])
    host.close()
  })

  it('names are not asked of the host', async () => {
    const { stdout } = await program(`
      import { promises } from 'node:dns'
      console.log((await promises.lookup('a.test')).address)
      await promises.lookup('vimage.invalid').catch((e) => console.log(e.message))
      await promises.resolve4('vimage.invalid').catch((e) => console.log(e.message))`, '{resolver: {hosts: {a.test: 10.1.2.3}}}')
    expect(stdout).toBe('10.1.2.3\ngetaddrinfo ENOTFOUND vimage.invalid\nqueryA ECONNREFUSED vimage.invalid\n')
  })

  it('an address outside has no route', async () => {
    const { stdout } = await program(`
      import net from 'node:net'
      net.connect(80, '192.0.2.1').on('error', (e) => console.log(e.code, e.syscall, e.address, e.port))`)
    expect(stdout.trim()).toBe('ENETUNREACH connect 192.0.2.1 80')
  })

  it('CommonJS, http and fetch', async () => {
    const { stdout, stderr } = await program(`
      const http = require('http')
      const server = http.createServer((q, r) => r.end('hello ' + q.url)).listen(0, async () => {
        console.log(await (await fetch('http://localhost:' + server.address().port + '/x')).text())
        server.close(); server.closeAllConnections()
      })`, '', 'commonjs')
    expect([stdout, stderr]).toEqual(['hello /x\n', ''])
  })

  it('a listening server keeps the program alive, one without reference does not', async () => {
    const { code } = await program(`import net from 'node:net'; net.createServer().listen(0).unref()`)
    expect(code).toBe(0)
    const { stdout } = await program(`
      import net from 'node:net'
      net.createServer().listen(0)
      setTimeout(() => { console.log('still here'); process.exit() }, 100).unref()`)
    expect(stdout).toBe('still here\n')
  })

  it('--require from CommonJS', async () => {
    const { stdout } = await run(process.execPath, ['--no-warnings', '--require', fileURLToPath(register), '--eval',
      `const net = require('net'); const s = net.createServer((c) => c.end('x')).listen(0, () =>
        net.connect(s.address().port).on('data', (d) => console.log(String(d), s._handle.constructor.name)).on('close', () => s.close()))`])
    expect(stdout).toBe('x TCP\n')
  })

  it('ws: an echo; a hundred fetches at once; HTTP/2', async () => {
    const { stdout } = await program(`
      const { WebSocketServer, WebSocket } = require('ws')
      const http = require('http'), http2 = require('http2')
      const server = new WebSocketServer({ port: 0, host: '127.0.0.1' }, () => {
        const client = new WebSocket('ws://127.0.0.1:' + server.address().port)
        client.on('open', () => client.send('echo')).on('close', () => server.close())
        client.on('message', (data) => { console.log('ws', String(data)); client.close() })
      }).on('connection', (c) => c.on('message', (data) => c.send(data)))
      const web = http.createServer((q, r) => r.end(q.url)).listen(0, '127.0.0.1', async () => {
        const base = 'http://127.0.0.1:' + web.address().port
        const texts = await Promise.all(Array.from({ length: 100 }, async (_, i) => (await fetch(base + '/' + i)).text()))
        console.log('fetch', texts.every((text, i) => text === '/' + i))
        web.close(); web.closeAllConnections()
      })
      const two = http2.createServer().listen(0, '127.0.0.1', () => {
        const session = http2.connect('http://127.0.0.1:' + two.address().port)
        session.request({ ':path': '/' }).setEncoding('utf8').on('data', (text) => console.log('h2', text))
          .on('end', () => { session.close(); two.close() })
      }).on('stream', (stream) => { stream.respond({ ':status': 200 }); stream.end('hello') })`, '', 'commonjs')
    expect(stdout.trim().split('\n').sort()).toEqual(['fetch true', 'h2 hello', 'ws echo'])
  })

  it('a worker thread has a Vnet of its own', async () => {
    const { stdout } = await program(`
      const { Worker } = require('node:worker_threads')
      const work = \`const net = require('net')
        const s = net.createServer((c) => c.end('from the worker')).listen(0, () =>
          net.connect(s.address().port).on('close', () => s.close())
            .on('data', (d) => require('worker_threads').parentPort.postMessage(String(d))))\`
      new Worker(work, { eval: true }).on('message', (m) => console.log(m)).on('error', (e) => console.log(e))`, '', 'commonjs')
    expect(stdout).toBe('from the worker\n')
  })

  it('a configuration that is wrong says where', async () => {
    const { stderr, code } = await program('0', '{interfaces: {eth0: {address: 10.0.0.1/24}}}')
    expect(code).not.toBe(0)
    expect(stderr).toContain('VIMAGE_CONFIG: interfaces.eth0: expected exactly one of tap, bridge and world')
  })

  it('loaded too late, it says so', async () => {
    const { stderr, code } = await run(process.execPath, ['--input-type=module', '--eval',
      `import 'node:net'; await import('${register}')`])
      .then(() => ({ stderr: '', code: 0 }), (e: unknown) => e as Result)
    expect(code).not.toBe(0)
    expect(stderr).toContain('vimage/register must come first: node has loaded net')
  })
})
