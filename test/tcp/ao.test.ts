/**
 * TCP-AO (RFC 5925, RFC 5926). The kernel here is built without CONFIG_TCP_AO, so what the other end would say comes from
 * ao-reference.ts, which shares nothing with src/.
 */

import { createHmac } from 'node:crypto'
import { beforeEach, describe, expect, test } from 'vitest'
import { AF_INET, createInpcb } from '../../src/inet/state.ts'
import { CTL_MSGSIZE, CTL_UNREACH_HARD } from '../../src/inet/ctl.ts'
import { addrParse } from '../../src/lib/addr.ts'
import type { Addr } from '../../src/lib/addr.ts'
import { EBUSY, ECONNREFUSED, EEXIST, EINVAL, ENOENT, ENOTCONN } from '../../src/lib/errno.ts'
import { frameFrom, frameRelease } from '../../src/lib/frame.ts'
import type { Frame } from '../../src/lib/frame.ts'
import { toSeq } from '../../src/lib/seq.ts'
import { aoMac, aoTrafficKey } from '../../src/tcp/auth/ao-alg.ts'
import { aoSne } from '../../src/tcp/auth/ao-conn.ts'
import { tcpAoInfo, tcpAoSelect } from '../../src/tcp/auth/ao-info.ts'
import { tcpAoKeyAdd, tcpAoKeyDelete } from '../../src/tcp/auth/ao-keys.ts'
import type { AoKeyParams } from '../../src/tcp/auth/ao-keys.ts'
import { tcpKeySet } from '../../src/tcp/auth/keys.ts'
import { tcpIsn } from '../../src/tcp/isn.ts'
import { AO_AES128, AO_SHA1, createTcpAoKey } from '../../src/tcp/state-ao.ts'
import { tcpCtlInput } from '../../src/tcp/ctlinput.ts'
import { TCPS_ESTABLISHED } from '../../src/tcp/state.ts'
import type { Tcb } from '../../src/tcp/state.ts'
import {
  tcpAbort, tcpAccept, tcpAttach, tcpBind, tcpClose, tcpConnect, tcpListen, tcpRecv, tcpSend,
} from '../../src/tcp/usrreq.ts'
import { Vnet } from '../../src/vnet/vnet.ts'
import { AoReference, refCmac, refTrafficKey } from './ao-reference.ts'
import type { RefKey } from './ao-reference.ts'
import { pattern } from './harness.ts'
import { Pair } from './pair.ts'
import type { PathOptions } from './pair.ts'
import { tcbsSeen } from '../support/tcbs.ts'
import { tcpStats } from '../../src/tcp/stats.ts'

const PORT = 179
const A = addr('10.0.0.1')
const B = addr('10.0.0.2')
const hex = (b: Uint8Array): string => Buffer.from(b).toString('hex')
const bytes = (s: string): Uint8Array => Uint8Array.from(Buffer.from(s, 'hex'))
const text = (s: string): Uint8Array => new TextEncoder().encode(s)

function addr(s: string): Addr {
  return addrParse(s) as Addr
}

interface Talk { p: Pair; client: number; server: number; listener: number; wire: AoReference }

type Keys = [AoKeyParams[], AoKeyParams[]]
const ONE: AoKeyParams = { sendId: 61, recvId: 84, secret: text('testvector') }
const TWO: AoKeyParams = { sendId: 7, recvId: 9, secret: text('the next one, longer'), algorithm: 'aes128', options: false }
const swap = (key: AoKeyParams): AoKeyParams => ({ ...key, sendId: key.recvId, recvId: key.sendId })

let keys: Keys
beforeEach(() => { keys = [[ONE], [swap(ONE)]] })

/** Opens a connection between two Vnets with the keys of the test; server 0 when none came about in a minute. */
function open(
  path: Partial<PathOptions> = {}, sysctls: Record<string, number> = {}, port = 0, startAt: (a: Vnet) => number = () => 0,
): Talk {
  const p = new Pair(5, path, sysctls)
  const [a, b] = p.vnets
  p.now = startAt(a)
  for (const v of p.vnets) v.advance(p.now)
  for (const key of keys[0]) expect(tcpAoKeyAdd(a.vn, B, 32, 0, key)).toBe(0)
  for (const key of keys[1]) expect(tcpAoKeyAdd(b.vn, A, 24, PORT, key)).toBe(0)
  const wire = watch(p)
  const listener = tcpAttach(b.vn, 2)
  expect(tcpBind(b.vn, listener, addr('0.0.0.0'), PORT)).toBe(0)
  expect(tcpListen(b.vn, listener, 5)).toBe(0)
  return { ...join(p, listener, port), listener, wire }
}

function join(p: Pair, listener: number, port: number): { p: Pair; client: number; server: number } {
  const [a, b] = p.vnets
  const client = tcpAttach(a.vn, 2)
  if (port !== 0) expect(tcpBind(a.vn, client, A, port)).toBe(0)
  tcpConnect(a.vn, client, B, PORT)
  p.settle()
  const end = p.now + 60e6
  let server = -1
  while (server < 0 && p.step(end)) server = tcpAccept(b.vn, listener)
  return { p, client, server: Math.max(server, 0) }
}

/** Every packet as it leaves, before the path does anything to it. */
function watch(p: Pair): AoReference {
  const all: RefKey[] = []
  for (const key of [...keys[0], ...keys[1]]) {
    all.push({ keyId: key.sendId, aes: key.algorithm === 'aes128', options: key.options ?? true, secret: key.secret })
  }
  const wire = new AoReference(all)
  p.onFrame = (_side, packet) => { wire.packet(packet) }
  return wire
}

/** Sends `n` bytes through and returns whether all came; `between` is called after each event with what has come. */
function transfer({ p, client, server }: Talk, n: number, between: (had: number) => void = () => { /* none */ }): boolean {
  const data = pattern(0, n)
  const got = new Uint8Array(n)
  let [sent, had] = [0, 0]
  const end = p.now + 600e6
  while (had < n) {
    // between two events a Vnet may have been replaced by its copy
    const [a, b] = p.vnets
    const k = tcpSend(a.vn, client, data, sent, n - sent, 0)
    if (k > 0) sent += k
    const r = tcpRecv(b.vn, server, got, had, n - had, 0)
    if (r > 0) had += r
    p.settle()
    between(had)
    if (had < n && !p.step(end)) return false
  }
  return got.every((byte, i) => byte === data[i])
}

describe('RFC 5926: algorithms', () => {
  // RFC 4493 §4, examples 1 to 4
  test.each([
    [0, 'bb1d6929e95937287fa37d129b756746'],
    [16, '070a16b46b4d4144f79bdd9dd04a287c'],
    [40, 'dfa66747de9ae63030ca32611497c827'],
    [64, '51f0bebf7e3b9d92fc49741779363cfe'],
  ])('§3.2.2: AES-CMAC of %d octets, cut to 96 bits', (n, expected) => {
    const key = bytes('2b7e151628aed2a6abf7158809cf4f3c')
    const message = bytes('6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51' +
      '30c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710').subarray(0, n)
    expect(hex(aoMac(AO_AES128, key, [message.subarray(0, 3), message.subarray(3)]))).toBe(expected.slice(0, 24))
    expect(hex(refCmac(key, message))).toBe(expected)
  })

  test('§3.2.1: HMAC-SHA-1-96 (RFC 2202 test case 1)', () => {
    expect(hex(aoMac(AO_SHA1, new Uint8Array(20).fill(0x0b), [text('Hi '), text('There')]))).toBe('b617318655057264e28bc0b6')
  })

  test.each(['10.1.2.3', '2001:db8::1'])('§3.1.1: traffic keys of %s, with secrets of 16 octets and others', (peer) => {
    for (const secret of ['sixteen octets!!', 'short', 'longer than the sixteen octets of a key']) {
      for (const alg of [AO_SHA1, AO_AES128]) {
        const key = createTcpAoKey()
        key.alg = alg
        key.secret = text(secret)
        const ours = peer.includes(':') ? '2001:db8:ffff::2' : '10.1.2.4'
        const context = Buffer.concat([raw(ours), raw(peer), Buffer.from('d02300b3fbfbab5a11c14261', 'hex')])
        const ref = { keyId: 0, aes: alg === AO_AES128, options: true, secret: key.secret }
        expect(hex(aoTrafficKey(key, addr(ours), 0xd023, addr(peer), 179, toSeq(0xfbfbab5a | 0), toSeq(0x11c14261))))
          .toBe(hex(refTrafficKey(ref, context)))
      }
    }
    const input = Buffer.concat([Buffer.from([1]), Buffer.from('TCP-AO'), Buffer.alloc(20), Buffer.from([0, 160])])
    expect(hex(refTrafficKey({ keyId: 0, aes: false, options: true, secret: text('k') }, Buffer.alloc(20))))
      .toBe(createHmac('sha1', 'k').update(input).digest('hex'))
  })

  test('RFC 5925 §6.2: the extension goes up with a wrap, and down for what comes late', () => {
    const sne = (ref: number, at: number, seq: number): number => aoSne(toSeq(ref | 0), at, toSeq(seq | 0))
    expect([sne(0xfffffff0, 0, 0xffffffff), sne(0xfffffff0, 0, 0), sne(0xfffffff0, 0, 0x7fffffe0)]).toEqual([0, 1, 1])
    expect([sne(5, 1, 0xfffffff0), sne(5, 1, 4), sne(0x7fffffff, 3, 0x80000000), sne(0x80000000, 3, 0x7fffffff)]).toEqual(
      [0, 1, 3, 3])
    expect(sne(0xffffffff, 0xffffffff, 1)).toBe(0)
  })
})

function raw(a: string): Buffer {
  const { w0, w1, w2, w3 } = addr(a)
  const out = Buffer.alloc(16)
  for (const [i, w] of [w0, w1, w2, w3].entries()) out.writeInt32BE(w, i * 4)
  return a.includes(':') ? out : out.subarray(12)
}

describe('signed connections (RFC 5925)', () => {
  test.each([
    ['HMAC-SHA-1-96', ONE], ['AES-128-CMAC-96, options not covered', TWO],
    ['AES-128-CMAC-96', { ...TWO, options: true }], ['HMAC-SHA-1-96, options not covered', { ...ONE, options: false }],
  ])('§5.1, §7.4: %s: another implementation accepts every segment of a connection', (_name, key) => {
    keys = [[key], [swap(key)]]
    const talk = open()
    expect(transfer(talk, 100_000)).toBe(true)
    const [a, b] = talk.p.vnets
    tcpClose(a.vn, talk.client)
    tcpClose(b.vn, talk.server)
    talk.p.settle()
    talk.p.runUntil(() => a.state.tcp.timewait.size + b.state.tcp.timewait.size === 0 && a.state.tcp.tcbs.size === 0, 200e6)
    expect(talk.wire.seen).toEqual({ good: a.state.tcp.stats.sndtotal + b.state.tcp.stats.sndtotal, unsigned: 0, bad: 0 })
    for (const v of talk.p.vnets) expect(v.state.tcp.stats.aoRcvGood).toBe(v.state.tcp.stats.rcvtotal)
    talk.p.assertClean()
  })

  test('§7.6: sixteen octets less of data in each segment', () => {
    const { p } = open()
    const [tcb] = tcbsSeen(p.vnets[0].state.tcp)
    expect([tcb?.mss, tcb?.state]).toEqual([1460 - 12 - 16, TCPS_ESTABLISHED])
  })

  test.each([0, 1])('§7.6: a path that loses, doubles and damages (rfc1323 %d): SACK blocks leave room, every byte arrives', (rfc1323) => {
    const talk = open({ loss: 30, duplicate: 20, corrupt: 20, jitterUs: 3000 }, { 'net.inet.tcp.rfc1323': rfc1323 })
    expect(talk.server).toBeGreaterThan(0)
    expect(transfer(talk, 200_000)).toBe(true)
    expect(talk.wire.seen).toMatchObject({ unsigned: 0, bad: 0 })
    expect(talk.p.vnets[0].state.tcp.stats.sigErrBuildsig + talk.p.vnets[1].state.tcp.stats.sigErrBuildsig).toBe(0)
    expect(talk.p.vnets[1].state.tcp.stats.sackSendBlocks).toBeGreaterThan(0)
  })

  test.each([
    ['another secret', [ONE], [{ ...swap(ONE), secret: text('testvectoR') }], 'aoRcvBad'],
    ['another algorithm', [ONE], [{ ...swap(ONE), algorithm: 'aes128' as const }], 'aoRcvBad'],
    ['options covered by one only', [ONE], [{ ...swap(ONE), options: false }], 'aoRcvBad'],
    ['another KeyID', [{ ...ONE, sendId: 62 }], [swap(ONE)], 'aoRcvNokey'],
    ['no key at the client', [], [swap(ONE)], 'aoRcvNoopt'],
  ] as const)('§7.3, §7.5: %s: segments vanish without an answer, counted', (_name, a, b, counter) => {
    keys = [[...a], [...b]]
    const { p, server } = open()
    expect(server).toBe(0)
    expect(p.vnets[1].state.tcp.stats[counter]).toBeGreaterThan(2)
    expect(p.vnets[1].state.tcp.stats.sndtotal).toBe(0)
  })

  test.each([0, 1])('§7.3: a peer without a key: taken as unsigned by default, else discarded (drop_unknown %d)', (strict) => {
    keys[1] = []
    const { p } = open({}, { 'net.inet.tcp.ao.drop_unknown': strict })
    const stats = tcpStats(p.vnets[1].vn)
    expect(stats.sndtotal === 0).toBe(strict === 1)
    expect(stats.aoRcvUnchecked > 2).toBe(strict === 0)
    expect(stats.aoRcvNokey > 2).toBe(strict === 1)
    // the SYN,ACK was not signed, and the client requires it
    expect(p.vnets[0].state.tcp.stats.aoRcvNoopt > 2).toBe(strict === 0)
  })

  test('§8: where there are keys of both kinds, TCP-AO is used', () => {
    const p = new Pair(5)
    const [a, b] = p.vnets
    for (const [v, peer, key] of [[a, B, ONE], [b, A, swap(ONE)]] as const) {
      expect(tcpKeySet(v.vn, peer, 32, 0, text('md5'))).toBe(0)
      expect(tcpAoKeyAdd(v.vn, peer, 32, 0, key)).toBe(0)
    }
    const wire = watch(p)
    const listener = tcpAttach(b.vn, 2)
    tcpBind(b.vn, listener, addr('0.0.0.0'), PORT)
    tcpListen(b.vn, listener, 5)
    const talk = { ...join(p, listener, 0), listener, wire }
    expect(transfer(talk, 50_000)).toBe(true)
    expect(wire.seen).toMatchObject({ unsigned: 0, bad: 0 })
    expect(a.state.tcp.stats.sigRcvgoodsig).toBe(0)
  })

  test('§7.4 1.b: a connection that is older than the key goes on without', () => {
    keys = [[], []]
    const talk = open()
    const [a, b] = talk.p.vnets
    expect(transfer(talk, 10_000, (had) => {
      if (had === 0 || a.state.tcp.ao.keys.length > 0) return
      tcpAoKeyAdd(a.vn, B, 32, 0, ONE)
      tcpAoKeyAdd(b.vn, A, 32, 0, swap(ONE))
    })).toBe(true)
    expect(a.state.tcp.ao.keys.length).toBe(1)
    expect(talk.wire.seen).toMatchObject({ good: 0, bad: 0 })
  })

  test('§7.3: a reset is signed too', () => {
    const talk = open()
    const [a, b] = talk.p.vnets
    tcpAbort(a.vn, talk.client)
    talk.p.settle()
    talk.p.runUntil(() => b.state.tcp.stats.rcvrst === 1, 10e6)
    expect(b.state.tcp.tcbs.get(talk.server)?.state).not.toBe(TCPS_ESTABLISHED)
    expect(talk.wire.seen).toMatchObject({ unsigned: 0, bad: 0 })
  })

  test('RFC 4987 §3.6: a handshake that is kept in a cookie', () => {
    const talk = open({}, { 'net.inet.tcp.syncookies_only': 1 })
    expect(talk.server).toBeGreaterThan(0)
    expect(transfer(talk, 50_000)).toBe(true)
    expect(talk.p.vnets[1].state.tcp.stats.scRecvcookie).toBe(1)
    expect(talk.wire.seen).toMatchObject({ unsigned: 0, bad: 0 })
  })

  test.each([[{}], [{ loss: 20, jitterUs: 3000, duplicate: 20 }]])('§6.2: sequence numbers wrap in the middle: path %j', (path) => {
    // the clock of initial sequence numbers is made to stand 60,000 before the end
    const port = 5000
    const talk = open(path, {}, port, (a) => {
      const inp = createInpcb(0, AF_INET)
      Object.assign(inp, { laddr: A, faddr: B, lport: port, fport: PORT })
      return ((-60_000 - tcpIsn(a.vn, inp)) >>> 0) * 4
    })
    const [a, b] = talk.p.vnets
    expect(transfer(talk, 30_000)).toBe(true)
    expect([tcpAoInfo(a.vn, talk.client)?.sndSne, tcpAoInfo(b.vn, talk.server)?.rcvSne]).toEqual([0, 0])
    expect(transfer(talk, 120_000)).toBe(true)
    expect([tcpAoInfo(a.vn, talk.client)?.sndSne, tcpAoInfo(b.vn, talk.server)?.rcvSne]).toEqual([1, 1])
    expect(talk.wire.seen).toMatchObject({ unsigned: 0, bad: 0 })
  })
})

describe('key rollover (RFC 5925 §6.1, §7.5)', () => {
  beforeEach(() => { keys = [[ONE, TWO], [swap(ONE), swap(TWO)]] })

  test('RNextKeyID of one side moves Current_key of the other, in the middle of a transfer with losses', () => {
    const talk = open({ loss: 20, jitterUs: 2000 })
    const [a, b] = talk.p.vnets
    expect(tcpAoInfo(a.vn, talk.client)).toMatchObject({ currentKey: 61, rnextKey: 84 })
    let asked = false
    expect(transfer(talk, 200_000, (had) => {
      if (had < 50_000 || asked) return
      asked = true
      // the receiver wants the second key from now on: it calls it 7 in what it receives
      expect(tcpAoSelect(b.vn, talk.server, -1, 7)).toBe(0)
    })).toBe(true)
    expect(tcpAoInfo(a.vn, talk.client)).toMatchObject({ currentKey: 7, peerRnextKeyId: 7, rnextKey: 84 })
    expect(tcpAoInfo(b.vn, talk.server)).toMatchObject({ currentKey: 84, peerKeyId: 7, rnextKey: 7 })
    const [tcb] = [...a.state.tcp.tcbs.values()]
    expect([...talk.wire.keyIds.get(tcb.inp.lport) ?? []]).toEqual([61, 7])
    expect(talk.wire.seen).toMatchObject({ unsigned: 0, bad: 0 })
    // the old key is free only when neither end points to it
    expect(tcpAoKeyDelete(a.vn, B, 32, 0, 61, 84)).toBe(EBUSY)
    expect(tcpAoSelect(a.vn, talk.client, -1, 9)).toBe(0)
    expect(tcpAoKeyDelete(a.vn, B, 32, 0, 61, 84)).toBe(0)
    expect(tcpAoKeyDelete(a.vn, B, 32, 0, 61, 84)).toBe(ENOENT)
  })

  test('§7.5 1.a, 2.e: the answer to a SYN uses the key that the SYN asks for', () => {
    keys[1].reverse()
    const talk = open()
    const [a, b] = talk.p.vnets
    expect(tcpAoInfo(b.vn, talk.server)).toMatchObject({ currentKey: 84, rnextKey: 61, peerKeyId: 61 })
    expect(tcpAoInfo(a.vn, talk.client)?.keys.map((key) => key.sendId)).toEqual([61, 7])
    expect(tcpAoSelect(a.vn, talk.client, 8, -1)).toBe(ENOENT)
    expect(tcpAoSelect(b.vn, talk.listener, 84, -1)).toBe(ENOTCONN)
  })
})

describe('keys (RFC 5925 §3.1)', () => {
  test('ids do not overlap where connections may; what cannot be is refused', () => {
    const { vn } = new Vnet()
    const add = (a: string, bits: number, port: number, sendId: number, recvId: number): number =>
      tcpAoKeyAdd(vn, addr(a), bits, port, { sendId, recvId, secret: text('k') })
    expect([add('10.0.0.1', 32, 0, 0, 255), add('10.0.0.1', 32, 0, 0, 1), add('10.0.0.0', 8, 179, 1, 255)]).toEqual(
      [0, EEXIST, EEXIST])
    expect([add('10.0.0.2', 32, 0, 0, 255), add('10.0.0.3', 32, 179, 0, 255), add('10.0.0.3', 32, 80, 0, 255)]).toEqual(
      [0, 0, 0])
    expect([add('10.0.0.9', 32, 0, 256, 0), add('10.0.0.9', 32, 0, 0, -1), add('10.0.0.9', 33, 0, 0, 0),
      add('10.0.0.9', 32, 0, 1.5, 0)]).toEqual([EINVAL, EINVAL, EINVAL, EINVAL])
    expect(tcpAoKeyAdd(vn, A, 32, 0, { sendId: 1, recvId: 1, secret: new Uint8Array(0) })).toBe(EINVAL)
  })
})

/** Puts a packet onto one side's interface. */
function inject(p: Pair, side: 0 | 1, packet: Uint8Array): void {
  const f = frameFrom(p.pool, packet) as Frame
  p.vnets[side].input(p.ifIds[side], f, p.now)
  frameRelease(p.pool, f)
  p.settle()
}

/** The packet with TCP options replaced by `options` and a right checksum. */
function withOptions(packet: Uint8Array, options: number[]): Uint8Array {
  const out = Buffer.concat([packet.subarray(0, 40), Buffer.from(options)])
  out.writeUInt16BE(out.length, 2)
  out[32] = (20 + options.length) << 2
  out.writeUInt16BE(0, 36)
  out.writeUInt16BE(0, 10)
  out.writeUInt16BE(fold(out.subarray(0, 20), 0), 10)
  out.writeUInt16BE(fold(out.subarray(20), 6 + out.length - 20 + sum(out.subarray(12, 20))), 36)
  return out
}

function sum(b: Buffer): number {
  let n = 0
  for (let i = 0; i < b.length; i += 2) n += b.readUInt16BE(i)
  return n
}

function fold(b: Buffer, start: number): number {
  let n = start + sum(b)
  while (n > 0xffff) n = (n & 0xffff) + Math.floor(n / 65536)
  return ~n & 0xffff
}

describe('what an attacker has', () => {
  test('§5.2: no segment of an earlier connection with the same ports is taken in a later one, save the SYN', () => {
    const talk = open({}, {}, 5000)
    const { p } = talk
    const [a, b] = p.vnets
    const old: { to: 0 | 1; packet: Uint8Array }[] = []
    p.onFrame = (side, packet) => {
      talk.wire.packet(packet)
      old.push({ to: side === 0 ? 1 : 0, packet: packet.slice() })
    }
    expect(transfer(talk, 30_000)).toBe(true)
    tcpAbort(a.vn, talk.client)
    p.settle()
    p.runUntil(() => b.state.tcp.stats.rcvrst === 1, 10e6)
    tcpClose(b.vn, talk.server)
    p.settle()
    while (p.step(p.now + 1e6)) { /* what is left */ }
    p.onFrame = (_side, packet) => { talk.wire.packet(packet) }
    const again = { ...talk, ...join(p, talk.listener, 5000) }
    expect(again.server).toBeGreaterThan(0)
    expect(transfer(again, 5000)).toBe(true)
    const good = [a.state.tcp.stats.aoRcvGood, b.state.tcp.stats.aoRcvGood]
    const sent = a.state.tcp.stats.sndtotal + b.state.tcp.stats.sndtotal
    for (const { to, packet } of old) inject(p, to, packet)
    expect(old.length).toBeGreaterThan(20)
    expect([a.state.tcp.stats.aoRcvGood, b.state.tcp.stats.aoRcvGood]).toEqual(good)
    expect(a.state.tcp.stats.aoRcvBad + b.state.tcp.stats.aoRcvBad).toBe(old.length)
    // not even an answer
    expect(a.state.tcp.stats.sndtotal + b.state.tcp.stats.sndtotal).toBe(sent)
    expect(transfer(again, 5000)).toBe(true)
    expect(talk.wire.seen).toMatchObject({ unsigned: 0, bad: 0 })
  })

  test('§3.2: SYNs that cross: all four traffic keys', () => {
    keys = [[ONE], [swap(ONE)]]
    const p = new Pair(5)
    const [a, b] = p.vnets
    expect(tcpAoKeyAdd(a.vn, B, 32, 0, ONE)).toBe(0)
    expect(tcpAoKeyAdd(b.vn, A, 32, 0, swap(ONE))).toBe(0)
    const wire = watch(p)
    const ids = p.vnets.map((v, side) => {
      const id = tcpAttach(v.vn, 2)
      expect(tcpBind(v.vn, id, side === 0 ? A : B, 5000 + side)).toBe(0)
      return id
    })
    tcpConnect(a.vn, ids[0], B, 5001)
    tcpConnect(b.vn, ids[1], A, 5000)
    p.settle()
    p.runUntil(() => p.vnets.every((v, side) => v.state.tcp.tcbs.get(ids[side])?.state === TCPS_ESTABLISHED), 10e6)
    expect(transfer({ p, client: ids[0], server: ids[1], listener: 0, wire }, 20_000)).toBe(true)
    expect(wire.seen).toMatchObject({ unsigned: 0, bad: 0 })
    for (const v of p.vnets) expect(v.state.tcp.stats.aoRcvGood).toBe(v.state.tcp.stats.rcvtotal)
  })

  test('RFC 9293 §3.6.1: a pair is used again out of TIME-WAIT, with other traffic keys', () => {
    const talk = open({}, {}, 5000)
    const { p } = talk
    const [a, b] = p.vnets
    expect(transfer(talk, 1000)).toBe(true)
    // the server's side closes first and waits
    tcpClose(b.vn, talk.server)
    p.settle()
    while (p.step(p.now + 10_000)) { /* FIN and ACK */ }
    tcpClose(a.vn, talk.client)
    p.settle()
    while (p.step(p.now + 10_000)) { /* FIN and ACK */ }
    expect(b.state.tcp.timewait.size).toBe(1)
    for (const v of p.vnets) v.advance(p.now += 1_500_000)
    const again = { ...talk, ...join(p, talk.listener, 5000) }
    expect(again.server).toBeGreaterThan(0)
    expect(b.state.tcp.stats.twRecycled).toBe(1)
    expect(transfer(again, 5000)).toBe(true)
    expect(talk.wire.seen).toMatchObject({ unsigned: 0, bad: 0 })
    expect(a.state.tcp.stats.aoRcvBad + b.state.tcp.stats.aoRcvBad).toBe(0)
  })

  test('§6.2: a segment from before the wrap is not taken for one of the same number after it', () => {
    const talk = open({}, {}, 5000)
    const [a, b] = talk.p.vnets
    let last: Uint8Array = new Uint8Array(0)
    talk.p.onFrame = (side, packet) => { if (side === 0) last = packet.slice() }
    expect(transfer(talk, 20_000)).toBe(true)
    while (talk.p.step(talk.p.now + 1e6)) { /* the last ACKs */ }
    const { aoRcvBad } = b.state.tcp.stats
    inject(talk.p, 1, last)
    expect(b.state.tcp.stats.aoRcvBad).toBe(aoRcvBad)
    // 2^32 octets later, which nobody wants to wait for
    for (const conn of b.state.tcp.ao.conns.values()) conn.rcvSne++
    inject(talk.p, 1, last)
    expect(b.state.tcp.stats.aoRcvBad).toBe(aoRcvBad + 1)
    expect(a.state.tcp.tcbs.get(talk.client)?.state).toBe(TCPS_ESTABLISHED)
  })

  test('§2.2, §7.5 2.a: impossible options: too short, of another length than the key has, twice, beside MD5', () => {
    const talk = open({}, {}, 5000)
    let last: Uint8Array = new Uint8Array(0)
    talk.p.onFrame = (side, packet) => { if (side === 0) last = packet.slice() }
    expect(transfer(talk, 2000)).toBe(true)
    const stats = tcpStats(talk.p.vnets[1].vn)
    const ao = [29, 16, 61, 84, ...new Array<number>(12).fill(0)]
    const md5 = [19, 18, ...new Array<number>(16).fill(0), 1, 1]
    for (const [options, counter] of [
      [[29, 2, 1, 1], 'aoRcvMalformed'], [[29, 3, 61, 1], 'aoRcvMalformed'],
      [[29, 12, 61, 84, 0, 0, 0, 0, 0, 0, 0, 0], 'aoRcvMalformed'], [[...ao, ...ao], 'aoRcvMalformed'],
      [[...md5, ...ao], 'aoRcvMalformed'], [md5, 'aoRcvNoopt'], [[], 'aoRcvNoopt'], [ao, 'aoRcvBad'],
      [[29, 16, 1, ...ao.slice(3)], 'aoRcvNokey'], [[29, 40, 61, 1], 'aoRcvNoopt'],
    ] as const) {
      const before = stats[counter]
      inject(talk.p, 1, withOptions(last, [...options]))
      expect(stats[counter] - before, JSON.stringify(options)).toBe(1)
    }
    expect(transfer(talk, 2000)).toBe(true)
  })

  test.each([0, 1])('§7.8: ICMP errors about a synchronized connection are ignored, unless asked for (accept_icmp %d)', (accept) => {
    const talk = open({}, { 'net.inet.tcp.ao.accept_icmp': accept }, 5000)
    const [a] = talk.p.vnets
    const tcb = a.state.tcp.tcbs.get(talk.client) as Tcb
    const { mss } = tcb
    tcpSend(a.vn, talk.client, pattern(0, 5000), 0, 5000, 0)
    const about = { errno: ECONNREFUSED, proto: 6, src: A, dst: B, lport: 5000, fport: PORT, seq: tcb.sndUna, haveSeq: true, icmpType: 3 }
    tcpCtlInput(a.vn, { ...about, kind: CTL_UNREACH_HARD, mtu: 0, icmpCode: 3 })
    expect(tcb.softError).toBe(accept === 1 ? ECONNREFUSED : 0)
    tcpCtlInput(a.vn, { ...about, kind: CTL_MSGSIZE, mtu: 1000, icmpCode: 4 })
    expect(tcb.mss).toBe(accept === 1 ? 1000 - 40 - 12 - 16 : mss)
    expect(a.state.tcp.stats.aoIcmpIgnored).toBe(accept === 1 ? 0 : 2)
    talk.p.settle()
  })
})

describe('snapshots', () => {
  test('saved and restored between every two events, in the middle of rollover and losses: the same packets', () => {
    keys = [[ONE, TWO], [swap(ONE), swap(TWO)]]
    const run = (churn: boolean): string[] => {
      const talk = open({ loss: 20, jitterUs: 2000 })
      const { p, wire } = talk
      const log: string[] = []
      p.onFrame = (side, packet) => {
        wire.packet(packet)
        log.push(`${side} ${p.now} ${hex(packet)}`)
      }
      let asked = false
      expect(transfer(talk, 40_000, (had) => {
        if (had > 10_000 && !asked) {
          asked = true
          expect(tcpAoSelect(p.vnets[1].vn, talk.server, -1, 7)).toBe(0)
        }
        if (!churn) return
        const vnets = p.vnets as [Vnet, Vnet]
        for (let side = 0; side < 2; side++) vnets[side] = Vnet.restore(vnets[side].snapshot(), { pool: p.pool })
      })).toBe(true)
      expect(wire.seen).toMatchObject({ unsigned: 0, bad: 0 })
      return log
    }
    const plain = run(false)
    expect(plain.length).toBeGreaterThan(40)
    expect(run(true)).toEqual(plain)
  })

  test('a copy with other secrets (reseed) finds its connections again', () => {
    const talk = open()
    expect(transfer(talk, 1000)).toBe(true)
    const copy = talk.p.vnets[0].clone({ reseed: true })
    expect(tcpAoInfo(copy.vn, talk.client)).toEqual(tcpAoInfo(talk.p.vnets[0].vn, talk.client))
    expect(tcpAoInfo(copy.vn, talk.client)).not.toBeNull()
  })

  test('a connection whose key is not there, and traffic keys of another length, are refused', () => {
    for (const forge of [
      (v: Vnet): void => { v.state.tcp.ao.keys.length = 0 },
      (v: Vnet): void => { for (const c of v.state.tcp.ao.conns.values()) c.traffic[0].bytes = new Uint8Array(3) },
      (v: Vnet): void => { v.state.tcp.ao.nextKey = 1 },
    ]) {
      const talk = open()
      const [a] = talk.p.vnets
      forge(a)
      expect(() => Vnet.restore(a.snapshot(), { pool: talk.p.pool })).toThrow(/tcp\.ao/)
    }
  })
})

describe('what is kept', () => {
  test('records of connections that are gone go when there are many, and a key that only they used can be deleted', () => {
    const talk = open()
    const { p } = talk
    const [a, b] = p.vnets
    let [client, server] = [talk.client, talk.server]
    for (let i = 0; i < 100; i++) {
      tcpAbort(a.vn, client)
      p.settle()
      while (p.step(p.now + 10_000)) { /* the reset */ }
      tcpClose(b.vn, server)
      p.settle();
      ({ client, server } = join(p, talk.listener, 0))
    }
    for (const v of p.vnets) expect(v.state.tcp.ao.conns.size).toBeLessThanOrEqual(17)
    tcpAbort(a.vn, client)
    expect(tcpAoKeyDelete(a.vn, B, 32, 0, 61, 84)).toBe(0)
    expect(a.state.tcp.ao.conns.size).toBe(0)
  })
})
