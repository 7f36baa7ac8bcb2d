/** ioctl: how much is queued. */

import { SO_KIND_MASK, SO_TCP } from '../inet/state.ts'
import type { Args } from './args.ts'
import { atOnce, onFile } from './call.ts'
import type { Call } from './call.ts'
import { FIONBIO, FIONREAD, FIONSPACE, SIOCATMARK, SIOCOUTQ, SIOCOUTQNSD } from './constants.ts'
import { tcpInfo } from '../tcp/info.ts'
import { unsupported } from './error.ts'
import { tcbOf } from './session.ts'
import type { OpenFile, Session } from './session.ts'

export function ioctlCall(session: Session, args: Args): Call {
  return onFile(session, args, (file) => {
    const request = args.number(1)
    if (request === FIONBIO) {
      return atOnce(() => {
        file.nonblocking = args.number(2) !== 0
        return 0
      })
    }
    return atOnce(() => 0, () => args.expectNumber(args.at(2), 'the value', value(session, file, request)))
  })
}

function value(session: Session, { id }: OpenFile, request: number): number {
  if ((id & SO_KIND_MASK) !== SO_TCP) return datagramValue(session, id, request)
  const tcb = tcbOf(session, id, 'ioctl')
  switch (request) {
    case FIONREAD: return tcpInfo(session.stack.vnet.vn, id)?.readable ?? 0
    case SIOCOUTQ: return tcb.sndBuf.len
    case SIOCOUTQNSD: return tcpInfo(session.stack.vnet.vn, id)?.unsent ?? 0
    case SIOCATMARK: return tcpInfo(session.stack.vnet.vn, id)?.atMark === true ? 1 : 0
    case FIONSPACE: return Math.max(0, tcb.sndLimit - tcb.sndBuf.len)
    default: throw unsupported(`ioctl 0x${request.toString(16)}`)
  }
}

/** The next datagram's length. */
function datagramValue(session: Session, id: number, request: number): number {
  const pcb = session.stack.vnet.state.udp.pcbs.get(id)
  if (request !== FIONREAD || pcb === undefined) throw unsupported(`ioctl 0x${request.toString(16)} without TCP`)
  return pcb.queue[0]?.bytes.length ?? 0
}
