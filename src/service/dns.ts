/** An authoritative DNS server over UDP and TCP (RFC 1035, RFC 7766) for zones that are given to it. */

import { UdpSocket } from '../socket/udp.ts'
import type { Runner } from '../vnet/runner.ts'
import { dnsAnswer } from './dns-answer.ts'
import { parseZones } from './dns-zone.ts'
import type { DnsZone, DnsZones } from './dns-zone.ts'
import { trySend } from './echo.ts'
import type { SavedService } from './saved.ts'
import type { Service } from './service.ts'
import { TcpProgramServer } from './tcp-program.ts'
import type { TcpProgram } from './tcp-program.ts'

const DNS_PORT = 53
/** Longer queries are nobody's: over TCP the connection ends. */
const QUERY_MOST = 4096
/** Answers made ahead of what the client reads. */
const AHEAD_BYTES = 16_384
const NOTHING = new Uint8Array(0)

/** Throws a RangeError for zones that cannot be, EADDRINUSE where the port is taken. */
export function startDns(runner: Runner, given: DnsZones, port = DNS_PORT, saved: SavedService | null = null): Service {
  const zones = parseZones(given)
  const tcp = new TcpProgramServer(runner, program(zones))
  const udp = new UdpSocket(runner, 'IPv6', saved?.udp ?? 0)
  udp.on('error', () => undefined)
  udp.on('message', (bytes: Buffer, from: { address: string; port: number }) => {
    const answer = dnsAnswer(zones, bytes, false)
    if (answer !== null) trySend(udp, answer, from)
  })
  if (saved === null) {
    try {
      tcp.listen(port, true)
      udp.bind(port, '::')
    } catch (error) {
      udp.close()
      if (tcp.listener !== 0) tcp.stop()
      throw error
    }
  } else tcp.adopt(saved.listener, saved.talks)
  return {
    name: 'dns',
    ports: [`tcp/${port}`, `udp/${port}`],
    save: () => ({ name: 'dns', listener: tcp.listener, udp: udp.id, talks: tcp.save() }),
    abandon: () => tcp.abandon(),
    stop: () => {
      tcp.stop()
      udp.close()
    },
  }
}

/** `got`: base64 of what has come and is not answered yet. */
function program(zones: readonly DnsZone[]): TcpProgram<{ got: string }> {
  return {
    begin: () => ({ got: '' }),
    busy: ({ data }) => whole(Buffer.from(data.got, 'base64')),
    received: ({ data }, bytes) => {
      data.got = Buffer.concat([Buffer.from(data.got, 'base64'), bytes]).toString('base64')
    },
    next: (talk) => {
      let got = Buffer.from(talk.data.got, 'base64')
      const out: Uint8Array[] = []
      let ahead = 0
      for (; whole(got) && ahead < AHEAD_BYTES && !talk.closing; got = got.subarray(2 + got.readUInt16BE(0))) {
        const length = got.readUInt16BE(0)
        const answer = length > QUERY_MOST ? null : dnsAnswer(zones, got.subarray(2, 2 + length), true)
        if (answer === null) talk.closing = true
        else out.push(Uint8Array.of(answer.length >> 8, answer.length & 0xff), answer)
        ahead += answer?.length ?? 0
        if (talk.closing) break
      }
      talk.data.got = got.toString('base64')
      talk.out = Buffer.concat(out)
      return NOTHING
    },
    sent: () => undefined,
    over: () => undefined,
  }
}

/** A query is there, or the length of one that we do not want. */
function whole(got: Buffer): boolean {
  if (got.length < 2) return false
  const length = got.readUInt16BE(0)
  return length > QUERY_MOST || got.length >= 2 + length
}
