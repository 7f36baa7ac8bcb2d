/** Issue 4: every script of TCP and UDP, and every world, runs over IPv4 and IPv6, or says why IPv6 has no such thing. */

import { readFileSync, readdirSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { runScript } from '../../src/script/index.ts'
import { scriptFiles } from '../script/files.ts'
import { ONLY_IPV4, REASONS, SIX_OPTIONS, inSix, isAboutSix, wordsOfSix } from '../script/six.ts'

const scripts = scriptFiles().map(({ name, path }) => ({ name, text: readFileSync(path, 'utf8') }))
  .filter(({ text }) => !isAboutSix(text)).map((s) => ({ ...s, ...inSix(s.name, s.text) }))

/** Worlds of one family, and why. */
const ONE_FAMILY: Readonly<Record<string, string>> = {
  'autoconf.test.ts': 'IPv6 that configures itself',
  'dhcp6.test.ts': 'DHCPv6; test/dhcp/world.test.ts is DHCPv4',
  'nud.test.ts': 'neighbour unreachability detection (RFC 4861 §7.3)',
}

describe('worlds of both families', () => {
  it('each file of test/worlds runs over both, or says why not', () => {
    const folder = new URL('../worlds/', import.meta.url)
    const files = readdirSync(folder).filter((name) => name.endsWith('.test.ts'))
    const single = files.filter((name) => !readFileSync(new URL(name, folder), 'utf8').includes('../sim/families.ts'))
    expect(single).toEqual(Object.keys(ONE_FAMILY))
  })
})

describe('scripts of both families', () => {
  it('each has words of IPv6 (test/scripts.test.ts runs them), or a reason for which it has none', () => {
    expect(scripts.filter((s) => s.text === null && s.reason === '').map((s) => s.name)).toEqual([])
  })

  it('more than nine of ten run over both', () => {
    const both = scripts.filter((s) => s.text !== null).length
    expect(scripts.length).toBeGreaterThan(700)
    expect(both / scripts.length).toBeGreaterThan(0.93)
  })

  it('there is a script for each reason', () => {
    const used = new Set(scripts.map((s) => s.reason))
    expect(REASONS.map(([reason]) => reason).filter((reason) => !used.has(reason))).toEqual([])
  })

  it('those that are named one by one exist, and would fail over IPv6', () => {
    for (const name of Object.keys(ONLY_IPV4)) {
      const file = scriptFiles().find((f) => f.name === name)
      const text = readFileSync(file?.path ?? name, 'utf8')
      expect([name, runScript(wordsOfSix(text), { name, options: SIX_OPTIONS }).status]).toEqual([name, 'failed'])
    }
  })

  it.each([
    ['an IPv4 address', '0 connect(3, {sin_addr = inet_addr("192.0.2.1")}, ...) = 0'],
    ['an option', '0 x(3, IPPROTO_IP, IP_MINTTL, [1], 4) = 0'],
    ['a tunable', '0 `sysctl net.inet.ip.ttl=3`'],
  ])('%s that nothing is said about is found', (_, text) => {
    expect(inSix('x.pkt', text)).toEqual({ text: null, reason: '' })
  })
})
