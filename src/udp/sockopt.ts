/** Options of UDP sockets: the shared ones and the buffer limits. */

import { bufferLimit, inpGetOpt, inpSetOpt } from '../inet/inpopt.ts'
import { SOL_SOCKET, SO_RCVBUF, SO_SNDBUF } from '../inet/sockopt.ts'
import type { Vn } from '../kern/vn.ts'
import { EBADF, EINVAL } from '../lib/errno.ts'

/** Sets an option. EBADF, ENOPROTOOPT, EINVAL. Buffer sizes are held below kern.ipc.maxsockbuf. */
export function udpSetOpt(vn: Vn, id: number, level: number, name: number, value: number): number {
  const pcb = vn.state.udp.pcbs.get(id)
  if (pcb === undefined) return EBADF
  const isLimit = level === SOL_SOCKET && (name === SO_RCVBUF || name === SO_SNDBUF)
  if (!isLimit) return inpSetOpt(vn, pcb.inp, level, name, value)
  const limit = bufferLimit(vn, value)
  if (limit === 0) return EINVAL
  if (name === SO_RCVBUF) pcb.rcvLimit = limit
  else pcb.sndLimit = limit
  return 0
}

/** The option's value (≥ 0), or -errno. */
export function udpGetOpt(vn: Vn, id: number, level: number, name: number): number {
  const pcb = vn.state.udp.pcbs.get(id)
  if (pcb === undefined) return -EBADF
  if (level === SOL_SOCKET && name === SO_RCVBUF) return pcb.rcvLimit
  if (level === SOL_SOCKET && name === SO_SNDBUF) return pcb.sndLimit
  return inpGetOpt(vn, pcb.inp, level, name)
}
