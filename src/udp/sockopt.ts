/** Options of UDP sockets: the shared ones and the buffer limits. */

import { datagramGetOpt, datagramSetOpt } from '../inet/inpopt.ts'
import type { Vn } from '../kern/vn.ts'
import { EBADF } from '../lib/errno.ts'

/** Sets an option. EBADF, ENOPROTOOPT, EINVAL. Buffer sizes are held below kern.ipc.maxsockbuf. */
export function udpSetOpt(vn: Vn, id: number, level: number, name: number, value: number): number {
  const pcb = vn.state.udp.pcbs.get(id)
  if (pcb === undefined) return EBADF
  return datagramSetOpt(vn, pcb, level, name, value)
}

/** The option's value (≥ 0), or -errno. */
export function udpGetOpt(vn: Vn, id: number, level: number, name: number): number {
  const pcb = vn.state.udp.pcbs.get(id)
  if (pcb === undefined) return -EBADF
  return datagramGetOpt(vn, pcb, level, name)
}
