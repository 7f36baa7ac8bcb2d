/** Options of `vimage script`, as the command line and the run know them. */

import type { Personality } from '../script/personality.ts'

export interface ScriptVerbOptions {
  personality: Personality
  tolerance_usecs: number
  seed: number
  define: Record<string, string>
  pcap?: string
  quiet?: boolean
  json?: boolean
  [option: string]: unknown
}

/** What a script may say itself in `--name=value` lines, and the run before it. */
export const SCRIPT_OPTIONS: readonly string[] = Object.freeze([
  'ip_version', 'local_ip', 'remote_ip', 'gateway_ip', 'netmask_ip', 'mtu', 'bind_port', 'connect_port',
  'tcp_ts_tick_usecs',
])
