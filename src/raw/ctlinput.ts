/** ICMP errors about packets of protocols that only raw sockets speak. */

import type { CtlInput } from '../inet/ctl.ts'
import { sameHost } from '../inet/inptable.ts'
import { EV_ERROR, eventPost } from '../kern/vn.ts'
import type { Vn } from '../kern/vn.ts'
import { addrIsUnspecified } from '../lib/addr.ts'

/** A raw socket connected to the quoted packet's destination gets the error as its pending one. */
export function rawCtlInput(vn: Vn, c: CtlInput): void {
  if (c.errno === 0) return
  for (const { inp, proto } of vn.state.raw.pcbs.values()) {
    if (proto !== c.proto || !sameHost(inp.faddr, c.dst)) continue
    if (!addrIsUnspecified(inp.laddr) && !sameHost(inp.laddr, c.src)) continue
    inp.soError = c.errno
    eventPost(vn, inp.id, EV_ERROR)
  }
}
