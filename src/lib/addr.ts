/**
 * Network addresses, one representation for both families.
 *
 * An `Addr` is four signed 32-bit words; an IPv4 address is kept in its mapped form ::ffff:a.b.c.d
 * (RFC 4291 §2.5.5.2), so TCP and UDP need not know the family. `zone` is the interface id that scopes
 * a link-local address (RFC 4007), 0 when there is none.
 *
 * Inside IPv4-only code an address is one signed int32 (`Ip4`): compare it with `===` only.
 */

/** An IPv4 address as a signed 32-bit integer, network order read as big-endian. */
export type Ip4 = number

/** A 48-bit Ethernet address as one safe integer (first octet most significant). */
export type Mac = number

export interface Addr { w0: number; w1: number; w2: number; w3: number; zone: number }

export const IP4_ANY: Ip4 = 0
export const IP4_BROADCAST: Ip4 = -1
export const IP4_LOOPBACK: Ip4 = 0x7f000001
export const MAC_BROADCAST: Mac = 0xffffffffffff

const MAPPED = 0xffff

/** The unspecified IPv6 address `::`. */
export function createAddr(): Addr {
  return { w0: 0, w1: 0, w2: 0, w3: 0, zone: 0 }
}

export function addrFromIp4(ip: Ip4): Addr {
  return { w0: 0, w1: 0, w2: MAPPED, w3: ip | 0, zone: 0 }
}

export function addrSetIp4(a: Addr, ip: Ip4): void {
  a.w0 = 0
  a.w1 = 0
  a.w2 = MAPPED
  a.w3 = ip | 0
  a.zone = 0
}

export function addrCopy(to: Addr, from: Addr): void {
  to.w0 = from.w0
  to.w1 = from.w1
  to.w2 = from.w2
  to.w3 = from.w3
  to.zone = from.zone
}

export function addrEq(a: Addr, b: Addr): boolean {
  return a.w3 === b.w3 && a.w2 === b.w2 && a.w1 === b.w1 && a.w0 === b.w0 && a.zone === b.zone
}

export function addrIsV4(a: Addr): boolean {
  return a.w2 === MAPPED && a.w0 === 0 && a.w1 === 0
}

/** True for `::` and for 0.0.0.0. */
export function addrIsUnspecified(a: Addr): boolean {
  return a.w3 === 0 && a.w0 === 0 && a.w1 === 0 && (a.w2 === 0 || a.w2 === MAPPED)
}

export function addrIsMulticast(a: Addr): boolean {
  return addrIsV4(a) ? ip4IsMulticast(a.w3) : (a.w0 >>> 24) === 0xff
}

export function addrIsLoopback(a: Addr): boolean {
  return addrIsV4(a) ? ip4IsLoopback(a.w3) : a.w0 === 0 && a.w1 === 0 && a.w2 === 0 && a.w3 === 1
}

/** 224.0.0.0/4 (RFC 1112 §4). */
export function ip4IsMulticast(ip: Ip4): boolean {
  return (ip >>> 28) === 0xe
}

/** 127.0.0.0/8 (RFC 1122 §3.2.1.3 g). */
export function ip4IsLoopback(ip: Ip4): boolean {
  return (ip >>> 24) === 127
}

/** 169.254.0.0/16 (RFC 3927). */
export function ip4IsLinkLocal(ip: Ip4): boolean {
  return (ip >>> 16) === 0xa9fe
}

/** The netmask of a prefix length 0…32. */
export function ip4Mask(prefixLen: number): Ip4 {
  return prefixLen === 0 ? 0 : (-1 << (32 - prefixLen)) | 0
}

/** The prefix length of a contiguous netmask, or -1. */
export function ip4PrefixLen(mask: Ip4): number {
  const inverted = ~mask
  if ((inverted & (inverted + 1)) !== 0) return -1
  return Math.clz32(inverted)
}

export function ip4Print(ip: Ip4): string {
  return `${ip >>> 24}.${(ip >>> 16) & 255}.${(ip >>> 8) & 255}.${ip & 255}`
}

/** Strict dotted quad (no octal, no short forms), or null. */
export function ip4Parse(text: string): Ip4 | null {
  const m = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(text)
  if (m === null) return null
  let ip = 0
  for (let i = 1; i <= 4; i++) {
    const part = m[i]
    const n = Number(part)
    if (n > 255 || (part.length > 1 && part[0] === '0')) return null
    ip = (ip << 8) | n
  }
  return ip
}

/** "10.0.0.1/24" → address and prefix length, or null. Without "/LEN" the length is 32. */
export function ip4ParsePrefix(text: string): { ip: Ip4; prefixLen: number } | null {
  const slash = text.indexOf('/')
  const ip = ip4Parse(slash < 0 ? text : text.slice(0, slash))
  if (ip === null) return null
  if (slash < 0) return { ip, prefixLen: 32 }
  const len = text.slice(slash + 1)
  if (!/^\d{1,2}$/.test(len) || Number(len) > 32) return null
  return { ip, prefixLen: Number(len) }
}

/** Text form: dotted quad for mapped addresses, RFC 5952 otherwise (zone as "%N"). */
export function addrPrint(a: Addr): string {
  if (addrIsV4(a)) return ip4Print(a.w3)
  const groups: number[] = []
  for (const w of [a.w0, a.w1, a.w2, a.w3]) groups.push(w >>> 16, w & 0xffff)
  let best = -1
  let bestLen = 1
  for (let i = 0; i < 8; i++) {
    let n = 0
    while (i + n < 8 && groups[i + n] === 0) n++
    if (n > bestLen) {
      best = i
      bestLen = n
    }
  }
  const hex = (from: number, to: number): string => groups.slice(from, to).map((g) => g.toString(16)).join(':')
  const text = best < 0 ? hex(0, 8) : `${hex(0, best)}::${hex(best + bestLen, 8)}`
  return a.zone === 0 ? text : `${text}%${a.zone}`
}

/** Parses either family; a numeric "%N" suffix is the zone. Null when malformed. */
export function addrParse(text: string): Addr | null {
  const ip = ip4Parse(text)
  if (ip !== null) return addrFromIp4(ip)
  const [body, zoneText, ...rest] = text.split('%') as [string, string | undefined]
  if (rest.length > 0 || (zoneText !== undefined && !/^\d{1,9}$/.test(zoneText))) return null
  const groups = ip6Groups(body)
  if (groups === null) return null
  const word = (i: number): number => ((groups[i]) << 16) | (groups[i + 1])
  return { w0: word(0), w1: word(2), w2: word(4), w3: word(6), zone: zoneText === undefined ? 0 : Number(zoneText) }
}

/** The eight 16-bit groups of an IPv6 text form (RFC 4291 §2.2), or null. */
function ip6Groups(text: string): number[] | null {
  const halves = text.split('::')
  if (halves.length > 2) return null
  const head = ip6Half(halves[0], halves.length === 1)
  const tail = halves.length === 2 ? ip6Half(halves[1], true) : []
  if (head === null || tail === null) return null
  const missing = 8 - head.length - tail.length
  if (halves.length === 1 ? missing !== 0 : missing < 1) return null
  return [...head, ...new Array<number>(missing).fill(0), ...tail]
}

function ip6Half(text: string, mayEndInIp4: boolean): number[] | null {
  if (text === '') return []
  const groups: number[] = []
  const parts = text.split(':')
  for (let i = 0; i < parts.length; i++) {
    const part = parts[i]
    if (mayEndInIp4 && i === parts.length - 1 && part.includes('.')) {
      const ip = ip4Parse(part)
      if (ip === null) return null
      groups.push(ip >>> 16, ip & 0xffff)
    } else if (/^[0-9a-fA-F]{1,4}$/.test(part)) groups.push(parseInt(part, 16))
    else return null
  }
  return groups.length > 8 ? null : groups
}

export function macIsMulticast(mac: Mac): boolean {
  return (Math.floor(mac / 0x10000000000) & 1) === 1
}

export function macPrint(mac: Mac): string {
  return (mac.toString(16).padStart(12, '0').match(/../g) as string[]).join(':')
}

export function macParse(text: string): Mac | null {
  return /^[0-9a-fA-F]{2}([:-][0-9a-fA-F]{2}){5}$/.test(text) ? parseInt(text.replace(/[:-]/g, ''), 16) : null
}

export function macRead(view: DataView, at: number): Mac {
  return view.getUint16(at) * 0x100000000 + view.getUint32(at + 2)
}

export function macWrite(view: DataView, at: number, mac: Mac): void {
  view.setUint16(at, Math.floor(mac / 0x100000000))
  view.setUint32(at + 2, mac % 0x100000000)
}
