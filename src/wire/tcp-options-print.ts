/** TCP options in tcpdump's words, for the dissector; the stack itself reads them with `tcpParseOptions`. */
import {
  TCPOLEN_MAXSEG, TCPOLEN_SACK, TCPOLEN_SACKHDR, TCPOLEN_SACK_PERMITTED, TCPOLEN_SIGNATURE,
  TCPOLEN_TIMESTAMP, TCPOLEN_USER_TIMEOUT, TCPOLEN_WINDOW, TCPOPT_AO, TCPOPT_EOL, TCPOPT_FAST_OPEN, TCPOPT_MAXSEG,
  TCPOPT_NOP, TCPOPT_SACK, TCPOPT_SACK_PERMITTED, TCPOPT_SIGNATURE, TCPOPT_TIMESTAMP, TCPOPT_USER_TIMEOUT, TCPOPT_WINDOW,
} from './tcp-options.ts'

/**
 * `mss 1460,nop,wscale 6` for the `len` octets of options at `at`, of which those before `end` are there. Stops at
 * the end option, at a length that cannot be (`[bad opt]`) and where the capture ends (`[|tcp]`). Never throws.
 */
export function printTcpOptions(view: DataView, at: number, len: number, end: number): string {
  const words: string[] = []
  const stop = at + len
  let p = at
  while (p < stop) {
    if (p >= end) return [...words, '[|tcp]'].join(',')
    const kind = view.getUint8(p)
    if (kind === TCPOPT_EOL) return [...words, 'eol'].join(',')
    if (kind === TCPOPT_NOP) {
      words.push('nop')
      p++
      continue
    }
    if (p + 1 >= stop) return [...words, '[bad opt]'].join(',')
    if (p + 1 >= end) return [...words, '[|tcp]'].join(',')
    const optLen = view.getUint8(p + 1)
    if (optLen < 2 || p + optLen > stop) return [...words, '[bad opt]'].join(',')
    if (p + optLen > end) return [...words, '[|tcp]'].join(',')
    words.push(printOne(view, p, kind, optLen))
    p += optLen
  }
  return words.join(',')
}

function printOne(view: DataView, p: number, kind: number, optLen: number): string {
  const wrong = (right: number): string => optLen === right ? '' : ` [len ${optLen}]`
  switch (kind) {
    case TCPOPT_MAXSEG:
      return optLen === TCPOLEN_MAXSEG ? `mss ${view.getUint16(p + 2)}` : `mss${wrong(TCPOLEN_MAXSEG)}`
    case TCPOPT_WINDOW:
      return optLen === TCPOLEN_WINDOW ? `wscale ${view.getUint8(p + 2)}` : `wscale${wrong(TCPOLEN_WINDOW)}`
    case TCPOPT_SACK_PERMITTED:
      return `sackOK${wrong(TCPOLEN_SACK_PERMITTED)}`
    case TCPOPT_TIMESTAMP:
      if (optLen !== TCPOLEN_TIMESTAMP) return `TS${wrong(TCPOLEN_TIMESTAMP)}`
      return `TS val ${view.getUint32(p + 2)} ecr ${view.getUint32(p + 6)}`
    case TCPOPT_SACK:
      return printSack(view, p, optLen)
    case TCPOPT_SIGNATURE:
      return `md5 ${hex(view, p + 2, optLen - 2)}${wrong(TCPOLEN_SIGNATURE)}`
    case TCPOPT_AO:
      if (optLen < 4) return `ao [len ${optLen}]`
      return `ao keyid ${view.getUint8(p + 2)} rnextkeyid ${view.getUint8(p + 3)} mac 0x${hex(view, p + 4, optLen - 4)}`
    case TCPOPT_USER_TIMEOUT:
      return optLen === TCPOLEN_USER_TIMEOUT ? `uto ${userTimeout(view.getUint16(p + 2))}` : `uto${wrong(TCPOLEN_USER_TIMEOUT)}`
    case TCPOPT_FAST_OPEN:
      return optLen === 2 ? 'tfo cookiereq' : `tfo cookie ${hex(view, p + 2, optLen - 2)}`
    default:
      return optLen === 2 ? `unknown-${kind}` : `unknown-${kind} 0x${hex(view, p + 2, optLen - 2)}`
  }
}

/** In seconds; the first bit tells minutes (RFC 5482 §3.1). */
function userTimeout(value: number): string {
  return `${(value & 0x7fff) * ((value & 0x8000) === 0 ? 1 : 60)}s`
}

function printSack(view: DataView, p: number, optLen: number): string {
  const body = optLen - TCPOLEN_SACKHDR
  if (body === 0 || body % TCPOLEN_SACK !== 0) return `sack [len ${optLen}]`
  let text = `sack ${body / TCPOLEN_SACK} `
  for (let i = p + TCPOLEN_SACKHDR; i < p + optLen; i += TCPOLEN_SACK) {
    text += `{${view.getUint32(i)}:${view.getUint32(i + 4)}}`
  }
  return text
}

function hex(view: DataView, at: number, len: number): string {
  let text = ''
  for (let i = 0; i < len; i++) text += view.getUint8(at + i).toString(16).padStart(2, '0')
  return text
}
