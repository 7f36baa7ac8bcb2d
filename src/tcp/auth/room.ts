/** What signatures take of the option space. */

import type { Vn } from '../../kern/vn.ts'
import type { Addr } from '../../lib/addr.ts'
import { aoKeyFirst } from './ao-keys.ts'
import { TCPOLEN_AO } from './ao.ts'
import { tcpKeyFind } from './keys.ts'
import { TCPOLEN_SIGNATURE_APPA } from './md5.ts'

/** Octets that a signature takes from every segment to this peer (the longer one, where there are keys of both kinds). */
export function tcpSignatureLen(vn: Vn, lport: number, faddr: Addr): number {
  const { keys, ao } = vn.state.tcp
  if (keys.length !== 0 && tcpKeyFind(vn, lport, faddr) !== null) return TCPOLEN_SIGNATURE_APPA
  return ao.keys.length !== 0 && aoKeyFirst(vn, lport, faddr) !== null ? TCPOLEN_AO : 0
}
