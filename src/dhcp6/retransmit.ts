/** When a message is sent again (RFC 8415 §15). */

import { randomInt32 } from '../kern/random.ts'
import type { Vn } from '../kern/vn.ts'
import type { Dhcp6Client } from './state.ts'

/** RAND is uniform between −0.1 and +0.1. */
const SPREAD = 0.2

/**
 * Draws the timeout of a message that is being sent, µs, into client.rtUs: IRT for the first of an exchange, about twice the
 * last one for the others, but about MRT where that would be longer (0: no bound). `late` draws the first one above IRT, as
 * §18.2.1 asks of a Solicit.
 */
export function dhcp6NextRt(vn: Vn, client: Dhcp6Client, irtUs: number, mrtUs: number, late: boolean): number {
  const part = (randomInt32(vn.state.random) >>> 0) / 0x1_0000_0000
  const rand = late && client.tries === 0 ? (1 - part) * SPREAD / 2 : part * SPREAD - SPREAD / 2
  let rt = client.tries === 0 ? irtUs * (1 + rand) : client.rtUs * (2 + rand)
  if (mrtUs !== 0 && rt > mrtUs) rt = mrtUs * (1 + rand)
  client.rtUs = Math.ceil(rt)
  return client.rtUs
}
