/** `vimage ifconfig`: interfaces as FreeBSD shows them, and the changes it knows. */

import type { Command } from 'commander'
import { ip4Mask } from '../lib/addr.ts'
import type { InterfaceInfo } from '../vimage/interfaces.ts'
import { Context } from './context.ts'
import { parseInteger, print, UsageError } from './output.ts'

/** Body of PATCH …/interfaces/NAME. */
interface Change {
  up?: boolean
  mtuBytes?: number
  set?: string
  add?: string[]
  remove?: string[]
  dhcp?: boolean
  dhcp6?: boolean
  acceptRtadv?: boolean
}

export function addIfconfig(program: Command): void {
  program.command('ifconfig [interface] [words...]')
    .description('show interfaces, or change one')
    .allowUnknownOption()
    .option('--json', 'print JSON')
    .addHelpText('after', `
Words:
  up, down                  switch the interface on or off
  ADDR/LEN                  the address in place of those it has
  ADDR/LEN alias            one more address
  ADDR -alias               take an address away
  accept_rtadv, -accept_rtadv
                            listen to IPv6 routers and configure itself, or no longer
  dhcp, -dhcp               get the address by DHCP, or give it back
  dhcp6, -dhcp6             get addresses by DHCPv6 without being told so by a router, or give them back
  mtu N                     longest packet

Examples:
  vimage ifconfig
  vimage ifconfig -V a eth0 10.66.0.9/24 alias
  vimage ifconfig -V a eth0 inet6 2001:db8::9/64 alias
  vimage ifconfig -V a eth0 mtu 1400`)
    .action(async (name: string | undefined, words: string[], options: { json?: boolean }, command: Command) => {
      const context = new Context(command)
      if (name !== undefined && words.length > 0) {
        const path = context.path(await context.only(), 'interfaces', name)
        await context.client.call('PATCH', path, parseWords(words))
        return
      }
      const query = name === undefined ? 'interfaces' : `interfaces/${encodeURIComponent(name)}`
      await context.show<InterfaceInfo[] | InterfaceInfo>(query, options.json === true, (found) => {
        for (const i of Array.isArray(found) ? found : [found]) printInterface(i)
      })
    })
}

function parseWords(words: readonly string[]): Change {
  const change: Change = {}
  for (let i = 0; i < words.length; i++) {
    const word = words[i]
    const next = words[i + 1]
    if (word === 'up' || word === 'down') change.up = word === 'up'
    else if (word === 'accept_rtadv' || word === '-accept_rtadv') change.acceptRtadv = word === 'accept_rtadv'
    else if (word === 'dhcp' || word === '-dhcp') change.dhcp = word === 'dhcp'
    else if (word === 'dhcp6' || word === '-dhcp6') change.dhcp6 = word === 'dhcp6'
    else if (word === 'mtu') {
      change.mtuBytes = parseInteger('mtu', 1, 65_535)(next ?? '')
      i++
    } else if (/^[\da-fA-F]*[.:]/.test(word)) {
      if (next === 'alias') (change.add ??= []).push(word)
      else if (next === '-alias') (change.remove ??= []).push(word)
      else change.set = word
      if (next === 'alias' || next === '-alias') i++
    } else if (word !== 'inet' && word !== 'inet6') {
      throw new UsageError(`ifconfig does not know "${word}"; expected up, down, [-]dhcp, [-]dhcp6, [-]accept_rtadv, `
        + 'mtu N, or ADDR/LEN [alias | -alias]')
    }
  }
  return change
}

function printInterface(i: InterfaceInfo): void {
  print(`${i.name}: flags=${i.flagBits.toString(16)}<${i.flags.join(',')}> mtu ${i.mtuBytes}`)
  if (i.mac !== '') print(`\tether ${i.mac}`)
  if (i.dhcp !== '') print(`\tdhcp ${i.dhcp}`)
  if (i.dhcp6 !== '') print(`\tdhcp6 ${i.dhcp6}`)
  for (const a of i.addresses) {
    if (a.address.includes(':')) {
      const words = [a.status === 'preferred' ? '' : a.status, a.origin].filter((word) => word !== '')
      print(`\tinet6 ${[a.address, 'prefixlen', a.prefixLen, ...words].join(' ')}`)
      continue
    }
    const mask = (ip4Mask(a.prefixLen) >>> 0).toString(16).padStart(8, '0')
    const broadcast = a.broadcast === '' ? '' : ` broadcast ${a.broadcast}`
    print(`\tinet ${a.address} netmask 0x${mask}${broadcast}${a.status === 'preferred' ? '' : ` ${a.status}`}`)
  }
}
