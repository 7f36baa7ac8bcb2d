import { expect, it } from 'vitest'
import { describeInterop } from './netns.ts'

/** Name by name, as thc-ipv6 has them; IF, VNET, KERNEL and LL are put in. */
const TOOLS = [
  ['atk6-flood_router26', 'IF'], ['atk6-flood_advertise6', 'IF'], ['atk6-flood_solicitate6', 'IF', 'VNET'],
  ['atk6-flood_mld6', 'IF'], ['atk6-flood_mld26', 'IF'], ['atk6-flood_mldrouter6', 'IF'],
  ['atk6-flood_unreach6', 'IF', 'VNET'], ['atk6-fragmentation6', 'IF', 'VNET'], ['atk6-exploit6', 'IF', 'VNET'],
  ['atk6-implementation6', 'IF', 'VNET'], ['atk6-denial6', 'IF', 'VNET', '1'], ['atk6-denial6', 'IF', 'VNET', '2'],
  ['atk6-rsmurf6', 'IF', 'LL'],
  ['atk6-fuzz_ip6', '-x', '-n', '1', 'IF', 'VNET'], ['atk6-randicmp6', 'IF', 'VNET'],
]

describeInterop('hostile IPv6', new URL('hostile6-scenarios.ts', import.meta.url), ['ping', 'ip', 'nmap', 'atk6-exploit6'], (run) => {
  it('nmap: a scan finds the one port that listens; probes that tell systems apart harm nobody', async () => {
    const r = await run('scan', 0)
    expect(r.open).toEqual(['80/tcp open'])
    expect(r.probed).toBe(true)
    expect(r.received).toBe(3)
    bounded(r)
  }, 60_000)

  it('issue 4: thc-ipv6 attacks: nothing throws, tables keep their bounds, ping is answered afterwards', async () => {
    const r = await run('attacks', 0, TOOLS)
    expect(r.received).toBe(3)
    expect(r.deaf).toEqual([])
    bounded(r)
  }, 60_000)
})

interface Left {
  neighbours: readonly [number, number]
  reassembly: readonly [number, number]
  reassemblyBytes: readonly [number, number]
  heldBytes: readonly [number, number]
  pmtu: readonly [number, number]
  addresses: number
  routes: number
  connections: number
}

function bounded(r: Left): void {
  for (const [is, most] of [r.neighbours, r.reassembly, r.reassemblyBytes, r.heldBytes, r.pmtu]) expect(is).toBeLessThanOrEqual(most)
  expect(r.addresses).toBeLessThanOrEqual(64)
  expect(r.routes).toBeLessThanOrEqual(256)
  expect(r.connections).toBeLessThanOrEqual(8)
}
