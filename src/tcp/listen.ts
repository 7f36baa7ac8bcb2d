/** A segment for a listener (RFC 9293 §3.10.7.2). */

import { countDrop } from '../kern/vn.ts'
import type { Vn } from '../kern/vn.ts'
import { addrEq } from '../lib/addr.ts'
import type { Frame } from '../lib/frame.ts'
import { TCP_DPORT, TCP_SPORT, TH_ACK, TH_RST, TH_SYN } from '../wire/tcp.ts'
import { tcpFastAccept } from './fastaccept.ts'
import { tcpFastOpenVerdict } from './fastopen.ts'
import { tcpReset } from './respond.ts'
import { FO_PASSIVE } from './state-open.ts'
import type { Seg, Tcb } from './state.ts'
import type { Listener, TimeWait } from './state-small.ts'
import { tcpSyncacheAdd, tcpSyncacheCookie } from './syncache.ts'
import { tcpCookiesOut } from './syncookie.ts'
import { tcpStats } from './stats.ts'

/** `tw` is the TIME-WAIT record that the SYN has just replaced, or null. Borrows the frame. */
export function tcpListenInput(vn: Vn, tcb: Tcb, f: Frame, seg: Seg, tw: TimeWait | null): void {
  const { listeners } = vn.state.tcp
  const stats = tcpStats(vn)
  if ((seg.flags & TH_RST) !== 0) return countDrop(vn, stats, 'tcp', 'listenbad', f)
  if ((seg.flags & TH_ACK) !== 0) {
    const cookies = tcpCookiesOut(vn)
    if (cookies && tcpSyncacheCookie(vn, tcb, f, seg)) return
    countDrop(vn, stats, 'tcp', cookies ? 'scFailcookie' : 'listenbad', f)
    return tcpReset(vn, f, seg)
  }
  if ((seg.flags & TH_SYN) === 0 || fromItself(f)) return countDrop(vn, stats, 'tcp', 'listenbad', f)
  const listener = listeners.get(tcb.inp.id) as Listener
  if (listener.queue.length >= listener.backlog) return countDrop(vn, stats, 'tcp', 'listendrop', f)
  const fast = tcpFastOpenVerdict(vn, tcb, listener, f.dst, f.src, seg.opt)
  if ((fast & FO_PASSIVE) !== 0) return tcpFastAccept(vn, tcb, listener, f, seg, tw, fast)
  tcpSyncacheAdd(vn, tcb, listener, f, seg, tw, fast)
}

/** "LAND": a SYN whose source is the listener itself would make it talk to itself for ever. */
function fromItself(f: Frame): boolean {
  return f.view.getUint16(f.l4 + TCP_SPORT) === f.view.getUint16(f.l4 + TCP_DPORT) && addrEq(f.src, f.dst)
}
