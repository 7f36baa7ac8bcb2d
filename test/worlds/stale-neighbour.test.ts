import { expect, test } from 'vitest'
import { arpFind } from '../../src/arp/table.ts'
import { AF_INET6 } from '../../src/inet/state.ts'
import { ip4Parse } from '../../src/lib/addr.ts'
import { ndFind } from '../../src/nd/table.ts'
import { createWorld } from '../../src/sim/world.ts'
import { address, startTcpSink, startTcpSource } from '../sim/apps.ts'
import { FAMILIES } from '../sim/families.ts'
import { cleanAfterEach } from '../support/plain.ts'

const watch = cleanAfterEach()

const TITLE = 'a connection over $name whose neighbour entry has gone wrong finds the peer again ' +
  '(RFC 1122 §2.3.2.1 (4), MUST-20; RFC 4861 §7.3.3)'

test.each(FAMILIES)(TITLE, ({ family, cidr, host }) => {
  const world = watch(createWorld({ seed: 4 }))
  const a = world.addVnet('a')
  const b = world.addVnet('b')
  const port = a.addPort({ address: cidr(0, 1) })
  const peer = b.addPort({ address: cidr(0, 2) })
  world.cable(port, peer, { rateBps: 10_000_000 })
  const sink = startTcpSink(b, 9, family)
  startTcpSource(a, host(0, 2), 9, 1_000_000)
  world.at(300_000, () => {
    const { vn } = a.vnet
    const entry = family === AF_INET6
      ? ndFind(vn, port.ifId, address(host(0, 2)))
      : arpFind(vn, port.ifId, ip4Parse(host(0, 2)) as number)
    if (entry === null) throw new Error('no neighbour yet')
    entry.mac = 0x02000000dead
  })
  world.run({ untilUs: 30_000_000, until: () => sink.bytes === 1_000_000 })
  expect(sink.bytes).toBe(1_000_000)
  // §7.2.3: the peer's own solicitation tells where it is, or three of ours get no answer
  if (family === AF_INET6) expect(ndFind(a.vnet.vn, port.ifId, address(host(0, 2)))?.mac).toBe(peer.mac)
  else expect(a.vnet.state.arp.stats.suspected).toBe(1)
})
