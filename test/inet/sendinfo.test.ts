/** What one message is sent with (RFC 3542): also through a journal, from raw sockets, and not for streams. */

import { describe, expect, it } from 'vitest'
import {
  IPV6_HOPLIMIT, IPV6_PKTINFO, IPV6_TCLASS, SOCK_DGRAM, SOCK_RAW, SOCK_STREAM, SOL_IPV6,
} from '../../src/inet/sockopt.ts'
import { AF_INET6 } from '../../src/inet/state.ts'
import { ip6AddAddr } from '../../src/ip6/ifaddr.ts'
import { addrParse, createAddr } from '../../src/lib/addr.ts'
import type { Addr } from '../../src/lib/addr.ts'
import { EINVAL } from '../../src/lib/errno.ts'
import { IFT_IP } from '../../src/link/state.ts'
import { ifCreate, ifSetFlags } from '../../src/link/ifnet.ts'
import { soCreate, soSendMsg } from '../../src/vnet/so.ts'
import type { SendItem } from '../../src/vnet/so.ts'
import { journalCall } from '../../src/vnet/journal.ts'
import type { CallValue } from '../../src/vnet/journal.ts'
import { Vnet } from '../../src/vnet/vnet.ts'

const PEER = addrParse('2001:db8::2') as Addr
const [FIRST, SECOND] = ['2001:db8::1', '2001:db8::11'].map((text) => addrParse(text) as Addr)

const item = (type: number, value: number, addr = createAddr(), ifId = 0): SendItem => ({ level: SOL_IPV6, type, value, ifId, addr })

function host(): { vnet: Vnet; out: () => { tos: number; hops: number; src: number; next: number }[] } {
  const vnet = new Vnet({ seed: [1] })
  const ifp = ifCreate(vnet.vn, 'tun0', IFT_IP, 0, 1500)
  ifSetFlags(vnet.vn, ifp.id, ifp.flags | 0x41)
  for (const a of [FIRST, SECOND]) expect(ip6AddAddr(vnet.vn, ifp.id, a, 64, false)).toBe(0)
  const out = (): { tos: number; hops: number; src: number; next: number }[] => {
    const list: { tos: number; hops: number; src: number; next: number }[] = []
    vnet.drainFrames((_, f) => {
      const { view, off } = f
      const [next, hops, src] = [6, 7, 23].map((at) => view.getUint8(off + at))
      list.push({ tos: view.getUint16(off) >> 4 & 255, hops, src, next })
    })
    return list
  }
  vnet.advance(5e6)
  out()
  return { vnet, out }
}

const ITEMS = [item(IPV6_HOPLIMIT, 3), item(IPV6_TCLASS, 0x28), item(IPV6_PKTINFO, 0, SECOND)]
const DATA = Uint8Array.of(128, 0, 0, 0, 0, 1, 0, 1)

describe('soSendMsg', () => {
  it.each([['UDP', SOCK_DGRAM, 0, 17], ['a raw socket', SOCK_RAW, 58, 58]])('%s', (_name, type, protocol, next) => {
    const { vnet, out } = host()
    const id = soCreate(vnet, 5e6, AF_INET6, type, protocol)
    expect(soSendMsg(vnet, 5e6, id, DATA, 0, DATA.length, PEER, 9, ITEMS)).toBe(DATA.length)
    expect(out()).toEqual([{ tos: 0x28, hops: 3, src: 0x11, next }])
    expect(soSendMsg(vnet, 5e6, id, DATA, 0, DATA.length, PEER, 9, [])).toBe(DATA.length)
    expect(out()).toMatchObject([{ tos: 0, hops: 64 }])
  })

  it('a stream has no messages', () => {
    const { vnet } = host()
    const id = soCreate(vnet, 5e6, AF_INET6, SOCK_STREAM, 0)
    expect(soSendMsg(vnet, 5e6, id, DATA, 0, DATA.length, null, 0, ITEMS)).toBe(-EINVAL)
  })

  it('a link-local destination takes the zone of the interface; one of another zone is refused', () => {
    const { vnet } = host()
    const id = soCreate(vnet, 5e6, AF_INET6, SOCK_DGRAM, 0)
    const ifId = [...vnet.state.link.ifnets.values()].find((ifp) => ifp.name === 'tun0')?.id ?? 0
    const to = { ...addrParse('fe80::2') as Addr, zone: ifId + 1 }
    expect(soSendMsg(vnet, 5e6, id, DATA, 0, DATA.length, to, 9, [item(IPV6_PKTINFO, 0, createAddr(), ifId)])).toBe(-EINVAL)
  })

  it('is told to a journal, and done again from it the same', () => {
    const { vnet, out } = host()
    const told: { name: string; args: readonly CallValue[] }[] = []
    const nothing = (): void => undefined
    vnet.journal = {
      input: nothing, advance: nothing, call: (_now, name, args) => { told.push({ name, args: structuredClone(args) }) },
    }
    const id = soCreate(vnet, 5e6, AF_INET6, SOCK_DGRAM, 0)
    soSendMsg(vnet, 5e6, id, DATA, 0, DATA.length, PEER, 9, ITEMS)
    const sent = out()
    const other = host()
    for (const { name, args } of told) journalCall(other.vnet, 5e6, name, args)
    expect(told.map(({ name }) => name)).toEqual(['soCreate', 'soSendMsg'])
    expect(other.out()).toEqual(sent)
  })
})
