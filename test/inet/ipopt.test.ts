import { describe, expect, test } from 'vitest'
import { inetMmsR } from '../../src/inet/pmtu.ts'
import { IP_RECVOPTS, SOCK_DGRAM, SOCK_RAW, SOCK_STREAM, SOL_IP } from '../../src/inet/sockopt.ts'
import { AF_INET } from '../../src/inet/state.ts'
import { addrFromIp4, addrParse } from '../../src/lib/addr.ts'
import { EBADF, EINVAL, ENOPROTOOPT } from '../../src/lib/errno.ts'
import { createFramePool } from '../../src/lib/frame.ts'
import { SnapshotError } from '../../src/snapshot/fault.ts'
import { soCreate, soGetOpt, soIpOptions, soSetIpOptions, soSetOpt } from '../../src/vnet/so.ts'
import { Vnet } from '../../src/vnet/vnet.ts'
import { createTcp } from '../tcp/harness.ts'

const ROUTE = Uint8Array.of(131, 7, 4, 192, 0, 2, 7)

describe('IP options of sockets (RFC 1122 §3.2.1.8, §4.1.3.2, RFC 9293 §3.9.2.1)', () => {
  test('kept as they were given; taken away by an empty list; refused where they are none', () => {
    const { vnet } = createTcp()
    for (const type of [SOCK_STREAM, SOCK_DGRAM]) {
      const id = soCreate(vnet, 0, AF_INET, type, 0)
      expect(soIpOptions(vnet, id)).toEqual([])
      expect(soSetIpOptions(vnet, 0, id, ROUTE)).toBe(0)
      expect(soIpOptions(vnet, id)).toEqual([...ROUTE])
      expect(soSetIpOptions(vnet, 0, id, ROUTE.subarray(0, 6))).toBe(EINVAL)
      expect(soIpOptions(vnet, id)).toEqual([...ROUTE])
      expect(soSetIpOptions(vnet, 0, id, new Uint8Array(0))).toBe(0)
      expect(soIpOptions(vnet, id)).toEqual([])
    }
    expect(soSetIpOptions(vnet, 0, soCreate(vnet, 0, AF_INET, SOCK_RAW, 1), ROUTE)).toBe(ENOPROTOOPT)
    expect(soSetIpOptions(vnet, 0, 4444, ROUTE)).toBe(EBADF)
  })

  test('are no copy of the user\'s array', () => {
    const { vnet } = createTcp()
    const id = soCreate(vnet, 0, AF_INET, SOCK_DGRAM, 0)
    const mine = ROUTE.slice()
    soSetIpOptions(vnet, 0, id, mine)
    mine[3] = 9
    expect(soIpOptions(vnet, id)[3]).toBe(192)
  })

  test('IP_RECVOPTS is an option of datagram sockets', () => {
    const { vnet } = createTcp()
    const udp = soCreate(vnet, 0, AF_INET, SOCK_DGRAM, 0)
    expect(soSetOpt(vnet, 0, udp, SOL_IP, IP_RECVOPTS, 1)).toBe(0)
    expect(soGetOpt(vnet, 0, udp, SOL_IP, IP_RECVOPTS)).toBe(1)
    expect(soSetOpt(vnet, 0, soCreate(vnet, 0, AF_INET, SOCK_STREAM, 0), SOL_IP, IP_RECVOPTS, 1)).toBe(ENOPROTOOPT)
  })

  test('survive a snapshot; a forged one with other octets is refused', () => {
    const { vnet } = createTcp()
    const id = soCreate(vnet, 0, AF_INET, SOCK_STREAM, 0)
    soSetIpOptions(vnet, 0, id, ROUTE)
    const again = Vnet.restore(vnet.snapshot(), { pool: createFramePool({}) })
    expect(soIpOptions(again, id)).toEqual([...ROUTE])
    const inp = vnet.state.tcp.tcbs.get(id)?.inp
    if (inp === undefined) throw new Error('no socket')
    inp.ipRoute = [131, 200, 4]
    const forged = vnet.snapshot()
    inp.ipRoute = []
    expect(() => Vnet.restore(forged, { pool: createFramePool({}) })).toThrow(SnapshotError)
  })
})

test('MMS_R is 65,535 less the IP header (RFC 1122 §3.3.2)', () => {
  expect(inetMmsR(addrFromIp4(0x0a000001))).toBe(65_515)
  expect(inetMmsR(addrParse('2001:db8::1') ?? addrFromIp4(0))).toBe(65_535)
})
