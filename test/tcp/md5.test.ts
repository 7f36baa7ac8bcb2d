/** The TCP MD5 signature option (RFC 2385). That the digest is the one others compute, test/interop/md5.test.ts shows. */

import { beforeEach, describe, expect, test } from 'vitest'
import { SOL_TCP, TCP_FASTOPEN, TCP_FASTOPEN_CONNECT } from '../../src/inet/sockopt.ts'
import { AF_INET, createInpcb } from '../../src/inet/state.ts'
import { EINVAL, ENOENT } from '../../src/lib/errno.ts'
import { addrParse } from '../../src/lib/addr.ts'
import type { Addr } from '../../src/lib/addr.ts'
import { tcpKeyDelete, tcpKeyFind, tcpKeySet } from '../../src/tcp/auth/keys.ts'
import { tcpFastOpenGive } from '../../src/tcp/fastopen.ts'
import { tcpSetOpt } from '../../src/tcp/sockopt.ts'
import { TCPS_ESTABLISHED } from '../../src/tcp/state.ts'
import { Vnet } from '../../src/vnet/vnet.ts'
import {
  tcpAccept, tcpAttach, tcpBind, tcpClose, tcpConnect, tcpListen, tcpRecv, tcpSend,
} from '../../src/tcp/usrreq.ts'
import { TOF_MSS, TOF_SACKPERM, TOF_SCALE, TOF_TS, createTcpOptions } from '../../src/wire/tcp-options.ts'
import { pattern } from './harness.ts'
import { Pair } from './pair.ts'
import type { PathOptions } from './pair.ts'
import { tcbsSeen } from '../support/tcbs.ts'
import { tcpStats } from '../../src/tcp/stats.ts'

const PORT = 179
const A = addr('10.0.0.1')
const B = addr('10.0.0.2')
const text = (s: string): Uint8Array => new TextEncoder().encode(s)

function addr(s: string): Addr {
  return addrParse(s) as Addr
}

interface Talk { p: Pair; client: number; server: number }

let keys: [Uint8Array | null, Uint8Array | null]
beforeEach(() => { keys = [text('secret'), text('secret')] })

/** Opens a connection between two Vnets with the keys of the test; server 0 when none came about in a minute. */
function open(path: Partial<PathOptions> = {}, sysctls: Record<string, number> = {}, fastQlen = 0): Talk {
  const p = new Pair(5, path, sysctls)
  const [a, b] = p.vnets
  if (keys[0] !== null) expect(tcpKeySet(a.vn, B, 32, 0, keys[0])).toBe(0)
  if (keys[1] !== null) expect(tcpKeySet(b.vn, A, 24, PORT, keys[1])).toBe(0)
  const listener = tcpAttach(b.vn, 2)
  expect(tcpBind(b.vn, listener, addr('0.0.0.0'), PORT)).toBe(0)
  if (fastQlen > 0) expect(tcpSetOpt(b.vn, listener, SOL_TCP, TCP_FASTOPEN, fastQlen)).toBe(0)
  expect(tcpListen(b.vn, listener, 5)).toBe(0)
  const client = tcpAttach(a.vn, 2)
  if (fastQlen > 0) expect(tcpSetOpt(a.vn, client, SOL_TCP, TCP_FASTOPEN_CONNECT, 1)).toBe(0)
  tcpConnect(a.vn, client, B, PORT)
  p.settle()
  const end = p.now + 60e6
  let server = -1
  while (server < 0 && p.step(end)) server = tcpAccept(b.vn, listener)
  return { p, client, server: Math.max(server, 0) }
}

/** Sends `n` bytes through and returns whether all came. */
function transfer({ p, client, server }: Talk, n: number): boolean {
  const [a, b] = p.vnets
  const data = pattern(0, n)
  const got = new Uint8Array(n)
  let [sent, had] = [0, 0]
  const end = p.now + 600e6
  while (had < n) {
    const k = tcpSend(a.vn, client, data, sent, n - sent, 0)
    if (k > 0) sent += k
    const r = tcpRecv(b.vn, server, got, had, n - had, 0)
    if (r > 0) had += r
    p.settle()
    if (!p.step(end)) return false
  }
  return got.every((byte, i) => byte === data[i])
}

describe('signed connections (RFC 2385)', () => {
  test('§2: with the same key on both sides everything is as ever, and every segment is signed and verified', () => {
    const talk = open()
    expect(transfer(talk, 300_000)).toBe(true)
    for (const v of talk.p.vnets) {
      const stats = tcpStats(v.vn)
      expect(stats.sigRcvgoodsig).toBe(stats.rcvtotal)
      expect(stats.sigRcvbadsig + stats.sigErrNosigopt + stats.sigErrSigopt + stats.sigErrBuildsig).toBe(0)
    }
    const [tcb] = tcbsSeen(talk.p.vnets[0].state.tcp)
    expect(tcb?.mss).toBe(1460 - 12 - 20)
    expect(tcb?.state).toBe(TCPS_ESTABLISHED)
  })

  test('§2: a path that loses, doubles and damages: SACK blocks give way to the signature, every byte arrives', () => {
    for (const rfc1323 of [0, 1]) {
      const talk = open({ loss: 30, duplicate: 20, corrupt: 20, jitterUs: 3000 }, { 'net.inet.tcp.rfc1323': rfc1323 })
      expect(talk.server).toBeGreaterThan(0)
      expect(transfer(talk, 200_000)).toBe(true)
      expect(talk.p.vnets[0].state.tcp.stats.sigErrBuildsig + talk.p.vnets[1].state.tcp.stats.sigErrBuildsig).toBe(0)
    }
  })

  test.each([
    ['another key', text('secreT'), text('secret'), 'sigRcvbadsig'],
    ['no key at the client', null, text('secret'), 'sigErrNosigopt'],
    ['no key at the server', text('secret'), null, 'sigErrSigopt'],
  ] as const)('§2: %s: segments vanish without an answer, counted', (_name, a, b, counter) => {
    keys = [a, b]
    const { p, server } = open()
    expect(server).toBe(0)
    expect(p.vnets[1].state.tcp.stats[counter]).toBeGreaterThan(2)
    expect(p.vnets[1].state.tcp.stats.sndtotal).toBe(0)
  })

  test.each([
    ['RFC 5482: the user timeout option', { 'net.inet.tcp.uto.enable': 1 }, 0],
    ['RFC 7413: a Fast Open cookie', {}, 5],
    ['both', { 'net.inet.tcp.uto.enable': 1 }, 5],
  ] as const)('%s does not take the room of the signature: the handshake goes on without', (_name, sysctls, fastQlen) => {
    for (const rfc1323 of [0, 1]) {
      const talk = open({ loss: 10 }, { ...sysctls, 'net.inet.tcp.rfc1323': rfc1323 }, fastQlen)
      expect(talk.server).toBeGreaterThan(0)
      expect(transfer(talk, 20_000)).toBe(true)
      for (const v of talk.p.vnets) expect(v.state.tcp.stats.sigErrBuildsig).toBe(0)
    }
  })

  test('RFC 7413 §4.2.2: a SYN,ACK that is full goes without a cookie', () => {
    const { vn } = new Vnet()
    const inp = createInpcb(0, AF_INET)
    Object.assign(inp, { laddr: A, faddr: B, lport: PORT, fport: 5000 })
    const given = (): number => {
      const opt = createTcpOptions()
      opt.flags = TOF_MSS | TOF_SCALE | TOF_SACKPERM | TOF_TS
      tcpFastOpenGive(vn, inp, false, opt)
      return opt.fastLen
    }
    expect(given()).toBe(8)
    tcpKeySet(vn, B, 32, 0, text('secret'))
    expect(given()).toBe(0)
  })

  test('§4.1: a reset is signed too, and one that is not ends nothing', () => {
    const talk = open()
    const [a, b] = talk.p.vnets
    a.state.tcp.keys.length = 0
    tcpClose(a.vn, talk.client)
    talk.p.settle()
    talk.p.runUntil(() => b.state.tcp.stats.sigErrNosigopt > 0, 10e6)
    expect(b.state.tcp.tcbs.get(talk.server)?.state).toBe(TCPS_ESTABLISHED)
  })

  test('a snapshot takes the keys along: the copy signs as the original', () => {
    const talk = open()
    const copy = Vnet.restore(talk.p.vnets[0].snapshot(), { pool: talk.p.pool })
    expect(copy.state.tcp.keys).toEqual(talk.p.vnets[0].state.tcp.keys)
    expect(copy.state.tcp.keys[0]?.secret).not.toBe(talk.p.vnets[0].state.tcp.keys[0]?.secret)
  })
})

describe('keys', () => {
  test('the most particular one is the one: longer prefix first, then the port', () => {
    const { vn } = new Vnet()
    const set = (a: string, bits: number, port: number, s: string): void => {
      expect(tcpKeySet(vn, addr(a), bits, port, text(s))).toBe(0)
    }
    const found = (a: string, port: number): string => new TextDecoder().decode(tcpKeyFind(vn, port, addr(a))?.secret)
    set('10.1.0.0', 16, 0, 'net')
    set('0.0.0.0', 0, 0, 'all')
    set('10.1.2.3', 32, 0, 'host')
    set('10.1.2.3', 32, 179, 'host and port')
    set('2001:db8::', 32, 0, 'six')
    expect([found('10.1.2.3', 179), found('10.1.2.3', 80), found('10.1.9.9', 179), found('192.0.2.1', 1)]).toEqual(
      ['host and port', 'host', 'net', 'all'])
    expect([found('2001:db8:1::1', 179), tcpKeyFind(vn, 1, addr('2001:db9::1'))]).toEqual(['six', null])
    set('10.1.2.3', 32, 0, 'another')
    expect(found('10.1.2.3', 80)).toBe('another')
    expect(tcpKeyDelete(vn, addr('10.1.2.3'), 32, 0)).toBe(0)
    expect(tcpKeyDelete(vn, addr('10.1.2.3'), 32, 0)).toBe(ENOENT)
    expect(found('10.1.2.3', 80)).toBe('net')
  })

  test('a prefix that is none, and secrets that are empty or too long, are refused', () => {
    const { vn } = new Vnet()
    for (const [bits, length] of [[33, 5], [-1, 5], [1.5, 5], [32, 0], [32, 81]] as const) {
      expect(tcpKeySet(vn, A, bits, 0, new Uint8Array(length))).toBe(EINVAL)
    }
    expect(vn.state.tcp.keys).toEqual([])
  })
})
