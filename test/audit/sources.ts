/** The project's files, for tests about all of them. */

import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'

export const ROOT = join(import.meta.dirname, '../..')

/** Folders whose modules hold nothing mutable (invariant 1). host/, daemon/ and cli/ own operating-system objects. */
const AUDITED = [
  'lib', 'wire', 'kern', 'link', 'arp', 'ip', 'icmp', 'inet', 'mcast', 'igmp', 'mld', 'dhcp', 'dhcp6', 'resolver', 'raw', 'udp',
  'tcp', 'vnet', 'device', 'sim', 'pcap',
  'script', 'snapshot', 'socket', 'service', 'vimage',
]

/** Paths from the root of all files in `folder` with one of `endings`, sorted; none where there is no such folder. */
export function filesIn(folder: string, ...endings: string[]): string[] {
  if (!existsSync(join(ROOT, folder))) return []
  return readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => endings.some((e) => name.endsWith(e)) && !name.includes('node_modules'))
    .map((name) => `${folder}/${name}`).sort()
}

export function read(path: string): string {
  return readFileSync(join(ROOT, path), 'utf8')
}

export function auditedModules(): string[] {
  return AUDITED.flatMap((d) => filesIn(`src/${d}`, '.ts')).filter((name) => !name.endsWith('.d.ts'))
}

export async function load(path: string): Promise<Record<string, unknown>> {
  return await import(pathToFileURL(join(ROOT, path)).href) as Record<string, unknown>
}
