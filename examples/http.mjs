/** A web server inside a Vnet: node:http does the talking at both ends, vimage carries it. */

import { createServer, request } from 'node:http'
import { Driver, TcpServer, addrParse, connectTcp, createPair, ifAddAddr } from 'vimage'

const driver = new Driver()
const client = driver.addVnet({ name: 'client' })
const server = driver.addVnet({ name: 'server' })
const [left, right] = createPair(driver.pool)
ifAddAddr(client.vnet.vn, client.attach(left, 'eth0'), addrParse('10.0.0.1'), 24)
ifAddAddr(server.vnet.vn, server.attach(right, 'eth0'), addrParse('10.0.0.2'), 24)

// an HTTP server takes any connection that is handed to it
const web = createServer((req, res) => {
  res.setHeader('content-type', 'text/plain')
  res.end(`you asked ${req.socket.localAddress} for ${req.url}\n`)
})
const listener = new TcpServer(server, (socket) => web.emit('connection', socket)).listen({ port: 80 })

/** As fetch, in small: resolves to the status and the body. */
function get(host, path) {
  return new Promise((resolve, reject) => {
    const createConnection = () => connectTcp(client, { host, port: 80 })
    const req = request({ host, path, createConnection }, async (res) => {
      let body = ''
      for await (const chunk of res) body += chunk
      resolve({ status: res.statusCode, body })
    })
    req.on('error', reject)
    req.end()
  })
}

const { status, body } = await get('10.0.0.2', '/hello')
console.log(status, body.trim())
listener.close()
driver.close()
