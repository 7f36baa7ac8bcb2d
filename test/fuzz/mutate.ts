/** Changes to a valid Ethernet frame: blind ones, and ones that know where TCP, IP, ICMP and ARP keep what matters. */

import { randomBelow, randomInt32 } from '../../src/kern/random.ts'
import type { RandomState } from '../../src/kern/random.ts'
import type { Ip4, Mac } from '../../src/lib/addr.ts'
import { ETHER_HDR_LEN, ETHER_TYPE, ETHERTYPE_ARP, ETHERTYPE_IP } from '../../src/wire/ethernet.ts'
import { IP_HDR_LEN, IP_LEN, IP_OFF, IP_P, IP_SRC, IPPROTO_ICMP, IPPROTO_TCP, ipHeaderLen } from '../../src/wire/ipv4.ts'
import { viewOf } from '../../src/wire/layout.ts'
import { TCP_ACK, TCP_OFF_FLAGS, TCP_SEQ, TCP_URP, TCP_WIN } from '../../src/wire/tcp.ts'
import { aimEther } from '../corpus/rewrite.ts'

/** Lengths and counts that tend to hurt. */
const EDGES = [0, 1, 2, 3, 4, 7, 8, 19, 20, 0x7f, 0x80, 0xff]
const IP_ONLY = ETHER_HDR_LEN + IP_HDR_LEN

/** A changed copy of `frame`, addressed to (mac, ip); three times in four its checksums are made right again. */
export function mutate(frame: Uint8Array, r: RandomState, mac: Mac, ip: Ip4): Uint8Array {
  let bytes = new Uint8Array(frame)
  for (let n = randomBelow(r, 4); n >= 0 && bytes.length > 0; n--) bytes = change(bytes, r)
  return randomBelow(r, 4) === 0 ? bytes : aimEther(bytes, mac, ip)
}

function change(bytes: Uint8Array<ArrayBuffer>, r: RandomState): Uint8Array<ArrayBuffer> {
  const view = viewOf(bytes)
  const at = randomBelow(r, Math.min(bytes.length, randomBelow(r, 2) === 0 ? 80 : bytes.length))
  switch (randomBelow(r, 10)) {
    case 0: return bytes.slice(0, randomBelow(r, bytes.length + 1))
    case 1: return Uint8Array.of(...bytes, ...bytes.subarray(0, randomBelow(r, 64)))
    case 2: bytes[at] ^= 1 << randomBelow(r, 8); return bytes
    case 3: bytes[at] = EDGES[randomBelow(r, EDGES.length)]; return bytes
    case 4: bytes[at] = randomBelow(r, 256); return bytes
    default: return known(bytes, view, r)
  }
}

/** A change where the protocol looks. */
function known(bytes: Uint8Array<ArrayBuffer>, view: DataView, r: RandomState): Uint8Array<ArrayBuffer> {
  if (bytes.length < IP_ONLY) return bytes
  const type = view.getUint16(ETHER_TYPE)
  if (type === ETHERTYPE_ARP) bytes[ETHER_HDR_LEN + 6 + randomBelow(r, 14)] = randomBelow(r, 256)
  if (type !== ETHERTYPE_IP) return bytes
  const ip = ETHER_HDR_LEN
  const l4 = ip + ipHeaderLen(view, ip)
  const proto = view.getUint8(ip + IP_P)
  const what = randomBelow(r, 4)
  if (what === 0) {
    // pieces of it, somewhere
    view.setUint16(ip + IP_OFF, (randomBelow(r, 2) << 13) | [0, 1, 185, 8189, 8191][randomBelow(r, 5)])
  } else if (what === 1 && randomBelow(r, 3) === 0) view.setUint16(ip + IP_LEN, randomBelow(r, bytes.length + 40))
  else if (proto === IPPROTO_TCP && l4 + 20 <= bytes.length) tcp(view, l4, r)
  else if (proto === IPPROTO_ICMP && l4 + 8 <= bytes.length) {
    bytes[l4] = [0, 3, 3, 3, 4, 5, 8, 11, 12, 13, 17][randomBelow(r, 11)]
    bytes[l4 + 1] = randomBelow(r, 6)
    view.setUint16(l4 + 6, [0, 67, 68, 576, 1300, 0xffff][randomBelow(r, 6)])
  } else if (what === 2 && proto !== IPPROTO_ICMP) return quote(bytes, view, ip, r)
  return bytes
}

function tcp(view: DataView, at: number, r: RandomState): void {
  const near = [-70_000, -2, -1, 1, 2, 1460, 65_535, 1 << 20][randomBelow(r, 8)]
  switch (randomBelow(r, 7)) {
    case 0: view.setInt32(at + TCP_SEQ, view.getInt32(at + TCP_SEQ) + near); break
    case 1: view.setInt32(at + TCP_ACK, view.getInt32(at + TCP_ACK) + near); break
    case 2: view.setUint8(at + TCP_OFF_FLAGS + 1, view.getUint8(at + TCP_OFF_FLAGS + 1) ^ (1 << randomBelow(r, 8))); break
    case 3: view.setUint8(at + TCP_OFF_FLAGS + 1, randomBelow(r, 64)); break
    case 4: view.setUint16(at + TCP_WIN, [0, 1, 0xffff, randomBelow(r, 65_536)][randomBelow(r, 4)]); break
    case 5: view.setUint16(at + TCP_URP, randomBelow(r, 65_536)); break
    default: view.setInt32(at + [TCP_SEQ, TCP_ACK][randomBelow(r, 2)], randomInt32(r))
  }
}

/** An ICMP error that quotes the packet the frame answers: its addresses and ports turned round. */
function quote(bytes: Uint8Array<ArrayBuffer>, view: DataView, ip: number, r: RandomState): Uint8Array<ArrayBuffer> {
  const l4 = ip + ipHeaderLen(view, ip)
  if (l4 < IP_ONLY || l4 + 12 > bytes.length) return bytes
  const original = bytes.slice(ip, l4 + 12)
  const ends = viewOf(original)
  const [src, dst] = [ends.getInt32(IP_SRC), ends.getInt32(IP_SRC + 4)]
  ends.setInt32(IP_SRC, dst)
  ends.setInt32(IP_SRC + 4, src)
  const ports = l4 - ip
  const [from, to] = [ends.getUint16(ports), ends.getUint16(ports + 2)]
  ends.setUint16(ports, to)
  ends.setUint16(ports + 2, from)
  // what the quoted segment's sequence number was, the ACK that came tells
  if (view.getUint8(ip + IP_P) === IPPROTO_TCP) ends.setInt32(ports + 4, view.getInt32(l4 + TCP_ACK))
  const error = new Uint8Array(ETHER_HDR_LEN + IP_HDR_LEN + 8 + original.length)
  error.set(bytes.subarray(0, ETHER_HDR_LEN + IP_HDR_LEN))
  error.set(original, ETHER_HDR_LEN + IP_HDR_LEN + 8)
  const out = viewOf(error)
  out.setUint8(ip, 0x45)
  out.setUint16(ip + IP_LEN, error.length - ETHER_HDR_LEN)
  out.setUint16(ip + IP_OFF, 0)
  out.setUint8(ip + IP_P, IPPROTO_ICMP)
  error[ip + IP_HDR_LEN] = [3, 3, 3, 11, 12][randomBelow(r, 5)]
  error[ip + IP_HDR_LEN + 1] = randomBelow(r, 16)
  out.setUint16(ip + IP_HDR_LEN + 6, [0, 68, 576, 1300][randomBelow(r, 4)])
  return error
}
