/** `vimage script`: files, folders, standard input, settings of the run, captures, exit codes. */

import { mkdtempSync, readFileSync, rmSync, writeFileSync, mkdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { useShells } from './support.ts'

const shell = useShells()

const folder = mkdtempSync(join(tmpdir(), 'vimage-script-'))
mkdirSync(join(folder, 'below'))
const GOOD = '0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3\n+0 connect(3, ..., ...) = -1 EINPROGRESS\n'
writeFileSync(join(folder, 'a.pkt'), `+0 close(9) = -1 EBADF\n`)
writeFileSync(join(folder, 'below', 'b.pkt'), '0 socket(..., SOCK_STREAM, IPPROTO_TCP) = SOCK\n')
const WAITS = GOOD.replace('= -1 EINPROGRESS', '= 0').replace('+0 connect', '+0...2 connect')
writeFileSync(join(folder, 'c.pkt'), `${WAITS}+0 > S 0:0(0) win 1\n`)
writeFileSync(join(folder, 'no-script.txt'), 'x')
afterAll(() => { rmSync(folder, { recursive: true, force: true }) })

describe('vimage script', () => {
  it('folders, names of the run, a capture of what failed', async () => {
    const pcap = join(folder, 'out.pcapng')
    const r = await shell().vimage('script', '-D', 'SOCK=3', '--pcap', pcap, folder)
    expect(r.code).toBe(1)
    const lines = r.out.split('\n')
    expect(lines[0]).toBe(`${folder}/a.pkt: passed`)
    expect(lines[1]).toBe(`${folder}/below/b.pkt: passed`)
    expect(lines[2]).toMatch(/c\.pkt:3: failed: .*window is 65535, expected 1|options are/)
    expect(lines.at(-2)).toBe('2 passed, 1 failed')
    expect(readFileSync(pcap).length).toBeGreaterThan(100)
  })

  it('--quiet, --json; a file that is not there fails alone', async () => {
    const quiet = await shell().vimage('script', '--quiet', join(folder, 'a.pkt'), join(folder, 'none.pkt'))
    expect(quiet.code).toBe(1)
    expect(quiet.out).toMatch(/^[^\n]*none\.pkt:0: failed: ENOENT[^\n]*\n1 passed, 1 failed\n$/)
    const json = await shell().vimage('script', '--json', join(folder, 'a.pkt'))
    expect(json.code).toBe(0)
    expect(JSON.parse(json.out)).toMatchObject([{ status: 'passed', events: 1 }])
  })

  it('wrong words: a sentence, exit code 2', async () => {
    const empty = join(folder, 'empty')
    mkdirSync(empty)
    for (const [words, message] of [
      [['-D', '9=8', 'x.pkt'], '"9=8" defines nothing'],
      [['--personality', 'plan9', 'x.pkt'], 'personality is "plan9"; expected freebsd or linux'],
      [[empty], 'there are no scripts'],
    ] as const) {
      const r = await shell().vimage('script', ...words)
      expect(r).toMatchObject({ code: 2, out: '' })
      expect(r.err).toContain(message)
    }
  })
})
