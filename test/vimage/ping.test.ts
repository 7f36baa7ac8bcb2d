/** Ping over both families between two Vnets on the real clock. */

import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createPair } from '../../src/device/pair.ts'
import { Driver } from '../../src/host/driver.ts'
import type { VnetHost } from '../../src/host/vnet-host.ts'
import { interfaceAddAddress, interfaceList } from '../../src/vimage/interfaces.ts'
import { startPing } from '../../src/vimage/ping.ts'
import type { PingEvent } from '../../src/vimage/ping-events.ts'

let driver: Driver
let a: VnetHost
let b: VnetHost

beforeEach(async () => {
  driver = new Driver()
  const ends = createPair(driver.pool)
  const [first, second] = ['a', 'b'].map((name, i) => {
    const host = driver.addVnet({ name, seed: [i] })
    host.attach(ends[i], 'eth0')
    interfaceAddAddress(host, 'eth0', `10.0.0.${i + 1}/24`, false)
    interfaceAddAddress(host, 'eth0', `2001:db8::${i + 1}/64`, false)
    return host
  })
  a = first
  b = second
  // duplicate address detection lasts a second (RFC 4862 §5.1)
  for (let i = 0; i < 40 && [a, b].some((h) => JSON.stringify(interfaceList(h)).includes('tentative')); i++) {
    await new Promise((resolve) => { setTimeout(resolve, 100) })
  }
})
afterEach(() => { driver.close() })

function ping(host: string, sizeBytes = 56, ttl = 0): Promise<PingEvent[]> {
  const events: PingEvent[] = []
  return new Promise((resolve) => {
    startPing(a, { host, count: 2, intervalMs: 10, sizeBytes, timeoutMs: 2000, ttl, source: '' }, (event) => {
      events.push(event)
      if (event.type === 'end') resolve(events)
    })
  })
}

describe('ping', () => {
  it('IPv4, IPv6, and a link-local address with its zone (RFC 4007 §11) are answered, in one packet or in fragments', async () => {
    const linkLocal = interfaceList(b)[1].addresses.map((x) => x.address).find((x) => x.startsWith('fe80:')) ?? ''
    expect(linkLocal).toMatch(/%eth0$/)
    for (const host of ['10.0.0.2', '2001:db8::2', linkLocal, '::1']) {
      for (const size of [56, 8000]) {
        const events = await ping(host, size)
        expect(events.at(-1), `${host} ${size}`).toMatchObject({ host, transmitted: 2, received: 2, errors: 0 })
        expect(events.filter((e) => e.type === 'reply').map((e) => [e.from, e.bytes])).toEqual(Array(2).fill([host, size + 8]))
      }
    }
  })

  it('says what an error was about: no such address (RFC 4443 §3.1)', async () => {
    const events = await ping('2001:db8:7::1')
    expect(events.map((e) => e.type)).toEqual(['start', 'sendError', 'sendError', 'end'])
    expect(() => startPing(a, {
      host: 'fe80::1%eth9', count: 1, intervalMs: 10, sizeBytes: 8, timeoutMs: 10, ttl: 0, source: '',
    }, () => undefined)).toThrow(/no interface "eth9"/)
  })
})
