/**
 * The keyed hash behind demultiplexing: HalfSipHash-1-3's rounds over the words of the four-tuple, the whole state
 * keyed with the Vnet's secret, so that nobody outside can aim at one chain. No allocation; a function of its
 * arguments alone.
 */

import type { Vn } from '../kern/vn.ts'
import { addrIsUnspecified, addrIsV4 } from '../lib/addr.ts'
import type { Addr } from '../lib/addr.ts'

/** Hash of a four-tuple as int32. `::` and 0.0.0.0 are the same wildcard here. */
export function inpHash(vn: Vn, laddr: Addr, lport: number, faddr: Addr, fport: number): number {
  const key = vn.state.inet.hashKey
  // the upper words of two IPv4 (or wildcard) addresses say nothing
  const short = (addrIsV4(laddr) || addrIsUnspecified(laddr)) && (addrIsV4(faddr) || addrIsUnspecified(faddr))
  const n = short ? 3 : 9
  let v0 = key[0]
  let v1 = key[1]
  let v2 = key[2] ^ 0x6c796765
  let v3 = key[3] ^ 0x74656462
  // n message words, one that carries the length, three rounds of finalization
  for (let i = 0; i < n + 4; i++) {
    let m = 0
    if (i === 0) m = (lport << 16) | fport
    else if (i < n) m = i === 1 ? faddr.w3 : i === 2 ? laddr.w3 : upperWord(laddr, faddr, i)
    else if (i === n) m = n << 26
    else if (i === n + 1) v2 ^= 0xff
    v3 ^= m
    v0 = (v0 + v1) | 0
    v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0
    v0 = (v0 << 16) | (v0 >>> 16)
    v2 = (v2 + v3) | 0
    v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2
    v0 = (v0 + v3) | 0
    v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0
    v2 = (v2 + v1) | 0
    v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2
    v2 = (v2 << 16) | (v2 >>> 16)
    v0 ^= m
  }
  return v1 ^ v3
}

function upperWord(laddr: Addr, faddr: Addr, i: number): number {
  switch (i) {
    case 3: return faddr.w0
    case 4: return faddr.w1
    case 5: return addrIsUnspecified(faddr) ? 0 : faddr.w2
    case 6: return laddr.w0
    case 7: return laddr.w1
    default: return addrIsUnspecified(laddr) ? 0 : laddr.w2
  }
}
