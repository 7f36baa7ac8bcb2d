import { expect, test } from 'vitest'
import { arpFind } from '../../src/arp/table.ts'
import { ip4Parse } from '../../src/lib/addr.ts'
import { createWorld } from '../../src/sim/world.ts'
import { startTcpSink, startTcpSource } from '../sim/apps.ts'
import { cleanAfterEach } from '../support/plain.ts'

const watch = cleanAfterEach()

test('a connection whose neighbour entry has gone wrong finds the peer again (RFC 1122 §2.3.2.1 (4), MUST-20)', () => {
  const world = watch(createWorld({ seed: 4 }))
  const a = world.addVnet('a')
  const b = world.addVnet('b')
  const port = a.addPort({ address: '10.0.0.1/24' })
  world.cable(port, b.addPort({ address: '10.0.0.2/24' }), { rateBps: 10_000_000 })
  const sink = startTcpSink(b, 9)
  startTcpSource(a, '10.0.0.2', 9, 1_000_000)
  world.at(300_000, () => {
    const entry = arpFind(a.vnet.vn, port.ifId, ip4Parse('10.0.0.2') as number)
    if (entry === null) throw new Error('no neighbour yet')
    entry.mac = 0x02000000dead
  })
  world.run({ untilUs: 30_000_000, until: () => sink.bytes === 1_000_000 })
  expect(sink.bytes).toBe(1_000_000)
  expect(a.vnet.state.arp.stats.suspected).toBe(1)
})
