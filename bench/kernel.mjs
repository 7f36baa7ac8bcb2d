/** The same work done by the kernel over its loopback, both ends in this process, through node:net: the baseline. */

import { connect, createServer } from 'node:net'

const CHUNK = 65_536

/** µs between the first byte and the last of `total`. */
export async function kernelBulk(total) {
  const chunk = Buffer.alloc(CHUNK)
  let received = 0
  let startedAt = 0n
  const server = createServer((socket) => {
    let sent = 0
    const write = () => {
      while (sent < total) {
        sent += CHUNK
        if (!socket.write(chunk)) return
      }
      socket.end()
    }
    socket.on('drain', write)
    socket.on('error', () => {})
    write()
  })
  const port = await listen(server)
  const us = await new Promise((resolve, reject) => {
    // one buffer for all reads, as the Vnet's reader has
    const into = Buffer.alloc(CHUNK * 4)
    const onread = {
      buffer: into,
      callback: (n) => {
        if (received === 0) startedAt = process.hrtime.bigint()
        received += n
        if (received >= total) resolve(Number(process.hrtime.bigint() - startedAt) / 1000)
        return true
      },
    }
    connect({ host: '127.0.0.1', port, onread }).on('error', reject)
  })
  await closeServer(server)
  return us
}

/** µs for `count` connections, `atOnce` at a time; the server closes first. */
export async function kernelConnections(count, atOnce) {
  const server = createServer((socket) => {
    socket.on('error', () => {})
    socket.end()
  })
  const port = await listen(server)
  const startedAt = process.hrtime.bigint()
  await new Promise((resolve, reject) => {
    let started = 0
    let done = 0
    const next = () => {
      if (started >= count) return
      started++
      const socket = connect({ host: '127.0.0.1', port })
      socket.on('error', reject)
      socket.resume()
      socket.on('close', () => {
        if (++done === count) resolve()
        else next()
      })
    }
    for (let i = 0; i < atOnce; i++) next()
  })
  const us = Number(process.hrtime.bigint() - startedAt) / 1000
  await closeServer(server)
  return us
}

function listen(server) {
  return new Promise((resolve) => {
    server.listen({ host: '127.0.0.1', port: 0, backlog: 511 }, () => resolve(server.address().port))
  })
}

function closeServer(server) {
  return new Promise((resolve) => {
    server.close(resolve)
  })
}
