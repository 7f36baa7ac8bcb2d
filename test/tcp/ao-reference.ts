/**
 * TCP-AO once more, straight from RFC 5925 and RFC 5926 with node:crypto and nothing of src/: watches the packets of a
 * connection and says of each whether its code is right.
 */

import { createCipheriv, createHmac } from 'node:crypto'

export interface RefKey { keyId: number; aes: boolean; options: boolean; secret: Uint8Array }

/** AES-CMAC (RFC 4493 §2.4), with the block cipher of node:crypto. */
export function refCmac(key: Uint8Array, message: Uint8Array): Buffer {
  const block = (input: Uint8Array): Buffer => {
    const cipher = createCipheriv('aes-128-ecb', key, null)
    cipher.setAutoPadding(false)
    return Buffer.concat([cipher.update(input), cipher.final()])
  }
  const double = (b: Buffer): Buffer => {
    const n = BigInt(`0x${b.toString('hex')}`) << 1n
    const low = n & (1n << 128n) - 1n
    return Buffer.from((n >> 128n === 0n ? low : low ^ 0x87n).toString(16).padStart(32, '0'), 'hex')
  }
  const k1 = double(block(Buffer.alloc(16)))
  const whole = message.length > 0 && message.length % 16 === 0
  const count = Math.max(1, Math.ceil(message.length / 16))
  const padded = Buffer.alloc(count * 16)
  padded.set(message)
  if (!whole) padded[message.length] = 0x80
  const last = whole ? k1 : double(k1)
  for (let i = 0; i < 16; i++) padded[(count - 1) * 16 + i] = padded[(count - 1) * 16 + i] ^ last[i]
  let x: Buffer = Buffer.alloc(16)
  for (let i = 0; i < count; i++) x = block(x.map((byte, k) => byte ^ padded[i * 16 + k]))
  return x
}

/** RFC 5926 §3.1.1. `context` is that of RFC 5925 §5.2. */
export function refTrafficKey(key: RefKey, context: Uint8Array): Buffer {
  const input = Buffer.concat([Buffer.from([1]), Buffer.from('TCP-AO', 'ascii'), context, Buffer.from(key.aes ? [0, 128] : [0, 160])])
  if (!key.aes) return createHmac('sha1', key.secret).update(input).digest()
  return refCmac(key.secret.length === 16 ? key.secret : refCmac(new Uint8Array(16), key.secret), input)
}

/** Judges IPv4 packets of one connection at a time; the SYN begins another. */
export class AoReference {
  readonly keys: RefKey[]
  readonly seen: Record<'good' | 'unsigned' | 'bad', number> = { good: 0, unsigned: 0, bad: 0 }
  /** KeyIDs that were used, by the sender's port. */
  readonly keyIds = new Map<number, Set<number>>()
  /** Initial sequence number and highest 64-bit number by "address:port". */
  readonly #ends = new Map<string, { isn: number; top: bigint }>()

  constructor(keys: RefKey[]) {
    this.keys = keys
  }

  packet(ip: Uint8Array): 'good' | 'unsigned' | 'bad' {
    const verdict = this.#judge(Buffer.from(ip))
    this.seen[verdict]++
    return verdict
  }

  #judge(ip: Buffer): 'good' | 'unsigned' | 'bad' {
    const tcp = ip.subarray((ip[0] & 15) * 4, ip.readUInt16BE(2))
    const [src, dst] = [ip.subarray(12, 16), ip.subarray(16, 20)]
    const [sport, dport, seq] = [tcp.readUInt16BE(0), tcp.readUInt16BE(2), tcp.readUInt32BE(4)]
    const [syn, ack] = [(tcp[13] & 2) !== 0, (tcp[13] & 16) !== 0]
    const from = `${src.toString('hex')}:${sport}`
    if (syn && this.#ends.get(from)?.isn !== seq) this.#ends.set(from, { isn: seq, top: BigInt(seq) })
    const mine = this.#ends.get(from)
    const theirs = this.#ends.get(`${dst.toString('hex')}:${dport}`)
    const header = (tcp[12] >> 4) * 4
    let at = 20
    while (at < header && tcp[at] !== 29 && tcp[at] !== 0) at += tcp[at] === 1 ? 1 : tcp[at + 1]
    if (at >= header || tcp[at] !== 29) return 'unsigned'
    const key = this.keys.find((k) => k.keyId === tcp[at + 2])
    if (tcp[at + 1] !== 16 || key === undefined || mine === undefined) return 'bad'
    this.keyIds.set(sport, (this.keyIds.get(sport) ?? new Set()).add(key.keyId))
    // of the 64-bit numbers that end like this one, the nearest to the highest so far
    let wide = (mine.top >> 32n << 32n) + BigInt(seq)
    if (wide - mine.top > 1n << 31n) wide -= 1n << 32n
    else if (mine.top - wide > 1n << 31n) wide += 1n << 32n
    if (wide > mine.top) mine.top = wide
    const context = Buffer.alloc(20)
    context.set(src)
    context.set(dst, 4)
    context.writeUInt16BE(sport, 8)
    context.writeUInt16BE(dport, 10)
    context.writeUInt32BE(mine.isn, 12)
    context.writeUInt32BE(syn && !ack ? 0 : theirs?.isn ?? 0, 16)
    const traffic = refTrafficKey(key, context)
    const front = Buffer.alloc(16)
    front.writeUInt32BE(Number(wide >> 32n))
    front.set(src, 4)
    front.set(dst, 8)
    const pseudo = Buffer.concat([front.subarray(0, 12), Buffer.from([0, 6, tcp.length >> 8, tcp.length & 255])])
    const zeroed = Buffer.from(tcp)
    zeroed.fill(0, 16, 18)
    zeroed.fill(0, at + 4, at + 16)
    const message = Buffer.concat(key.options ? [pseudo, zeroed]
      : [pseudo, zeroed.subarray(0, 20), zeroed.subarray(at, at + 16), zeroed.subarray(header)])
    const mac = key.aes ? refCmac(traffic, message) : createHmac('sha1', traffic).update(message).digest()
    return mac.subarray(0, 12).equals(tcp.subarray(at + 4, at + 16)) ? 'good' : 'bad'
  }
}
