/** The life of connections: events and their order, ends, halves, addresses, counters. */

import assert from 'node:assert'
import { once } from 'node:events'
import type net from 'node:net'
import { collect, endPair, event, failure, finish, journal, listen, LOOP, pair, turn, wait } from '../kit.ts'
import type { Case } from '../kit.ts'

const CLIENT = ['lookup', 'connectionAttempt', 'connect', 'ready', 'data', 'end', 'finish', 'close', 'error', 'timeout']

async function echo(m: Parameters<Case[1]>[0]): Promise<[net.Server, number]> {
  const server = m.net.createServer((socket) => {
    socket.on('error', () => undefined)
    socket.pipe(socket)
  })
  return [server, await listen(server)]
}

const SIZES = [0, 1, 2, 1000, 1459, 1460, 1461, 16_383, 16_384, 16_385, 65_535, 65_536, 65_537, 1_000_000, 5_000_000]
const ENCODINGS = ['utf8', 'latin1', 'ascii', 'base64', 'hex', 'utf16le', 'binary', 'base64url'] as const

export const NET_LIFE: readonly Case[] = [
  ['events of a client that is answered and closed', async (m) => {
    const [server, port] = await echo(m)
    const client = m.net.connect(port, LOOP)
    const log = journal(client, CLIENT, [])
    client.on('connect', () => client.end('hi'))
    await once(client, 'close')
    assert.deepStrictEqual(log, ['connectionAttempt', 'connect', 'ready', 'finish', 'data', 'end', 'close'])
    await finish(server)
  }],
  ['events of a client of a name', async (m) => {
    const [server, port] = await echo(m)
    const client = m.net.connect({ port, host: 'localhost', family: 4 })
    const log = journal(client, CLIENT, [])
    client.on('connect', () => client.end('hi'))
    await once(client, 'close')
    assert.deepStrictEqual(log, ['lookup', 'connectionAttempt', 'connect', 'ready', 'finish', 'data', 'end', 'close'])
    await finish(server)
  }],
  ['arguments of lookup', async (m) => {
    const [server, port] = await echo(m)
    const client = m.net.connect({ port, host: 'localhost', family: 4 })
    const args = await once(client, 'lookup')
    assert.deepStrictEqual(args, [null, LOOP, 4, 'localhost'])
    await finish(client, server)
  }],
  ['arguments of connectionAttempt', async (m) => {
    const [server, port] = await echo(m)
    const client = m.net.connect(port, LOOP)
    assert.deepStrictEqual(await once(client, 'connectionAttempt'), [LOOP, port, 4])
    await finish(client, server)
  }],
  ['events of a client that is refused', async (m) => {
    const port = await freePort(m)
    const client = m.net.connect(port, LOOP)
    const log = journal(client, [...CLIENT, 'connectionAttemptFailed'], [])
    await event(client, 'close')
    assert.deepStrictEqual(log, ['connectionAttempt', 'connectionAttemptFailed', 'error', 'close'])
  }],
  ['the error of a refusal', async (m) => {
    const port = await freePort(m)
    const error = await failure(m.net.connect(port, LOOP))
    assert.deepStrictEqual(error, {
      name: 'Error', code: 'ECONNREFUSED', message: `connect ECONNREFUSED ${LOOP}:${port}`, errno: -111, syscall: 'connect',
      address: LOOP, port,
    })
  }],
  ['close says whether there was an error', async (m) => {
    const client = m.net.connect(await freePort(m), LOOP)
    client.on('error', () => undefined)
    assert.deepStrictEqual(await event(client, 'close'), [true])
  }],
  ['close after a normal end says false', async (m) => {
    const p = await pair(m)
    p.peer.resume().on('end', () => p.peer.end())
    p.client.resume().end()
    assert.deepStrictEqual(await once(p.client, 'close'), [false])
    await finish(p.server)
  }],
  ['destroy with an error gives that error', async (m) => {
    const p = await pair(m)
    const failed = failure(p.client)
    p.client.destroy(new Error('enough'))
    assert.strictEqual((await failed).message, 'enough')
    await endPair(p)
  }],
  ['events of a server', async (m) => {
    const server = m.net.createServer()
    const log = journal(server, ['listening', 'connection', 'close', 'error'], [])
    const port = await listen(server)
    const client = m.net.connect(port, LOOP)
    const [peer] = await once(server, 'connection') as [net.Socket]
    await finish(client, peer)
    await finish(server)
    assert.deepStrictEqual(log, ['listening', 'connection', 'close'])
  }],
  ['connection comes before connect', async (m) => {
    const server = m.net.createServer()
    const port = await listen(server)
    const log: string[] = []
    server.on('connection', () => log.push('connection'))
    const client = m.net.connect(port, LOOP, () => log.push('connect'))
    await once(client, 'ready')
    await turn()
    assert.deepStrictEqual(log, ['connection', 'connect'])
    client.destroy()
    await finish(server)
  }],
  ['listening is not emitted within listen', async (m) => {
    const server = m.net.createServer()
    let late = false
    server.once('listening', () => { assert.ok(late) })
    server.listen(0, LOOP)
    late = true
    await once(server, 'listening')
    await finish(server)
  }],
  ['address() before listening is null', (m) => { assert.strictEqual(m.net.createServer().address(), null) }],
  ['address() of a server', async (m) => {
    const server = m.net.createServer()
    const port = await listen(server)
    assert.deepStrictEqual(server.address(), { address: LOOP, family: 'IPv4', port })
    await finish(server)
    assert.strictEqual(server.address(), null)
  }],
  ['addresses of both ends', async (m) => {
    const p = await pair(m)
    assert.deepStrictEqual([p.client.remoteAddress, p.client.remotePort, p.client.remoteFamily], [LOOP, p.port, 'IPv4'])
    assert.deepStrictEqual([p.client.localAddress, p.client.localFamily], [LOOP, 'IPv4'])
    assert.deepStrictEqual([p.peer.localAddress, p.peer.localPort, p.peer.localFamily], [LOOP, p.port, 'IPv4'])
    assert.strictEqual(p.peer.remotePort, p.client.localPort)
    assert.deepStrictEqual(p.client.address(), { address: LOOP, family: 'IPv4', port: p.peer.remotePort })
    await endPair(p)
  }],
  ['addresses of a socket that is none yet', (m) => {
    const socket = new m.net.Socket()
    assert.deepStrictEqual([socket.remoteAddress, socket.remotePort, socket.localPort], [undefined, undefined, undefined])
    assert.deepStrictEqual(socket.address(), {})
    socket.destroy()
  }],
  ['addresses after close', async (m) => {
    const p = await pair(m)
    const was = p.client.remoteAddress
    await endPair(p)
    assert.strictEqual(was, LOOP)
    assert.strictEqual(p.peer.remotePort, undefined)
  }],
  ['readyState', async (m) => {
    const [server, port] = await echo(m)
    const client = new m.net.Socket()
    const states = [client.readyState]
    client.connect(port, LOOP)
    states.push(client.readyState)
    await once(client, 'connect')
    states.push(client.readyState)
    client.end()
    states.push(client.readyState)
    client.resume()
    await once(client, 'close')
    states.push(client.readyState)
    assert.deepStrictEqual(states, ['open', 'opening', 'open', 'readOnly', 'closed'])
    await finish(server)
  }],
  ['pending and connecting', async (m) => {
    const [server, port] = await echo(m)
    const client = new m.net.Socket()
    assert.deepStrictEqual([client.pending, client.connecting], [true, false])
    client.connect(port, LOOP)
    assert.deepStrictEqual([client.pending, client.connecting], [true, true])
    await once(client, 'connect')
    assert.deepStrictEqual([client.pending, client.connecting], [false, false])
    await finish(client, server)
    assert.strictEqual(client.pending, true)
  }],
  ...SIZES.map((size): Case => [`${size} bytes there and back`, async (m) => {
    const [server, port] = await echo(m)
    const client = m.net.connect(port, LOOP)
    const sent = Buffer.alloc(size)
    for (let i = 0; i < size; i++) sent[i] = i % 251
    client.end(sent)
    assert.ok(sent.equals(await collect(client)))
    assert.deepStrictEqual([client.bytesWritten, client.bytesRead], [size, size])
    await finish(server)
  }]),
  ...ENCODINGS.map((encoding): Case => [`write in ${encoding}`, async (m) => {
    const [server, port] = await echo(m)
    const client = m.net.connect(port, LOOP)
    client.end('6162e4f6636465', encoding)
    assert.deepStrictEqual(await collect(client), Buffer.from('6162e4f6636465', encoding))
    await finish(server)
  }]),
  ...(['utf8', 'hex', 'base64', 'latin1'] as const).map((encoding): Case => [`setEncoding ${encoding}`, async (m) => {
    const [server, port] = await echo(m)
    const client = m.net.connect(port, LOOP)
    client.setEncoding(encoding)
    client.end('grüße')
    let text = ''
    client.on('data', (part: string) => { text += part })
    await once(client, 'close')
    assert.strictEqual(text, Buffer.from('grüße').toString(encoding))
    await finish(server)
  }]),
  ['many writes in one turn arrive in order', async (m) => {
    const [server, port] = await echo(m)
    const client = m.net.connect(port, LOOP)
    let sent = ''
    for (let i = 0; i < 500; i++) {
      client.write(`${i},`)
      sent += `${i},`
    }
    client.end()
    assert.strictEqual(String(await collect(client)), sent)
    await finish(server)
  }],
  ['cork gathers writes', async (m) => {
    const p = await pair(m)
    p.client.cork()
    p.client.write('a')
    p.client.write(Buffer.from('b'))
    p.client.write('63', 'hex')
    p.client.uncork()
    p.client.end()
    assert.strictEqual(String(await collect(p.peer)), 'abc')
    await endPair(p)
  }],
  ['write calls back', async (m) => {
    const p = await pair(m)
    const error = await new Promise((resolve) => { p.client.write('x', resolve) })
    assert.ok(error === null || error === undefined)
    await endPair(p)
  }],
  ['end calls back when it has finished', async (m) => {
    const p = await pair(m)
    p.peer.resume()
    await new Promise<void>((resolve) => { p.client.end('x', resolve) })
    assert.ok(p.client.writableFinished)
    await endPair(p)
  }],
  ['a small write leaves nothing waiting', async (m) => {
    const p = await pair(m)
    assert.strictEqual(p.client.write('x'), true)
    assert.strictEqual(p.client.writableLength, 0)
    assert.strictEqual(p.client.bytesWritten, 1)
    await endPair(p)
  }],
  ['write says false and drain follows', async (m) => {
    const p = await pair(m)
    p.peer.pause()
    while (p.client.write(Buffer.alloc(100_000)));
    assert.ok(p.client.writableNeedDrain)
    p.peer.resume()
    await once(p.client, 'drain')
    assert.strictEqual(p.client.writableNeedDrain, false)
    await endPair(p)
  }],
  ['bytesWritten counts what waits for the connection', async (m) => {
    const [server, port] = await echo(m)
    const client = m.net.connect(port, LOOP)
    client.write('grüße')
    assert.strictEqual(client.bytesWritten, 7)
    await once(client, 'data')
    assert.deepStrictEqual([client.bytesWritten, client.bytesRead], [7, 7])
    await finish(client, server)
    assert.deepStrictEqual([client.bytesWritten, client.bytesRead], [7, 7])
  }],
  ['write after end', async (m) => {
    const p = await pair(m)
    p.client.end()
    const failed = failure(p.client)
    p.client.write('x')
    assert.strictEqual((await failed).code, 'ERR_STREAM_WRITE_AFTER_END')
    await endPair(p)
  }],
  ['write after destroy', async (m) => {
    const p = await pair(m)
    p.client.destroy()
    const error = await new Promise<Error & { code: string }>((resolve) => {
      p.client.write('x', (e) => { resolve(e as Error & { code: string }) })
    })
    assert.strictEqual(error.code, 'ERR_STREAM_DESTROYED')
    await endPair(p)
  }],
  ['write after the peer has ended: EPIPE', async (m) => {
    const p = await pair(m, {}, {})
    p.client.resume()
    p.peer.end()
    await once(p.client, 'end')
    const failed = failure(p.client)
    p.client.write('x')
    assert.strictEqual((await failed).code, 'EPIPE')
    await endPair(p)
  }],
  ['without allowHalfOpen the end of the peer ends us', async (m) => {
    const p = await pair(m)
    p.client.resume()
    p.peer.resume()
    const log = journal(p.peer, ['end', 'finish', 'close'], [])
    p.client.end()
    await once(p.peer, 'close')
    assert.deepStrictEqual(log, ['end', 'finish', 'close'])
    await endPair(p)
  }],
  ['with allowHalfOpen the server answers after the end', async (m) => {
    const server = m.net.createServer({ allowHalfOpen: true }, (socket) => {
      socket.resume().on('end', () => { socket.end('after') })
    })
    const client = m.net.connect(await listen(server), LOOP)
    client.end()
    assert.strictEqual(String(await collect(client)), 'after')
    await finish(server)
  }],
  ['with allowHalfOpen the client writes after the end', async (m) => {
    const server = m.net.createServer((socket) => { socket.end('first') })
    server.on('connection', (socket) => { socket.resume() })
    const client = m.net.connect({ port: await listen(server), host: LOOP, allowHalfOpen: true })
    assert.strictEqual(client.allowHalfOpen, true)
    client.resume()
    await once(client, 'end')
    assert.strictEqual(client.destroyed, false)
    assert.strictEqual(client.writable, true)
    await finish(client, server)
  }],
  ['a paused socket gives nothing', async (m) => {
    const p = await pair(m)
    let got = 0
    p.peer.on('data', (chunk: Buffer) => { got += chunk.length })
    p.peer.pause()
    p.client.write('hello')
    await wait(20)
    assert.strictEqual(got, 0)
    p.peer.resume()
    await once(p.peer, 'data')
    assert.strictEqual(got, 5)
    await endPair(p)
  }],
  ['pauseOnConnect', async (m) => {
    const server = m.net.createServer({ pauseOnConnect: true })
    const client = m.net.connect(await listen(server), LOOP)
    client.write('hello')
    const [peer] = await once(server, 'connection') as [net.Socket]
    assert.ok(peer.isPaused())
    await wait(20)
    assert.strictEqual(peer.bytesRead, 0)
    peer.resume()
    const [data] = await once(peer, 'data') as [Buffer]
    assert.strictEqual(String(data), 'hello')
    await finish(client, peer, server)
  }],
  ['reading by read() and readable', async (m) => {
    const p = await pair(m)
    p.client.end('abcdef')
    await once(p.peer, 'readable')
    assert.strictEqual(String(p.peer.read(3)), 'abc')
    assert.strictEqual(String(p.peer.read()), 'def')
    await endPair(p)
  }],
  ['for await over a socket', async (m) => {
    const p = await pair(m)
    p.client.end('abc')
    assert.strictEqual(String(await collect(p.peer)), 'abc')
    await endPair(p)
  }],
  ['onread with one buffer', async (m) => {
    const server = m.net.createServer((socket) => { socket.end('0123456789') })
    const buffer = Buffer.alloc(4)
    let text = ''
    const client = m.net.connect({
      port: await listen(server), host: LOOP,
      onread: { buffer, callback: (n: number, bytes: Uint8Array) => {
        text += Buffer.from(bytes).toString('latin1', 0, n)
        return true
      } },
    })
    client.on('data', () => { assert.fail('no data events with onread') })
    await once(client, 'end')
    assert.strictEqual(text, '0123456789')
    await finish(client, server)
  }],
  ['onread with a function that gives buffers', async (m) => {
    const server = m.net.createServer((socket) => { socket.end('0123456789') })
    let text = ''
    let made = 0
    const client = m.net.connect({
      port: await listen(server), host: LOOP,
      onread: { buffer: () => { made++; return Buffer.alloc(3) }, callback: (n: number, bytes: Uint8Array) => {
        text += Buffer.from(bytes).toString('latin1', 0, n)
        return true
      } },
    } as never)
    await once(client, 'end')
    assert.strictEqual(text, '0123456789')
    assert.ok(made >= 4)
    await finish(client, server)
  }],
  ['connect again with the same socket', async (m) => {
    const [server, port] = await echo(m)
    const client = new m.net.Socket()
    for (let round = 0; round < 3; round++) {
      client.connect(port, LOOP)
      await once(client, 'connect')
      client.end(`round ${round}`)
      const [data] = await once(client, 'data') as [Buffer]
      assert.strictEqual(String(data), `round ${round}`)
      await once(client, 'close')
    }
    await finish(server)
  }],
  ['connect again after a refusal', async (m) => {
    const refused = await freePort(m)
    const client = new m.net.Socket()
    client.connect(refused, LOOP)
    await failure(client)
    await turn()
    const [server, port] = await echo(m)
    client.connect(port, LOOP)
    await once(client, 'connect')
    await finish(client, server)
  }],
  ['destroy while connecting', async (m) => {
    const [server, port] = await echo(m)
    const client = m.net.connect(port, LOOP)
    const log = journal(client, ['connect', 'error', 'close'], [])
    client.destroy()
    await once(client, 'close')
    await wait(10)
    assert.deepStrictEqual(log, ['close'])
    await finish(server)
  }],
  ['end while connecting sends what was written', async (m) => {
    const server = m.net.createServer()
    const port = await listen(server)
    m.net.connect(port, LOOP).on('error', () => undefined).end('all')
    const [peer] = await once(server, 'connection') as [net.Socket]
    assert.strictEqual(String(await collect(peer)), 'all')
    await finish(peer, server)
  }],
  ['resetAndDestroy: the peer sees ECONNRESET', async (m) => {
    const p = await pair(m)
    p.peer.resume()
    const failed = failure(p.peer)
    p.client.resetAndDestroy()
    const error = await failed
    assert.deepStrictEqual([error.code, error.syscall, error.message], ['ECONNRESET', 'read', 'read ECONNRESET'])
    await endPair(p)
  }],
  ['resetAndDestroy while connecting', async (m) => {
    const [server, port] = await echo(m)
    const client = m.net.connect(port, LOOP)
    client.on('error', () => undefined)
    client.resetAndDestroy()
    await once(client, 'close')
    assert.ok(client.destroyed)
    await finish(server)
  }],
  ['resetAndDestroy of a socket without a connection', async (m) => {
    const socket = new m.net.Socket()
    const failed = failure(socket)
    socket.resetAndDestroy()
    assert.strictEqual((await failed).code, 'ERR_SOCKET_CLOSED')
  }],
  ['destroySoon ends first', async (m) => {
    const p = await pair(m)
    p.client.write('last words')
    p.client.destroySoon()
    assert.strictEqual(String(await collect(p.peer)), 'last words')
    await endPair(p)
  }],
  ['a socket closed with unread data resets', async (m) => {
    const p = await pair(m)
    p.peer.pause()
    p.client.write(Buffer.alloc(100_000))
    await wait(20)
    p.client.on('error', () => undefined)
    p.peer.destroy()
    assert.deepStrictEqual(await event(p.client, 'close'), [true])
    await endPair(p)
  }],
  ['pipe from socket to socket', async (m) => {
    const [server, port] = await echo(m)
    const relay = m.net.createServer({ allowHalfOpen: true }, (socket) => {
      const onward = m.net.connect(port, LOOP)
      socket.pipe(onward).pipe(socket)
    })
    const client = m.net.connect(await listen(relay), LOOP)
    client.end('through')
    assert.strictEqual(String(await collect(client)), 'through')
    await finish(relay, server)
  }],
]

/** A port at which nobody listens. */
export async function freePort(m: Parameters<Case[1]>[0]): Promise<number> {
  const server = m.net.createServer()
  const port = await listen(server)
  await finish(server)
  return port
}
