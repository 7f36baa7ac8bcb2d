import { describe, expect, test } from 'vitest'
import { tcpSetState, tcpStateName } from '../../src/tcp/fsm.ts'
import { createTcb } from '../../src/tcp/state.ts'

/** Figure 5 of RFC 9293, with the aborts that it does not draw. */
const EDGES: readonly (readonly [string, readonly string[]])[] = [
  ['CLOSED', ['LISTEN', 'SYN_SENT', 'SYN_RCVD', 'CLOSED']],
  ['LISTEN', ['CLOSED']],
  ['SYN_SENT', ['SYN_RCVD', 'ESTABLISHED', 'CLOSED']],
  ['SYN_RCVD', ['ESTABLISHED', 'FIN_WAIT_1', 'CLOSE_WAIT', 'CLOSED']],
  ['ESTABLISHED', ['FIN_WAIT_1', 'CLOSE_WAIT', 'CLOSED']],
  ['FIN_WAIT_1', ['FIN_WAIT_2', 'CLOSING', 'TIME_WAIT', 'CLOSED']],
  ['FIN_WAIT_2', ['TIME_WAIT', 'CLOSED']],
  ['CLOSE_WAIT', ['LAST_ACK', 'CLOSED']],
  ['CLOSING', ['TIME_WAIT', 'CLOSED']],
  ['LAST_ACK', ['CLOSED']],
  ['TIME_WAIT', ['CLOSED']],
]
const NAMES = Array.from({ length: 11 }, (_, i) => tcpStateName(i))

describe('the state machine (RFC 9293 §3.3.2, figure 5)', () => {
  test.each(EDGES)('from %s', (from, to) => {
    for (const name of NAMES) {
      const tcb = createTcb(4, 2)
      tcb.state = NAMES.indexOf(from)
      if (to.includes(name)) {
        tcpSetState(tcb, NAMES.indexOf(name))
        expect(tcb.state).toBe(NAMES.indexOf(name))
      } else expect(() => { tcpSetState(tcb, NAMES.indexOf(name)) }, name).toThrow('no transition')
    }
  })

  test('eleven states with eleven names', () => {
    expect(new Set(NAMES).size).toBe(11)
    expect(EDGES.length).toBe(11)
  })
})
