/**
 * Commands in backticks. No shell is run: settings of tunables are made in the Vnet, a few commands that cannot change
 * what the stack does are passed over, everything else is unsupported.
 */

import { ENOENT } from '../lib/errno.ts'
import { sysctlDef, sysctlSet } from '../vnet/sysctl.ts'
import type { Vnet } from '../vnet/vnet.ts'
import { unsupported } from './error.ts'
import { personalityApply } from './personality.ts'
import type { Personality } from './personality.ts'

export function commandRun(vnet: Vnet, personality: Personality, text: string): void {
  for (const line of text.split(/\n|;|&&/)) {
    const words = line.trim().split(/\s+/).filter((w) => w !== '')
    if (words.length > 0 && !(words[0]).startsWith('#')) runOne(vnet, personality, words)
  }
}

function runOne(vnet: Vnet, personality: Personality, words: readonly string[]): void {
  const name = (words[0]).replace(/^.*\//, '')
  const args = words.slice(1)
  switch (name) {
    case 'sysctl': return args.filter((a) => !a.startsWith('-')).forEach((a) => assign(vnet, a))
    // settings by their path in /proc/sys
    case 'set_sysctls.py': return args.forEach((a) => assign(vnet, a.replace(/^\/proc\/sys\//, '').replaceAll('/', '.')))
    // what a script's author calls the defaults is what the personality stands for
    case 'defaults.sh': return personalityApply(vnet, personality)
    // a module that is loaded does nothing until a setting names it
    case 'kldload': case 'true': return
    default: throw unsupported(`command ${words.join(' ')}`)
  }
}

function assign(vnet: Vnet, text: string): void {
  const m = /^([\w.]+)=["']?([^"']*)["']?$/.exec(text.trim())
  if (m === null) throw unsupported(`sysctl ${text}`)
  const [, name, value] = m
  if (name === 'net.ipv4.tcp_fastopen' && /^[0-3]$/.test(value)) {
    // Linux's mask: 1 for clients, 2 for listeners
    assign(vnet, `net.inet.tcp.fastopen.client_enable=${Number(value) & 1}`)
    return assign(vnet, `net.inet.tcp.fastopen.server_enable=${Number(value) >> 1}`)
  }
  const target = targetOf(name)
  if (target !== '') {
    const errno = sysctlSet(vnet.state.sysctl, target, value)
    if (errno !== 0) throw unsupported(`sysctl ${name}=${value} (${errno === ENOENT ? 'no such name' : 'value refused'})`)
    return
  }
  const fixed = Object.hasOwn(FIXED, name) ? FIXED[name] : []
  if (!fixed.includes(value)) throw unsupported(`sysctl ${name}=${value}`)
}

/** The Vnet's own tunable that a name stands for, or ''. */
function targetOf(name: string): string {
  if (sysctlDef(name) !== null) return name
  const alias = Object.hasOwn(ALIASES, name) ? ALIASES[name] : ''
  return sysctlDef(alias) === null ? '' : alias
}

/** Linux's names with the same unit and meaning. */
const ALIASES: Readonly<Record<string, string>> = Object.freeze({
  'net.ipv4.ip_default_ttl': 'net.inet.ip.ttl',
  'net.ipv4.tcp_sack': 'net.inet.tcp.sack.enable',
  'net.ipv4.tcp_dsack': 'net.inet.tcp.sack.dsack',
  'net.ipv4.tcp_ecn': 'net.inet.tcp.ecn.enable',
  'net.ipv4.tcp_tw_reuse': 'net.inet.tcp.tw_reuse',
  'net.ipv4.tcp_syncookies': 'net.inet.tcp.syncookies',
  'net.ipv4.tcp_retries2': 'net.inet.tcp.retries',
  'net.ipv4.tcp_synack_retries': 'net.inet.tcp.syncache.rexmtlimit',
  'net.ipv4.tcp_keepalive_probes': 'net.inet.tcp.keepcnt',
  'net.ipv4.tcp_max_orphans': 'net.inet.tcp.maxorphans',
  'net.ipv4.tcp_invalid_ratelimit': 'net.inet.tcp.ack_war_timewindow',
  'net.core.somaxconn': 'kern.ipc.soacceptqueue',
  'net.core.wmem_max': 'kern.ipc.maxsockbuf',
  'net.core.rmem_max': 'kern.ipc.maxsockbuf',
})

/** Settings that only say what this stack does anyway. */
const FIXED: Readonly<Record<string, readonly string[]>> = Object.freeze({
  'kern.timecounter.alloweddeviation': Object.freeze(['0']),
  'net.inet.tcp.functions_default': Object.freeze(['freebsd']),
  'net.inet.tcp.hostcache.purgenow': Object.freeze(['0', '1']),
  'net.inet.tcp.hostcache.enable': Object.freeze(['0']),
  'net.inet.tcp.recvbuf_auto': Object.freeze(['0']),
  'net.inet.tcp.sendbuf_auto': Object.freeze(['0']),
  'net.inet.tcp.tso': Object.freeze(['0', '1']),
  'net.ipv4.tcp_timestamps': Object.freeze(['1']),
  'net.ipv4.tcp_window_scaling': Object.freeze(['1']),
  'net.ipv4.tcp_early_retrans': Object.freeze(['0']),
  'net.ipv4.tcp_recovery': Object.freeze(['0']),
  'net.ipv4.tcp_congestion_control': Object.freeze(['reno']),
  'net.ipv4.tcp_no_metrics_save': Object.freeze(['0', '1']),
  'net.ipv4.tcp_moderate_rcvbuf': Object.freeze(['0']),
})
