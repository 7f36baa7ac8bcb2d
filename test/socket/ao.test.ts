/** TCP-AO (RFC 5925 §7.1) as users of sockets meet it. */

import { once } from 'node:events'
import { expect, test } from 'vitest'
import { AF_INET } from '../../src/inet/state.ts'
import { SOCK_STREAM } from '../../src/inet/sockopt.ts'
import { BsdSockets } from '../../src/socket/bsd.ts'
import { connectTcp, TcpServer } from '../../src/socket/tcp.ts'
import type { TcpSocket } from '../../src/socket/tcp.ts'
import { A, B, createTwo } from './two.ts'

const ONE = { sendId: 1, recvId: 2, secret: new TextEncoder().encode('one') }
const TWO = { sendId: 3, recvId: 4, secret: new TextEncoder().encode('two'), algorithm: 'aes128' as const }

test('§7.1: keys are set for a connection, read, changed while it lasts, and deleted when nobody uses them', async () => {
  const two = createTwo()
  const server = new TcpServer(two.b, (s) => { s.pipe(s) }).listen({ port: 179 })
  for (const key of [ONE, TWO]) server.addAoKey(A, { ...key, sendId: key.recvId, recvId: key.sendId })
  const accepted = once(server, 'connection')
  const socket = connectTcp(two.a, { host: B, port: 179, aoKeys: [ONE, TWO] })
  const [peer] = await accepted as [TcpSocket]
  socket.write('hello')
  await once(socket, 'data')
  expect(socket.aoInfo()).toMatchObject({ currentKey: 1, rnextKey: 2, peerKeyId: 2, peerRnextKeyId: 1, bad: 0 })
  expect(socket.aoInfo()?.keys).toEqual([
    { sendId: 1, recvId: 2, algorithm: 'sha1', options: true }, { sendId: 3, recvId: 4, algorithm: 'aes128', options: true },
  ])
  // both directions, at the wish of one end
  socket.selectAoKey(3, 4)
  socket.write('again')
  await once(socket, 'data')
  expect(peer.aoInfo()).toMatchObject({ currentKey: 4, peerKeyId: 3, peerRnextKeyId: 4 })
  expect(() => socket.selectAoKey(9, -1)).toThrow(expect.objectContaining({ code: 'ENOENT' }))
  expect(() => server.addAoKey(A, { ...ONE, recvId: 1 })).toThrow(expect.objectContaining({ code: 'EEXIST', address: A }))
  expect(() => server.deleteAoKey(A, 2, 1)).toThrow(expect.objectContaining({ code: 'EBUSY' }))
  peer.selectAoKey(-1, 3)
  server.deleteAoKey(A, 2, 1)
  socket.write('and again')
  await once(socket, 'data')
  const bsd = new BsdSockets(two.a)
  expect(bsd.getaoinfo(socket.id)).toEqual(socket.aoInfo())
  bsd.selectaokey(socket.id, -1, 4)
  const fd = bsd.socket(AF_INET, SOCK_STREAM)
  expect(bsd.getaoinfo(fd)).toBeNull()
  bsd.delaokey(fd, B, 1, 2)
  expect(() => bsd.delaokey(fd, B, 1, 2)).toThrow(expect.objectContaining({ code: 'ENOENT' }))
  bsd.addaokey(fd, B, ONE)
  two.driver.close()
})
