/** Why a packet seen at a vimage's interface was sent, or what became of it there: from the event trace. */

import { tcpTraceCauses, tcpTraceEffects, tcpTraceFind, tcpTraceReason, tcpTraceShort } from '../tcp/trace-read.ts'
import type { Runner } from '../vnet/runner.ts'
import { ETHER_HDR_LEN, ETHER_TYPE, ETHERTYPE_IP } from '../wire/ethernet.ts'
import { IP_HDR_LEN, IP_LEN, IP_P, IPPROTO_TCP } from '../wire/ipv4.ts'
import { LINKTYPE_ETHERNET } from '../wire/print.ts'
import { TCP_DPORT, TCP_HDR_LEN, TCP_SPORT, tcpAck, tcpDataOffset, tcpFlags, tcpSeq } from '../wire/tcp.ts'

/** A sentence, or '' for a packet that is not TCP over IPv4 or that the trace does not have. */
export function packetWhy(runner: Runner, bytes: Uint8Array, linkType: number, direction: 'in' | 'out'): string {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  const ip = linkType === LINKTYPE_ETHERNET ? ETHER_HDR_LEN : 0
  if (bytes.length < ip + IP_HDR_LEN) return ''
  if (linkType === LINKTYPE_ETHERNET && view.getUint16(ETHER_TYPE) !== ETHERTYPE_IP) return ''
  const tcp = ip + (bytes[ip] & 15) * 4
  if (bytes[ip] >> 4 !== 4 || bytes[ip + IP_P] !== IPPROTO_TCP || bytes.length < tcp + TCP_HDR_LEN) return ''
  const len = view.getUint16(ip + IP_LEN) - (tcp - ip) - tcpDataOffset(view, tcp)
  const [source, destination] = [view.getUint16(tcp + TCP_SPORT), view.getUint16(tcp + TCP_DPORT)]
  const [local, remote] = direction === 'out' ? [source, destination] : [destination, source]
  const { vn } = runner.vnet
  const e = tcpTraceFind(
    vn, direction, local, remote, tcpSeq(view, tcp), tcpAck(view, tcp), tcpFlags(view, tcp), len)
  if (e === null) return ''
  if (direction === 'out') {
    const causes = tcpTraceCauses(vn, e.id).slice(1, 4).map((c) => ` ← ${tcpTraceShort(c)}`)
    return `${tcpTraceReason(e)}${causes.join('')}`
  }
  return tcpTraceEffects(vn, e.id).filter((x) => x.kind === 'drop' || x.kind === 'state')
    .map((x) => x.kind === 'drop' ? `dropped: ${tcpTraceReason(x)}` : x.what).join('; ')
}
