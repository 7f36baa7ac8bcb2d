/** Two Vnets in one thread, joined by a pair: TCP bulk and connection rate through the socket calls. */

import { Driver, addrParse, createPair, ifAddAddr } from '../dist/index.js'
import { kernelBulk, kernelConnections } from './kernel.mjs'
import { gbps, medianOf, row } from './measure.mjs'
import { acceptAndClose, connectMany, sink, source } from './streams.mjs'

export const memory = {
  name: 'memory',
  title: 'Vnet to Vnet in memory, one thread (baseline: the kernel over loopback, node:net, one thread)',
  run,
}

const JUMBO = 65_520
const PORT = 5001
/** More than this lets the ephemeral ports in TIME-WAIT run out. */
const CONNECTIONS = 4000

async function run({ short }) {
  const total = (short ? 64 : 256) * 2 ** 20
  const runs = short ? 3 : 5
  const bulk = (mtu) => medianOf(runs, async () => {
    const { driver, a, b } = pairOfVnets(mtu)
    const done = sink(b, PORT, total)
    source(a, '10.0.0.2', PORT, total)
    const us = await done
    driver.close()
    return gbps(total, us)
  })
  const kernelGbps = await medianOf(runs, async () => gbps(total, await kernelBulk(total)))
  const count = short ? CONNECTIONS / 4 : CONNECTIONS
  const rate = (atOnce) => medianOf(runs, async () => {
    const { driver, a, b } = pairOfVnets(1500)
    const stop = acceptAndClose(b, PORT)
    const us = await connectMany(a, '10.0.0.2', PORT, count, atOnce)
    stop()
    driver.close()
    return count / us * 1e6
  })
  const kernelRate = (atOnce) => medianOf(runs, async () => count / await kernelConnections(count, atOnce) * 1e6)
  return {
    rows: [
      row('tcpBulkMtu1500Gbps', await bulk(1500), 'kernelLoopbackTcpBulkGbps', kernelGbps),
      row('tcpBulkMtu65520Gbps', await bulk(JUMBO), 'kernelLoopbackTcpBulkGbps', kernelGbps),
      row('tcpConnectsOneAtATimePerSecond', await rate(1), 'kernelConnectsOneAtATimePerSecond', await kernelRate(1)),
      row('tcpConnects64AtOncePerSecond', await rate(64), 'kernelConnects64AtOncePerSecond', await kernelRate(64)),
    ],
    note: 'A Vnet pays for both ends in JavaScript; loopback\'s MTU is 65,536 and it leaves checksums undone.',
  }
}

function pairOfVnets(mtu) {
  const driver = new Driver()
  const [a, b] = [driver.addVnet({ name: 'a' }), driver.addVnet({ name: 'b' })]
  const [left, right] = createPair(driver.pool, { mtu })
  ifAddAddr(a.vnet.vn, a.attach(left, 'eth0'), addrParse('10.0.0.1'), 24)
  ifAddAddr(b.vnet.vn, b.attach(right, 'eth0'), addrParse('10.0.0.2'), 24)
  return { driver, a, b }
}
