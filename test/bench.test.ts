/** The benchmarks run: figures with units in their names, a baseline beside each. They use the built package. */

import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { expect, it } from 'vitest'

interface Row { key: string; value: number; baseKey: string; base: number; ratio: number }

const RUN = join(import.meta.dirname, '../bench/run.mjs')

function bench(...args: string[]): { status: number | null; stdout: string; stderr: string } {
  return spawnSync(process.execPath, [RUN, ...args], { encoding: 'utf8', timeout: 60_000 })
}

it('prints JSON whose keys end in a unit', () => {
  const { status, stdout, stderr } = bench('--short', '--json', '--only', 'headers')
  expect([status, stderr]).toEqual([0, ''])
  const { machine, results } = JSON.parse(stdout) as { machine: { cores: number }; results: { headers: { rows: Row[] } } }
  expect(machine.cores).toBeGreaterThan(0)
  expect(results.headers.rows.length).toBeGreaterThan(4)
  for (const { key, value, baseKey, base, ratio } of results.headers.rows) {
    expect([key, baseKey].filter((name) => !/(Ns|Gbps|PerSecond)$/.test(name))).toEqual([])
    expect(Math.min(value, base, ratio)).toBeGreaterThan(0)
  }
}, 90_000)

it('tells what there is, and refuses what there is not', () => {
  expect(bench('--help').stdout).toMatch(/^Usage: npm run bench[^]*headers[^]*demux[^]*memory[^]*tap/)
  const refused = bench('--only', 'nothing')
  expect([refused.status, refused.stderr.split('\n')[0]]).toEqual([2, 'No benchmark is called nothing.'])
})

it('the comparison with other stacks: help, and the lines of the peers\' scripts', async () => {
  const { parseFigure } = await import(join(import.meta.dirname, '../bench/peers/theirs.mjs')) as {
    parseFigure: (line: string) => { label: string; value: number } | null
  }
  expect(parseFigure('pasta mtu=1500 TCP_RR p50 us via tap      median=20.5 min=20.1 max=60 n=3'))
    .toEqual({ label: 'pasta mtu=1500 TCP_RR p50 us via tap', value: 20.5 })
  expect(parseFigure('pasta RSS: VmRSS: 1234 kB')).toBe(null)
  const help = spawnSync(process.execPath, [RUN.replace('run.mjs', 'peers.mjs'), '--help'], { encoding: 'utf8' })
  expect(help.stdout).toMatch(/^Usage: npm run bench:peers[^]*--short[^]*--json/)
  const refused = spawnSync(process.execPath, [RUN.replace('run.mjs', 'peers.mjs'), '--scripts', '/nonexistent'], { encoding: 'utf8' })
  expect([refused.status, refused.stderr]).toEqual([1, expect.stringMatching(/no peers' scripts at \/nonexistent|need root/)])
})
