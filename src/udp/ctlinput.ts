/** ICMP errors about datagrams that we sent (RFC 1122 §4.1.3.3, RFC 8085 §5.2). */

import { CTL_MSGSIZE } from '../inet/ctl.ts'
import type { CtlInput } from '../inet/ctl.ts'
import { inpLookup, inpLookupListen } from '../inet/inptable.ts'
import { inetPmtuUpdate } from '../inet/pmtu.ts'
import { PMTUD_DO } from '../inet/sockopt.ts'
import { EV_ERROR, eventPost } from '../kern/vn.ts'
import type { Vn } from '../kern/vn.ts'
import { addrIsV4 } from '../lib/addr.ts'
import { udpStats } from './state.ts'

/**
 * A connected socket gets the error as its pending one. A socket that sends to many cannot tell whom it is about and
 * hears nothing; without any socket on the quoted port the error is made up, or late, and is ignored.
 */
export function udpCtlInput(vn: Vn, c: CtlInput): void {
  const { table, pcbs } = vn.state.udp
  const stats = udpStats(vn)
  const connected = inpLookup(vn, table, pcbs, c.src, c.lport, c.dst, c.fport)
  const pcb = connected ?? inpLookupListen(vn, table, pcbs, c.src, c.lport)
  if (pcb === null) {
    stats.badctl++
    return
  }
  if (c.kind === CTL_MSGSIZE) {
    // only a packet with DF set can have been too big, and only these sockets set it (RFC 1191 §4); IPv6 has no other
    const asked = pcb.inp.mtuDiscover >= PMTUD_DO
    if (!asked && addrIsV4(c.dst)) {
      stats.badctl++
      return
    }
    inetPmtuUpdate(vn, c.dst, c.mtu)
    // what is sent from now on is cut to fit (RFC 8201 §5.2): nothing to tell
    if (!asked) return
  }
  if (connected === null || c.errno === 0) return
  connected.inp.soError = c.errno
  eventPost(vn, connected.inp.id, EV_ERROR)
}
