/** Captures in files: streaming, buffering, and what is wrong with a path. */

import { chmodSync, existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { CaptureError, openCaptureWriter, parseCapture, readCapture } from '../../src/pcap/index.ts'
import type { CaptureRecord } from '../../src/pcap/index.ts'

let folder = ''
beforeAll(() => { folder = mkdtempSync(join(tmpdir(), 'vimage-file-')) })
afterAll(() => { rmSync(folder, { recursive: true }) })

/** Open files of this process; files of ours are told apart by their folder. */
function openFiles(): number {
  return readdirSync('/proc/self/fd').length
}

function frame(n: number): Uint8Array {
  return new Uint8Array(n).map((_v, i) => (n + i) & 255)
}

async function readBack(path: string): Promise<CaptureRecord[]> {
  const records: CaptureRecord[] = []
  const summary = await readCapture(path, (r) => { records.push(r) })
  expect(summary).toMatchObject({ truncated: null, records: records.length })
  return records
}

describe('openCaptureWriter and readCapture', () => {
  it.each(['pcap', 'pcapng'] as const)('%s: packets of all sizes come back over several chunks', async (format) => {
    const path = join(folder, `many.${format}`)
    const writer = openCaptureWriter(path, { format, linkType: 101 })
    const sizes = [...Array(300).keys()].map((i) => (i * 977) % 1515)
    sizes.push(65_549, 65_536, 65_520, 200_000, 0)
    sizes.forEach((size, i) => { writer.write(i * 1_000_001, frame(size)) })
    writer.close()
    expect(statSync(path).size).toBeGreaterThan(3 * 65_536)
    const records = await readBack(path)
    expect(records.map((r) => r.capLen)).toEqual(sizes)
    expect(records.every((r) => r.linkType === 101)).toBe(true)
    records.forEach((r, i) => {
      expect([r.sec, r.nsec]).toEqual([i, i * 1000])
      expect(Buffer.compare(r.data, frame(sizes[i]))).toBe(0)
    })
    expect(parseCapture(readFileSync(path)).records).toEqual(records)
  })

  it('interfaces, directions and comments go to pcapng', async () => {
    const path = join(folder, 'two.pcapng')
    const writer = openCaptureWriter(path, { format: 'pcapng', interfaces: ['a', 'b'] })
    const raw = writer.addInterface('c', 101)
    writer.write({ sec: 1, nsec: 2 }, frame(3), { iface: 1, direction: 'out', comment: 'first' })
    writer.write(5, frame(4), { iface: raw, direction: 'in', origLen: 40 })
    writer.close()
    expect(await readBack(path)).toMatchObject([
      { iface: 1, linkType: 1, flags: 2, comments: ['first'], sec: 1, nsec: 2 },
      { iface: 2, linkType: 101, flags: 1, origLen: 40, capLen: 4, nsec: 5000 },
    ])
  })

  it('the header is in the file at once, packets after flush or close; the bytes are only borrowed', () => {
    const path = join(folder, 'flush.pcap')
    const writer = openCaptureWriter(path, { format: 'pcap' })
    expect(statSync(path).size).toBe(24)
    const bytes = frame(10)
    writer.write(0, bytes)
    bytes.fill(0)
    expect(statSync(path).size).toBe(24)
    writer.flush()
    expect(parseCapture(readFileSync(path)).records[0]?.data).toEqual(frame(10))
    writer.write(1, bytes)
    writer.close()
    expect(parseCapture(readFileSync(path)).records).toHaveLength(2)
  })

  it('close twice is harmless, write after close is an error, a packet that does not fit leaves the file sound', () => {
    const path = join(folder, 'close.pcap')
    const before = openFiles()
    const writer = openCaptureWriter(path, { format: 'pcap' })
    expect(openFiles()).toBe(before + 1)
    expect(() => { writer.write({ sec: 2 ** 32, nsec: 0 }, frame(1)) }).toThrow(RangeError)
    expect(() => writer.addInterface('x')).toThrow(RangeError)
    writer.write(1, frame(2))
    writer.close()
    writer.close()
    expect(openFiles()).toBe(before)
    expect(() => { writer.write(1, frame(2)) }).toThrow(`capture ${path} is closed`)
    expect(parseCapture(readFileSync(path))).toMatchObject({ error: null, records: [{ capLen: 2 }] })
  })

  it('options that do not fit the format make no file', () => {
    const path = join(folder, 'never.pcap')
    expect(() => openCaptureWriter(path, { format: 'pcap', linkType: 70_000 })).toThrow(RangeError)
    expect(existsSync(path)).toBe(false)
  })
})

describe('errors', () => {
  it('a path that does not exist, a folder, a folder that does not exist: code, path and a sentence', async () => {
    const before = openFiles()
    const missing = join(folder, 'missing', 'x.pcap')
    await expect(readCapture(missing, () => {})).rejects.toMatchObject({
      code: 'ENOENT', path: missing, syscall: 'open',
      message: `cannot read capture ${missing}: ENOENT: no such file or directory, open '${missing}'`,
    })
    await expect(readCapture(folder, () => {})).rejects.toMatchObject({ code: 'EISDIR', path: folder })
    const create = (path: string): unknown => openCaptureWriter(path, { format: 'pcap' })
    expect(() => create(missing)).toThrow(`cannot create capture ${missing}: ENOENT: no such file or directory`)
    expect(() => create(folder)).toThrow(expect.objectContaining({ code: 'EISDIR', path: folder }))
    expect(openFiles()).toBe(before)
  })

  it('a file we may not read or write: EACCES', async () => {
    // root may do everything: become somebody else for the test
    const path = join(folder, 'secret.pcap')
    writeFileSync(path, '')
    chmodSync(path, 0)
    const root = process.geteuid?.() === 0
    if (root) {
      chmodSync(folder, 0o755)
      process.seteuid?.(65_534)
    }
    try {
      await expect(readCapture(path, () => {})).rejects.toMatchObject({ code: 'EACCES', path })
      expect(() => openCaptureWriter(path, { format: 'pcap' }))
        .toThrow(expect.objectContaining({ code: 'EACCES', path }))
    } finally {
      if (root) process.seteuid?.(0)
    }
  })

  it('a disk that is full: the write fails with its code, every later one too, and the file is closed', () => {
    const before = openFiles()
    expect(() => openCaptureWriter('/dev/full', { format: 'pcap' })).toThrow(
      expect.objectContaining({
        code: 'ENOSPC', path: '/dev/full', message: expect.stringContaining('cannot write capture /dev/full'),
      }))
    expect(openFiles()).toBe(before)
  })

  it('a bad record: the message begins with the path, the records before are delivered, the file is closed', async () => {
    const path = join(folder, 'bad.pcap')
    const writer = openCaptureWriter(path, { format: 'pcap' })
    for (let i = 0; i < 100; i++) writer.write(i, frame(1000))
    writer.close()
    const bytes = readFileSync(path)
    bytes.writeUInt32LE(0xffffffff, 24 + 80 * 1016 + 8)
    writeFileSync(path, bytes)
    const before = openFiles()
    let records = 0
    const error: unknown = await readCapture(path, () => { records++ }).catch((e: unknown) => e)
    expect(error).toBeInstanceOf(CaptureError)
    expect(error).toMatchObject({
      message: `${path}: record 81 at byte 81304: captured length 4294967295 exceeds limit 262144`,
      record: 81,
      offset: 81_304,
    })
    expect(records).toBe(80)
    expect(openFiles()).toBe(before)
  })

  it('a file cut inside its last record: truncated says so with the path', async () => {
    const path = join(folder, 'cut.pcapng')
    const writer = openCaptureWriter(path, { format: 'pcapng' })
    for (let i = 0; i < 3; i++) writer.write(i, frame(100))
    writer.close()
    writeFileSync(path, readFileSync(path).subarray(0, -1))
    let records = 0
    const { truncated } = await readCapture(path, () => { records++ })
    expect(records).toBe(2)
    expect(truncated).toMatchObject({ record: 3 })
    const place = `block after record 2 at byte ${(truncated as CaptureError).offset}`
    expect(truncated?.message).toBe(`${path}: ${place}: file ends after 131 of at least 132 bytes`)
  })

  it('what the sink throws passes through, and the file is closed', async () => {
    const path = join(folder, 'sink.pcap')
    const writer = openCaptureWriter(path, { format: 'pcap' })
    writer.write(0, frame(1))
    writer.close()
    const before = openFiles()
    await expect(readCapture(path, () => { throw new TypeError('mine') })).rejects.toThrow(TypeError)
    expect(openFiles()).toBe(before)
  })

  it('a packet over the limit given', async () => {
    const path = join(folder, 'limit.pcap')
    const writer = openCaptureWriter(path, { format: 'pcap' })
    writer.write(0, frame(100))
    writer.close()
    await expect(readCapture(path, () => {}, { maxRecordBytes: 99 }))
      .rejects.toThrow('captured length 100 exceeds limit 99')
  })
})
