/** Name servers and search domains of router advertisements (RFC 8106 §5). */

import type { Vn } from '../kern/vn.ts'
import { addrEq } from '../lib/addr.ts'
import { addr6InZone, addr6IsAny, addr6IsMulticast } from '../lib/addr6.ts'
import { resolverSet } from '../resolver/resolver.ts'
import { RESOLVER_RA } from '../resolver/state.ts'
import { ip6ReadAddr } from '../wire/ipv6.ts'
import { ndUntil } from './lifetime.ts'
import { createNdDomain, createNdServer } from './state-auto.ts'
import type { NdHost } from './state-auto.ts'

/** Most of each kind that are kept: RFC 8106 §5.3.1 asks for three at least. */
const MOST = 8
const NAME_MAX = 253

/** The option at `p` of `words` eight octets (§5.1). */
export function ndDnsServers(vn: Vn, host: NdHost, view: DataView, p: number, words: number): void {
  if (words < 3 || words % 2 === 0) return
  const until = ndUntil(vn, view.getUint32(p + 4))
  for (let q = p + 8; q < p + words * 8; q += 16) {
    const addr = addr6InZone(ip6ReadAddr(view, q), host.ifId)
    if (addr6IsAny(addr) || addr6IsMulticast(addr)) continue
    const known = host.servers.find((s) => addrEq(s.addr, addr))
    if (known !== undefined) known.until = until
    else if (host.servers.length < MOST) host.servers.push(createNdServer(addr, until))
  }
}

/** The option at `p` (§5.2): names as RFC 1035 §3.1 writes them, without compression, padded with zeros. */
export function ndDnsSearch(vn: Vn, host: NdHost, view: DataView, p: number, words: number): void {
  const end = p + words * 8
  if (words < 2) return
  const until = ndUntil(vn, view.getUint32(p + 4))
  let labels: string[] = []
  for (let q = p + 8; q < end; q++) {
    const n = view.getUint8(q)
    if (n === 0) {
      if (labels.length === 0) return
      learn(host, labels.join('.'), until)
      labels = []
      continue
    }
    if (n > 63 || q + n >= end) return
    let label = ''
    for (let i = 1; i <= n; i++) label += String.fromCharCode(view.getUint8(q + i))
    // what is no host name stays out of the resolver
    if (!/^[\w-]+$/.test(label)) return
    labels.push(label)
    q += n
  }
}

/** What has run out goes; the resolver sees the rest (§6.1: a lifetime of 0 ends use at once). */
export function ndDnsTell(vn: Vn, host: NdHost): void {
  const { now } = vn.state
  host.servers = host.servers.filter((s) => s.until > now)
  host.domains = host.domains.filter((d) => d.until > now)
  resolverSet(vn, RESOLVER_RA, host.ifId, host.servers.map((s) => s.addr), host.domains.map((d) => d.name))
}

function learn(host: NdHost, name: string, until: number): void {
  if (name.length > NAME_MAX) return
  const known = host.domains.find((d) => d.name === name)
  if (known !== undefined) known.until = until
  else if (host.domains.length < MOST) host.domains.push(createNdDomain(name, until))
}
