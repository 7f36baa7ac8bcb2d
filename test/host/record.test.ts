/** A live run recorded, and done again from its log: every byte that is sent is the same. */

import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, describe, expect, it } from 'vitest'
import { createPair } from '../../src/device/pair.ts'
import { Driver } from '../../src/host/driver.ts'
import type { VnetHost } from '../../src/host/vnet-host.ts'
import { CHUNK_HEADER, LOG_HEADER } from '../../src/host/log-format.ts'
import { replayLog } from '../../src/host/replay-log.ts'
import { createRandom, randomBelow } from '../../src/kern/random.ts'
import { addrFromIp4, ip4ParsePrefix } from '../../src/lib/addr.ts'
import { ifAddAddr } from '../../src/link/ifnet.ts'
import { checksum } from '../../src/snapshot/checksum.ts'
import { SnapshotError } from '../../src/snapshot/fault.ts'
import { startEcho } from '../../src/service/echo.ts'
import { connectTcp } from '../../src/socket/tcp.ts'
import { UdpSocket } from '../../src/socket/udp.ts'

const directory = mkdtempSync(join(tmpdir(), 'vimage-log-'))
const drivers: Driver[] = []
let files = 0
afterEach(() => { for (const driver of drivers.splice(0)) driver.close() })
process.on('exit', () => { rmSync(directory, { recursive: true, force: true }) })

interface Stage { a: VnetHost; b: VnetHost; file: string }

function stage(): Stage {
  const driver = new Driver()
  drivers.push(driver)
  const [x, y] = createPair(driver.pool)
  const [a, b] = ['a', 'b'].map((name) => driver.addVnet({ name }))
  addAddress(a, a.attach(x, 'eth0'), '10.0.0.1/24')
  addAddress(b, b.attach(y, 'eth0'), '10.0.0.2/24')
  return { a, b, file: join(directory, `${files++}.vimlog`) }
}

function addAddress(host: VnetHost, ifId: number, text: string): void {
  const { ip, prefixLen } = ip4ParsePrefix(text) as { ip: never; prefixLen: number }
  host.vnet.setNow(host.now())
  ifAddAddr(host.vnet.vn, ifId, addrFromIp4(ip), prefixLen)
  host.kick()
}

/** a sends `bytes` to b's echo service and gets them back. */
async function exchange({ a }: Stage, bytes: number): Promise<void> {
  const socket = connectTcp(a, { host: '10.0.0.2', port: 7 })
  let got = 0
  socket.on('data', (chunk: Buffer) => { got += chunk.length })
  socket.end(Buffer.alloc(bytes, 'record'))
  await new Promise((resolve) => { socket.once('close', resolve) })
  expect(got).toBe(bytes)
}

/** Puts a right checksum on the chunk at `at`. */
function sign(log: Uint8Array, at: number): void {
  const view = new DataView(log.buffer, log.byteOffset, log.byteLength)
  const from = at + CHUNK_HEADER
  const [low, high] = checksum(log, from, from + view.getUint32(at, true))
  view.setInt32(at + 4, low, true)
  view.setInt32(at + 8, high, true)
}

describe('record and replay', () => {
  it('both ends of a conversation, management in the middle of it: the same bytes, and the log tells where they are from', async () => {
    const s = stage()
    const echo = startEcho(s.b)
    const recorders = [s.a.record(s.file), s.b.record(`${s.file}b`)]
    await exchange(s, 300_000)
    const udp = new UdpSocket(s.a)
    udp.bind(5000)
    udp.send(Buffer.alloc(4000, 'u'), 7, '10.0.0.2')
    await sleep(20)
    s.b.changed()
    addAddress(s.b, 2, '10.0.1.2/24')
    await exchange(s, 1000)
    await sleep(300)
    udp.close()
    echo.stop()
    for (const recorder of recorders) recorder.close()
    for (const [i, file] of [s.file, `${s.file}b`].entries()) {
      expect(statSync(file).mode & 0o777).toBe(0o600)
      const sent: number[] = []
      const result = replayLog(readFileSync(file), { onFrame: (out, _now, f) => { if (out) sent.push(f.bytes.length) } })
      expect(result).toMatchObject({ difference: '', end: 'closed', cutBytes: 0, frames: recorders[i].frames, states: 1 + i })
      expect(result.frames).toBeGreaterThan(15)
      expect(result.inputs).toBeGreaterThan(15)
      expect(result.calls).toBeGreaterThan(10)
      expect(result.bytes).toBe(sent.reduce((sum, n) => sum + n, 0))
      expect(result.bytes).toBeGreaterThan(300_000)
    }
  })

  it('a log that is cut off is good up to there; one that ends for its size says so', async () => {
    const s = stage()
    startEcho(s.b)
    const reasons: string[] = []
    s.a.record(s.file, { maxBytes: 400_000, onEnd: (reason) => { reasons.push(reason) } })
    await exchange(s, 600_000)
    expect(reasons).toEqual(['the log has 400000 bytes, as many as it may'])
    const log = readFileSync(s.file)
    expect(log.length).toBeLessThan(700_000)
    expect(replayLog(log)).toMatchObject({ difference: '', end: reasons[0], cutBytes: 0 })
    const cut = replayLog(log.subarray(0, log.length - 5))
    expect(cut).toMatchObject({ difference: '', end: '' })
    expect(cut.cutBytes).toBeGreaterThan(0)
  })

  it('bites: another byte in what came in is a difference, and it is said where; forged logs are refused', async () => {
    const s = stage()
    startEcho(s.b)
    const recorder = s.b.record(s.file)
    await exchange(s, 50_000)
    recorder.close()
    const log = readFileSync(s.file)
    const view = new DataView(log.buffer, log.byteOffset, log.byteLength)
    const second = LOG_HEADER + CHUNK_HEADER + view.getUint32(LOG_HEADER, true)
    const damaged = Buffer.from(log)
    damaged[second + 500] ^= 1
    expect(() => replayLog(damaged)).toThrow(/damaged/)
    // what the echo gave to the Vnet to be sent: a letter that is changed is another letter that goes out
    const text = log.indexOf('record', log.indexOf('soSend', second) + 6)
    const changed = Buffer.from(log)
    changed[text + 100] ^= 1
    for (let at = LOG_HEADER; at < log.length; at += CHUNK_HEADER + view.getUint32(at, true)) sign(changed, at)
    expect(replayLog(changed).difference).toMatch(/^entry \d+, [\d.]+ s, frame \d+: now /)

    const r = createRandom([4])
    let refused = 0
    for (let n = 0; n < 200; n++) {
      const forged = Buffer.from(log)
      forged[second + CHUNK_HEADER + randomBelow(r, 3000)] = randomBelow(r, 256)
      sign(forged, second)
      try {
        if (replayLog(forged).difference !== '') refused++
      } catch (e) {
        refused++
        expect(e).toBeInstanceOf(SnapshotError)
      }
    }
    expect(refused).toBeGreaterThan(10)
    expect(() => replayLog(log.subarray(0, 7))).toThrow(/not a log/)
    expect(() => s.b.record(s.file)).toThrow(/EEXIST/)
  }, 60_000)
})
