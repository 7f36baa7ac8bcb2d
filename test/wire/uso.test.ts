/** Datagrams that came in one frame (UDP segmentation offload), told apart: each is what its sender would have sent alone. */

import { afterEach, describe, expect, it } from 'vitest'
import { CSUM_PARTIAL, createFramePool, frameAlloc, frameBytes, frameRelease } from '../../src/lib/frame.ts'
import type { Frame } from '../../src/lib/frame.ts'
import { csumFinished } from '../../src/wire/gso.ts'
import { IPPROTO_UDP } from '../../src/wire/ipv4.ts'
import { usoCount, usoDatagram, usoIsSound } from '../../src/wire/uso.ts'

const pool = createFramePool({ poison: true })
afterEach(() => { expect(pool.inUse).toBe(0) })

/** RFC 1071, on its own: the ones' complement sum of big-endian words. */
function sum(bytes: readonly number[]): number {
  let s = 0
  for (let i = 0; i < bytes.length; i += 2) s += bytes[i] * 256 + (bytes[i + 1] ?? 0)
  while (s > 0xffff) s = (s & 0xffff) + (s >>> 16)
  return s
}

const words = (n: number): number[] => [n >> 8, n & 255]
const data = Array.from({ length: 2501 }, (_, i) => (i * 7) & 255)
const SRC4 = [10, 0, 0, 1]
const DST4 = [10, 0, 0, 2]
const SRC6 = [0xfd, ...new Array<number>(14).fill(0), 1]
const DST6 = [0xfd, ...new Array<number>(14).fill(0), 2]

function pseudo(v6: boolean, length: number): number[] {
  return v6 ? [...SRC6, ...DST6, 0, 0, ...words(length), 0, 0, 0, 17] : [...SRC4, ...DST4, 0, 17, ...words(length)]
}

/** Ethernet (with a VLAN tag or not), IP, UDP around `payload`; the IP header complete, of UDP's sum the pseudo-header's part. */
function packet(v6: boolean, tag: boolean, ident: number, payload: readonly number[]): number[] {
  const length = 8 + payload.length
  const ip = v6
    ? [0x60, 0, 0, 0, ...words(length), 17, 64, ...SRC6, ...DST6]
    : [0x45, 0, ...words(20 + length), ...words(ident), 0x40, 0, 64, 17, 0, 0, ...SRC4, ...DST4]
  if (!v6) ip.splice(10, 2, ...words(~sum(ip) & 0xffff))
  const type = v6 ? [0x86, 0xdd] : [0x08, 0x00]
  const link = [2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, ...(tag ? [0x81, 0, 0, 5] : []), ...type]
  return [...link, ...ip, ...words(5000), ...words(9), ...words(length), ...words(sum(pseudo(v6, length))), ...payload]
}

function frame(bytes: readonly number[], gsoSize: number, l4: number): Frame {
  const f = frameAlloc(pool, bytes.length)
  if (f === null) throw new Error('pool exhausted')
  f.slab.set(bytes, f.off)
  f.len = bytes.length
  f.csum = CSUM_PARTIAL
  f.proto = IPPROTO_UDP
  f.l4 = f.off + l4
  f.gsoSize = gsoSize
  return f
}

describe.each([[false, false], [false, true], [true, false], [true, true]])('IPv6: %s, VLAN tag: %s', (v6, tag) => {
  const linkLen = tag ? 18 : 14
  const l4 = linkLen + (v6 ? 40 : 20)

  it.each([[1000, 3], [2500, 2], [2501, 1], [1, 2501], [9000, 1]])('of %i octets each: %i of them', (size, count) => {
    const f = frame(packet(v6, tag, 0xffff, data), size, l4)
    expect(usoIsSound(f, linkLen)).toBe(true)
    expect(usoCount(f)).toBe(count)
    for (let k = 0; k < count; k++) {
      const d = usoDatagram(pool, f, linkLen, k) as Frame
      const payload = data.slice(k * size, (k + 1) * size)
      expect([...frameBytes(d)]).toEqual(packet(v6, tag, (0xffff + k) & 0xffff, payload))
      expect([d.csum, d.proto, d.l4 - d.off, d.gsoSize]).toEqual([CSUM_PARTIAL, IPPROTO_UDP, l4, 0])
      // finished as any other, it is right (RFC 768)
      const length = 8 + payload.length
      const udp = [...frameBytes(d)].slice(l4)
      udp.splice(6, 2, ...words(csumFinished(d)))
      expect(sum([...pseudo(v6, length), ...udp])).toBe(0xffff)
      frameRelease(pool, d)
    }
    frameRelease(pool, f)
  })

  it.each([
    ['no size', (f: Frame) => { f.gsoSize = 0 }], ['another protocol', (f: Frame) => { f.proto = 6 }],
    ['a complete checksum', (f: Frame) => { f.csum = 0 }], ['no room for its header', (f: Frame) => { f.len = l4 + 7 }],
    ['a transport header in the IP header', (f: Frame) => { f.l4 -= 4 }],
  ])('is refused with %s', (_, spoil) => {
    const f = frame(packet(v6, tag, 1, data), 1000, l4)
    spoil(f)
    expect(usoIsSound(f, linkLen)).toBe(false)
    frameRelease(pool, f)
  })
})
