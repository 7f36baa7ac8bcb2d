/** Networks of a simulation: which hosts share a link, what addresses they get, and how all others are reached. */

import { addrIsV4, addrPrint, ip4ParsePrefix, ip4Print } from '../lib/addr.ts'
import { addrParsePrefix } from '../lib/addr6.ts'
import type { TestHost } from './host.ts'

/** Hosts that reach each other without a router. */
export interface Segment {
  readonly id: number
  /** First three numbers of its IPv4 network: '10.0.3'. */
  v4: string
  v4Len: number
  /** '' for a network without IPv6: one behind a NAT. */
  v6: string
  /** Behind a NAT: nobody outside has a route to it. */
  inside: boolean
  readonly members: Member[]
  taken: Set<number>
}

interface Member { host: TestHost; four: string; six: string }

/** How a host reaches a segment: through whom. */
interface Step { gateway: Member; via: Segment }

export class Topology {
  readonly segments: Segment[] = []

  /** A network of its own; `subnet` as '192.168.7.0/24'. */
  addSegment(options: { subnet?: string; inside?: boolean } = {}): Segment {
    const n = this.segments.length
    const inside = options.inside ?? false
    const segment: Segment = {
      id: n, v4: `10.${n >> 8}.${n & 255}`, v4Len: 24, v6: inside ? '' : `2001:db8:0:${n.toString(16)}`, inside, members: [],
      taken: new Set(),
    }
    if (options.subnet !== undefined) this.#place(segment, options.subnet)
    this.segments.push(segment)
    return segment
  }

  /** Gives a host its addresses in a segment, "10.0.0.1/24" and one of IPv6; or takes note of those that it wants. */
  join(segment: Segment, host: TestHost, wanted: readonly string[]): string[] {
    const four = wanted.find((a) => !a.includes(':'))
    const six = wanted.find((a) => a.includes(':'))
    if (four !== undefined && segment.members.length === 0) this.#place(segment, network(four))
    const n = four === undefined ? nextFree(segment) : Number(four.split('/')[0].split('.')[3])
    segment.taken.add(n)
    const addresses = [canonical(four ?? `${segment.v4}.${n}/${segment.v4Len}`)]
    if (six !== undefined) addresses.push(canonical(six))
    else if (segment.v6 !== '') addresses.push(canonical(`${segment.v6}::${n.toString(16)}/64`))
    segment.members.push({ host, four: addresses[0].split('/')[0], six: (addresses[1] ?? '').split('/')[0] })
    return addresses
  }

  /** Gives every host a route to every network that it can reach. */
  route(hosts: Iterable<TestHost>): void {
    for (const host of hosts) {
      for (const [segment, { gateway }] of this.#reach(host)) {
        host.addRoute({ to: `${segment.v4}.0/${segment.v4Len}`, via: gateway.four, interface: '' })
        if (segment.v6 !== '' && gateway.six !== '') host.addRoute({ to: `${segment.v6}::/64`, via: gateway.six, interface: '' })
      }
    }
  }

  /** Ids of a host's own networks and all to which it has a route. */
  reachable(host: TestHost): Set<number> {
    const own = this.segments.filter((s) => s.members.some((m) => m.host === host))
    return new Set([...own, ...this.#reach(host).keys()].map((s) => s.id))
  }

  /** Networks beyond a host's own, with the first gateway on the shortest way. */
  #reach(host: TestHost): Map<Segment, Step> {
    const own = this.segments.filter((s) => s.members.some((m) => m.host === host))
    const found = new Map<Segment, Step>()
    let edge: { segment: Segment; step: Step | null }[] = own.map((segment) => ({ segment, step: null }))
    const seen = new Set(own)
    while (edge.length > 0) {
      const next: typeof edge = []
      for (const { segment, step } of edge) {
        for (const gateway of segment.members.filter((m) => m.host !== host && m.host.forwards)) {
          for (const beyond of this.segments) {
            if (seen.has(beyond) || (beyond.inside && !segment.inside) || !beyond.members.some((m) => m.host === gateway.host)) continue
            seen.add(beyond)
            const first = step ?? { gateway, via: segment }
            found.set(beyond, first)
            next.push({ segment: beyond, step: first })
          }
        }
      }
      edge = next
    }
    return found
  }

  #place(segment: Segment, subnet: string): void {
    const parsed = ip4ParsePrefix(subnet)
    if (parsed === null || parsed.prefixLen !== 24) throw new RangeError(`"${subnet}" is no IPv4 network of /24, as 192.168.7.0/24`)
    segment.v4 = ip4Print(parsed.ip).split('.').slice(0, 3).join('.')
    segment.v4Len = parsed.prefixLen
  }
}

/** As addresses are printed (RFC 5952). */
function canonical(text: string): string {
  const parsed = addrParsePrefix(text)
  if (parsed === null) throw new RangeError(`"${text}" is not an address with its prefix length, as 10.1.0.5/24`)
  return `${addrPrint(parsed.addr)}/${text.split('/')[1]}`
}

/** The /24 of an address. */
function network(address: string): string {
  const parsed = addrParsePrefix(address)
  if (parsed === null || !addrIsV4(parsed.addr)) throw new RangeError(`"${address}" is not an address such as 10.1.0.5/24`)
  return `${address.split('/')[0].split('.').slice(0, 3).join('.')}.0/24`
}

function nextFree(segment: Segment): number {
  for (let n = 1; n < 255; n++) if (!segment.taken.has(n)) return n
  throw new RangeError(`network ${segment.v4}.0/24 is full`)
}
