/** Two network stacks in two threads, joined by a cable of shared memory; one moves home with its connection open. */

import {
  Driver, VnetWorker, addrParse, connectTcp, createRingCable, ifAddAddr, openRing, placeVnet,
} from 'vimage'

const [left, right] = createRingCable()
const worker = new VnetWorker({
  cables: { right },
  vnets: [{
    name: 'b',
    interfaces: [{ name: 'eth0', cable: 'right', addresses: ['10.0.0.2/24'] }],
    services: [{ name: 'echo' }],
  }],
})
await worker.ready

const driver = new Driver()
const a = driver.addVnet({ name: 'a' })
ifAddAddr(a.vnet.vn, a.attach(openRing(left, driver), 'eth0'), addrParse('10.0.0.1'), 24)

const socket = connectTcp(a, { host: '10.0.0.2', port: 7 })
const lines = socket[Symbol.asyncIterator]()
socket.write('hello to the other thread')
console.log(`${(await lines.next()).value}`)

const { host } = placeVnet(driver, await worker.take('b'))
await worker.close()
socket.write(`hello to this thread, says ${host.vnet.name}`)
console.log(`${(await lines.next()).value}`)
socket.destroy()
driver.close()
