/** Arguments of system calls: numbers, addresses, buffers; and what the script expects to find in them afterwards. */

import { addrFromIp4, addrIsV4, addrParse, addrPrint, createAddr, ip4Parse } from '../lib/addr.ts'
import type { Addr, Ip4 } from '../lib/addr.ts'
import type { CallSpec, Expr } from './ast.ts'
import { constantValue } from './constants.ts'
import { mismatch, ScriptError, unsupported } from './error.ts'
import type { Personality } from './personality.ts'

export interface SocketAddress { addr: Addr; port: number }

export class Args {
  readonly call: CallSpec
  readonly #personality: Personality
  readonly #v6: boolean

  /** `v6`: IPv6 addresses are IPv6's, not only mapped ones. */
  constructor(call: CallSpec, personality: Personality, v6 = false) {
    this.#v6 = v6
    this.call = call
    this.#personality = personality
  }

  at(i: number): Expr {
    const arg = this.call.args[i]
    if (arg === undefined) throw new ScriptError('syntax', `syntax: ${this.call.name}() takes more arguments`)
    return arg
  }

  number(i: number): number {
    return this.value(this.at(i))
  }

  /** A number, constants, `[n]`, htons(n) and the like. */
  value(e: Expr): number {
    switch (e.kind) {
      case 'number': return e.value
      case 'names':
        if (e.names.length === 1) return this.constant(e.names[0])
        return e.names.reduce((bits, name) => (bits | this.constant(name)) >>> 0, 0)
      case 'list': if (e.items.length === 1) return this.value(e.items[0])
        break
      // a struct that begins with the switch: {enable=1, …}
      case 'struct': if (e.fields.length > 0 && e.fields[0].value.kind !== 'string') return this.value(e.fields[0].value)
        break
      case 'apply':
        if (e.name === 'htons' || e.name === 'htonl' || e.name === 'ntohs') return this.value(e.args[0])
        break
      default:
    }
    throw this.unknown(e)
  }

  constant(name: string): number {
    const n = constantValue(name, this.#personality)
    if (Number.isNaN(n)) throw unsupported(`constant ${name}`)
    return n
  }

  /** A socket address; null for `...`. */
  address(e: Expr): SocketAddress | null {
    if (e.kind === 'ellipsis') return null
    if (e.kind !== 'struct') throw this.unknown(e)
    const out: SocketAddress = { addr: addrFromIp4(0), port: 0 }
    for (const f of e.fields) {
      if (/^s(?:a|in6?)_family$/.test(f.name)) this.#family(f.value)
      else if (f.name === 'sin_port' || f.name === 'sin6_port') out.port = this.#port(f.value)
      else if (f.name === 'sin_addr') out.addr = addrFromIp4(this.#ip(f.value))
      else if (f.name === 'sin6_addr' || f.name === '') out.addr = this.#ip6(f.value)
      else if (!/^(?:sin6?_len|sa_len|sin6_flowinfo|sin6_scope_id|sin_zero)$/.test(f.name)) {
        throw unsupported(`field ${f.name} of an address`)
      }
    }
    const six = e.fields.some((f) => f.value.kind === 'names' && f.value.names[0] === 'AF_INET6')
    if (six && !e.fields.some((f) => f.name === 'sin6_addr' || f.name === '')) throw unsupported('addresses of AF_INET6')
    return out
  }

  /** Compares an address that a call has filled in with what the script expects there. */
  expectAddress(i: number, actual: SocketAddress): void {
    const arg = this.call.args[i]
    if (arg === undefined) return
    const expected = this.address(arg)
    if (expected === null) return
    const print = (a: SocketAddress): string => `${addrPrint(a.addr)}:${a.port}`
    if (print(expected) !== print(actual)) {
      throw mismatch(`the address differs`, print(expected), print(actual))
    }
  }

  /** Compares a number that a call has put at a place: `[n]` or a bare number; `...` is any. */
  expectNumber(e: Expr, what: string, actual: number): void {
    if (e.kind === 'ellipsis') return
    if (e.kind === 'list' && e.items.length === 1 && e.items[0].kind === 'ellipsis') return
    const expected = this.value(e)
    if (expected !== actual) throw mismatch(`${what} is ${actual}, expected ${expected}`, String(expected), String(actual))
  }

  /** Octets: `[0x83, 7, 4, 192, 0, 2, 1]`. */
  octets(e: Expr): number[] {
    if (e.kind !== 'list') throw this.unknown(e)
    return e.items.map((item) => this.value(item))
  }

  expectOctets(e: Expr, what: string, actual: readonly number[]): void {
    if (e.kind === 'ellipsis') return
    const expected = this.octets(e).join()
    if (expected !== actual.join()) throw mismatch(`${what} differs`, expected, actual.join())
  }

  /** A buffer of zeros. */
  buffer(len: number): Uint8Array {
    if (!(len >= 0 && len <= BUFFER_MAX)) throw unsupported(`a buffer of ${len} octets`)
    return new Uint8Array(len)
  }

  /** The sum of the lengths in `[{..., 1000}, {..., 24}]`. */
  vector(e: Expr): number {
    if (e.kind !== 'list') throw this.unknown(e)
    let total = 0
    for (const item of e.items) {
      if (item.kind !== 'struct' || item.fields.length !== 2) throw this.unknown(item)
      total += this.value(item.fields[1].value)
    }
    return total
  }

  /** A field of a struct, or null when the script leaves it out. */
  field(e: Expr, name: string): Expr | null {
    if (e.kind !== 'struct') throw this.unknown(e)
    return e.fields.find((f) => f.name === name)?.value ?? null
  }

  unknown(e: Expr): ScriptError {
    return unsupported(`${describeExpr(e)} as an argument of ${this.call.name}()`)
  }

  /** An IPv4 address: `inet_addr("192.0.2.1")` and the like. */
  ip(e: Expr): Ip4 {
    return this.#ip(e)
  }

  /** An IPv6 address: `inet6_addr("2001:db8::1")` and the like. */
  ip6(e: Expr): Addr {
    return this.#ip6(e)
  }

  #family(e: Expr): void {
    const name = e.kind === 'names' ? e.names.join('|') : e.kind === 'ellipsis' ? 'AF_INET' : describeExpr(e)
    if (!/^(?:AF_INET6?|AF_UNSPEC)$/.test(name)) throw unsupported(`addresses of ${name}`)
  }

  /** `inet_pton(AF_INET6, "::1", &sin6_addr)`, `inet6_addr("::1")`, `in6addr_any`: a mapped one is IPv4's. */
  #ip6(e: Expr): Addr {
    const any = this.#v6 ? createAddr() : addrFromIp4(0)
    if (e.kind === 'names' && e.names[0] === 'in6addr_any') return any
    const text = e.kind === 'apply' ? e.args.find((a) => a.kind === 'string') : e
    const addr = text?.kind === 'string' ? addrParse(text.value) : null
    if (text?.kind === 'string' && text.value === '::') return any
    if (addr === null) throw this.unknown(e)
    if (!addrIsV4(addr) && !this.#v6) throw unsupported(`IPv6 address ${addrPrint(addr)}`)
    return addr
  }

  #port(e: Expr): number {
    const port = this.value(e)
    if (!(port >= 0 && port <= 0xffff)) throw this.unknown(e)
    return port
  }

  #ip(e: Expr): Ip4 {
    if (e.kind === 'apply' && (e.name === 'inet_addr' || e.name === 'inet_ntoa') && e.args[0]?.kind === 'string') {
      const ip = ip4Parse(e.args[0].value)
      if (ip !== null) return ip
    }
    if (e.kind === 'names' || (e.kind === 'apply' && e.name === 'htonl')) return this.value(e) | 0
    throw this.unknown(e)
  }
}

/** More than any socket buffer holds. */
const BUFFER_MAX = 64 * 1024 * 1024

function describeExpr(e: Expr): string {
  switch (e.kind) {
    case 'number': return String(e.value)
    case 'string': return `"${e.value}"`
    case 'names': return e.names.join('|')
    case 'ellipsis': return '...'
    case 'apply': return `${e.name}(…)`
    case 'list': return '[…]'
    case 'struct': return `{${e.fields.map((f) => f.name).join(', ')}}`
  }
}
