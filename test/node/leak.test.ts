/** Nothing stays behind: no socket of the Vnet, after connections in numbers. */

import { once } from 'node:events'
import { expect, it } from 'vitest'
import { Driver } from '../../src/host/driver.ts'
import { nodeModules } from '../../src/node/modules.ts'
import { bound, collect, finish, listen, LOOP, shut, wait } from './kit.ts'
import { sysctlsIn } from '../../src/vnet/sysctl.ts'

/** A tenth of a second of TIME-WAIT instead of two minutes. */
const MSL_MS = 50

it('after 300 connections and 300 datagrams the Vnet has no socket', async () => {
  const driver = new Driver()
  const host = driver.addVnet({ name: 'leaks' })
  sysctlsIn(host.vnet.state)['net.inet.tcp.msl'] = MSL_MS
  const m = nodeModules(host)
  const server = m.net.createServer((socket) => { socket.pipe(socket) })
  const port = await listen(server)
  for (let round = 0; round < 30; round++) {
    await Promise.all(Array.from({ length: 10 }, async () => {
      const client = m.net.connect(port, LOOP)
      client.end('x')
      await collect(client)
    }))
  }
  await finish(server)
  const to = await bound(m)
  for (let i = 0; i < 300; i++) {
    const from = m.dgram.createSocket('udp4')
    from.send('x', to.address().port, LOOP)
    await once(to, 'message')
    await shut(from)
  }
  await shut(to)
  await wait(20 * MSL_MS)
  const { tcp, udp } = host.vnet.state
  expect([tcp.tcbs.size, tcp.timewait.size, tcp.listeners.size, udp.pcbs.size]).toEqual([0, 0, 0, 0])
  expect(host.vnet.sockets()).toEqual([])
  driver.close()
})
