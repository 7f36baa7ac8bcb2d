/** A world in the middle of everything: what a snapshot can hold, it holds. */

import { AF_INET } from '../../src/inet/state.ts'
import { SOCK_STREAM } from '../../src/inet/sockopt.ts'
import { LOG_INFO, logWrite } from '../../src/kern/log.ts'
import type { SimHost } from '../../src/sim/host.ts'
import { createWorld } from '../../src/sim/world.ts'
import type { World } from '../../src/sim/world.ts'
import { soCreate } from '../../src/vnet/so.ts'
import { startPinger, startTcpSink, startTcpSource, startUdp } from '../sim/apps.ts'
import { tcbsSeen } from '../support/tcbs.ts'

export interface Rich { world: World; a: SimHost; b: SimHost }

/**
 * Two hosts stopped while transfers run over a bad cable (data unsent, unacknowledged, parked out of order and unread),
 * connections are half open, closing and in TIME-WAIT, datagrams are in pieces, neighbours are being asked, and
 * packets wait for them. `scale` makes the transfers smaller: snapshots that are mostly structure.
 */
export function richWorld(seed = 21, scale = 1): Rich {
  const world = createWorld({ seed })
  const [a, b] = [world.addVnet('a'), world.addVnet('b')]
  const rough = { delayUs: 9000, jitterUs: 2000, lossRate: 0.06, reorderRate: 0.1, duplicateRate: 0.02 }
  world.cable(a.addPort({ address: '10.0.0.1/24' }), b.addPort({ address: '10.0.0.2/24', probe: true }), rough)
  world.runFor(12e6)
  startTcpSink(b, 9)
  // a listener whose connections nobody accepts
  const quiet = startTcpSink(a, 10)
  for (const size of [10, 20, 400_000 * scale]) startTcpSource(a, '10.0.0.2', 9, size)
  startTcpSource(b, '10.0.0.1', 10, 50_000)
  world.runFor(4e6)
  quiet.close()
  const [udp, raw] = [startUdp(a, 53), startPinger(a)]
  startUdp(b, 7)
  for (let i = 0; i < 200; i++) {
    world.at(world.now() + i * 20_000, () => { udp.send('10.0.0.2', 7, new Uint8Array(9000).fill(i)) })
  }
  for (let i = 0; i < 4; i++) startTcpSource(a, '10.0.0.2', 9, 300_000 * scale)
  soCreate(b.vnet, b.now(), AF_INET, SOCK_STREAM, 0)
  raw.ping('10.0.0.2')
  raw.ping('10.0.0.77')
  udp.send('10.0.0.1', 53, new Uint8Array(100))
  logWrite(b.vnet.state.log, b.now(), LOG_INFO, 'something about \u2260 and \ud800')
  const { end } = world.run({
    untilUs: world.now() + 60e6,
    until: () => b.vnet.state.ip.reassFragments > 1 &&
      tcbsSeen(b.vnet.state.tcp).some((t) => t.reass.length > 0),
  })
  if (end !== 'until') throw new Error('nothing was parked out of order')
  return { world, a, b }
}
