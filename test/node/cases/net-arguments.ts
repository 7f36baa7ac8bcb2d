/** What `net` says to arguments that it cannot take, and what it makes of odd ones that it can. */

import assert from 'node:assert'
import { once } from 'node:events'
import type net from 'node:net'
import { endPair, failure, finish, listen, LOOP, pair, portOf, thrown } from '../kit.ts'
import type { Case, Mods } from '../kit.ts'

type Any = Record<string, unknown>

const connect = (m: Mods, ...args: unknown[]): net.Socket => (m.net.connect as (...a: unknown[]) => net.Socket)(...args)
const listenWith = (m: Mods, ...args: unknown[]): net.Server => {
  const server = m.net.createServer()
  ;(server.listen as (...a: unknown[]) => unknown).apply(server, args)
  return server
}

function connectThrows(name: string, options: unknown, code: string, pattern: RegExp): Case {
  return [`connect: ${name}`, (m) => {
    const error = thrown(() => connect(m, options))
    assert.strictEqual(error.code, code)
    assert.match(error.message, pattern)
  }]
}

function listenThrows(name: string, options: unknown, code: string, pattern: RegExp): Case {
  return [`listen: ${name}`, (m) => {
    const error = thrown(() => listenWith(m, options))
    assert.strictEqual(error.code, code)
    assert.match(error.message, pattern)
  }]
}

const BAD_PORTS: readonly [string, unknown][] = [
  ['-1', -1], ['65536', 65_536], ['1.5', 1.5], ['NaN', NaN], ['Infinity', Infinity], ['text', 'abc'], ['empty text', ''],
  ['blank text', ' '], ['"65536"', '65536'], ['"-1"', '-1'], ['"0x10000"', '0x10000'],
]
const NO_PORTS: readonly [string, unknown][] = [
  ['true', true], ['an object', {}], ['a function', () => 0], ['a symbol', Symbol('x')], ['an array', [1]], ['null', null],
]

export const NET_ARGUMENTS: readonly Case[] = [
  ...BAD_PORTS.map(([name, port]) =>
    connectThrows(`port ${name}`, { port, host: LOOP }, 'ERR_SOCKET_BAD_PORT', /Port should be >= 0 and < 65536/)),
  ...NO_PORTS.filter(([name]) => name !== 'a symbol').map(([name, port]) =>
    connectThrows(`port is ${name}`, { port, host: LOOP }, 'ERR_INVALID_ARG_TYPE', /"options.port" property must be/)),
  connectThrows('nothing to go by', {}, 'ERR_MISSING_ARGS', /"options" or "port" or "path"/),
  connectThrows('no arguments', undefined, 'ERR_MISSING_ARGS', /must be specified/),
  connectThrows('a path that is no text', { path: 12 }, 'ERR_INVALID_ARG_TYPE', /options.path/),
  connectThrows('a local address that is a name', { port: 1, host: LOOP, localAddress: 'foo' }, 'ERR_INVALID_IP_ADDRESS', /foo/),
  connectThrows('a local port that is text', { port: 1, host: LOOP, localPort: 'foo' }, 'ERR_INVALID_ARG_TYPE', /localPort/),
  connectThrows('lookup is no function', { port: 1, host: 'x.test', lookup: 'foo' }, 'ERR_INVALID_ARG_TYPE', /options.lookup/),
  connectThrows('lookup is a number', { port: 1, host: 'x.test', lookup: 5 }, 'ERR_INVALID_ARG_TYPE', /options.lookup/),
  connectThrows('autoSelectFamily is text', { port: 1, host: LOOP, autoSelectFamily: 'yes' }, 'ERR_INVALID_ARG_TYPE',
    /autoSelectFamily/),
  connectThrows('attempt timeout 0', { port: 1, host: LOOP, autoSelectFamilyAttemptTimeout: 0 }, 'ERR_OUT_OF_RANGE',
    /autoSelectFamilyAttemptTimeout/),
  connectThrows('attempt timeout −5', { port: 1, host: LOOP, autoSelectFamilyAttemptTimeout: -5 }, 'ERR_OUT_OF_RANGE',
    /autoSelectFamilyAttemptTimeout/),
  connectThrows('attempt timeout is text', { port: 1, host: LOOP, autoSelectFamilyAttemptTimeout: 'x' },
    'ERR_INVALID_ARG_TYPE', /autoSelectFamilyAttemptTimeout/),
  connectThrows('signal is no signal', { port: 1, host: LOOP, signal: {} }, 'ERR_INVALID_ARG_TYPE',
    /signal" (argument|property) must be an instance of AbortSignal/),
  connectThrows('object mode', { port: 1, objectMode: true }, 'ERR_INVALID_ARG_VALUE', /objectMode/),
  connectThrows('readableObjectMode', { port: 1, readableObjectMode: true }, 'ERR_INVALID_ARG_VALUE', /ObjectMode/),
  connectThrows('writableObjectMode', { port: 1, writableObjectMode: true }, 'ERR_INVALID_ARG_VALUE', /ObjectMode/),
  connectThrows('family 9 by hints', { port: 1, host: 'x.test', hints: 99_999 }, 'ERR_INVALID_ARG_VALUE', /hints/),

  ...BAD_PORTS.filter(([name]) => name !== 'empty text' && name !== 'blank text').map(([name, port]) =>
    listenThrows(`port ${name}`, { port }, 'ERR_SOCKET_BAD_PORT', /options.port should be >= 0 and < 65536/)),
  ...([['an object', {}], ['true', true], ['an array', []]] as const).map(([name, value]) =>
    listenThrows(`options with only ${name} as host`, { host: value }, 'ERR_INVALID_ARG_VALUE',
      /must have the property "port" or "path"/)),
  listenThrows('false', false, 'ERR_INVALID_ARG_VALUE', /argument 'options' is invalid/),
  listenThrows('empty options', {}, 'ERR_INVALID_ARG_VALUE', /must have the property "port" or "path"/),
  listenThrows('fd −1', { fd: -1 }, 'ERR_INVALID_ARG_VALUE', /must have the property "port" or "path"/),
  listenThrows('a signal that is none', { port: 0, signal: 'x' }, 'ERR_INVALID_ARG_TYPE', /options.signal/),

  ['createServer: options are text', (m) => {
    const error = thrown(() => (m.net.createServer as (o: unknown) => unknown)('path'))
    assert.strictEqual(error.code, 'ERR_INVALID_ARG_TYPE')
    assert.match(error.message, /"options" argument must be of type object/)
  }],
  ['createServer: options are a number', (m) => {
    assert.strictEqual(thrown(() => (m.net.createServer as (o: unknown) => unknown)(0)).code, 'ERR_INVALID_ARG_TYPE')
  }],
  ...(['keepAliveInitialDelay', 'highWaterMark'] as const).map((name): Case => [`createServer: ${name} is text`, (m) => {
    const error = thrown(() => (m.net.createServer as (o: unknown) => unknown)({ [name]: 'x' }))
    assert.strictEqual(error.code, 'ERR_INVALID_ARG_TYPE')
  }]),
  ['listen twice', async (m) => {
    const server = m.net.createServer()
    await listen(server)
    assert.strictEqual(thrown(() => server.listen(0)).code, 'ERR_SERVER_ALREADY_LISTEN')
    await finish(server)
  }],
  ...(['0', '  0', '0x0', 0] as const).map((port): Case => [`listen: port ${JSON.stringify(port)} is any port`, async (m) => {
    const server = listenWith(m, { port, host: LOOP })
    await once(server, 'listening')
    assert.ok(portOf(server) > 0)
    await finish(server)
  }]),
  ...([[undefined], [null], [0], []] as unknown[][]).map((args): Case => [`listen(${JSON.stringify(args).slice(1, -1)})`, async (m) => {
    const server = listenWith(m, ...args)
    await once(server, 'listening')
    assert.ok(portOf(server) > 0)
    await finish(server)
  }]),
  ['listen(port, host, backlog, callback)', async (m) => {
    const server = m.net.createServer()
    await new Promise<void>((resolve) => { server.listen(0, LOOP, 5, resolve) })
    assert.strictEqual((server.address() as net.AddressInfo).address, LOOP)
    await finish(server)
  }],
  ['listen(port, backlog, callback)', async (m) => {
    const server = m.net.createServer()
    await new Promise<void>((resolve) => { server.listen(0, 5, resolve) })
    await finish(server)
  }],
  ['connect(port, host, callback)', async (m) => {
    const server = m.net.createServer()
    const port = await listen(server)
    let client: net.Socket | null = null
    await new Promise<void>((resolve) => { client = m.net.connect(port, LOOP, resolve) })
    await finish(client, server)
  }],
  ['connect with a port as text', async (m) => {
    const server = m.net.createServer()
    const port = await listen(server)
    const client = connect(m, { port: String(port), host: LOOP })
    await once(client, 'connect')
    await finish(client, server)
  }],
  ['connect with a port as hexadecimal text', async (m) => {
    const server = m.net.createServer()
    const port = await listen(server)
    const client = connect(m, { port: `0x${port.toString(16)}`, host: LOOP })
    await once(client, 'connect')
    await finish(client, server)
  }],
  ['createConnection is connect by another name', (m) => {
    assert.strictEqual(typeof m.net.createConnection, 'function')
    assert.strictEqual(m.net.createConnection.length, m.net.connect.length)
  }],
  ['Stream is Socket', (m) => { assert.strictEqual((m.net as unknown as Any)['Stream'], m.net.Socket) }],

  ...(['Socket', 'Server'] as const).map((name): Case => [`${name} without new`, (m) => {
    const made = (m.net[name] as unknown as () => object)()
    assert.ok(made instanceof m.net[name])
  }]),
  ['a class can extend Socket', async (m) => {
    class Mine extends m.net.Socket {
      kind = 'mine'
    }
    const server = m.net.createServer()
    const port = await listen(server)
    const client = new Mine()
    assert.strictEqual(client.kind, 'mine')
    client.connect(port, LOOP)
    await once(client, 'connect')
    assert.ok(client instanceof m.net.Socket)
    await finish(client, server)
  }],
  ['a function can inherit from Socket in the old way', async (m) => {
    function Old(this: net.Socket): void {
      (m.net.Socket as unknown as (this: net.Socket) => void).call(this)
    }
    Object.setPrototypeOf(Old.prototype, m.net.Socket.prototype)
    const server = m.net.createServer()
    const port = await listen(server)
    const client = new (Old as unknown as new () => net.Socket)()
    client.connect(port, LOOP)
    await once(client, 'connect')
    await finish(client, server)
  }],

  ...([['setTimeout', 'x', 'ERR_INVALID_ARG_TYPE'], ['setTimeout', -1, 'ERR_OUT_OF_RANGE'],
    ['setTimeout', NaN, 'ERR_OUT_OF_RANGE'], ['setTimeout', Infinity, 'ERR_OUT_OF_RANGE'],
    ['setTimeout', {}, 'ERR_INVALID_ARG_TYPE'], ['setTimeout', null, 'ERR_INVALID_ARG_TYPE']] as const)
    .map(([method, value, code]): Case => [`${method}(${String(value)})`, (m) => {
      const socket = new m.net.Socket()
      assert.strictEqual(thrown(() => (socket as unknown as Record<string, (v: unknown) => void>)[method](value)).code, code)
      socket.destroy()
    }]),
  ['setTimeout: the callback is no function', (m) => {
    const socket = new m.net.Socket()
    assert.strictEqual(thrown(() => socket.setTimeout(1, 'x' as never)).code, 'ERR_INVALID_ARG_TYPE')
    socket.destroy()
  }],
  ...([null, 5, {}, true] as unknown[]).map((chunk): Case => [`write(${JSON.stringify(chunk)})`, async (m) => {
    const p = await pair(m)
    const code = chunk === null ? 'ERR_STREAM_NULL_VALUES' : 'ERR_INVALID_ARG_TYPE'
    assert.strictEqual(thrown(() => p.client.write(chunk as string)).code, code)
    await endPair(p)
  }]),
  ['write with an unknown encoding', async (m) => {
    const p = await pair(m)
    assert.strictEqual(thrown(() => p.client.write('x', 'nonsense' as BufferEncoding)).code, 'ERR_UNKNOWN_ENCODING')
    await endPair(p)
  }],
  ['write before connect: it waits', async (m) => {
    const server = m.net.createServer((socket) => { socket.pipe(socket) })
    const port = await listen(server)
    const client = new m.net.Socket()
    client.connect(port, LOOP)
    assert.ok(client.connecting)
    client.write('early')
    const [data] = await once(client, 'data') as [Buffer]
    assert.strictEqual(String(data), 'early')
    await finish(client, server)
  }],
  ['write on a socket that never connects', async (m) => {
    const socket = new m.net.Socket()
    const failed = failure(socket)
    socket.write('x')
    assert.strictEqual((await failed).code, 'ERR_SOCKET_CLOSED')
  }],

  ...(['getDefaultAutoSelectFamily', 'getDefaultAutoSelectFamilyAttemptTimeout', 'setDefaultAutoSelectFamily',
    'setDefaultAutoSelectFamilyAttemptTimeout', 'isIP', 'isIPv4', 'isIPv6', 'BlockList', 'SocketAddress'] as const)
    .map((name): Case => [`net.${name} is there`, (m) => { assert.strictEqual(typeof m.net[name], 'function') }]),
  ...([['127.0.0.1', 4], ['::1', 6], ['fe80::1%eth0', 6], ['1.2.3', 0], ['1.2.3.4.5', 0], ['256.1.1.1', 0], ['01.2.3.4', 0],
    ['::ffff:1.2.3.4', 6], ['', 0], ['x', 0], [' 1.2.3.4', 0]] as const)
    .map(([text, family]): Case => [`isIP("${text}") is ${family}`, (m) => {
      assert.strictEqual(m.net.isIP(text), family)
      assert.strictEqual(m.net.isIPv4(text), family === 4)
      assert.strictEqual(m.net.isIPv6(text), family === 6)
    }]),
  ['BlockList blocks', (m) => {
    const list = new m.net.BlockList()
    list.addAddress('10.0.0.1')
    list.addRange('10.1.0.1', '10.1.0.9')
    list.addSubnet('10.2.0.0', 16)
    const checked = ['10.0.0.1', '10.0.0.2', '10.1.0.5', '10.1.0.10', '10.2.9.9', '10.3.0.0'].map((a) => list.check(a))
    assert.deepStrictEqual(checked, [true, false, true, false, true, false])
  }],
  ['SocketAddress has what it was given', (m) => {
    const address = new m.net.SocketAddress({ address: '10.0.0.1', port: 80 })
    assert.deepStrictEqual([address.address, address.port, address.family, address.flowlabel], ['10.0.0.1', 80, 'ipv4', 0])
  }],
]
