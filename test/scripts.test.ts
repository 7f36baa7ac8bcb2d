/** The scripts of test/scripts, one test a folder. The first line of each says which clause it shows. */

import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { printResult, runScript } from '../src/script/index.ts'
import { scriptFiles } from './script/files.ts'

const files = scriptFiles()
const folders = [...new Set(files.map((f) => f.name.split('/')[0]))]

/** What names a family, or a number of one. */
const ONE_FAMILY = new RegExp('AF_INET|PF_INET|sin6?_|inet_addr|icmp|ip_version|_ip=|--mtu|IPPROTO_IP|SOL_IP|net\\.inet6?\\.ip6?\\.')
/** RFC 9293 §3.7.1: without the option IPv4 assumes 536, IPv6 1,220 (ip6/mss-default-1220). */
const OF_IPV4: readonly string[] = [
  'mss/default-536-active.pkt', 'mss/default-536.pkt', 'options/after-eol-ignored.pkt', 'syncookie/no-mss-option.pkt',
]

describe('scripts from the RFC texts', () => {
  it.each(folders)('%s', (folder) => {
    const failures = files.filter((f) => f.name.startsWith(`${folder}/`))
      .map(({ name, path }) => runScript(readFileSync(path, 'utf8'), { name }))
      .filter((r) => r.status !== 'passed').map(printResult)
    expect(failures).toEqual([])
  })

  // packetdrill's scripts state a link of 1,500 octets; 20 more give IPv6 the segment sizes that they expect
  it.each(folders)('%s, over IPv6', (folder) => {
    const six = files.filter((f) => f.name.startsWith(`${folder}/`) && !OF_IPV4.includes(f.name))
      .map(({ name, path }) => ({ name, text: readFileSync(path, 'utf8') })).filter(({ text }) => !ONE_FAMILY.test(text))
    const options = { ip_version: 'ipv6', mtu: '1520' }
    const failures = six.map(({ name, text }) => runScript(text, { name, options }))
      .filter((r) => r.status !== 'passed').map(printResult)
    expect(failures).toEqual([])
  })

  it('most of those that are not about IPv6 itself run over both families', () => {
    const texts = files.map(({ path }) => readFileSync(path, 'utf8')).filter((text) => !text.includes('--ip_version=ipv6'))
    expect(texts.filter((text) => !ONE_FAMILY.test(text)).length / texts.length).toBeGreaterThan(0.75)
  })

  it('issue 4: 150 and more are about IPv6, ICMPv6, neighbours and fragments', () => {
    const six = files.filter(({ path }) => readFileSync(path, 'utf8').includes('--ip_version=ipv6'))
    expect(six.length).toBeGreaterThanOrEqual(150)
  })

  it('each begins with the clause that it shows', () => {
    const bare = files.filter(({ path }) => !/^\/\/ \S/.test(readFileSync(path, 'utf8'))).map((f) => f.name)
    expect(bare).toEqual([])
    expect(files.length).toBeGreaterThanOrEqual(100)
  })

  it('a thousand scripts take less than ten seconds', () => {
    const texts = files.map(({ path }) => readFileSync(path, 'utf8'))
    // processor time: other processes may want theirs at the same time
    const start = process.cpuUsage()
    for (let i = 0; i < 1000; i++) runScript(texts[i % texts.length])
    const { user, system } = process.cpuUsage(start)
    expect((user + system) / 1000).toBeLessThan(10_000)
  }, 60_000)
})
