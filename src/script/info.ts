/** Fields of tcp_info as scripts name them: each personality's own, and on FreeBSD also Linux's where it has none. */

import { freebsdInfoOf } from '../tcp/freebsd-info.ts'
import { linuxInfoOf } from '../tcp/linux-info.ts'
import type { Tcb } from '../tcp/state.ts'
import type { Session } from './session.ts'

/** As of now. */
export function tcpInfoFields({ stack, config }: Session, tcb: Tcb): Record<string, number> {
  stack.vnet.setNow(stack.vnetNow)
  const { vn } = stack.vnet
  const linux = linuxInfoOf(vn, tcb)
  return config.personality === 'linux' ? { ...linux } : { ...linux, ...freebsdInfoOf(vn, tcb) }
}
