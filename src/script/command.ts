/**
 * Commands in backticks. No shell is run: settings of tunables, of the interface and of its route are made in the Vnet,
 * commands that cannot change what the stack does are passed over, everything else is unsupported.
 */

import { ip4Parse, ip4PrefixLen } from '../lib/addr.ts'
import { addrParsePrefix } from '../lib/addr6.ts'
import { ENOENT } from '../lib/errno.ts'
import { route6Delete, route6List } from '../ip6/route.ts'
import { ifAddAddr, ifByName, ifDelAddr, ifSetMtu } from '../link/ifnet.ts'
import { createNdAdvertConfig, createNdAdvertPrefix } from '../nd/state-adverts.ts'
import { ndAdvertStart } from '../nd/rtadv.ts'
import { ndAutoStart } from '../nd/auto.ts'
import { sysctlDef, sysctlSet } from '../vnet/sysctl.ts'
import type { Vnet } from '../vnet/vnet.ts'
import { unsupported } from './error.ts'
import { personalityApply, personalityTestDefaults } from './personality.ts'
import type { Personality } from './personality.ts'
import { shellCommands } from './shell.ts'
import type { ShellCommand } from './shell.ts'
import { sysctlForeign } from './sysctl-names.ts'

export function commandRun(vnet: Vnet, personality: Personality, text: string): void {
  for (const command of shellCommands(text)) runOne(vnet, personality, command)
}

function runOne(vnet: Vnet, personality: Personality, command: ShellCommand): void {
  const { words, into } = command
  const name = words[0].replace(/^.*\//, '')
  const args = words.slice(1)
  switch (name) {
    case 'sysctl': return args.filter((a) => a.includes('=') && !a.startsWith('-')).forEach((a) => assign(vnet, a))
    // settings by their path in /proc/sys
    case 'set_sysctls.py': return args.forEach((a) => assign(vnet, fromPath(a)))
    case 'echo':
      if (into.startsWith('/proc/sys/')) return assign(vnet, `${fromPath(into)}=${args.join(' ')}`)
      if (into === '' || into === '/dev/null') return
      break
    // what a script's author calls the defaults is what the personality stands for, with what its test runs add
    case 'defaults.sh':
      personalityApply(vnet, personality)
      return personalityTestDefaults(vnet, personality)
    case 'rtadvd': return advertise(vnet, args)
    case 'ip': case 'ifconfig': case 'ethtool': case 'tc':
      if (network(vnet, name, args)) return
      break
    // they load what does nothing until a setting names it, wait, or only show
    case 'kldload': case 'kldstat': case 'modprobe': case 'true': case ':': case 'sleep': case 'sync': case 'nstat':
    case 'netstat': case 'ss': case 'dmesg': case 'cat': case 'ulimit': case 'date': case 'tcpdump': case 'set':
      return
    default:
  }
  throw unsupported(`command ${words.join(' ')}`)
}

function fromPath(path: string): string {
  return path.replace(/^\/proc\/sys\//, '').replace(/^[^=]*/, (name) => name.replaceAll('/', '.'))
}

function assign(vnet: Vnet, text: string): void {
  const m = /^([\w.-]+?)\s*=\s*(.*)$/s.exec(text.trim())
  if (m === null) throw unsupported(`sysctl ${text}`)
  const [, name, value] = m
  if (name === 'net.ipv4.tcp_fastopen_key') return fastOpenKey(vnet, value.trim().replaceAll(/["']/g, ''))
  const foreign = sysctlDef(name) === null ? sysctlForeign(name, value.trim()) : [[name, value.trim()] as const]
  if (foreign === null) throw unsupported(`sysctl ${name}=${value}`)
  for (const [target, to] of foreign) {
    const errno = sysctlSet(vnet.state, target, to)
    if (errno !== 0) throw unsupported(`sysctl ${name}=${value} (${errno === ENOENT ? 'no such name' : 'value refused'})`)
  }
}

/** Keys of Fast Open cookies, `a1a1a1a1-b2b2b2b2-c3c3c3c3-d4d4d4d4[,BACKUP]`; they do not change any more. */
export function fastOpenKey(vnet: Vnet, text: string): void {
  const keys = text.split(',').map((key) => key.split('-'))
  if (keys.length > 2 || keys.some((key) => key.length !== 4 || key.some((word) => !/^[0-9a-f]{1,8}$/i.test(word)))) {
    throw unsupported(`tcp_fastopen_key=${text}`)
  }
  const { fast } = vnet.state.tcp
  fast.current = 0
  fast.since = Math.max(0, vnet.state.now)
  const [first, backup = first] = keys
  fast.keys.splice(0, 8, ...[...first, ...backup].map((word) => Number.parseInt(word, 16) | 0))
  sysctlSet(vnet.state, 'net.inet.tcp.fastopen.autokey', '0')
}

/** Commands that configure the interface: true when there is nothing (more) to do. */
function network(vnet: Vnet, name: string, args: readonly string[]): boolean {
  // queueing and offload are below the stack
  if (name === 'ethtool' || name === 'tc') return true
  const text = args.join(' ')
  // saved figures about peers: this stack keeps none
  if (/^(?:-\w+ )*tcp_metrics\b/.test(text)) return true
  const mtu = /^(?:link set |)(?:dev )?(tun\d*) (?:.*\b)?mtu (\d+)$/.exec(text)
  if (mtu !== null) return setMtu(vnet, Number(mtu[2]))
  if (/^(?:link set |)(?:dev )?tun\d* (?:up|(?:txqueuelen|qlen) \d+|gso_max_s\w+ \d+)$/.test(text)) return true
  if (text === 'tun0 inet6 accept_rtadv') return setAuto(vnet)
  if (text === '-6 route del default') return dropDefault(vnet)
  const addr = /^(?:-6 )?(?:address|addr|a) (add|del) (\S+) dev tun\d*$/.exec(text)
  if (addr !== null) return setAddr(vnet, addr[1] === 'add', addr[2])
  const route = /^(?:-\w+ )*(?:route|ro|r) (?:add|change|replace|append) (\S+)(.*)$/.exec(text)
  return route !== null && setRoute(vnet, route[1], route[2])
}

/** `rtadvd tun0`: the stack is a router and advertises fd3d:0:0:1::/64, with RFC 4861 §6.2.1's defaults. */
function advertise(vnet: Vnet, args: readonly string[]): void {
  const ifp = ifByName(vnet.vn, args.at(-1) ?? '')
  const prefix = addrParsePrefix('fd3d:0:0:1::/64')
  if (ifp === null || prefix === null) throw unsupported(`rtadvd ${args.join(' ')}`)
  const config = createNdAdvertConfig()
  config.prefixes.push(createNdAdvertPrefix(prefix.addr, prefix.prefixLen))
  assign(vnet, 'net.inet6.ip6.forwarding=1')
  if (ndAdvertStart(vnet.vn, ifp.id, config) !== 0) throw unsupported('rtadvd here')
}

function setMtu(vnet: Vnet, mtu: number): boolean {
  const ifp = ifByName(vnet.vn, 'tun0')
  return ifp !== null && ifSetMtu(vnet.vn, ifp.id, mtu) === 0
}

function setAuto(vnet: Vnet): boolean {
  const ifp = ifByName(vnet.vn, 'tun0')
  return ifp !== null && ndAutoStart(vnet.vn, ifp.id) === 0
}

/** The default route by hand goes, so that those of router advertisements count. */
function dropDefault(vnet: Vnet): boolean {
  const found = route6List(vnet.vn).find((r) => r.prefixLen === 0)
  return found !== undefined && route6Delete(vnet.vn, found.dst, 0, found.gateway) === 0
}

/** `ip -6 addr add fd3d::9/64 dev tun0`: an address more, which is probed for where the link has neighbours. */
function setAddr(vnet: Vnet, add: boolean, text: string): boolean {
  const { vn } = vnet
  const ifp = ifByName(vn, 'tun0')
  const prefix = addrParsePrefix(text)
  if (ifp === null || prefix === null) return false
  return (add ? ifAddAddr(vn, ifp.id, prefix.addr, prefix.prefixLen) : ifDelAddr(vn, ifp.id, prefix.addr)) === 0
}

/** `ip route change default via … mtu 1400 initcwnd 10`: what a route says of the one path that there is. */
function setRoute(vnet: Vnet, to: string, rest: string): boolean {
  const [ip, len] = to.split('/')
  const known = to === 'default' || (ip4Parse(ip) !== null && (len === undefined || ip4PrefixLen(0) >= 0))
  if (!known) return false
  const words = rest.trim().split(/\s+/).filter((w) => w !== '')
  for (let i = 0; i < words.length; i += 2) {
    const value = words[i + 1]
    switch (words[i]) {
      case 'via': case 'dev': case 'proto': case 'scope': case 'src': case 'metric': case 'congctl': case 'table': break
      case 'initcwnd':
        if (sysctlSet(vnet.state, 'net.inet.tcp.initcwnd_segments', value) !== 0) return false
        break
      case 'mtu':
        if (!setMtu(vnet, Number(value))) return false
        break
      default: return false
    }
  }
  return true
}
