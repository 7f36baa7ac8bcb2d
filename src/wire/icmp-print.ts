/** ICMP messages in tcpdump's words, for the dissector. */
import { ip4Print } from '../lib/addr.ts'
import {
  ICMP_CODE, ICMP_ECHO, ICMP_ECHOREPLY, ICMP_GATEWAY, ICMP_HDR_LEN, ICMP_ID, ICMP_MASKREPLY, ICMP_MASKREQ, ICMP_MTU,
  ICMP_OTIME, ICMP_PARAMPROB, ICMP_POINTER, ICMP_REDIRECT, ICMP_REDIRECT_HOST, ICMP_REDIRECT_NET,
  ICMP_REDIRECT_TOSHOST, ICMP_REDIRECT_TOSNET, ICMP_RTIME, ICMP_SEQ, ICMP_SOURCEQUENCH, ICMP_TIMESTAMP_LEN,
  ICMP_TIMXCEED, ICMP_TIMXCEED_INTRANS, ICMP_TIMXCEED_REASS, ICMP_TSTAMP, ICMP_TSTAMPREPLY, ICMP_TTIME, ICMP_TYPE,
  ICMP_UNREACH, ICMP_UNREACH_NEEDFRAG, ICMP_UNREACH_PORT, ICMP_UNREACH_PROTOCOL
} from './icmp.ts'
import { IPPROTO_TCP, IPPROTO_UDP, IP_DST, IP_HDR_LEN, IP_P, ipHeaderLen } from './ipv4.ts'
import { UDP_DPORT } from './udp.ts'

/**
 * `ICMP echo request, id 1, seq 1, length 64` for the message at `at`; octets from `end` on are not there. The
 * datagram that an error quotes is named here only as far as the message needs it. Never throws.
 */
export function printIcmp(view: DataView, at: number, end: number, length: number): string {
  if (end - at < ICMP_HDR_LEN) return 'ICMP [|icmp]'
  return `ICMP ${describe(view, at, end)}, length ${length}`
}

function describe(view: DataView, at: number, end: number): string {
  const code = view.getUint8(at + ICMP_CODE)
  const type = view.getUint8(at + ICMP_TYPE)
  const ids = (): string => `id ${view.getUint16(at + ICMP_ID)}, seq ${view.getUint16(at + ICMP_SEQ)}`
  switch (type) {
    case ICMP_ECHO:
      return `echo request, ${ids()}`
    case ICMP_ECHOREPLY:
      return `echo reply, ${ids()}`
    case ICMP_UNREACH:
      return unreach(view, at, end, code)
    case ICMP_REDIRECT:
      return redirect(view, at, end, code)
    case ICMP_TIMXCEED:
      if (code === ICMP_TIMXCEED_INTRANS) return 'time exceeded in-transit'
      return code === ICMP_TIMXCEED_REASS ? 'ip reassembly time exceeded' : `time exceeded-#${code}`
    case ICMP_PARAMPROB:
      return `parameter problem - ${code === 0 ? `octet ${view.getUint8(at + ICMP_POINTER)}` : `code ${code}`}`
    case ICMP_TSTAMP:
      return `time stamp query, ${ids()}`
    case ICMP_TSTAMPREPLY:
      if (end - at < ICMP_TIMESTAMP_LEN) return `time stamp reply, ${ids()} [|icmp]`
      return `time stamp reply, ${ids()}, org ${view.getUint32(at + ICMP_OTIME)}, ` +
        `recv ${view.getUint32(at + ICMP_RTIME)}, xmit ${view.getUint32(at + ICMP_TTIME)}`
    case ICMP_SOURCEQUENCH:
      return 'source quench'
    case ICMP_MASKREQ:
      return 'address mask request'
    case ICMP_MASKREPLY:
      return 'address mask reply'
    default:
      return `type-#${type}`
  }
}

function unreach(view: DataView, at: number, end: number, code: number): string {
  const dst = quotedDst(view, at, end)
  if (code === ICMP_UNREACH_PROTOCOL) return `${dst} protocol ${quotedProto(view, at, end)} unreachable`
  if (code === ICMP_UNREACH_PORT) return `${dst} ${quotedPort(view, at, end)} unreachable`
  if (code === ICMP_UNREACH_NEEDFRAG) {
    const mtu = view.getUint16(at + ICMP_MTU)
    return `${dst} unreachable - need to frag${mtu === 0 ? '' : ` (mtu ${mtu})`}`
  }
  const [what, why] = UNREACH_WORDS[code] ?? ['', ` - #${code}`]
  return `${what}${dst} unreachable${why}`
}

function redirect(view: DataView, at: number, end: number, code: number): string {
  const what = code === ICMP_REDIRECT_HOST || code === ICMP_REDIRECT_TOSHOST ? 'host' : 'net'
  const gateway = ip4Print(view.getInt32(at + ICMP_GATEWAY))
  return `${REDIRECT_WORDS[code] ?? `redirect-#${code}`} ${quotedDst(view, at, end)} to ${what} ${gateway}`
}

function hasQuote(at: number, end: number): boolean {
  return end - at >= ICMP_HDR_LEN + IP_HDR_LEN
}

function quotedDst(view: DataView, at: number, end: number): string {
  return hasQuote(at, end) ? ip4Print(view.getInt32(at + ICMP_HDR_LEN + IP_DST)) : '[|icmp]'
}

function quotedProto(view: DataView, at: number, end: number): string {
  return hasQuote(at, end) ? String(view.getUint8(at + ICMP_HDR_LEN + IP_P)) : '[|icmp]'
}

/** `udp port 53`; TCP and UDP have the destination port at the same place. */
function quotedPort(view: DataView, at: number, end: number): string {
  if (!hasQuote(at, end)) return 'port [|icmp]'
  const p = view.getUint8(at + ICMP_HDR_LEN + IP_P)
  const transport = at + ICMP_HDR_LEN + ipHeaderLen(view, at + ICMP_HDR_LEN)
  const name = p === IPPROTO_UDP ? 'udp' : p === IPPROTO_TCP ? 'tcp' : `protocol ${p}`
  return `${name} port ${transport + UDP_DPORT + 2 > end ? '[|icmp]' : view.getUint16(transport + UDP_DPORT)}`
}

/** Words before and after "ADDRESS unreachable" for the codes that have no parameter. */
const UNREACH_WORDS: Readonly<Record<number, readonly [string, string]>> = Object.freeze({
  0: ['net ', ''],
  1: ['host ', ''],
  5: ['', ' - source route failed'],
  6: ['net ', ' - unknown'],
  7: ['host ', ' - unknown'],
  8: ['', ' - source host isolated'],
  9: ['net ', ' - admin prohibited'],
  10: ['host ', ' - admin prohibited'],
  11: ['net ', ' - tos prohibited'],
  12: ['host ', ' - tos prohibited'],
  13: ['host ', ' - admin prohibited filter'],
  14: ['host ', ' - host precedence violation'],
  15: ['host ', ' - precedence cutoff']
} as const)

const REDIRECT_WORDS: Readonly<Record<number, string>> = Object.freeze({
  [ICMP_REDIRECT_NET]: 'redirect',
  [ICMP_REDIRECT_HOST]: 'redirect',
  [ICMP_REDIRECT_TOSNET]: 'redirect-tos',
  [ICMP_REDIRECT_TOSHOST]: 'redirect-tos'
})
