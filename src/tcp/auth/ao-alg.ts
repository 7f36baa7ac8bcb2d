/** Cryptography of TCP-AO (RFC 5926): traffic keys from master keys, and codes over segments. */

import { cmac } from '@noble/ciphers/aes.js'
import { hmac } from '@noble/hashes/hmac.js'
import { sha1 } from '@noble/hashes/legacy.js'
import { addrIsV4 } from '../../lib/addr.ts'
import type { Addr } from '../../lib/addr.ts'
import type { Seq } from '../../lib/seq.ts'
import { AO_SHA1 } from '../state-ao.ts'
import type { TcpAoKey } from '../state-ao.ts'
import { writeAddrs } from './pseudo.ts'

/** Octets of a MAC: both algorithms are cut to 96 bits (RFC 5926 §3.2). */
export const AO_MAC_LEN = 12

const AES_KEY_LEN = 16
const SHA1_LEN = 20
/** "TCP-AO" */
const LABEL = Object.freeze([0x54, 0x43, 0x50, 0x2d, 0x41, 0x4f])

/**
 * The traffic key for segments from `src` to `dst` of a connection with these initial sequence numbers (RFC 5925 §5.2;
 * `dstIsn` 0 for a SYN).
 */
export function aoTrafficKey(
  key: TcpAoKey, src: Addr, sport: number, dst: Addr, dport: number, srcIsn: Seq, dstIsn: Seq,
): Uint8Array {
  // RFC 5926 §3.1.1: i || Label || Context || Output_Length; either key is as long as one output, so i is 1
  const input = new Uint8Array(1 + LABEL.length + (addrIsV4(dst) ? 8 : 32) + 14)
  input[0] = 1
  input.set(LABEL, 1)
  const view = new DataView(input.buffer, 1 + LABEL.length)
  const at = writeAddrs(view, src, dst)
  view.setUint16(at, sport)
  view.setUint16(at + 2, dport)
  view.setInt32(at + 4, srcIsn)
  view.setInt32(at + 8, dstIsn)
  if (key.alg === AO_SHA1) {
    view.setUint16(at + 12, SHA1_LEN * 8)
    return hmac(sha1, key.secret, input)
  }
  view.setUint16(at + 12, AES_KEY_LEN * 8)
  // RFC 5926 §3.1.1.2: a secret of another length is made one of 128 bits first
  return cmac(input, key.secret.length === AES_KEY_LEN ? key.secret : cmac(key.secret, new Uint8Array(AES_KEY_LEN)))
}

/** The MAC over `parts`, one behind the other (RFC 5926 §3.2). */
export function aoMac(alg: number, trafficKey: Uint8Array, parts: readonly Uint8Array[]): Uint8Array {
  const mac = alg === AO_SHA1 ? hmac.create(sha1, trafficKey) : cmac.create(trafficKey)
  for (const part of parts) mac.update(part)
  return mac.digest().subarray(0, AO_MAC_LEN)
}
