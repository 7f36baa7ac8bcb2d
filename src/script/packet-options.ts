/** TCP options of a script, octet by octet in the order written: what a script says is sent even where it is wrong. */

import {
  TCPOLEN_MAXSEG, TCPOLEN_SACKHDR, TCPOLEN_SACK_PERMITTED, TCPOLEN_TIMESTAMP, TCPOLEN_WINDOW, TCPOPT_EOL, TCPOPT_FAST_OPEN,
  TCPOPT_MAXSEG, TCPOPT_NOP, TCPOPT_SACK, TCPOPT_SACK_PERMITTED, TCPOPT_TIMESTAMP, TCPOPT_WINDOW,
} from '../wire/tcp-options.ts'
import { viewOf } from '../wire/layout.ts'
import type { TcpOptionSpec } from './ast.ts'

export function encodeOptions(options: readonly TcpOptionSpec[]): Uint8Array {
  return Uint8Array.from(options.flatMap(encodeOne))
}

/** The options as the octets have them; what is malformed becomes one `raw` option with the rest. */
export function decodeOptions(bytes: Uint8Array): TcpOptionSpec[] {
  const options: TcpOptionSpec[] = []
  let p = 0
  while (p < bytes.length) {
    const number = bytes[p]
    if (number === TCPOPT_EOL || number === TCPOPT_NOP) {
      options.push({ kind: number === TCPOPT_EOL ? 'eol' : 'nop' })
      p++
      continue
    }
    const len = bytes[p + 1] ?? 0
    if (len < 2 || p + len > bytes.length) {
      options.push({ kind: 'raw', number, bytes: [...bytes.subarray(p + 1)] })
      break
    }
    options.push(decodeOne(number, bytes.subarray(p, p + len)))
    p += len
  }
  return options
}

export function printOptions(options: readonly TcpOptionSpec[]): string {
  return options.map(printOne).join(',')
}

function encodeOne(o: TcpOptionSpec): number[] {
  switch (o.kind) {
    case 'eol': return [TCPOPT_EOL]
    case 'nop': return [TCPOPT_NOP]
    case 'mss': return [TCPOPT_MAXSEG, TCPOLEN_MAXSEG, o.value >> 8 & 255, o.value & 255]
    case 'wscale': return [TCPOPT_WINDOW, TCPOLEN_WINDOW, o.value & 255]
    case 'sackOK': return [TCPOPT_SACK_PERMITTED, TCPOLEN_SACK_PERMITTED]
    case 'ts': return [TCPOPT_TIMESTAMP, TCPOLEN_TIMESTAMP, ...word(o.val), ...word(o.ecr)]
    case 'sack': return [TCPOPT_SACK, TCPOLEN_SACKHDR + o.edges.length * 4, ...o.edges.flatMap(word)]
    case 'raw': return [o.number, 2 + o.bytes.length, ...o.bytes]
  }
}

function decodeOne(number: number, option: Uint8Array): TcpOptionSpec {
  const view = viewOf(option)
  const len = option.length
  if (number === TCPOPT_MAXSEG && len === TCPOLEN_MAXSEG) return { kind: 'mss', value: view.getUint16(2) }
  if (number === TCPOPT_WINDOW && len === TCPOLEN_WINDOW) return { kind: 'wscale', value: view.getUint8(2) }
  if (number === TCPOPT_SACK_PERMITTED && len === TCPOLEN_SACK_PERMITTED) return { kind: 'sackOK' }
  if (number === TCPOPT_TIMESTAMP && len === TCPOLEN_TIMESTAMP) {
    return { kind: 'ts', val: view.getUint32(2), ecr: view.getUint32(6) }
  }
  if (number === TCPOPT_SACK && len > TCPOLEN_SACKHDR && (len - TCPOLEN_SACKHDR) % 8 === 0) {
    return { kind: 'sack', edges: Array.from({ length: (len - 2) / 4 }, (_, i) => view.getUint32(2 + i * 4)) }
  }
  return { kind: 'raw', number, bytes: [...option.subarray(2)] }
}

function printOne(o: TcpOptionSpec): string {
  const any = (n: number): string => n < 0 ? '...' : String(n)
  switch (o.kind) {
    case 'mss': case 'wscale': return `${o.kind} ${any(o.value)}`
    case 'ts': return `TS val ${any(o.val)} ecr ${any(o.ecr)}`
    case 'sack': {
      const blocks: string[] = []
      for (let i = 0; i < o.edges.length; i += 2) blocks.push(`${o.edges[i]}:${o.edges[i + 1]}`)
      return `sack ${blocks.join(' ')}`
    }
    case 'raw':
      if (o.number === TCPOPT_FAST_OPEN) return `FO ${hex(o.bytes)}`.trim()
      return `option-${o.number} ${hex(o.bytes)}`
    default: return o.kind
  }
}

function word(n: number): number[] {
  return [n >>> 24 & 255, n >>> 16 & 255, n >>> 8 & 255, n & 255]
}

function hex(bytes: readonly number[]): string {
  return bytes.map((b) => b.toString(16).padStart(2, '0')).join('')
}
