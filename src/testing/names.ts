/** Names of a simulation: every host has a name server on its own loopback interface that knows them, and that may be told to fail. */

import { dnsAnswer } from '../service/dns-answer.ts'
import { parseZones } from '../service/dns-zone.ts'
import type { DnsZone } from '../service/dns-zone.ts'
import { UdpSocket } from '../socket/udp.ts'
import type { ResolverOptions } from '../node/resolver.ts'
import type { Runner } from '../vnet/runner.ts'

/** What asking for a name comes to: no answer, "I cannot" (RFC 1035 §4.1.1), "there is no such name". */
export type DnsFailure = 'timeout' | 'servfail' | 'nxdomain'

export interface NamesSide {
  /** Addresses of a host, those that `asker` can reach if there are any; null when there is no such host. */
  ofHost(name: string, asker: string): string[] | null
  /** ms. */
  now(): number
  note(text: string): void
}

interface Failing { how: DnsFailure; name: string; host: string }

const DNS_PORT = 53
const RCODES = Object.freeze({ servfail: 2, nxdomain: 3 })
/** Short, so that what changes is seen. */
const TTL_S = 5

export class Names {
  readonly #side: NamesSide
  readonly #names = new Map<string, string[]>()
  readonly #failing: Failing[] = []

  constructor(side: NamesSide) {
    this.#side = side
  }

  add(names: Readonly<Record<string, string | readonly string[]>>): void {
    for (const [name, to] of Object.entries(names)) this.#names.set(name.toLowerCase().replace(/\.$/, ''), [to].flat())
  }

  fail(how: DnsFailure | null, { name = '', host = '' }: { name?: string; host?: string }): void {
    const same = this.#failing.findIndex((f) => f.name === name && f.host === host)
    if (same >= 0) this.#failing.splice(same, 1)
    if (how !== null) this.#failing.push({ how, name: name.toLowerCase(), host })
    this.#side.note(`DNS${name === '' ? '' : ` of ${name}`}${host === '' ? '' : ` on ${host}`}: ${how ?? 'works'}`)
  }

  optionsFor(options: ResolverOptions | undefined): ResolverOptions {
    return { servers: ['127.0.0.1'], timeoutMs: 5000, attempts: 2, ...options }
  }

  /** Serves a host's programs, until it is restarted. */
  serve(runner: Runner, host: string): void {
    const socket = new UdpSocket(runner, 'IPv4')
    socket.on('error', () => undefined)
    socket.on('message', (bytes: Buffer, from: { address: string; port: number }) => {
      const answer = this.#answer(bytes, host)
      if (answer !== null) socket.send(answer, from.port, from.address)
    })
    socket.bind(DNS_PORT, '127.0.0.1')
  }

  #answer(query: Buffer, host: string): Uint8Array | null {
    const name = questionOf(query)
    const failing = this.#failing.find((f) => (f.name === '' || f.name === name) && (f.host === '' || f.host === host))
    if (failing?.how === 'timeout') return null
    const answer = dnsAnswer(this.#zones(host), query, false)
    if (answer === null || failing === undefined) return answer
    const refused = new Uint8Array(query)
    refused[2] = 0x80 | query[2] & 0x79
    refused[3] = RCODES[failing.how]
    return refused
  }

  /** The root, with all that is known now, as a host sees it. */
  #zones(asker: string): DnsZone[] {
    const lines = [...this.#names].flatMap(([name, to]) => to
      .flatMap((one) => this.#side.ofHost(one, asker) ?? (/^[\d.]+$|:/.test(one) ? [one] : []))
      .map((address) => record(name, address)))
    return parseZones({ '': lines })
  }

  /** A host is known by its own name. */
  addHost(name: string): void {
    this.#names.set(name.toLowerCase(), [name])
  }
}

function record(name: string, address: string): string {
  return `${name}. ${TTL_S} ${address.includes(':') ? 'AAAA' : 'A'} ${address}`
}

/** The name in the question section, in lower case. */
function questionOf(query: Buffer): string {
  const labels: string[] = []
  let at = 12
  while (at < query.length && query[at] > 0) {
    labels.push(query.toString('latin1', at + 1, at + 1 + query[at]))
    at += 1 + query[at]
  }
  return labels.join('.').toLowerCase()
}
