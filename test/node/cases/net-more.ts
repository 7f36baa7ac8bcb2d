/** `net`: servers and their limits, options of connections, lookups, signals, timeouts, diagnostics, leaks. */

import assert from 'node:assert'
import { channel } from 'node:diagnostics_channel'
import { once } from 'node:events'
import type net from 'node:net'
import { collect, endPair, event, failure, finish, journal, listen, LOOP, pair, portOf, turn, wait } from '../kit.ts'
import type { Case, Mods } from '../kit.ts'
import { freePort } from './net-life.ts'

type Found = (error: Error | null, address: unknown, family?: number) => void

/** A lookup that finds these. */
const finds = (...addresses: [string, number][]) => (_name: string, options: { all?: boolean }, done: Found): void => {
  setImmediate(() => {
    if (options.all === true) done(null, addresses.map(([address, family]) => ({ address, family })))
    else done(null, addresses[0][0], addresses[0][1])
  })
}

const to = (m: Mods, port: number, more: object): net.Socket => m.net.connect({ port, host: 'some.test', ...more } as never)

/** An option of a connection that is taken without a word, by a method of the socket. */
function setter(name: string, call: (s: net.Socket) => unknown): Case {
  return [`${name} returns the socket`, async (m) => {
    const p = await pair(m)
    assert.strictEqual(call(p.client), p.client)
    await endPair(p)
  }]
}

function early(name: string, call: (s: net.Socket) => unknown): Case {
  return [`${name} before connect`, async (m) => {
    const server = m.net.createServer()
    const port = await listen(server)
    const client = new m.net.Socket()
    assert.strictEqual(call(client), client)
    client.connect(port, LOOP)
    await once(client, 'connect')
    await finish(client, server)
  }]
}

const SETTERS: [string, (s: net.Socket) => unknown][] = [
  ['setNoDelay()', (s) => s.setNoDelay()], ['setNoDelay(false)', (s) => s.setNoDelay(false)],
  ['setKeepAlive()', (s) => s.setKeepAlive()], ['setKeepAlive(true)', (s) => s.setKeepAlive(true)],
  ['setKeepAlive(true, 5000)', (s) => s.setKeepAlive(true, 5000)], ['setKeepAlive(false)', (s) => s.setKeepAlive(false)],
  ['setTimeout(0)', (s) => s.setTimeout(0)], ['setTimeout(1000)', (s) => s.setTimeout(1000).setTimeout(0)],
  ['ref()', (s) => s.ref()], ['unref()', (s) => s.unref().ref()],
]

export const NET_MORE: readonly Case[] = [
  ...SETTERS.map(([name, call]) => setter(name, call)),
  ...SETTERS.map(([name, call]) => early(name, call)),
  ...([{ noDelay: true }, { keepAlive: true }, { keepAlive: true, keepAliveInitialDelay: 1000 }, { noDelay: true, keepAlive: true },
    { allowHalfOpen: true }, { highWaterMark: 1000 }, { pauseOnConnect: true }] as net.ServerOpts[])
    .map((options): Case => [`createServer(${JSON.stringify(options)})`, async (m) => {
      const p = await pair(m, options)
      p.peer.resume()
      p.client.write('x')
      await once(p.peer, 'data')
      await endPair(p)
    }]),
  ...([{ noDelay: true }, { keepAlive: true, keepAliveInitialDelay: 1000 }, { highWaterMark: 500 }, { readableHighWaterMark: 3 },
    { family: 4 }, { localAddress: LOOP }, { hints: 0 }] as object[])
    .map((options): Case => [`connect(${JSON.stringify(options)})`, async (m) => {
      const p = await pair(m, {}, options)
      p.client.write('x')
      await once(p.peer, 'data')
      await endPair(p)
    }]),
  ['localPort', async (m) => {
    const localPort = await freePort(m)
    const p = await pair(m, {}, { localAddress: LOOP, localPort })
    assert.strictEqual(p.peer.remotePort, localPort)
    await endPair(p)
  }],
  ['localAddress that is not ours: bind EADDRNOTAVAIL', async (m) => {
    const error = await failure(m.net.connect({ port: 9, host: LOOP, localAddress: '192.0.2.1' }))
    assert.deepStrictEqual([error.code, error.message], ['EADDRNOTAVAIL', 'bind EADDRNOTAVAIL 192.0.2.1'])
  }],
  ['localPort that is taken: bind EADDRINUSE', async (m) => {
    const server = m.net.createServer()
    const port = await listen(server)
    const error = await failure(m.net.connect({ port: 9, host: LOOP, localAddress: LOOP, localPort: port }))
    assert.deepStrictEqual([error.code, error.message], ['EADDRINUSE', `bind EADDRINUSE ${LOOP}:${port}`])
    await finish(server)
  }],
  ['listen at a taken port: EADDRINUSE', async (m) => {
    const server = m.net.createServer()
    const port = await listen(server)
    const other = m.net.createServer()
    const failed = failure(other)
    other.listen(port, LOOP)
    assert.deepStrictEqual(await failed, {
      name: 'Error', code: 'EADDRINUSE', message: `listen EADDRINUSE: address already in use ${LOOP}:${port}`, errno: -98,
      syscall: 'listen', address: LOOP, port,
    })
    assert.strictEqual(other.listening, false)
    await finish(server)
  }],
  ['listen again after a failure', async (m) => {
    const server = m.net.createServer()
    const port = await listen(server)
    const other = m.net.createServer()
    const failed = failure(other)
    other.listen(port, LOOP)
    await failed
    await listen(other)
    await finish(server, other)
  }],
  ['listen at an address that is not ours', async (m) => {
    const server = m.net.createServer()
    const failed = failure(server)
    server.listen(0, '192.0.2.1')
    assert.strictEqual((await failed).message, 'listen EADDRNOTAVAIL: address not available 192.0.2.1')
  }],
  ['listen at a name', async (m) => {
    const server = m.net.createServer().listen(0, 'localhost')
    await once(server, 'listening')
    const client = m.net.connect({ port: portOf(server), host: 'localhost' })
    await once(client, 'connect')
    await finish(client, server)
  }],
  ['listen at a name that does not exist', async (m) => {
    const server = m.net.createServer()
    const failed = failure(server)
    server.listen(0, 'vimage.invalid')
    const { code, syscall } = await failed
    assert.ok(code === 'ENOTFOUND' || code === 'EAI_AGAIN')
    assert.strictEqual(syscall, 'getaddrinfo')
  }],
  ['listen, close, listen', async (m) => {
    const server = m.net.createServer()
    for (let round = 0; round < 3; round++) {
      await listen(server)
      await finish(server)
    }
  }],
  ['listening', async (m) => {
    const server = m.net.createServer()
    assert.strictEqual(server.listening, false)
    await listen(server)
    assert.strictEqual(server.listening, true)
    server.close()
    assert.strictEqual(server.listening, false)
    await once(server, 'close')
  }],
  ['close of a server that does not run', async (m) => {
    const error = await new Promise<Error & { code: string }>((resolve) => {
      m.net.createServer().close((e) => { resolve(e as Error & { code: string }) })
    })
    assert.deepStrictEqual([error.code, error.message], ['ERR_SERVER_NOT_RUNNING', 'Server is not running.'])
  }],
  ['close right after listen', async (m) => {
    const server = m.net.createServer()
    const log = journal(server, ['listening', 'close'], [])
    server.listen(0, LOOP)
    server.close()
    await once(server, 'close')
    await turn()
    assert.ok(log.includes('close'))
  }],
  ['close waits for connections', async (m) => {
    const p = await pair(m)
    let closed = false
    p.server.close(() => { closed = true })
    await wait(10)
    assert.strictEqual(closed, false)
    await finish(p.client, p.peer)
    await wait(10)
    assert.strictEqual(closed, true)
  }],
  ['a closed server refuses', async (m) => {
    const server = m.net.createServer()
    const port = await listen(server)
    await finish(server)
    assert.strictEqual((await failure(m.net.connect(port, LOOP))).code, 'ECONNREFUSED')
  }],
  ['Symbol.asyncDispose of a server', async (m) => {
    const server = m.net.createServer()
    await listen(server)
    await (server as unknown as Record<symbol, () => Promise<void>>)[Symbol.asyncDispose]()
    assert.strictEqual(server.listening, false)
  }],
  ['getConnections', async (m) => {
    const count = async (server: net.Server): Promise<number> =>
      new Promise((resolve) => { server.getConnections((_e, n) => { resolve(n) }) })
    const p = await pair(m)
    assert.strictEqual(await count(p.server), 1)
    await finish(p.client, p.peer)
    assert.strictEqual(await count(p.server), 0)
    await finish(p.server)
  }],
  ['maxConnections drops', async (m) => {
    const server = m.net.createServer()
    server.maxConnections = 1
    const port = await listen(server)
    const first = m.net.connect(port, LOOP)
    await once(server, 'connection')
    const dropped = once(server, 'drop')
    const second = m.net.connect(port, LOOP).on('error', () => undefined)
    const [data] = await dropped as [net.DropArgument]
    assert.deepStrictEqual([data.localAddress, data.localPort, data.remoteAddress, data.remoteFamily],
      [LOOP, port, LOOP, 'IPv4'])
    await event(second, 'close')
    await finish(first)
    server.close()
  }],
  ['server unref and ref', async (m) => {
    const server = m.net.createServer()
    await listen(server)
    assert.strictEqual(server.unref(), server)
    assert.strictEqual(server.ref(), server)
    await finish(server)
  }],
  ['backlog', async (m) => {
    const server = m.net.createServer()
    const port = await listen(server, { backlog: 1 })
    const clients = Array.from({ length: 5 }, () => m.net.connect(port, LOOP))
    await Promise.all(clients.map(async (c) => once(c, 'connect')))
    await finish(...clients)
    await finish(server)
  }],
  ['an AbortSignal closes a server', async (m) => {
    const controller = new AbortController()
    const server = m.net.createServer()
    await listen(server, { signal: controller.signal })
    controller.abort()
    await once(server, 'close')
  }],
  ['an aborted signal closes a server at once', async (m) => {
    const server = m.net.createServer().listen({ port: 0, host: LOOP, signal: AbortSignal.abort() })
    await once(server, 'close')
  }],
  ['an AbortSignal ends a client', async (m) => {
    const server = m.net.createServer()
    const port = await listen(server)
    const controller = new AbortController()
    const client = m.net.connect({ port, host: LOOP, signal: controller.signal } as never)
    await once(client, 'connect')
    const failed = failure(client)
    controller.abort()
    assert.deepStrictEqual([(await failed).name, (await failed).code], ['AbortError', 'ABORT_ERR'])
    await finish(client, server)
  }],
  ['an aborted signal ends a client at once', async (m) => {
    const client = m.net.connect({ port: await freePort(m), host: LOOP, signal: AbortSignal.abort() } as never)
    assert.strictEqual((await failure(client)).name, 'AbortError')
  }],

  ['timeout is emitted, and nothing else', async (m) => {
    const p = await pair(m)
    const log = journal(p.client, ['timeout', 'error', 'close'], [])
    p.client.setTimeout(20)
    assert.strictEqual(p.client.timeout, 20)
    await once(p.client, 'timeout')
    assert.deepStrictEqual(log, ['timeout'])
    await endPair(p)
  }],
  ['timeout as an option', async (m) => {
    const p = await pair(m, {}, { timeout: 20 })
    await once(p.client, 'timeout')
    await endPair(p)
  }],
  ['timeout is put off by data', async (m) => {
    const p = await pair(m)
    let fired = false
    p.client.setTimeout(60, () => { fired = true })
    p.client.resume()
    for (let i = 0; i < 6; i++) {
      p.peer.write('x')
      await wait(20)
    }
    assert.strictEqual(fired, false)
    await endPair(p)
  }],
  ['setTimeout(0) ends it', async (m) => {
    const p = await pair(m)
    p.client.setTimeout(10, () => { assert.fail('it should not fire') })
    p.client.setTimeout(0)
    await wait(30)
    await endPair(p)
  }],

  ['a lookup of one\'s own', async (m) => {
    const server = m.net.createServer()
    const port = await listen(server)
    const client = to(m, port, { lookup: finds([LOOP, 4]) })
    await once(client, 'connect')
    assert.strictEqual(client.remoteAddress, LOOP)
    await finish(client, server)
  }],
  ['arguments of a lookup of one\'s own', async (m) => {
    const asked: unknown[] = []
    const client = to(m, 9, { autoSelectFamily: false, family: 4, lookup: (name: string, options: object, done: Found) => {
      asked.push(name, { ...options })
      done(new Error('no'), '')
    } })
    assert.strictEqual((await failure(client)).message, 'no')
    assert.deepStrictEqual(asked, ['some.test', { family: 4, hints: 0 }])
  }],
  ['a lookup that fails', async (m) => {
    const client = to(m, 9, { lookup: (_n: string, _o: object, done: Found) => {
      setImmediate(() => { done(new Error('nothing'), '') })
    } })
    const log = journal(client, ['lookup', 'connectionAttempt', 'error', 'close'], [])
    const failed = failure(client)
    assert.strictEqual((await failed).message, 'nothing')
    await event(client, 'close')
    assert.deepStrictEqual(log, ['lookup', 'error', 'close'])
  }],
  ['a lookup that finds no address', async (m) => {
    const client = to(m, 9, { autoSelectFamily: false, lookup: (_n: string, _o: object, done: Found) => { done(null, 'x', 4) } })
    assert.strictEqual((await failure(client)).code, 'ERR_INVALID_IP_ADDRESS')
  }],
  ['a lookup that finds an odd family', async (m) => {
    const client = to(m, 9, { autoSelectFamily: false, lookup: (_n: string, _o: object, done: Found) => { done(null, LOOP, 9) } })
    assert.strictEqual((await failure(client)).code, 'ERR_INVALID_ADDRESS_FAMILY')
  }],
  ['a name that does not exist', async (m) => {
    const error = await failure(m.net.connect(9, 'vimage.invalid'))
    assert.ok(error.code === 'ENOTFOUND' || error.code === 'EAI_AGAIN')
    assert.strictEqual(error.syscall, 'getaddrinfo')
  }],
  ['destroy during lookup', async (m) => {
    const client = to(m, 9, { lookup: (_n: string, _o: object, done: Found) => { setTimeout(() => { done(null, LOOP, 4) }, 10) } })
    const log = journal(client, ['connectionAttempt', 'error', 'close'], [])
    client.destroy()
    await wait(30)
    assert.deepStrictEqual(log, ['close'])
  }],
  ['autoSelectFamily: the second address', async (m) => {
    const server = m.net.createServer()
    const port = await listen(server)
    const client = to(m, port, { autoSelectFamily: true, lookup: finds(['::1', 6], [LOOP, 4]) })
    const log = journal(client, ['lookup', 'connectionAttempt', 'connectionAttemptFailed', 'connect', 'ready'], [])
    await once(client, 'ready')
    assert.deepStrictEqual(log,
      ['lookup', 'lookup', 'connectionAttempt', 'connectionAttemptFailed', 'connectionAttempt', 'connect', 'ready'])
    assert.deepStrictEqual(client.autoSelectFamilyAttemptedAddresses, [`::1:${port}`, `${LOOP}:${port}`])
    await finish(client, server)
  }],
  ['autoSelectFamily: nobody anywhere', async (m) => {
    const port = await freePort(m)
    const client = to(m, port, { autoSelectFamily: true, lookup: finds(['::1', 6], [LOOP, 4]) })
    const [error] = await event(client, 'error') as [AggregateError & { code: string }]
    assert.strictEqual(error.name, 'AggregateError')
    assert.strictEqual(error.code, 'ECONNREFUSED')
    assert.deepStrictEqual(error.errors.map((e: Error) => e.message),
      [`connect ECONNREFUSED ::1:${port}`, `connect ECONNREFUSED ${LOOP}:${port}`])
  }],
  ['IPv6 loopback', async (m) => {
    const server = m.net.createServer((socket) => { socket.end('six') })
    server.listen(0, '::1')
    await once(server, 'listening')
    const client = m.net.connect(portOf(server), '::1')
    assert.strictEqual(String(await collect(client)), 'six')
    assert.deepStrictEqual((server.address() as net.AddressInfo | null)?.family, 'IPv6')
    await finish(server)
  }],
  ['a server of both families shows mapped addresses', async (m) => {
    const server = m.net.createServer()
    server.listen(0)
    await once(server, 'listening')
    assert.deepStrictEqual(server.address(), { address: '::', family: 'IPv6', port: portOf(server) })
    const client = m.net.connect(portOf(server), LOOP)
    const [peer] = await once(server, 'connection') as [net.Socket]
    assert.deepStrictEqual([peer.remoteAddress, peer.remoteFamily], ['::ffff:127.0.0.1', 'IPv6'])
    await finish(client, peer, server)
  }],
  ['ipv6Only', async (m) => {
    const server = m.net.createServer()
    server.listen({ port: 0, host: '::', ipv6Only: true })
    await once(server, 'listening')
    assert.strictEqual((await failure(m.net.connect(portOf(server), LOOP))).code, 'ECONNREFUSED')
    await finish(server)
  }],

  ['diagnostics_channel: both ends', async (m) => {
    const seen: string[] = []
    const onClient = (): void => { seen.push('client') }
    const onServer = (): void => { seen.push('server') }
    channel('net.client.socket').subscribe(onClient)
    channel('net.server.socket').subscribe(onServer)
    const p = await pair(m)
    channel('net.client.socket').unsubscribe(onClient)
    channel('net.server.socket').unsubscribe(onServer)
    assert.deepStrictEqual(seen.sort(), ['client', 'server'])
    await endPair(p)
  }],
  ['a hundred connections at once', async (m) => {
    const server = m.net.createServer((socket) => { socket.pipe(socket) })
    const port = await listen(server)
    const answers = await Promise.all(Array.from({ length: 100 }, async (_, i) => {
      const client = m.net.connect(port, LOOP)
      client.end(`client ${i}`)
      return String(await collect(client))
    }))
    assert.deepStrictEqual(answers, Array.from({ length: 100 }, (_, i) => `client ${i}`))
    await finish(server)
  }],
  ['a path is a pipe of the host', async (m) => {
    const path = `/tmp/vimage-test-${process.pid}-${Math.floor(performance.now() * 1000)}.sock`
    const server = m.net.createServer((socket) => { socket.end('pipe') })
    server.listen(path)
    await once(server, 'listening')
    assert.strictEqual(server.address(), path)
    assert.strictEqual(String(await collect(m.net.connect(path))), 'pipe')
    await finish(server)
  }],
  ['a path at which nothing is', async (m) => {
    const error = await failure(m.net.connect('/tmp/vimage-test-nothing.sock'))
    assert.deepStrictEqual([error.code, error.message], ['ENOENT', 'connect ENOENT /tmp/vimage-test-nothing.sock'])
  }],
]
