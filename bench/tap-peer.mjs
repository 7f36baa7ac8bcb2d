/** The kernel's end of the TAP benchmark: does what it is asked, a line of JSON each way, until its input ends. */

import { createSocket } from 'node:dgram'
import { connect, createServer } from 'node:net'
import { createInterface } from 'node:readline'

const CHUNK = 65_536
/** Datagrams handed to the kernel before asking for the time. */
const BURST = 32

let sinkUs = null
let udp = null

const calls = {
  /** Opens a listener that reads `total` bytes; answers its port. */
  sink(total) {
    return new Promise((resolve) => {
      sinkUs = new Promise((finished) => {
        let received = 0
        let startedAt = 0n
        const server = createServer({ pauseOnConnect: false }, (socket) => {
          socket.on('error', () => {})
          socket.on('data', (chunk) => {
            if (received === 0) startedAt = process.hrtime.bigint()
            received += chunk.length
            if (received < total) return
            finished(Number(process.hrtime.bigint() - startedAt) / 1000)
            socket.destroy()
            server.close()
          })
        })
        server.listen({ host: '0.0.0.0', port: 0 }, () => resolve(server.address().port))
      })
    })
  },
  /** Answers the µs between the sink's first byte and its last. */
  sinkDone: () => sinkUs,
  /** Connects and sends `total` bytes; answers when all is handed to the kernel. */
  source(host, port, total) {
    return new Promise((resolve) => {
      const chunk = Buffer.alloc(CHUNK)
      const socket = connect({ host, port })
      let sent = 0
      const write = () => {
        while (sent < total) {
          sent += CHUNK
          if (!socket.write(chunk)) return
        }
        socket.end(() => resolve(true))
      }
      socket.on('connect', write)
      socket.on('drain', write)
      socket.on('error', () => resolve(false))
    })
  },
  /** Counts datagrams at a port, which it answers. */
  udpReceive() {
    return new Promise((resolve) => {
      const socket = createSocket({ type: 'udp4', recvBufferSize: 4 << 20 })
      udp = { socket, count: 0 }
      socket.on('message', () => { udp.count++ })
      socket.bind(0, () => resolve({ port: socket.address().port }))
    })
  },
  /** Closes it and answers how many came. */
  async udpStop() {
    await new Promise((resolve) => setTimeout(resolve, 50))
    udp.socket.close()
    return udp.count
  },
  /** Sends datagrams of 18 bytes for `ms`; answers how many the kernel took. */
  udpSend(host, port, ms) {
    return new Promise((resolve) => {
      const socket = createSocket('udp4')
      const bytes = Buffer.alloc(18)
      const end = performance.now() + ms
      let sent = 0
      socket.connect(port, host, () => {
        const burst = () => {
          let waiting = BURST
          for (let i = 0; i < BURST; i++) {
            socket.send(bytes, (error) => {
              if (error === null) sent++
              if (--waiting > 0) return
              if (performance.now() < end) return burst()
              socket.close()
              setTimeout(() => resolve(sent), 50)
            })
          }
        }
        socket.on('error', () => {})
        burst()
      })
    })
  },
}

createInterface({ input: process.stdin }).on('line', async (line) => {
  const [name, ...args] = JSON.parse(line)
  console.log(JSON.stringify(await calls[name](...args)))
}).on('close', () => process.exit(0))
