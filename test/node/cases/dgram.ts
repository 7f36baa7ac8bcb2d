/** `dgram`: arguments, life, messages, options, groups. */

import assert from 'node:assert'
import { once } from 'node:events'
import type dgram from 'node:dgram'
import type { AddressInfo } from 'node:net'
import { bound, event, journal, LOOP, shut, thrown, wait } from '../kit.ts'
import type { Case, Mods } from '../kit.ts'

type Loose = Record<string, (...args: unknown[]) => unknown>

const socketOf = (m: Mods): dgram.Socket => m.dgram.createSocket('udp4')

/** A call on a fresh socket that throws. */
function throws(method: string, args: unknown[], code: string): Case {
  return [`${method}(${args.map((a) => JSON.stringify(a) ?? typeof a).join(', ')}) on a fresh socket`, (m) => {
    const socket = socketOf(m)
    assert.strictEqual(thrown(() => (socket as unknown as Loose)[method](...args)).code, code)
    socket.close()
  }]
}

/** A call on a bound socket that throws. */
function boundThrows(method: string, args: unknown[], code: string): Case {
  return [`${method}(${args.map((a) => JSON.stringify(a) ?? typeof a).join(', ')}) on a bound socket`, async (m) => {
    const socket = await bound(m)
    assert.strictEqual(thrown(() => (socket as unknown as Loose)[method](...args)).code, code)
    await shut(socket)
  }]
}

function afterClose(method: string, args: unknown[]): Case {
  return [`${method} after close`, async (m) => {
    const socket = await bound(m)
    await shut(socket)
    assert.strictEqual(thrown(() => (socket as unknown as Loose)[method](...args)).code, 'ERR_SOCKET_DGRAM_NOT_RUNNING')
  }]
}

async function exchange(
  m: Mods, send: (from: dgram.Socket, port: number) => void,
): Promise<[message: Buffer, info: dgram.RemoteInfo, port: number]> {
  const to = await bound(m)
  const from = await bound(m)
  const got = once(to, 'message')
  send(from, to.address().port)
  const [message, info] = await got as [Buffer, dgram.RemoteInfo]
  const { port } = from.address()
  await shut(to, from)
  return [message, info, port]
}

function sends(name: string, expected: string, send: (from: dgram.Socket, port: number) => void): Case {
  return [`send: ${name}`, async (m) => {
    const [message, info, port] = await exchange(m, send)
    assert.strictEqual(message.toString('latin1'), expected)
    assert.deepStrictEqual({ ...info }, { address: LOOP, family: 'IPv4', port, size: expected.length })
  }]
}

export const DGRAM: readonly Case[] = [
  ...([undefined, null, '', 'udp', 'udp5', 'UDP4', {}, [], 4, true, () => 0] as unknown[]).map((type): Case =>
    [`createSocket(${JSON.stringify(type) ?? typeof type}) is no type`, (m) => {
      const error = thrown(() => (m.dgram.createSocket as unknown as (t: unknown) => unknown)(type))
      assert.ok(error.code === 'ERR_SOCKET_BAD_TYPE' || error.name === 'TypeError')
    }]),
  ['lookup is no function', (m) => {
    const error = thrown(() => m.dgram.createSocket({ type: 'udp4', lookup: 'x' as never }))
    assert.strictEqual(error.code, 'ERR_INVALID_ARG_TYPE')
  }],
  ['signal is no signal', (m) => {
    const error = thrown(() => m.dgram.createSocket({ type: 'udp4', signal: {} as never }))
    assert.strictEqual(error.code, 'ERR_INVALID_ARG_TYPE')
  }],
  ['type is kept', (m) => {
    const socket = socketOf(m) as dgram.Socket & { type: string }
    assert.strictEqual(socket.type, 'udp4')
    socket.close()
  }],

  throws('address', [], 'EBADF'),
  throws('setBroadcast', [true], 'EBADF'),
  throws('setTTL', [16], 'EBADF'),
  throws('setMulticastTTL', [16], 'EBADF'),
  throws('setMulticastLoopback', [true], 'EBADF'),
  throws('setMulticastInterface', ['127.0.0.1'], 'EBADF'),
  throws('getRecvBufferSize', [], 'ERR_SOCKET_BUFFER_SIZE'),
  throws('getSendBufferSize', [], 'ERR_SOCKET_BUFFER_SIZE'),
  throws('setRecvBufferSize', [1024], 'ERR_SOCKET_BUFFER_SIZE'),
  throws('setSendBufferSize', [1024], 'ERR_SOCKET_BUFFER_SIZE'),
  throws('remoteAddress', [], 'ERR_SOCKET_DGRAM_NOT_CONNECTED'),
  throws('disconnect', [], 'ERR_SOCKET_DGRAM_NOT_CONNECTED'),
  throws('addMembership', [], 'ERR_MISSING_ARGS'),
  throws('dropMembership', [], 'ERR_MISSING_ARGS'),
  throws('send', [], 'ERR_INVALID_ARG_TYPE'),
  throws('send', [23, 12_345, LOOP], 'ERR_INVALID_ARG_TYPE'),
  throws('send', ['x', 0, LOOP], 'ERR_SOCKET_BAD_PORT'),
  throws('send', ['x', 65_536, LOOP], 'ERR_SOCKET_BAD_PORT'),
  throws('send', ['x', -1, LOOP], 'ERR_SOCKET_BAD_PORT'),
  throws('send', ['x', 1.5, LOOP], 'ERR_SOCKET_BAD_PORT'),
  throws('send', [[1, 2], 12_345, LOOP], 'ERR_INVALID_ARG_TYPE'),
  throws('connect', [0], 'ERR_SOCKET_BAD_PORT'),
  throws('connect', [-1], 'ERR_SOCKET_BAD_PORT'),
  throws('connect', [65_536], 'ERR_SOCKET_BAD_PORT'),
  throws('connect', [null], 'ERR_SOCKET_BAD_PORT'),
  ...(['x', true, {}, null] as unknown[]).map((value) => boundThrows('setTTL', [value], 'ERR_INVALID_ARG_TYPE')),
  ...[0, 256, -1, 1000].map((value) => boundThrows('setTTL', [value], 'EINVAL')),
  boundThrows('setMulticastTTL', ['x'], 'ERR_INVALID_ARG_TYPE'),
  boundThrows('setMulticastTTL', [1000], 'EINVAL'),
  boundThrows('setMulticastInterface', [5], 'ERR_INVALID_ARG_TYPE'),
  boundThrows('setMulticastInterface', ['nonsense'], 'EINVAL'),
  boundThrows('addMembership', ['10.0.0.1'], 'EINVAL'),
  boundThrows('addMembership', ['nonsense'], 'EINVAL'),
  boundThrows('dropMembership', ['224.0.0.114'], 'EADDRNOTAVAIL'),
  boundThrows('setRecvBufferSize', [-1], 'ERR_SOCKET_BAD_BUFFER_SIZE'),
  boundThrows('setRecvBufferSize', ['x'], 'ERR_SOCKET_BAD_BUFFER_SIZE'),
  boundThrows('setRecvBufferSize', [1.5], 'ERR_SOCKET_BAD_BUFFER_SIZE'),
  boundThrows('setSendBufferSize', [Infinity], 'ERR_SOCKET_BAD_BUFFER_SIZE'),
  boundThrows('setSendBufferSize', [null], 'ERR_SOCKET_BAD_BUFFER_SIZE'),
  boundThrows('bind', [0], 'ERR_SOCKET_ALREADY_BOUND'),
  boundThrows('remoteAddress', [], 'ERR_SOCKET_DGRAM_NOT_CONNECTED'),
  afterClose('send', ['x', 1, LOOP]),
  afterClose('bind', [0]),
  afterClose('address', []),
  afterClose('close', []),
  afterClose('addMembership', ['224.0.0.114']),
  ['ref and unref after close do nothing', async (m) => {
    const socket = await bound(m)
    await shut(socket)
    assert.strictEqual(socket.ref(), socket)
    assert.strictEqual(socket.unref(), socket)
  }],

  sends('a Buffer', 'hello', (s, port) => { s.send(Buffer.from('hello'), port, LOOP) }),
  sends('text', 'hello', (s, port) => { s.send('hello', port, LOOP) }),
  sends('a Uint8Array', 'abc', (s, port) => { s.send(new Uint8Array([97, 98, 99]), port, LOOP) }),
  sends('a DataView', 'abc', (s, port) => { s.send(new DataView(new Uint8Array([97, 98, 99]).buffer), port, LOOP) }),
  sends('a list', 'onetwo', (s, port) => { s.send([Buffer.from('one'), Buffer.from('two')], port, LOOP) }),
  sends('a list of text and bytes', 'onetwo', (s, port) => { s.send(['one', new Uint8Array([116, 119, 111])], port, LOOP) }),
  sends('an empty list', '', (s, port) => { s.send([], port, LOOP) }),
  sends('nothing', '', (s, port) => { s.send(Buffer.alloc(0), port, LOOP) }),
  sends('with offset and length', 'ell', (s, port) => { s.send(Buffer.from('hello'), 1, 3, port, LOOP) }),
  sends('text with offset and length', 'ell', (s, port) => { s.send('hello', 1, 3, port, LOOP) }),
  sends('with a callback', 'hello', (s, port) => { s.send('hello', port, LOOP, () => undefined) }),
  sends('without an address', 'hello', (s, port) => { s.send('hello', port) }),
  sends('a name', 'hello', (s, port) => { s.send('hello', port, 'localhost') }),
  sends('to the wildcard', 'hello', (s, port) => { s.send('hello', port, '0.0.0.0') }),
  sends('twelve hundred bytes', 'x'.repeat(1200), (s, port) => { s.send('x'.repeat(1200), port, LOOP) }),
  sends('sixty thousand bytes', 'x'.repeat(60_000), (s, port) => { s.send('x'.repeat(60_000), port, LOOP) }),
  sends('the most that fits', 'x'.repeat(65_507), (s, port) => { s.send('x'.repeat(65_507), port, LOOP) }),
  ['send: the callback tells the bytes', async (m) => {
    const to = await bound(m)
    const from = socketOf(m)
    const [error, bytes] = await new Promise<[Error | null, number]>((resolve) => {
      from.send('hello', to.address().port, LOOP, (e, n) => { resolve([e, n]) })
    })
    assert.deepStrictEqual([error, bytes], [null, 5])
    await shut(to, from)
  }],
  ['send: too long is EMSGSIZE', async (m) => {
    const from = await bound(m)
    const error = await new Promise<(Error & { code?: string }) | null>((resolve) => {
      from.send(Buffer.alloc(65_508), 9, LOOP, (e) => { resolve(e) })
    })
    assert.strictEqual(error?.code, 'EMSGSIZE')
    assert.strictEqual(error?.message, `send EMSGSIZE ${LOOP}:9`)
    await shut(from)
  }],
  ['send: binds what is not bound', async (m) => {
    const to = await bound(m)
    const from = socketOf(m)
    const log = journal(from, ['listening', 'close'], [])
    from.send('x', to.address().port, LOOP)
    await once(to, 'message')
    assert.ok(from.address().port > 0)
    assert.strictEqual(from.address().address, '0.0.0.0')
    await shut(to, from)
    assert.deepStrictEqual(log, ['listening', 'close'])
  }],
  ['send: many in one turn keep their order', async (m) => {
    const to = await bound(m)
    const from = await bound(m)
    const got: string[] = []
    to.on('message', (message: Buffer) => got.push(String(message)))
    for (let i = 0; i < 50; i++) from.send(String(i), to.address().port, LOOP)
    while (got.length < 50) await once(to, 'message')
    assert.deepStrictEqual(got, Array.from({ length: 50 }, (_, i) => String(i)))
    await shut(to, from)
  }],
  ['send: a broadcast needs leave', async (m) => {
    const from = await bound(m, 'udp4', 0, '0.0.0.0')
    const error = await new Promise<(Error & { code?: string }) | null>((resolve) => {
      from.send('x', 9, '255.255.255.255', (e) => { resolve(e) })
    })
    assert.ok(error?.code === 'EACCES' || error?.code === 'ENETUNREACH')
    await shut(from)
  }],

  ['events of a socket', async (m) => {
    const socket = socketOf(m)
    const log = journal(socket, ['listening', 'message', 'close', 'error'], [])
    socket.bind(0, LOOP)
    await once(socket, 'listening')
    socket.send('x', socket.address().port, LOOP)
    await once(socket, 'message')
    await shut(socket)
    assert.deepStrictEqual(log, ['listening', 'message', 'close'])
  }],
  ['listening is not emitted within bind', async (m) => {
    const socket = socketOf(m)
    let late = false
    socket.once('listening', () => { assert.ok(late) })
    socket.bind(0, LOOP)
    late = true
    await once(socket, 'listening')
    await shut(socket)
  }],
  ['close is not emitted within close', async (m) => {
    const socket = await bound(m)
    let late = false
    socket.once('close', () => { assert.ok(late) })
    socket.close()
    late = true
    await once(socket, 'close')
  }],
  ['address of a bound socket', async (m) => {
    const socket = await bound(m)
    const { port } = socket.address()
    assert.deepStrictEqual({ ...socket.address() }, { address: LOOP, family: 'IPv4', port })
    assert.ok(port > 0 && port < 65_536)
    await shut(socket)
  }],
  ...([
    ['nothing', [], '0.0.0.0'], ['a port', [0], '0.0.0.0'], ['options', [{ port: 0, address: LOOP }], LOOP],
    ['options without a port', [{ address: LOOP }], LOOP], ['exclusive', [{ port: 0, address: LOOP, exclusive: true }], LOOP],
    ['a name', [0, 'localhost'], LOOP], ['undefined', [undefined], '0.0.0.0'], ['null', [null], '0.0.0.0'],
  ] as [string, unknown[], string][]).map(([name, args, address]): Case => [`bind: ${name}`, async (m) => {
    const socket = socketOf(m)
    ;(socket as unknown as Loose)['bind'](...args)
    await once(socket, 'listening')
    assert.strictEqual(socket.address().address, address)
    await shut(socket)
  }]),
  ['bind: the callback', async (m) => {
    const socket = socketOf(m)
    await new Promise<void>((resolve) => { socket.bind(0, LOOP, resolve) })
    await shut(socket)
  }],
  ['bind: EADDRINUSE', async (m) => {
    const first = await bound(m)
    const { port } = first.address()
    const second = socketOf(m)
    const failed = event(second, 'error')
    second.bind(port, LOOP)
    const [error] = await failed as [Error & Partial<AddressInfo> & { code: string; syscall: string }]
    assert.deepStrictEqual([error.code, error.syscall, error.address, error.port, error.message],
      ['EADDRINUSE', 'bind', LOOP, port, `bind EADDRINUSE ${LOOP}:${port}`])
    await shut(first, second)
  }],
  ['bind: EADDRNOTAVAIL', async (m) => {
    const socket = socketOf(m)
    const failed = event(socket, 'error')
    socket.bind(0, '192.0.2.1')
    const [error] = await failed as [Error & { code: string }]
    assert.strictEqual(error.message, 'bind EADDRNOTAVAIL 192.0.2.1')
    await shut(socket)
  }],
  ['bind: two with reuseAddr', async (m) => {
    const first = m.dgram.createSocket({ type: 'udp4', reuseAddr: true })
    first.bind(0, LOOP)
    await once(first, 'listening')
    const second = m.dgram.createSocket({ type: 'udp4', reuseAddr: true })
    second.bind(first.address().port, LOOP)
    await once(second, 'listening')
    await shut(first, second)
  }],

  ['connect: events and addresses', async (m) => {
    const to = await bound(m)
    const from = socketOf(m)
    const log = journal(from, ['listening', 'connect', 'close'], [])
    from.connect(to.address().port, LOOP)
    await once(from, 'connect')
    assert.deepStrictEqual({ ...from.remoteAddress() }, { address: LOOP, family: 'IPv4', port: to.address().port })
    assert.strictEqual(from.address().address, LOOP)
    await shut(to, from)
    assert.deepStrictEqual(log, ['listening', 'connect', 'close'])
  }],
  ['connect: without an address', async (m) => {
    const to = await bound(m)
    const from = socketOf(m)
    await new Promise<void>((resolve) => { from.connect(to.address().port, resolve as never) })
    assert.strictEqual(from.remoteAddress().address, LOOP)
    await shut(to, from)
  }],
  ['connect: send without a destination', async (m) => {
    const to = await bound(m)
    const from = socketOf(m)
    from.connect(to.address().port, LOOP)
    await once(from, 'connect')
    from.send('x')
    const [message] = await once(to, 'message') as [Buffer]
    assert.strictEqual(String(message), 'x')
    await shut(to, from)
  }],
  ['connect: twice throws', async (m) => {
    const from = socketOf(m)
    from.connect(9, LOOP)
    await once(from, 'connect')
    assert.strictEqual(thrown(() => { from.connect(9, LOOP) }).code, 'ERR_SOCKET_DGRAM_IS_CONNECTED')
    await shut(from)
  }],
  ['connect: others are not heard', async (m) => {
    const a = await bound(m)
    const b = await bound(m)
    const c = await bound(m)
    const got: string[] = []
    a.on('message', (message: Buffer) => got.push(String(message)))
    a.connect(b.address().port, LOOP)
    await once(a, 'connect')
    c.send('stranger', a.address().port, LOOP)
    await wait(10)
    b.send('friend', a.address().port, LOOP)
    await once(a, 'message')
    assert.deepStrictEqual(got, ['friend'])
    await shut(a, b, c)
  }],
  ['connect: nobody there is ECONNREFUSED', async (m) => {
    const gone = await bound(m)
    const { port } = gone.address()
    await shut(gone)
    const from = socketOf(m)
    from.connect(port, LOOP)
    await once(from, 'connect')
    const failed = event(from, 'error')
    from.send('x')
    const [error] = await failed as [Error & { code: string; syscall: string }]
    assert.deepStrictEqual([error.code, error.syscall], ['ECONNREFUSED', 'recvmsg'])
    await shut(from)
  }],
  ['disconnect', async (m) => {
    const to = await bound(m)
    const from = socketOf(m)
    from.connect(to.address().port, LOOP)
    await once(from, 'connect')
    from.disconnect()
    assert.strictEqual(thrown(() => from.remoteAddress()).code, 'ERR_SOCKET_DGRAM_NOT_CONNECTED')
    from.send('again', to.address().port, LOOP)
    const [message] = await once(to, 'message') as [Buffer]
    assert.strictEqual(String(message), 'again')
    await shut(to, from)
  }],

  ['setTTL and setMulticastTTL return what they are given', async (m) => {
    const socket = await bound(m)
    assert.deepStrictEqual([socket.setTTL(16), socket.setMulticastTTL(8)], [16, 8])
    await shut(socket)
  }],
  ['setMulticastLoopback returns what it is given', async (m) => {
    const socket = await bound(m)
    assert.deepStrictEqual([socket.setMulticastLoopback(true), socket.setMulticastLoopback(false)], [true, false])
    await shut(socket)
  }],
  ['setBroadcast', async (m) => {
    const socket = await bound(m)
    socket.setBroadcast(true)
    socket.setBroadcast(false)
    await shut(socket)
  }],
  ['buffer sizes read back doubled', async (m) => {
    const socket = await bound(m)
    socket.setRecvBufferSize(10_000)
    socket.setSendBufferSize(12_000)
    assert.deepStrictEqual([socket.getRecvBufferSize(), socket.getSendBufferSize()], [20_000, 24_000])
    await shut(socket)
  }],
  ['buffer sizes as options', async (m) => {
    const socket = m.dgram.createSocket({ type: 'udp4', recvBufferSize: 10_000, sendBufferSize: 15_000 })
    socket.bind(0, LOOP)
    await once(socket, 'listening')
    assert.deepStrictEqual([socket.getRecvBufferSize(), socket.getSendBufferSize()], [20_000, 30_000])
    await shut(socket)
  }],
  ['nothing waits to be sent', async (m) => {
    const socket = await bound(m)
    assert.deepStrictEqual([socket.getSendQueueSize(), socket.getSendQueueCount()], [0, 0])
    await shut(socket)
  }],
  ['a lookup of one\'s own', async (m) => {
    const to = await bound(m)
    const asked: unknown[] = []
    const from = m.dgram.createSocket({
      type: 'udp4',
      lookup: (name: string, _options: unknown, done: (e: null, address: string, family: number) => void) => {
        asked.push(name)
        done(null, LOOP, 4)
      },
    } as never)
    from.send('x', to.address().port, 'somewhere.test')
    await once(to, 'message')
    assert.ok(asked.includes('somewhere.test'))
    await shut(to, from)
  }],
  ['a name that does not exist', async (m) => {
    const from = socketOf(m)
    const error = await new Promise<(Error & { code?: string }) | null>((resolve) => {
      from.send('x', 9, 'vimage.invalid', (e) => { resolve(e) })
    })
    assert.ok(error?.code === 'ENOTFOUND' || error?.code === 'EAI_AGAIN')
    await shut(from)
  }],
  ['an AbortSignal closes', async (m) => {
    const controller = new AbortController()
    const socket = m.dgram.createSocket({ type: 'udp4', signal: controller.signal })
    socket.bind(0, LOOP)
    await once(socket, 'listening')
    controller.abort()
    await once(socket, 'close')
  }],
  ['an aborted signal closes at once', async (m) => {
    const socket = m.dgram.createSocket({ type: 'udp4', signal: AbortSignal.abort() })
    await once(socket, 'close')
  }],
  ['Symbol.asyncDispose', async (m) => {
    const socket = await bound(m)
    const closed = once(socket, 'close')
    await (socket as unknown as Record<symbol, () => Promise<void>>)[Symbol.asyncDispose]()
    await closed
  }],
  ['a group on the loopback interface', async (m) => {
    const to = m.dgram.createSocket({ type: 'udp4', reuseAddr: true })
    to.bind(0, '0.0.0.0')
    await once(to, 'listening')
    to.addMembership('224.0.0.114', LOOP)
    const from = await bound(m)
    from.setMulticastInterface(LOOP)
    from.setMulticastLoopback(true)
    const got = once(to, 'message')
    from.send('to all', to.address().port, '224.0.0.114')
    const [message] = await got as [Buffer]
    assert.strictEqual(String(message), 'to all')
    to.dropMembership('224.0.0.114', LOOP)
    await shut(to, from)
  }],
  ['joining twice is EADDRINUSE', async (m) => {
    const socket = await bound(m, 'udp4', 0, '0.0.0.0')
    socket.addMembership('224.0.0.114', LOOP)
    assert.strictEqual(thrown(() => { socket.addMembership('224.0.0.114', LOOP) }).code, 'EADDRINUSE')
    await shut(socket)
  }],
  ['a source of a group', async (m) => {
    const socket = await bound(m, 'udp4', 0, '0.0.0.0')
    socket.addSourceSpecificMembership(LOOP, '232.1.1.1', LOOP)
    socket.dropSourceSpecificMembership(LOOP, '232.1.1.1', LOOP)
    const error = thrown(() => { socket.dropSourceSpecificMembership(LOOP, '232.1.1.1', LOOP) })
    assert.strictEqual(error.syscall, 'dropSourceSpecificMembership')
    await shut(socket)
  }],
]
