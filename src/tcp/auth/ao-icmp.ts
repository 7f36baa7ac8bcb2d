/** ICMP errors about connections with TCP-AO (RFC 5925 §7.8): anybody can send them, and no code proves them. */

import { CTL_MSGSIZE, CTL_UNREACH_HARD } from '../../inet/ctl.ts'
import type { CtlInput } from '../../inet/ctl.ts'
import type { Vn } from '../../kern/vn.ts'
import { addrIsV4 } from '../../lib/addr.ts'
import { TCPS_ESTABLISHED } from '../state.ts'
import type { Tcb } from '../state.ts'
import { aoConnFind } from './ao-conn.ts'

/**
 * Whether the error is to be ignored: hard ones, and IPv4's fragmentation needed, about synchronized connections. The path
 * MTU is then found by probes and timeouts. IPv6's packet too big is believed as far as RFC 5927 §7 goes.
 */
export function tcpAoIgnoresIcmp(vn: Vn, tcb: Tcb, c: CtlInput): boolean {
  if (tcb.state < TCPS_ESTABLISHED || vn.state.sysctl['net.inet.tcp.ao.accept_icmp'] === 1) return false
  if (c.kind !== CTL_UNREACH_HARD && (c.kind !== CTL_MSGSIZE || !addrIsV4(c.dst))) return false
  const { laddr, lport, faddr, fport } = tcb.inp
  return aoConnFind(vn, laddr, lport, faddr, fport) !== null
}
