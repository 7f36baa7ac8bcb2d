import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { pipeline } from 'node:stream/promises'
import { Readable } from 'node:stream'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { connectTcp, TcpServer } from '../../src/socket/tcp.ts'
import type { TcpSocket } from '../../src/socket/tcp.ts'
import { assertVnetClean } from '../support/plain.ts'
import { A, B, createTwo, settleTwo } from './two.ts'
import type { Two } from './two.ts'

let two: Two
beforeEach(() => {
  two = createTwo()
})
afterEach(() => {
  settleTwo(two)
  assertVnetClean(two.a.vnet)
  assertVnetClean(two.b.vnet)
  two.driver.close()
})

function echoServer(): TcpServer {
  return new TcpServer(two.b, (s) => {
    s.on('error', () => s.destroy())
    s.pipe(s)
  }).listen({ port: 7, allowHalfOpen: true })
}

async function read(socket: TcpSocket): Promise<Buffer> {
  const parts: Buffer[] = []
  for await (const part of socket) parts.push(part as Buffer)
  return Buffer.concat(parts)
}

describe('TcpSocket', () => {
  test('echoes, tells both addresses, and closes both ways (RFC 9293 §3.6)', async () => {
    echoServer()
    const socket = connectTcp(two.a, { host: B, port: 7, allowHalfOpen: true })
    expect(socket.connecting).toBe(true)
    await once(socket, 'connect')
    expect(socket).toMatchObject({
      connecting: false, remoteAddress: B, remotePort: 7, remoteFamily: 'IPv4', localAddress: A,
    })
    expect(socket.localPort).toBeGreaterThan(0)
    socket.end('hello')
    expect((await read(socket)).toString()).toBe('hello')
    expect(socket.bytesRead).toBe(5)
    expect(socket.bytesWritten).toBe(5)
  })

  test('moves 8 MiB with the right hash while the writer is held by the reader', async () => {
    const bytes = Buffer.alloc(8 << 20)
    for (let i = 0; i < bytes.length; i += 4) bytes.writeUInt32LE(Math.imul(i, 2654435761) >>> 0, i)
    const hash = createHash('sha256')
    const done = new Promise<void>((resolve) => {
      new TcpServer(two.b, (s) => {
        s.on('data', (d: Buffer) => hash.update(d))
        s.on('end', resolve)
      }).listen({ port: 9 })
    })
    await pipeline(Readable.from([bytes.subarray(0, 1 << 20), bytes.subarray(1 << 20)]),
      connectTcp(two.a, { host: B, port: 9 }))
    await done
    expect(hash.digest('hex')).toBe(createHash('sha256').update(bytes).digest('hex'))
  })

  test('a reader that does not read closes the window: the writer stops, nothing is lost (RFC 9293 §3.8.6)', async () => {
    let peer: TcpSocket | undefined
    new TcpServer(two.b, (s) => {
      peer = s
    }).listen({ port: 9 })
    const socket = connectTcp(two.a, { host: B, port: 9 })
    await once(socket, 'connect')
    const chunk = Buffer.alloc(65_536, 1)
    let written = 0
    let stopped = false
    while (!stopped) {
      const ok = await Promise.race([
        new Promise<boolean>((resolve) => socket.write(chunk, () => resolve(true))),
        new Promise<boolean>((resolve) => setTimeout(() => resolve(false), 300)),
      ])
      written += chunk.length
      stopped = !ok
      expect(written).toBeLessThan(64 << 20)
    }
    socket.end()
    expect((await read(peer as TcpSocket)).length).toBe(written)
  })

  test('nobody listens: ECONNREFUSED with syscall, address and port (RFC 9293 §3.10.7.3)', async () => {
    const socket = connectTcp(two.a, { host: B, port: 81 })
    const [error] = await once(socket, 'error') as [Error]
    expect(error).toMatchObject({ code: 'ECONNREFUSED', syscall: 'connect', address: B, port: 81, errno: -111 })
    expect(error.message).toBe(`connect ECONNREFUSED ${B}:81: connection refused`)
  })

  test('no route: ENETUNREACH, as an event', async () => {
    const [error] = await once(connectTcp(two.a, { host: '192.0.2.1', port: 81 }), 'error') as [Error]
    expect(error).toMatchObject({ code: 'ENETUNREACH', syscall: 'connect', address: '192.0.2.1' })
  })

  test('not an address: EINVAL, thrown', () => {
    expect(() => connectTcp(two.a, { host: 'nonsense', port: 1 })).toThrow(/connect EINVAL nonsense:1/)
  })

  test('resetAndDestroy: the peer sees ECONNRESET (RFC 9293 §3.10.5)', async () => {
    const peerError = new Promise<Error>((resolve) => {
      new TcpServer(two.b, (s) => s.on('error', resolve).resume()).listen({ port: 9 })
    })
    const socket = connectTcp(two.a, { host: B, port: 9 })
    await once(socket, 'connect')
    socket.write('x', () => setTimeout(() => socket.resetAndDestroy(), 20))
    expect(await peerError).toMatchObject({ code: 'ECONNRESET', syscall: 'read' })
  })

  test('half-close: the peer may go on sending after our FIN (RFC 9293 §3.6)', async () => {
    new TcpServer(two.b, (s) => {
      s.resume().on('end', () => s.end('after the end'))
    }).listen({ port: 9, allowHalfOpen: true })
    const socket = connectTcp(two.a, { host: B, port: 9, allowHalfOpen: true })
    socket.end()
    expect((await read(socket)).toString()).toBe('after the end')
  })

  test('writes before the connection stands are kept', async () => {
    echoServer()
    const socket = connectTcp(two.a, { host: B, port: 7, allowHalfOpen: true })
    socket.write('a')
    socket.write('b')
    socket.end('c')
    expect((await read(socket)).toString()).toBe('abc')
  })

  test('destroying a connecting socket leaves nothing behind', async () => {
    const socket = connectTcp(two.a, { host: B, port: 81 })
    socket.destroy()
    await once(socket, 'close')
    expect(two.a.vnet.state.tcp.tcbs.size).toBe(0)
  })
})

describe('TcpServer', () => {
  test('a port in use: EADDRINUSE with address and port', () => {
    echoServer()
    expect(() => echoServer()).toThrow(expect.objectContaining({ code: 'EADDRINUSE', syscall: 'listen', port: 7 }))
  })

  test('an address that is not ours: EADDRNOTAVAIL', () => {
    const server = new TcpServer(two.b)
    expect(() => server.listen({ host: A, port: 7 })).toThrow(expect.objectContaining({ code: 'EADDRNOTAVAIL' }))
    expect(two.b.vnet.state.tcp.tcbs.size).toBe(0)
  })

  test('close stops accepting at once and ends with the last connection', async () => {
    const server = echoServer()
    const socket = connectTcp(two.a, { host: B, port: 7, allowHalfOpen: true })
    await once(socket, 'connect')
    while (server.connections === 0) await new Promise((resolve) => setImmediate(resolve))
    let closed = false
    server.on('close', () => {
      closed = true
    })
    server.close()
    expect(server.listening).toBe(false)
    const [error] = await once(connectTcp(two.a, { host: B, port: 7 }), 'error') as [Error]
    expect(error).toMatchObject({ code: 'ECONNREFUSED' })
    expect(closed).toBe(false)
    socket.end('bye')
    expect((await read(socket)).toString()).toBe('bye')
    if (!closed) await once(server, 'close')
  })

  test('200 connections at once, each with its own data', async () => {
    echoServer()
    const texts = Array.from({ length: 200 }, (_, i) => `connection ${i}`)
    const got = await Promise.all(texts.map(async (text) => {
      const socket = connectTcp(two.a, { host: B, port: 7, allowHalfOpen: true })
      socket.end(text)
      return (await read(socket)).toString()
    }))
    expect(got).toEqual(texts)
  })
})
