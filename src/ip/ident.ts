/**
 * The identification field (RFC 6864): unique for a while among datagrams with the same source, destination and
 * protocol.
 */

import { IDENT_BUCKETS } from './state.ts'
import { randomInt32, randomKey } from '../kern/random.ts'
import type { Vn } from '../kern/vn.ts'
import type { Ip4 } from '../lib/addr.ts'
import { sipHash32 } from '../lib/siphash.ts'

/**
 * The identification of a datagram that may be fragmented. Counters chosen by a keyed hash: nobody outside learns
 * from the numbers he is sent how much is sent to others.
 */
export function ipIdent(vn: Vn, src: Ip4, dst: Ip4, proto: number): number {
  const hash = sipHash32(ipHashKey(vn), [src, dst, proto])
  const { idents } = vn.state.ip
  const i = hash & (idents.length - 1)
  const ident = ((idents[i]) + 1) & 0xffff
  idents[i] = ident
  return ident
}

/** The secret of IP's hashes, drawn at first use together with the counters' starting points. */
export function ipHashKey(vn: Vn): [number, number, number, number] {
  const ip = vn.state.ip
  if ((ip.hashKey[0] | ip.hashKey[1] | ip.hashKey[2] | ip.hashKey[3]) === 0) {
    ip.hashKey = randomKey(vn.state.random)
    ip.idents = new Uint16Array(IDENT_BUCKETS)
    for (let i = 0; i < IDENT_BUCKETS; i++) ip.idents[i] = randomInt32(vn.state.random)
  }
  return ip.hashKey
}
