/** A link-local address that somebody has already (RFC 4862 §5.4.5, RFC 7217 §6). */

import { describe, expect, it } from 'vitest'
import { ip6Addrs, ip6Enable } from '../../src/ip6/ifaddr.ts'
import { addrPrint } from '../../src/lib/addr.ts'
import { IFA_DUPLICATED, IFA_PREFERRED, IFA_TENTATIVE } from '../../src/link/state.ts'
import { createHost, pass, rx, take } from '../ip/harness.ts'
import type { Host } from '../ip/harness.ts'
import { frameOf } from '../ip/packet.ts'
import { icmp6, ip6, octets } from '../ip6/build.ts'

function claiming(sysctls: Record<string, number> = {}): Host {
  const h = createHost({ bare: true, sysctls })
  h.ifp.flags |= 1
  ip6Enable(h.vn, h.ifp.id)
  return h
}

const own = (h: Host): string => addrPrint(ip6Addrs(h.vn, h.ifp.id)[0].addr).replace(/%.*/, '')
const status = (h: Host): number => ip6Addrs(h.vn, h.ifp.id)[0].status

/** Somebody says that the address is his. */
function refuse(h: Host): void {
  const payload = icmp6(136, 0, [0x20, 0, 0, 0, ...octets(own(h)), 2, 1, 2, 0, 0, 0, 0, 9], own(h), 'ff02::1')
  rx(h, frameOf(0x333300000001, 0x020000000009, 0x86dd, ip6({ src: own(h), dst: 'ff02::1', hops: 255, next: 58, payload })))
  pass(h, 10)
}

describe('a duplicate link-local address', () => {
  it('gives way to one with another identifier, which is claimed in turn and then used', () => {
    const h = claiming()
    const first = own(h)
    refuse(h)
    expect(own(h)).toMatch(/^fe80::/)
    expect([own(h) === first, status(h)]).toEqual([false, IFA_TENTATIVE])
    pass(h, 3e6)
    expect(status(h)).toBe(IFA_PREFERRED)
    expect(take(h).length).toBeGreaterThan(0)
  })

  it('three times at most (IDGEN_RETRIES); then the interface has none', () => {
    const h = claiming()
    const tried = new Set<string>()
    for (let n = 0; n < 8; n++) {
      tried.add(own(h))
      if (status(h) === IFA_TENTATIVE) refuse(h)
    }
    expect([tried.size, status(h)]).toEqual([4, IFA_DUPLICATED])
    pass(h, 60e6)
    expect(status(h)).toBe(IFA_DUPLICATED)
  })

  it('stays one where it was made of the Ethernet address: there is no other (RFC 4862 §5.4.5)', () => {
    const h = claiming({ 'net.inet6.ip6.stableaddr': 0 })
    const first = own(h)
    refuse(h)
    pass(h, 10e6)
    expect([own(h), status(h)]).toEqual([first, IFA_DUPLICATED])
  })
})
