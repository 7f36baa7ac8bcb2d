import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { cruise } from 'dependency-cruiser'
import type { ICruiseResult, IFlattenedRuleSet } from 'dependency-cruiser'
import { describe, expect, it } from 'vitest'

const ROOT = join(import.meta.dirname, '../..')
const CONFIG = createRequire(import.meta.url)('../../.dependency-cruiser.cjs') as {
  forbidden: { name: string }[]
  options: object
}

/** importing file, imported file or package (as a relative path or a bare name), 'type' for `import type` */
type Edge = [from: string, to: string, kind?: 'type']

/** rule → [edges that must be caught, edges of the same kind that must pass] */
const CASES: Record<string, [bad: Edge[], good: Edge[]]> = {
  'no-cycle': [[['src/tcp/a.ts', 'src/tcp/b.ts'], ['src/tcp/b.ts', 'src/tcp/a.ts']],
    [['src/tcp/a.ts', 'src/tcp/b.ts'], ['src/tcp/b.ts', 'src/tcp/a.ts', 'type']]],
  'no-unresolved': [[['src/tcp/a.ts', './nowhere.ts']], [['src/tcp/a.ts', 'src/tcp/b.ts']]],
  'no-undeclared': [[['src/host/a.ts', 'fast-check']], [['src/host/a.ts', 'raw-socket']]],
  'no-dead-module': [[['src/index.ts', 'src/tcp/a.ts'], ['src/tcp/b.ts', 'src/tcp/a.ts']],
    [['src/index.ts', 'src/tcp/a.ts'], ['src/tcp/a.ts', 'src/tcp/b.ts']]],
  'no-tests-in-src': [[['src/host/a.ts', 'test/b.ts']], [['src/host/a.ts', 'src/host/b.ts']]],
  'lib-is-a-leaf': [[['src/lib/a.ts', 'src/kern/b.ts', 'type']], [['src/lib/a.ts', 'src/lib/b.ts']]],
  'wire-is-pure': [[['src/wire/a.ts', 'src/kern/timer.ts']], [['src/wire/a.ts', 'src/lib/b.ts']]],
  'buffer-layout-is-hidden': [[['src/wire/tcp.ts', 'buffer-layout']], [['src/wire/layout.ts', 'buffer-layout']]],
  'kern-is-low': [[['src/kern/a.ts', 'src/ip/state.ts']], [['src/kern/a.ts', 'src/vnet/state.ts', 'type']]],
  'kern-names-state': [[['src/kern/a.ts', 'src/ip/route.ts', 'type']], [['src/kern/a.ts', 'src/ip/state.ts', 'type']]],
  'device-is-low': [[['src/device/a.ts', 'src/link/input.ts']], [['src/device/a.ts', 'src/wire/b.ts']]],
  'state-is-data': [[['src/tcp/state.ts', 'src/ip/state.ts']],
    [['src/tcp/state.ts', 'src/inet/state.ts'], ['src/tcp/state.ts', 'src/tcp/stats.ts']]],
  'state-names-state': [[['src/tcp/state.ts', 'src/tcp/input.ts', 'type']],
    [['src/tcp/state.ts', 'src/ip/state.ts', 'type']]],
  'sysctl-is-data': [[['src/tcp/sysctl.ts', 'src/tcp/output.ts']],
    [['src/tcp/sysctl.ts', 'src/kern/sysctl.ts'], ['src/tcp/sysctl.ts', 'src/tcp/cc/names.ts']]],
  'stats-are-data': [[['src/tcp/stats.ts', 'src/kern/vn.ts']], [['src/tcp/stats.ts', 'src/tcp/state.ts', 'type']]],
  'protocols-know-the-core': [[['src/tcp/a.ts', 'src/vnet/vnet.ts']], [['src/tcp/a.ts', 'src/vnet/state.ts', 'type']]],
  'entry-only-from-below': [[['src/tcp/usrreq.ts', 'src/tcp/input.ts']], [['src/ip/input.ts', 'src/inet/input.ts']]],
  'link-output-goes-down': [[['src/link/output.ts', 'src/ip/route.ts']],
    [['src/link/output.ts', 'src/arp/resolve.ts'], ['src/link/output.ts', 'src/ip/addrs.ts']]],
  'arp-output-goes-down': [[['src/arp/resolve.ts', 'src/icmp/error.ts']], [['src/arp/resolve.ts', 'src/link/tx.ts']]],
  'ip-output-goes-down': [[['src/ip/output.ts', 'src/icmp/error.ts']], [['src/ip/output.ts', 'src/link/output.ts']]],
  'nd-output-goes-down': [[['src/nd/send.ts', 'src/ip6/output.ts']], [['src/nd/send.ts', 'src/ip6/source.ts']]],
  'ip6-output-goes-down': [[['src/ip6/output.ts', 'src/icmp6/error.ts']], [['src/ip6/output.ts', 'src/link/output6.ts']]],
  'inet-output-goes-down': [[['src/inet/output.ts', 'src/raw/usrreq.ts']],
    [['src/inet/output.ts', 'src/ip/output.ts']]],
  'link-knows-no-transport': [[['src/link/input.ts', 'src/tcp/input.ts']], [['src/link/input.ts', 'src/ip/input.ts']]],
  'ip-knows-no-transport': [[['src/ip/input.ts', 'src/udp/input.ts']], [['src/ip/input.ts', 'src/inet/input.ts']]],
  'tcp-is-family-free': [[['src/tcp/output.ts', 'src/ip/output.ts']], [['src/tcp/output.ts', 'src/inet/output.ts']]],
  'tcp-alone': [[['src/tcp/a.ts', 'src/udp/b.ts', 'type']], [['src/tcp/a.ts', 'src/inet/b.ts']]],
  'udp-alone': [[['src/udp/a.ts', 'src/raw/b.ts']], [['src/udp/a.ts', 'src/inet/b.ts']]],
  'raw-alone': [[['src/raw/a.ts', 'src/tcp/b.ts']], [['src/raw/a.ts', 'src/ip/b.ts']]],
  'snapshot-knows-state': [[['src/snapshot/a.ts', 'src/tcp/output.ts']], [['src/snapshot/a.ts', 'src/tcp/state.ts']]],
  'vnet-is-the-core': [[['src/vnet/a.ts', 'src/host/b.ts', 'type']], [['src/vnet/a.ts', 'src/tcp/input.ts']]],
  'core-without-node': [[['src/pcap/a.ts', 'node:fs']], [['src/pcap/file.ts', 'node:fs']]],
  'core-without-packages': [[['src/vnet/a.ts', 'zod']], [['src/wire/layout.ts', 'buffer-layout']]],
  'sim-is-portable': [[['src/sim/a.ts', 'src/socket/b.ts']],
    [['src/sim/a.ts', 'src/vnet/b.ts'], ['src/sim/a.ts', 'src/link/ifnet.ts']]],
  'script-is-portable': [[['src/script/a.ts', 'src/tcp/output.ts']], [['src/script/a.ts', 'src/sim/world.ts']]],
  'sim-below-script': [[['src/sim/a.ts', 'src/script/b.ts']], [['src/script/a.ts', 'src/sim/b.ts']]],
  'sim-reads-no-files': [[['src/sim/a.ts', 'src/pcap/file.ts']], [['src/sim/a.ts', 'src/pcap/write.ts']]],
  'pcap-is-portable': [[['src/pcap/a.ts', 'src/sim/b.ts']], [['src/pcap/a.ts', 'src/vnet/b.ts']]],
  'owners-use-the-facade': [[['src/socket/a.ts', 'src/tcp/usrreq.ts']],
    [['src/socket/a.ts', 'src/vnet/so.ts'], ['src/host/a.ts', 'src/link/ifnet.ts']]],
  'sockets-are-not-the-host': [[['src/socket/a.ts', 'node:net']], [['src/socket/a.ts', 'node:stream']]],
  'sockets-know-no-host': [[['src/service/a.ts', 'src/host/b.ts']], [['src/service/a.ts', 'src/socket/b.ts']]],
  'socket-below-service': [[['src/socket/a.ts', 'src/service/b.ts']], [['src/service/a.ts', 'src/socket/b.ts']]],
  'host-below-daemon': [[['src/host/a.ts', 'src/daemon/b.ts', 'type']], [['src/daemon/a.ts', 'src/host/b.ts']]],
  'nobody-knows-the-testing-kit': [[['src/node/a.ts', 'src/testing/b.ts']], [['src/testing/a.ts', 'src/node/b.ts']]],
  'testing-is-in-memory': [[['src/testing/a.ts', 'src/host/b.ts']], [['src/testing/a.ts', 'src/sim/b.ts']]],
  'daemon-below-cli': [[['src/daemon/a.ts', 'src/cli/b.ts']], [['src/cli/a.ts', 'src/daemon/b.ts']]],
  'index-is-for-users': [[['src/cli/a.ts', 'src/index.ts']], [['src/cli/a.ts', 'src/vnet/b.ts']]],
  '@noble/hashes-in-tcp': [[['src/lib/a.ts', '@noble/hashes/legacy.js']], [['src/tcp/a.ts', '@noble/hashes/legacy.js']]],
  '@noble/ciphers-in-tcp': [[['src/lib/a.ts', '@noble/ciphers/aes.js']], [['src/tcp/a.ts', '@noble/ciphers/aes.js']]],
  'raw-socket-in-host': [[['src/socket/a.ts', 'raw-socket']], [['src/host/a.ts', 'raw-socket']]],
  'dns-packet-in-node-or-service': [[['src/socket/a.ts', 'dns-packet']], [['src/node/a.ts', 'dns-packet']]],
  'zod-in-daemon-or-node': [[['src/cli/a.ts', 'zod']], [['src/daemon/a.ts', 'zod']]],
  'yaml-in-daemon-or-node': [[['src/cli/a.ts', 'yaml']], [['src/daemon/a.ts', 'yaml']]],
  'pino-in-daemon': [[['src/host/a.ts', 'pino']], [['src/daemon/a.ts', 'pino']]],
  'commander-in-cli': [[['src/daemon/a.ts', 'commander']], [['src/cli/a.ts', 'commander']]],
}

describe('invariant 4: the import graph is the packet path', () => {
  it.each(Object.entries(CASES))('%s', async (rule, [bad, good]) => {
    expect(await violations(bad)).toContain(rule)
    expect(await violations(good)).toEqual([])
  })

  it('has a planted violation for every rule', () => {
    expect(CONFIG.forbidden.map((r) => r.name).sort()).toEqual(Object.keys(CASES).sort())
  })
})

/** Names of the rules that a tree with exactly these imports breaks. */
async function violations(edges: Edge[]): Promise<string[]> {
  const dir = mkdtempSync(join(tmpdir(), 'vimage-layers-'))
  try {
    writeTree(dir, edges)
    const { output } = await cruise(['src'], { ...CONFIG.options, tsConfig: {}, baseDir: dir, validate: true,
      ruleSet: { forbidden: CONFIG.forbidden } as IFlattenedRuleSet })
    return [...new Set((output as ICruiseResult).summary.violations.map((v) => v.rule.name))].sort()
  } finally {
    rmSync(dir, { recursive: true })
  }
}

function writeTree(dir: string, edges: Edge[]): void {
  const sources = new Map<string, string>()
  edges.forEach(([from, to, kind], i) => {
    const word = kind === 'type' ? 'import type' : 'import'
    const target = /^(src|test)\//.test(to) ? `${dirname(from).replaceAll(/[^/]+/g, '..')}/${to}` : to
    sources.set(from, `${sources.get(from) ?? ''}${word} { x as x${i} } from '${target}'\n`)
    if (target !== to) sources.set(to, sources.get(to) ?? '')
  })
  for (const [path, imports] of sources) {
    mkdirSync(dirname(join(dir, path)), { recursive: true })
    writeFileSync(join(dir, path), `${imports}export const x = 1\n`)
  }
  symlinkSync(join(ROOT, 'node_modules'), join(dir, 'node_modules'))
  symlinkSync(join(ROOT, 'package.json'), join(dir, 'package.json'))
}
