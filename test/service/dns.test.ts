/** The authoritative DNS server: what it answers, over UDP and TCP, to our resolver and through a whole service. */

import { createSocket } from 'node:dgram'
import { promises } from 'node:dns'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { decode, encode } from 'dns-packet'
import type { DecodedPacket, Packet, RecordType } from 'dns-packet'
import { once } from 'node:events'
import { describe, expect, it } from 'vitest'
import { dnsAnswer } from '../../src/service/dns-answer.ts'
import { parseZones } from '../../src/service/dns-zone.ts'
import { startService } from '../../src/service/service.ts'
import { connectTcp } from '../../src/socket/tcp.ts'
import { UdpSocket } from '../../src/socket/udp.ts'
import { nodeModules } from '../../src/node/modules.ts'
import { B, createTwo } from '../socket/two.ts'

const ZONES = {
  'example.test': [
    '@ NS ns', 'ns A 10.0.0.53', '@ 60 A 10.0.0.1', '@ MX 10 mail', 'mail AAAA fd00::25', 'www CNAME @',
    'far CNAME away.invalid.',
    'gone CNAME nothing', 'loop1 CNAME loop2', 'loop2 CNAME loop1', '*.wild 30 TXT "any thing" two', 'a.b.deep A 10.0.0.7',
    '_x._tcp SRV 1 2 3 mail', 'sub NS ns.sub', 'ns.sub A 10.0.0.99', 'MiXed A 10.0.0.8',
    ...Array.from({ length: 60 }, (_, i) => `many A 10.1.0.${i + 1}`),
  ],
  '0.0.10.in-addr.arpa': ['1 PTR example.test.'],
  'inner.example.test': ['@ SOA a.test. b.test. 7 1 2 3 99', '@ A 10.9.9.9'],
}
const zones = parseZones(ZONES)

interface Asked { rcode: string; aa: boolean; tc: boolean; answers: unknown[]; authority: unknown[]; additional: unknown[] }

function query(name: string, type: string, more: Partial<Packet> = {}): Buffer {
  return encode({ type: 'query', id: 77, flags: 0x100, questions: [{ name, type: type as RecordType, class: 'IN' }], ...more })
}

const edns = (udpPayloadSize: number, ednsVersion = 0): Partial<Packet> => ({
  additionals: [{ type: 'OPT', name: '.', udpPayloadSize, flags: 0, options: [], ednsVersion, extendedRcode: 0 } as never],
})

function ask(bytes: Uint8Array, viaTcp = false): Asked & { packet: DecodedPacket; bytes: Uint8Array } {
  const answer = dnsAnswer(zones, bytes, viaTcp)
  if (answer === null) throw new Error('no answer')
  const packet = decode(Buffer.from(answer)) as DecodedPacket & { rcode: string }
  const flat = (all: DecodedPacket['answers'] = []): unknown[] => all.filter((a) => a.type !== 'OPT')
    .map((a) => [a.name, a.type, (a as { ttl: number }).ttl, (a as { data: unknown }).data])
  return {
    packet, bytes: answer, rcode: packet.rcode, aa: packet.flag_aa, tc: packet.flag_tc,
    answers: flat(packet.answers), authority: flat(packet.authorities), additional: flat(packet.additionals),
  }
}

describe('answers', () => {
  it('an address, with authority (RFC 1035 §4.1.1), the question and the id', () => {
    const { packet, rcode, aa, answers } = ask(query('example.test', 'A'))
    expect([packet.id, packet.flag_rd, packet.flag_ra, rcode, aa]).toEqual([77, true, false, 'NOERROR', true])
    expect(answers).toEqual([['example.test', 'A', 60, '10.0.0.1']])
    expect(packet.questions?.[0]?.name).toBe('example.test')
  })

  it('names are compared without regard to case, and come back as they were asked (RFC 4343 §4)', () => {
    expect(ask(query('mIxED.EXAMPLE.test', 'A')).answers).toEqual([['mIxED.EXAMPLE.test', 'A', 3600, '10.0.0.8']])
  })

  it('MX and SRV bring the addresses of their targets (RFC 1035 §3.3.9, RFC 2782)', () => {
    expect(ask(query('example.test', 'MX')).additional).toEqual([['mail.example.test', 'AAAA', 3600, 'fd00::25']])
    const srv = ask(query('_x._tcp.example.test', 'SRV'))
    expect(srv.answers[0]).toMatchObject([
      '_x._tcp.example.test', 'SRV', 3600, { priority: 1, weight: 2, port: 3, target: 'mail.example.test' }])
    expect(srv.additional).toHaveLength(1)
  })

  it('a CNAME is followed inside the zone (RFC 1034 §4.3.2 step 3a), and left where it leads out', () => {
    expect(ask(query('www.example.test', 'A')).answers.map((a) => (a as string[])[1])).toEqual(['CNAME', 'A'])
    expect(ask(query('www.example.test', 'CNAME')).answers).toEqual([['www.example.test', 'CNAME', 3600, 'example.test']])
    const far = ask(query('far.example.test', 'A'))
    expect([far.rcode, far.answers]).toEqual(['NOERROR', [['far.example.test', 'CNAME', 3600, 'away.invalid']]])
  })

  it('the response code is that of the end of the chain (RFC 6604 §2.1); a loop is SERVFAIL', () => {
    const gone = ask(query('gone.example.test', 'A'))
    expect([gone.rcode, gone.answers.length, gone.authority.length]).toEqual(['NXDOMAIN', 1, 1])
    expect(ask(query('loop1.example.test', 'A')).rcode).toBe('SERVFAIL')
  })

  it('a name that is not there: NXDOMAIN with the SOA, whose TTL is its minimum (RFC 2308 §3)', () => {
    const { rcode, aa, answers, authority } = ask(query('no.example.test', 'A'))
    expect([rcode, aa, answers]).toEqual(['NXDOMAIN', true, []])
    expect(authority).toMatchObject([['example.test', 'SOA', 300, { mname: 'ns.example.test', minimum: 300 }]])
    expect(ask(query('x.inner.example.test', 'A')).authority).toMatchObject([['inner.example.test', 'SOA', 99, { serial: 7 }]])
  })

  it('a type that is not there, and a name that only has names below it: no data (RFC 2308 §2.2, RFC 4592 §2.2.2)', () => {
    for (const [name, type] of [['example.test', 'AAAA'], ['b.deep.example.test', 'A'], ['wild.example.test', 'TXT']] as const) {
      const { rcode, answers, authority } = ask(query(name, type))
      expect([name, rcode, answers, authority.length]).toEqual([name, 'NOERROR', [], 1])
    }
  })

  it('wildcards: any depth, not where the name or one between is there (RFC 4592 §2.2.1)', () => {
    const text = (name: string): unknown => ask(query(name, 'TXT')).answers
      .map((a) => [(a as unknown[])[0], ((a as unknown[])[3] as Buffer[]).map(String)])
    expect(text('q.wild.example.test')).toEqual([['q.wild.example.test', ['any thing', 'two']]])
    expect(text('x.y.wild.example.test')).toEqual([['x.y.wild.example.test', ['any thing', 'two']]])
    expect(ask(query('q.wild.example.test', 'A')).rcode).toBe('NOERROR')
    expect(ask(query('q.deep.example.test', 'TXT')).rcode).toBe('NXDOMAIN')
  })

  it('below a delegation: a referral with glue and without authority (RFC 1034 §4.3.2 step 3b)', () => {
    const { rcode, aa, answers, authority, additional } = ask(query('www.sub.example.test', 'A'))
    expect([rcode, aa, answers]).toEqual(['NOERROR', false, []])
    expect(authority).toEqual([['sub.example.test', 'NS', 3600, 'ns.sub.example.test']])
    expect(additional).toEqual([['ns.sub.example.test', 'A', 3600, '10.0.0.99']])
  })

  it('the zone nearest to the name has it; PTR; ANY', () => {
    expect(ask(query('inner.example.test', 'A')).answers).toEqual([['inner.example.test', 'A', 3600, '10.9.9.9']])
    expect(ask(query('1.0.0.10.in-addr.arpa', 'PTR')).answers).toEqual([['1.0.0.10.in-addr.arpa', 'PTR', 3600, 'example.test']])
    expect(ask(query('example.test', 'ANY')).answers.map((a) => (a as string[])[1]).sort()).toEqual(['A', 'MX', 'NS', 'SOA'])
  })

  it('other zones and transfers are refused', () => {
    for (const [name, type] of [['example.org', 'A'], ['example.test', 'AXFR'], ['example.test', 'IXFR']] as const) {
      const { rcode, aa, answers } = ask(query(name, type), true)
      expect([type, rcode, aa, answers]).toEqual([type, 'REFUSED', false, []])
    }
  })
})

describe('sizes', () => {
  it('what does not fit 512 octets is cut off with TC; with EDNS there is room, over TCP always (RFC 2181 §9, RFC 6891 §6.2.3)', () => {
    const plain = ask(query('many.example.test', 'A'))
    expect([plain.tc, plain.answers.length, plain.bytes.length <= 512]).toEqual([true, 0, true])
    expect(ask(query('many.example.test', 'A'), true).answers).toHaveLength(60)
    expect(ask(query('many.example.test', 'A', edns(100))).tc).toBe(true)
  })

  it('never more than 1232 octets over UDP, whatever the client takes', () => {
    const { tc, bytes } = ask(query('many.example.test', 'A', edns(65_535)))
    expect([tc, bytes.length <= 1232]).toEqual([true, true])
  })

  it('who sends OPT gets OPT, who does not does not; another version is BADVERS (RFC 6891 §6.1.1, §6.1.3)', () => {
    const opt = (bytes: Buffer): unknown => ask(bytes).packet.additionals?.find((a) => a.type === 'OPT')
    expect(opt(query('example.test', 'A'))).toBeUndefined()
    expect(opt(query('example.test', 'A', edns(1232)))).toMatchObject({ udpPayloadSize: 1232, extendedRcode: 0 })
    expect(opt(query('example.test', 'A', edns(1232, 1)))).toMatchObject({ extendedRcode: 1, ednsVersion: 0 })
    expect(ask(query('example.test', 'A', edns(1232, 1))).answers).toEqual([])
  })
})

describe('nonsense', () => {
  it('a response and a stub of a header get nothing, so that two servers do not talk for ever', () => {
    expect(dnsAnswer(zones, encode({ type: 'response', id: 1, questions: [{ name: 'example.test', type: 'A' }] }), false)).toBeNull()
    expect(dnsAnswer(zones, Buffer.alloc(11), false)).toBeNull()
  })

  it('other opcodes NOTIMP, what cannot be read FORMERR, two questions FORMERR', () => {
    const update = query('example.test', 'A')
    update[2] |= 0x28
    expect(ask(update).rcode).toBe('NOTIMP')
    expect(ask(query('example.test', 'A').subarray(0, 20)).rcode).toBe('FORMERR')
    const question = { name: 'example.test', type: 'A' as const }
    expect(ask(encode({ type: 'query', id: 1, questions: [question, question] })).rcode).toBe('FORMERR')
  })

  it('changed bytes throw nothing and never make the answer larger than it may be', () => {
    const bytes = query('many.example.test', 'A', edns(4096))
    for (let at = 0; at < bytes.length; at++) {
      for (let value = 0; value < 256; value += 5) {
        const forged = Buffer.from(bytes)
        forged[at] = value
        expect(dnsAnswer(zones, forged, false)?.length ?? 0).toBeLessThanOrEqual(1232)
      }
    }
  })

  it('zones that cannot be say which line', () => {
    for (const line of ['www A 10.0.0', 'www A fd00::1', 'www AAAA 10.0.0.1', 'www', 'www NAPTR 1', '@ MX ten mail', 'x.other. A 10.0.0.1',
      `${'l'.repeat(64)} A 10.0.0.1`, 'www 99999999999 A 10.0.0.1', '@ SRV 1 2 70000 x']) {
      expect(() => parseZones({ 'a.test': [line] }), line).toThrow(RangeError)
      expect(() => parseZones({ 'a.test': [line] }), line).toThrow(line)
    }
    expect(() => parseZones({ 'a.test': ['www A 10.0.0.1', 'www CNAME @'] })).toThrow('has nothing else')
  })
})

describe('another implementation asks: c-ares, over the kernel\'s loopback', () => {
  it('addresses, a long answer over TCP, SRV, TXT, SOA, denials', async () => {
    const udp = createSocket('udp4')
    udp.on('message', (bytes, from) => { udp.send(dnsAnswer(zones, bytes, false) ?? '', from.port, from.address) })
    let viaTcp = 0
    const tcp = createServer((socket) => socket.on('error', () => undefined).on('data', (bytes) => {
      viaTcp++
      const answer = dnsAnswer(zones, bytes.subarray(2), true) ?? Buffer.alloc(0)
      socket.write(Buffer.concat([Buffer.from([answer.length >> 8, answer.length & 0xff]), answer]))
    }))
    await once(tcp.listen(0, '127.0.0.1'), 'listening')
    const { port } = tcp.address() as AddressInfo
    udp.bind(port, '127.0.0.1')
    await once(udp, 'listening')
    const resolver = new promises.Resolver({ timeout: 2000, tries: 2 })
    resolver.setServers([`127.0.0.1:${port}`])
    expect(await resolver.resolve4('example.test', { ttl: true })).toEqual([{ address: '10.0.0.1', ttl: 60 }])
    expect(viaTcp).toBe(0)
    expect(await resolver.resolve4('many.example.test')).toHaveLength(60)
    expect(viaTcp).toBe(1)
    expect(await resolver.resolve4('www.example.test')).toEqual(['10.0.0.1'])
    expect(await resolver.resolveSrv('_x._tcp.example.test')).toMatchObject(
      [{ name: 'mail.example.test', port: 3, priority: 1, weight: 2 }])
    expect(await resolver.resolveTxt('x.y.wild.example.test')).toEqual([['any thing', 'two']])
    expect(await resolver.resolveSoa('inner.example.test')).toMatchObject({ nsname: 'a.test', serial: 7, minttl: 99 })
    expect(await resolver.reverse('10.0.0.1')).toEqual(['example.test'])
    await expect(resolver.resolve4('no.example.test')).rejects.toMatchObject({ code: 'ENOTFOUND' })
    await expect(resolver.resolve6('example.test')).rejects.toMatchObject({ code: 'ENODATA' })
    await expect(resolver.resolve4('example.org')).rejects.toMatchObject({ code: 'EREFUSED' })
    resolver.cancel()
    udp.close()
    tcp.close()
  })
})

describe('the service', () => {
  it('our resolver: both families over UDP, a long answer over TCP, reverse, a denial', async () => {
    const two = createTwo()
    const service = startService(two.b, 'dns', { zones: ZONES })
    const { dns } = nodeModules(two.a, { resolver: { servers: [B], search: ['example.test'], ndots: 1 } })
    expect((await dns.promises.lookup('www')).address).toBe('10.0.0.1')
    expect(await dns.promises.resolve4('many.example.test')).toHaveLength(60)
    expect(await dns.promises.reverse('10.0.0.1')).toEqual(['example.test'])
    expect(await dns.promises.resolveTxt('x.wild.example.test')).toEqual([['any thing', 'two']])
    await expect(dns.promises.resolve4('no.example.test')).rejects.toMatchObject({ code: 'ENOTFOUND' })
    await expect(dns.promises.resolve6('example.test')).rejects.toMatchObject({ code: 'ENODATA' })
    expect(service.ports).toEqual(['tcp/53', 'udp/53'])
    service.stop()
    two.driver.close()
  })

  it('several queries on one connection, in pieces, each answered (RFC 7766 §6.2.1); too long a query ends it', async () => {
    const two = createTwo()
    const service = startService(two.b, 'dns', { zones: ZONES })
    const socket = connectTcp(two.a, { host: B, port: 53, allowHalfOpen: true })
    const one = query('example.test', 'A')
    const framed = Buffer.concat([Buffer.from([0, one.length]), one])
    const all = Buffer.concat(Array.from({ length: 3 }, () => framed))
    socket.write(all.subarray(0, 1))
    await new Promise((resolve) => setTimeout(resolve, 10))
    socket.write(all.subarray(1, 40))
    await new Promise((resolve) => setTimeout(resolve, 10))
    socket.end(all.subarray(40))
    const parts: Buffer[] = []
    for await (const part of socket) parts.push(part as Buffer)
    const got = Buffer.concat(parts)
    const length = got.readUInt16BE(0)
    expect(got.length).toBe(3 * (2 + length))
    expect((decode(got.subarray(2, 2 + length)).answers ?? [])[0]).toMatchObject({ data: '10.0.0.1' })
    const rude = connectTcp(two.a, { host: B, port: 53, allowHalfOpen: true })
    rude.write(Buffer.from([0xff, 0xff, 1]))
    rude.resume()
    await once(rude, 'end')
    rude.destroy()
    service.stop()
    two.driver.close()
  })

  it('goes on after it was saved in the middle of a query over TCP', async () => {
    const two = createTwo()
    const service = startService(two.b, 'dns', { zones: ZONES })
    const one = query('example.test', 'A')
    const socket = connectTcp(two.a, { host: B, port: 53, allowHalfOpen: true })
    socket.write(Buffer.from([0, one.length]))
    await new Promise((resolve) => setTimeout(resolve, 20))
    const saved = service.save()
    expect(saved.talks).toHaveLength(1)
    service.abandon()
    for (const id of [saved.listener, saved.udp, saved.talks[0].id]) two.b.unwatch(id)
    const again = startService(two.b, 'dns', { zones: ZONES, saved: JSON.parse(JSON.stringify(saved)) as typeof saved })
    socket.write(one)
    const [answer] = await once(socket, 'data') as [Buffer]
    expect(decode(answer.subarray(2)).answers).toHaveLength(1)
    socket.destroy()
    const udp = new UdpSocket(two.a)
    udp.send(one, 53, B)
    const [datagram] = await once(udp, 'message') as [Buffer]
    expect(decode(datagram).answers).toHaveLength(1)
    udp.close()
    again.stop()
    two.driver.close()
  })
})
