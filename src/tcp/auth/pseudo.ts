/** What digests of segments begin with: the pseudo-header as for the checksum (RFC 9293 §3.1, RFC 8200 §8.1). */

import { addrIsV4 } from '../../lib/addr.ts'
import type { Addr } from '../../lib/addr.ts'
import { IPPROTO_TCP } from '../../wire/ipv4.ts'

/** The pseudo-header of a segment of `len` octets. */
export function tcpPseudo(src: Addr, dst: Addr, len: number): Uint8Array {
  const v4 = addrIsV4(dst)
  const bytes = new Uint8Array(v4 ? 12 : 40)
  const view = new DataView(bytes.buffer)
  const at = writeAddrs(view, src, dst)
  if (v4) view.setUint32(at, IPPROTO_TCP << 16 | len)
  else {
    view.setUint32(at, len)
    view.setUint32(at + 4, IPPROTO_TCP)
  }
  return bytes
}

/** Writes both addresses, 4 or 16 octets each, from the view's beginning; returns where they end. */
export function writeAddrs(view: DataView, src: Addr, dst: Addr): number {
  const v4 = addrIsV4(dst)
  writeAddr(view, 0, src, v4)
  writeAddr(view, v4 ? 4 : 16, dst, v4)
  return v4 ? 8 : 32
}

function writeAddr(view: DataView, at: number, a: Addr, v4: boolean): void {
  if (v4) {
    view.setInt32(at, a.w3)
    return
  }
  view.setInt32(at, a.w0)
  view.setInt32(at + 4, a.w1)
  view.setInt32(at + 8, a.w2)
  view.setInt32(at + 12, a.w3)
}
