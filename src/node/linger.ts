/** A kernel goes on sending what a program wrote before it ended; a Vnet in the program has to do so before it ends. */

import { isDormant } from '../tcp/state-dormant.ts'
import { TCPS_CLOSED, TCPS_LISTEN, TCPS_TIME_WAIT } from '../tcp/state.ts'
import type { Runner } from '../vnet/runner.ts'

/** How long the end of the program waits for its peers. */
const LINGER_MS = 5000
const POLL_MS = 5

/**
 * When nothing keeps the process alive any more but connections still have something to say, it stays until they have
 * said it, for LINGER_MS at most.
 */
export function lingerAtExit(runner: Runner): void {
  let until = 0
  process.on('beforeExit', () => {
    const now = performance.now()
    if (until === 0) until = now + LINGER_MS
    if (now < until && unsent(runner)) setTimeout(() => undefined, POLL_MS)
  })
}

/** A connection has data or a FIN that its peer has not acknowledged. */
function unsent(runner: Runner): boolean {
  for (const tcb of runner.vnet.state.tcp.tcbs.values()) {
    if (isDormant(tcb)) continue
    const { state } = tcb
    const over = state === TCPS_CLOSED || state === TCPS_LISTEN || state === TCPS_TIME_WAIT
    if (!over && tcb.sndNxt !== tcb.sndUna) return true
  }
  return false
}
