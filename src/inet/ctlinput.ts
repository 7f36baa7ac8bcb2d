/** ICMP errors on their way to the transport that sent the quoted packet (RFC 1122 §3.2.2). */

import type { Vn } from '../kern/vn.ts'
import { rawCtlInput } from '../raw/ctlinput.ts'
import { tcpCtlInput } from '../tcp/ctlinput.ts'
import { udpCtlInput } from '../udp/ctlinput.ts'
import { IPPROTO_TCP, IPPROTO_UDP } from '../wire/ipv4.ts'
import type { CtlInput } from './ctl.ts'

/**
 * Tells the transport of `c.proto`. For CTL_MSGSIZE it is the transport that calls inetPmtuUpdate, after it has found
 * that the quoted packet can be one of its own: anybody can send an ICMP error (RFC 5927 §7.2, RFC 8085 §5.2).
 */
export function ctlInput(vn: Vn, c: CtlInput): void {
  switch (c.proto) {
    case IPPROTO_TCP: return tcpCtlInput(vn, c)
    case IPPROTO_UDP: return udpCtlInput(vn, c)
    default: return rawCtlInput(vn, c)
  }
}
