/** A 64-bit checksum against damage (not against forgers): two lanes of MurmurHash3's mixing, with different constants. */

/** Checksum of bytes `from`…`to`, as two int32 words. */
export function checksum(b: Uint8Array, from: number, to: number): [number, number] {
  let low = 0x9747b28c
  let high = 0x5bd1e995
  const view = new DataView(b.buffer, b.byteOffset, b.byteLength)
  let at = from
  for (; at + 4 <= to; at += 4) {
    const word = view.getInt32(at, true)
    low = step(low, word, 15)
    high = step(high, word ^ low, 13)
  }
  for (; at < to; at++) {
    low = step(low, b[at], 15)
    high = step(high, b[at] ^ low, 13)
  }
  const length = to - from
  return [finish(low ^ length), finish(high ^ length ^ low)]
}

function step(hash: number, word: number, turn: number): number {
  const k = Math.imul(word, 0xcc9e2d51)
  const mixed = hash ^ Math.imul((k << turn) | (k >>> (32 - turn)), 0x1b873593)
  return (Math.imul((mixed << 13) | (mixed >>> 19), 5) + 0xe6546b64) | 0
}

function finish(hash: number): number {
  let h = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return h ^ (h >>> 16)
}
