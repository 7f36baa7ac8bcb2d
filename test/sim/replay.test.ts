import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { ICMP_ECHOREPLY } from '../../src/wire/icmp.ts'
import { macPrint, macRead } from '../../src/lib/addr.ts'
import { ifByName } from '../../src/link/ifnet.ts'
import { viewOf } from '../../src/wire/layout.ts'
import { parseCapture } from '../../src/pcap/reader.ts'
import { PACKET_IN, PACKET_OUT } from '../../src/pcap/record.ts'
import type { CaptureRecord } from '../../src/pcap/record.ts'
import { replayCapture } from '../../src/sim/replay.ts'
import type { ReplayOptions, ReplayResult } from '../../src/sim/replay.ts'
import { linkTypeName, replayPacket } from '../../src/sim/replay-link.ts'
import { createWorld } from '../../src/sim/world.ts'
import { bytesDiffer } from '../support/bytes.ts'
import { assertWorldClean } from '../support/plain.ts'
import { startPinger, startUdp } from './apps.ts'
import type { UdpApp } from './apps.ts'

const CORPUS = join(import.meta.dirname, '../../../shared/pcaps/tcpdump')
let results: ReplayResult[] = []

afterEach(() => {
  for (const { world } of results) assertWorldClean(world)
  results = []
})

function replay(records: readonly CaptureRecord[], options: ReplayOptions): ReplayResult {
  const result = replayCapture(records, options)
  results.push(result)
  return result
}

/** What host b (10.0.0.2) saw while a pinged it and sent it datagrams. */
function recorded(): CaptureRecord[] {
  const world = createWorld({ seed: 3 })
  const [a, b] = [world.addVnet('a'), world.addVnet('b')]
  world.cable(a.addPort({ address: '10.0.0.1/24' }), b.addPort({ address: '10.0.0.2/24' }), { delayUs: 1500 })
  world.runFor(5e6)
  const capture = world.capture(b)
  const [pinger, udp] = [startPinger(a), startUdp(a)]
  for (const [i, size] of [0, 56, 1472, 4000].entries()) {
    world.at(world.now() + i * 250_000, () => { pinger.ping('10.0.0.2', i, size) })
    world.at(world.now() + i * 250_000 + 7, () => { udp.send('10.0.0.2', 7, new Uint8Array(i)) })
  }
  startUdp(b, 7)
  world.runFor(2e6)
  expect(pinger.replies.length).toBe(4)
  return parseCapture(capture.bytes()).records
}

function record(over: Partial<CaptureRecord>): CaptureRecord {
  const data = over.data ?? new Uint8Array(60)
  return {
    index: 1, iface: 0, linkType: 1, timed: true, sec: 1000, nsec: 0, capLen: data.length, origLen: data.length,
    flags: 0, comments: [], data, fileOffset: 0, ...over,
  }
}

/** An echo request 10.0.0.1 > 10.0.0.2 without data and with right checksums, as a bare IP packet. */
const ECHO = Uint8Array.of(
  0x45, 0, 0, 28, 0, 1, 0, 0, 64, 1, 0x66, 0xde, 10, 0, 0, 1, 10, 0, 0, 2, 8, 0, 0xf7, 0xfd, 0, 1, 0, 1)

describe('replay: a capture drives a Vnet', () => {
  it('it answers, at the recorded times, what the host in the capture answered', () => {
    const records = recorded()
    const got: UdpApp[] = []
    const { capture, fed, own } = replay(records, {
      address: '10.0.0.2/24', setup: (host) => { got.push(startUdp(host, 7)) },
    })
    const { records: out, error } = parseCapture(capture.bytes())
    expect(error).toBeNull()
    const isReply = (r: CaptureRecord): boolean => r.flags === PACKET_OUT && r.data[12] === 8 && r.data[13] === 0
    const [was, is] = [records.filter(isReply), out.filter(isReply)]
    // four echo replies, the last one in three fragments
    expect(was.length).toBe(6)
    expect(is.map((r) => [r.sec, r.nsec, r.data.length])).toEqual(was.map((r) => [r.sec, r.nsec, r.data.length]))
    expect(is[0]?.data[34]).toBe(ICMP_ECHOREPLY)
    // sockets get what was recorded
    expect(got[0]?.got.map((d) => d.bytes.length)).toEqual([0, 1, 2, 3])
    expect(fed + own).toBe(records.length)
    expect(own).toBe(records.filter((r) => r.flags === PACKET_OUT).length)
    expect(out.filter((r) => r.flags === PACKET_IN).length).toBe(fed)
  })

  it('without a listener it answers the datagrams, too: port unreachable (RFC 1122 §4.1.3.1)', () => {
    const { capture, answers } = replay(recorded(), { address: '10.0.0.2/24', answersOnly: true })
    const { records } = parseCapture(capture.bytes())
    expect(records.length).toBe(answers)
    expect(records.every((r) => r.flags === PACKET_OUT)).toBe(true)
    expect(records.filter((r) => r.data[23] === 1 && r.data[34] === 3 && r.data[35] === 3).length).toBe(4)
  })

  it('is deterministic', () => {
    const records = recorded()
    const options = { address: '10.0.0.2/24', seed: 4 }
    const [x, y] = [replay(records, options), replay(records, options)]
    expect(bytesDiffer(x.capture.bytes(), y.capture.bytes())).toBe('')
  })

  it('takes the hardware address that belongs to the address in the capture', () => {
    const records = recorded()
    const own = records.find((r) => r.flags === PACKET_OUT) as CaptureRecord
    const macOfEth0 = (options: ReplayOptions): string => {
      const { host } = replay(records, options)
      return macPrint(ifByName(host.vnet.vn, 'eth0')?.mac ?? 0)
    }
    expect(macOfEth0({ address: '10.0.0.2/24' })).toBe(macPrint(macRead(viewOf(own.data), 6)))
    expect(macOfEth0({ address: '10.0.0.2/24', mac: 0x020000000099 })).toBe('02:00:00:00:00:99')
  })

  it('feeds bare IP packets and BSD loopback in either byte order to an IP interface, counts the rest by name', () => {
    const family = (...bytes: number[]): Uint8Array => Uint8Array.of(...bytes, ...ECHO)
    const result = replay([
      record({ linkType: 101, data: ECHO }), record({ linkType: 0, data: family(2, 0, 0, 0) }),
      record({ linkType: 0, data: family(0, 0, 0, 2) }), record({ linkType: 0, data: family(0, 0, 0, 23) }),
      record({ linkType: 0, data: Uint8Array.of(2) }), record({ linkType: 105 }), record({ linkType: 105 }),
      record({ linkType: 999 }),
    ], { address: '10.0.0.2/24' })
    expect(result.fed).toBe(3)
    expect(result.answers).toBe(3)
    expect([...result.skipped]).toEqual([['NULL', 2], ['IEEE802_11', 2], ['LINKTYPE_999', 1]])
    const { interfaces, records } = parseCapture(result.capture.bytes())
    expect(interfaces.map((i) => [i.name, i.linkType])).toEqual([['tun0', 101]])
    expect(records.length).toBe(6)
  })

  it('a checksum that the sender left to its hardware can be taken as right', () => {
    const bytes = Uint8Array.of(
      0x45, 0, 0, 29, 0, 1, 0, 0, 64, 17, 0x66, 0xcd, 10, 0, 0, 1, 10, 0, 0, 2, 0, 9, 0, 7, 0, 9, 0x12, 0x34, 5)
    const datagrams = (trustChecksums: boolean): number => {
      const udp: UdpApp[] = []
      replay([record({ linkType: 101, data: bytes })], {
        address: '10.0.0.2/24', trustChecksums, setup: (host) => { udp.push(startUdp(host, 7)) },
      })
      return udp[0]?.got.length ?? -1
    }
    expect([datagrams(false), datagrams(true)]).toEqual([0, 1])
  })

  it('answers senders that are on no link of ours, to the hardware address they came from', () => {
    const ether = new Uint8Array(14 + ECHO.length)
    ether.set([2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 0x77, 8, 0])
    ether.set(ECHO, 14)
    const { capture } = replay([record({ data: ether })], { address: '10.0.0.2/30', answersOnly: true })
    const replies = parseCapture(capture.bytes()).records.filter((r) => r.data[12] === 8 && r.data[13] === 0)
    expect(replies.map((r) => [...r.data.subarray(0, 12)])).toEqual([[2, 0, 0, 0, 0, 0x77, 2, 0, 0, 0, 0, 2]])
  })
})

describe('replay: captures that are odd', () => {
  it('times out of order, missing, absurd: it ends, and in the order of the file', () => {
    const at = (sec: number, nsec = 0, over: Partial<CaptureRecord> = {}): CaptureRecord =>
      record({ sec, nsec, linkType: 101, data: ECHO, ...over })
    const times = [at(10), at(5), at(11), at(0, 0, { timed: false }), at(-7), at(2 ** 53), at(2 ** 53), at(12)]
    const result = replay(times, { address: '10.0.0.2/24' })
    expect(result.fed).toBe(times.length)
    const seconds = parseCapture(result.capture.bytes()).records.filter((r) => r.flags === PACKET_IN).map((r) => r.sec)
    expect(seconds).toEqual([10, 10, 11, 11, 11, 11 + 86_400, 11 + 86_400, 11 + 86_400])
  })

  it('no records, or none that a Vnet takes', () => {
    expect(replay([], { address: '10.0.0.2/24' })).toMatchObject({ fed: 0 })
    expect(replay([record({ linkType: 9 })], { address: '10.0.0.2/24' }).skipped.get('PPP')).toBe(1)
  })

  it('a record longer than any frame is counted', () => {
    const long = record({ data: new Uint8Array(200_000) })
    const result = replay([long, record({ origLen: 90 })], { address: '10.0.0.2/24' })
    expect(result).toMatchObject({ tooLong: 1, fed: 1, cut: 1 })
  })

  it('an address that is none is refused', () => {
    expect(() => replayCapture([], { address: '10.0.0' })).toThrow('10.0.0 is not an address')
  })

  it('names of link types', () => {
    expect([1, 113, 31_337].map(linkTypeName)).toEqual(['ETHERNET', 'LINUX_SLL', 'LINKTYPE_31337'])
    expect(replayPacket(0, Uint8Array.of(30, 0, 0, 0, 1))).toEqual(Uint8Array.of(1))
  })
})

const files = existsSync(CORPUS) ? readdirSync(CORPUS).filter((_, i) => i % 25 === 0) : []
if (files.length === 0 && process.env['CI'] !== undefined) throw new Error(`capture corpus ${CORPUS} is missing`)

describe.skipIf(files.length === 0)('replay: files of other people\'s traffic', () => {
  it.each(files)('%s', (file) => {
    const { records } = parseCapture(readFileSync(join(CORPUS, file)))
    const result = replay(records, { address: '192.168.0.1/16' })
    const skipped = [...result.skipped.values()].reduce((n, x) => n + x, 0)
    expect(result.fed + result.own + result.tooLong + skipped).toBe(records.length)
    result.world.runUntilIdle()
  })
})
