/** Other programs as judges: pcap-parser, tshark and tcpdump read the corpus as we do, and what we write. */

import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { parse } from 'pcap-parser'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { createCaptureEncoder, parseCapture, pcapHeader, pcapRecord, pcapngBlock, pcapngInterface, pcapngPacket,
  pcapngSection, pcapngSimplePacket } from '../../src/pcap/index.ts'
import type { CaptureRecord, PcapOptions } from '../../src/pcap/index.ts'
import { corpusFiles, corpusReady, toolReady } from './corpus.ts'

/** A UDP datagram to port 9 in IPv4 in Ethernet, with as many bytes of payload. */
function datagram(payload: number): Uint8Array {
  const frame = new Uint8Array(42 + payload).fill(0x2e, 42)
  frame.set([2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0, 0x45, 0, 0, 28 + payload, 0, 0, 0, 0, 64, 17, 0, 0])
  frame.set([10, 66, 0, 1, 10, 66, 0, 2, 0x30, 0x39, 0, 9, 0, 8 + payload, 0, 0], 26)
  return frame
}

const TIMES = [
  { sec: 0, nsec: 0 }, { sec: 1_700_000_000, nsec: 123_456_789 }, { sec: 2_147_483_648, nsec: 999_999_999 },
]

describe('pcap-parser 0.2.1, which reads classic microsecond files', () => {
  it.skipIf(!corpusReady())('finds the same packets in every such file of the corpus', async () => {
    let files = 0
    for (const { name, path } of corpusFiles()) {
      const bytes = readFileSync(path)
      if (bytes.readUInt32LE(0) !== 0xa1b2c3d4 && bytes.readUInt32BE(0) !== 0xa1b2c3d4) continue
      files++
      expect(parseCapture(bytes).records.map(seconds), name).toEqual(await byPcapParser(bytes))
    }
    expect(files).toBeGreaterThan(700)
  }, 60_000)

  it.each([[false], [true]])('reads what we write (big-endian: %s)', async (bigEndian) => {
    const options = { bigEndian, linkType: 1 }
    const bytes = classic(options)
    const found = await byPcapParser(bytes)
    expect(found).toHaveLength(TIMES.length)
    expect(found.map((p) => p.time)).toEqual(['0.000000', '1700000000.123456', '2147483648.999999'])
    expect(found.map((p) => p.data)).toEqual(TIMES.map((_t, i) => hex(datagram(i))))
  })
})

describe.skipIf(!toolReady('tshark') || !toolReady('tcpdump') || !toolReady('capinfos'))('tshark and tcpdump', () => {
  let folder = ''
  beforeAll(() => { folder = mkdtempSync(join(tmpdir(), 'vimage-pcap-')) })
  afterAll(() => { rmSync(folder, { recursive: true }) })

  function save(bytes: Uint8Array): string {
    const path = join(folder, 'out')
    writeFileSync(path, bytes)
    return path
  }

  it.each<[string, PcapOptions, string, string]>([
    ['µs little-endian', {}, 'pcap', 'microseconds'],
    ['µs big-endian', { bigEndian: true }, 'pcap', 'microseconds'],
    ['ns little-endian', { nanos: true }, 'nsecpcap', 'nanoseconds'],
    ['ns big-endian', { nanos: true, bigEndian: true }, 'nsecpcap', 'nanoseconds'],
  ])('classic %s: format, precision, times, lengths and bytes', (_name, options, format, precision) => {
    const path = save(classic(options))
    const infos = run('capinfos', ['-T', '-r', '-t', '-E', '-I', '-c', path])
    expect(infos.split('\t').slice(1, 3)).toEqual([format, 'ether'])
    expect(run('capinfos', [path])).toContain(`Time precision = ${precision}`)
    const times = TIMES.map((t) => `${t.sec}.${fraction(options.nanos === true ? t.nsec : t.nsec - t.nsec % 1000)}`)
    expect(tshark(path, ['frame.time_epoch', 'frame.cap_len', 'frame.len', 'udp.dstport']))
      .toEqual(TIMES.map((_t, i) => [times[i], String(42 + i), i === 2 ? '1500' : String(42 + i), '9']))
    expect(tcpdumpBytes(path)).toEqual(TIMES.map((_t, i) => hex(datagram(i))))
  })

  it('another link type', () => {
    const packet = datagram(3).subarray(14)
    const path = save(Buffer.concat([pcapHeader({ linkType: 101 }), pcapRecord({ sec: 0, nsec: 0 }, packet)]))
    expect(tshark(path, ['frame.encap_type', 'ip.src', 'udp.length'])).toEqual([['7', '10.66.0.1', '11']])
  })

  it.each([[false], [true]])('pcapng (big-endian: %s): interfaces, times, directions, comments, program', (bigEndian) => {
    const path = save(Buffer.concat([
      pcapngSection({ bigEndian, comments: ['two interfaces'] }),
      pcapngInterface({ bigEndian, name: 'tap0', description: 'the first' }),
      pcapngInterface({ bigEndian, name: 'raw1', linkType: 101, tsResol: 9, snapLen: 96 }),
      pcapngPacket(TIMES[1], datagram(5), { bigEndian, flags: 1, comments: ['in, µs'] }),
      pcapngPacket(TIMES[1], datagram(6).subarray(14), { bigEndian, iface: 1, tsResol: 9, flags: 2 }),
      pcapngBlock(0x80000bad, [Uint8Array.of(1, 2, 3, 4)], !bigEndian),
      pcapngPacket(TIMES[2], datagram(1).subarray(0, 42), { bigEndian, origLen: 1500 }),
    ]))
    expect(tshark(path, ['frame.time_epoch', 'frame.cap_len', 'frame.len', 'frame.interface_name',
      'frame.interface_description', 'frame.packet_flags_direction', 'frame.comment', 'udp.length'])).toEqual([
      ['1700000000.123456000', '47', '47', 'tap0', 'the first', '0x00000001', 'in, µs', '13'],
      ['1700000000.123456789', '34', '34', 'raw1', '', '0x00000002', '', '14'],
      ['2147483648.999999000', '42', '1500', 'tap0', 'the first', '', '', '9'],
    ])
    const infos = run('capinfos', [path])
    expect(infos).toContain('Capture application: vimage')
    expect(infos).toContain('Capture comment:     two interfaces')
    expect(infos).toContain('Number of interfaces in file: 2')
  })

  it('pcapng: two sections of opposite byte order, simple packets', () => {
    const section = (bigEndian: boolean, n: number): Uint8Array => Buffer.concat([
      pcapngSection({ bigEndian }), pcapngInterface({ bigEndian, snapLen: 60, name: `s${n}` }),
      pcapngPacket({ sec: n, nsec: 0 }, datagram(n), { bigEndian }),
      pcapngSimplePacket(datagram(40).subarray(0, 60), bigEndian, 82),
    ])
    const path = save(Buffer.concat([section(false, 1), section(true, 2)]))
    expect(tshark(path, ['frame.cap_len', 'frame.len', 'frame.section_number']))
      .toEqual([['43', '43', '1'], ['60', '82', '1'], ['44', '44', '2'], ['60', '82', '2']])
  })

  it('the encoder of both formats', () => {
    for (const format of ['pcap', 'pcapng'] as const) {
      const encoder = createCaptureEncoder({ format, snapLen: 50 })
      const path = save(Buffer.concat([encoder.header, ...TIMES.map((t, i) => encoder.packet(t, datagram(i * 20)))]))
      expect(tshark(path, ['frame.cap_len', 'frame.len'])).toEqual([['42', '42'], ['50', '62'], ['50', '82']])
    }
  })

  it.skipIf(!corpusReady()).each([
    'OSPFv2_Capture_FINAL.pcapng', 'of13_ericsson.pcapng', 'nhrp.pcapng', 'vsock-1.pcapng', 'time_2106_overflow.pcapng',
    'time_2107.pcapng', 'ahcp.pcapng', 'dhcp-option-108.pcapng', 'ipoib.pcap',
    'isup.pcap', 'tcp-handshake-nano.pcap',
  ])('tshark sees what we see in %s', (name) => {
    const file = corpusFiles().find((f) => f.name === name)
    expect(file).toBeDefined()
    const { format, records, interfaces } = parseCapture(readFileSync(file!.path))
    expect(tshark(file!.path, ['frame.time_epoch', 'frame.cap_len', 'frame.len', 'frame.interface_name'])).toEqual(
      records.map((r) => [`${r.sec}.${fraction(r.nsec)}`, String(r.capLen), String(r.origLen),
        format === 'pcap' ? '' : interfaces[r.iface].name || 'unknown']))
  })

  it.skipIf(!corpusReady()).each(['of13_ericsson.pcapng', 'afs.pcap', 'tcp-handshake-nano.pcap'])(
    'tshark reads as many records of %s when it is cut, and calls it cut too', (name) => {
      const whole = readFileSync(corpusFiles().find((f) => f.name === name)!.path)
      for (const length of [whole.length - 1, whole.length >> 1]) {
        const { records, error } = parseCapture(whole.subarray(0, length))
        expect(error?.reason).toMatch(/^file ends after \d+ of at least \d+ bytes$/)
        const path = save(whole.subarray(0, length))
        const { stdout, stderr } = spawnSync('tshark', ['-n', '-r', path, '-T', 'fields', '-e', 'frame.number'],
          { encoding: 'utf8' })
        expect(stderr).toContain('cut short in the middle of a packet')
        expect(stdout.trim().split('\n').map(Number)).toEqual(records.map((r) => r.index))
      }
    })

  function tshark(path: string, fields: string[]): string[][] {
    const out = run('tshark', ['-n', '-r', path, '-T', 'fields', ...fields.flatMap((f) => ['-e', f])])
    return out.split('\n').slice(0, -1).map((line) => line.split('\t'))
  }

  /** Every packet, link header included, as tcpdump dumps it. */
  function tcpdumpBytes(path: string): string[] {
    return run('tcpdump', ['-n', '-t', '-xx', '-r', path]).split(/\n(?=\S)/)
      .map((text) => [...text.matchAll(/^\t0x[0-9a-f]+: {2}(.*)$/gm)].map((m) => m[1]).join('').replaceAll(' ', ''))
  }
})

function classic(options: PcapOptions): Buffer {
  return Buffer.concat([pcapHeader(options),
    ...TIMES.map((time, i) => pcapRecord(time, datagram(i), options, i === 2 ? 1500 : 42 + i))])
}

function run(program: string, args: string[]): string {
  const { status, stdout, stderr } = spawnSync(program, args, { encoding: 'utf8' })
  if (status !== 0) throw new Error(`${program} ${args.join(' ')}: ${stderr}`)
  return stdout
}

interface Seen {
  time: string
  origLen: number
  data: string
}

function byPcapParser(bytes: Buffer): Promise<Seen[]> {
  return new Promise((resolve, reject) => {
    const seen: Seen[] = []
    parse(Readable.from([bytes]))
      .on('packet', ({ header: h, data }) => {
        const us = h.timestampSeconds * 1e6 + h.timestampMicroseconds
        seen.push({ time: (us / 1e6).toFixed(6), origLen: h.originalLength, data: hex(data) })
      })
      .on('error', reject)
      .on('end', () => { resolve(seen) })
  })
}

function seconds(r: CaptureRecord): Seen {
  return { time: (Math.round(r.sec * 1e6 + r.nsec / 1000) / 1e6).toFixed(6), origLen: r.origLen, data: hex(r.data) }
}

function fraction(nsec: number): string {
  return String(nsec).padStart(9, '0')
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex')
}
