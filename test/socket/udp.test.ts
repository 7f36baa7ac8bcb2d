import { once } from 'node:events'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { UdpSocket } from '../../src/socket/udp.ts'
import type { UdpRemote } from '../../src/socket/udp.ts'
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

test.each([0, 1, 1472, 1473, 65_507])('a datagram of %i bytes arrives whole, with its sender (RFC 768)', async (size) => {
  const server = new UdpSocket(two.b).bind(53)
  const client = new UdpSocket(two.a)
  const bytes = Buffer.alloc(size, 7)
  client.send(bytes, 53, B)
  const [got, from] = await once(server, 'message') as [Buffer, UdpRemote]
  expect(got.equals(bytes)).toBe(true)
  expect(from).toEqual({ address: A, port: client.address().port, size })
})

test('too long: EMSGSIZE with address and port (RFC 1122 §4.1.1)', () => {
  const client = new UdpSocket(two.a)
  expect(() => client.send(Buffer.alloc(65_508), 53, B))
    .toThrow(expect.objectContaining({ code: 'EMSGSIZE', syscall: 'send', address: B, port: 53 }))
})

test('a connected socket hears that nobody listens: ECONNREFUSED (RFC 1122 §4.1.3.3)', async () => {
  const client = new UdpSocket(two.a).connect(54, B)
  client.send(Buffer.from('x'))
  const [error] = await once(client, 'error') as [Error]
  expect(error).toMatchObject({ code: 'ECONNREFUSED', syscall: 'recv' })
})

test('broadcast needs permission: EACCES, then it arrives (RFC 1122 §4.1.3.6)', async () => {
  const server = new UdpSocket(two.b).bind(67)
  const client = new UdpSocket(two.a)
  expect(() => client.send(Buffer.from('x'), 67, '10.1.0.255')).toThrow(expect.objectContaining({ code: 'EACCES' }))
  client.setBroadcast(true).send(Buffer.from('all'), 67, '10.1.0.255')
  const [got] = await once(server, 'message') as [Buffer]
  expect(got.toString()).toBe('all')
})

test('without a destination: EDESTADDRREQ; closed: EBADF', async () => {
  const client = new UdpSocket(two.a)
  expect(() => client.send(Buffer.from('x'))).toThrow(expect.objectContaining({ code: 'EDESTADDRREQ' }))
  client.close()
  await once(client, 'close')
  expect(() => client.address()).toThrow(expect.objectContaining({ code: 'EBADF' }))
  expect(two.a.vnet.state.udp.pcbs.size).toBe(0)
})
