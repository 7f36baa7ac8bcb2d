/** The connection state machine (RFC 9293 §3.3.2, figure 5): which transitions exist. */

import { assert } from '../lib/assert.ts'
import { FO_PASSIVE } from './state-open.ts'
import {
  TCPS_CLOSED, TCPS_CLOSE_WAIT, TCPS_CLOSING, TCPS_ESTABLISHED, TCPS_FIN_WAIT_1, TCPS_FIN_WAIT_2, TCPS_LAST_ACK,
  TCPS_LISTEN, TCPS_SYN_RECEIVED, TCPS_SYN_SENT, TCPS_TIME_WAIT,
} from './state.ts'
import type { Tcb } from './state.ts'

/** Moves a connection to `state`; a transition that the figure does not have is a bug of ours. */
export function tcpSetState(tcb: Pick<Tcb, 'inp' | 'state'>, state: number): void {
  assert(
    ((NEXT[tcb.state]) & (1 << state)) !== 0,
    `tcp ${tcb.inp.id}: no transition from ${tcpStateName(tcb.state)} to ${tcpStateName(state)}`,
  )
  tcb.state = state
}

/** "ESTABLISHED" and so on, as netstat prints it. */
export function tcpStateName(state: number): string {
  return TCP_STATE_NAMES[state] ?? `state ${state}`
}

/** States in which the user's data may still be sent (RFC 9293 §3.10.2). */
export function tcpCanSend(state: number): boolean {
  return state === TCPS_ESTABLISHED || state === TCPS_CLOSE_WAIT
}

/** The peer's FIN has not come: text and urgent pointers are processed (RFC 9293 §3.10.7.4, sixth and seventh). */
export function tcpCanReceive(state: number): boolean {
  return state === TCPS_ESTABLISHED || state === TCPS_FIN_WAIT_1 || state === TCPS_FIN_WAIT_2
}

/** Data each way waits for the handshake; not where a SYN with a Fast Open cookie has opened the connection. */
export function tcpIsOpening(tcb: Tcb): boolean {
  return tcb.state === TCPS_SYN_SENT || (tcb.state === TCPS_SYN_RECEIVED && (tcb.fastFlags & FO_PASSIVE) === 0)
}

/** Our FIN is sent, or waits behind data. */
export function tcpSendsFin(state: number): boolean {
  return state === TCPS_FIN_WAIT_1 || state === TCPS_CLOSING || state === TCPS_LAST_ACK
}

const TCP_STATE_NAMES: readonly string[] = Object.freeze([
  'CLOSED', 'LISTEN', 'SYN_SENT', 'SYN_RCVD', 'ESTABLISHED', 'CLOSE_WAIT', 'FIN_WAIT_1', 'CLOSING', 'LAST_ACK',
  'FIN_WAIT_2', 'TIME_WAIT',
])

const bits = (...states: number[]): number => states.reduce((set, s) => set | (1 << s), 0)

/** Every state may end in CLOSED: by reset, by timeout or by abort. */
const NEXT: readonly number[] = Object.freeze([
  /* CLOSED */ bits(TCPS_LISTEN, TCPS_SYN_SENT, TCPS_SYN_RECEIVED, TCPS_CLOSED),
  /* LISTEN */ bits(TCPS_CLOSED),
  /* SYN_SENT */ bits(TCPS_SYN_RECEIVED, TCPS_ESTABLISHED, TCPS_CLOSED),
  /* SYN_RCVD */ bits(TCPS_ESTABLISHED, TCPS_FIN_WAIT_1, TCPS_CLOSE_WAIT, TCPS_CLOSED),
  /* ESTABLISHED */ bits(TCPS_FIN_WAIT_1, TCPS_CLOSE_WAIT, TCPS_CLOSED),
  /* CLOSE_WAIT */ bits(TCPS_LAST_ACK, TCPS_CLOSED),
  /* FIN_WAIT_1 */ bits(TCPS_FIN_WAIT_2, TCPS_CLOSING, TCPS_TIME_WAIT, TCPS_CLOSED),
  /* CLOSING */ bits(TCPS_TIME_WAIT, TCPS_CLOSED),
  /* LAST_ACK */ bits(TCPS_CLOSED),
  /* FIN_WAIT_2 */ bits(TCPS_TIME_WAIT, TCPS_CLOSED),
  /* TIME_WAIT */ bits(TCPS_CLOSED),
])
