/** Two network stacks in one process, joined by a cable in memory: an echo server in one, its client in the other. */

import { Driver, TcpServer, addrParse, connectTcp, createPair, ifAddAddr } from 'vimage'

const driver = new Driver()
const a = driver.addVnet({ name: 'a' })
const b = driver.addVnet({ name: 'b' })
const [left, right] = createPair(driver.pool)
ifAddAddr(a.vnet.vn, a.attach(left, 'eth0'), addrParse('10.0.0.1'), 24)
ifAddAddr(b.vnet.vn, b.attach(right, 'eth0'), addrParse('10.0.0.2'), 24)

const server = new TcpServer(b, (socket) => socket.pipe(socket)).listen({ port: 7, allowHalfOpen: true })
const socket = connectTcp(a, { host: '10.0.0.2', port: 7 })
socket.end('hello through two stacks\n')
for await (const chunk of socket) process.stdout.write(chunk)

const { sndtotal, rcvtotal } = a.vnet.state.tcp.stats
console.log(`segments sent ${sndtotal}, received ${rcvtotal}`)
server.close()
driver.close()
