/** `vimage dump` and `vimage diff`: running vimages, saved ones, and what is neither. */

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { Vnet } from '../../src/vnet/vnet.ts'
import { useShells } from './support.ts'

const shell = useShells()

const TWO = `
bridges: [{ name: br0 }]
vimages:
  - { name: a, interfaces: [{ name: eth0, bridge: br0, addresses: [10.9.0.1/24] }], services: [echo] }
  - { name: b, interfaces: [{ name: eth0, bridge: br0, addresses: [10.9.0.2/24] }] }
`

describe('dump and diff', () => {
  it('of running vimages and of files; the exit code tells whether they differ', async () => {
    const s = shell()
    writeFileSync(join(s.directory, 'two.yaml'), TWO)
    await s.up(['two.yaml'])
    const dump = await s.vimage('dump', 'a')
    expect(dump.code).toBe(0)
    expect(JSON.parse(dump.out)).toMatchObject({ name: 'a', tcp: { stats: { sndtotal: 0 } } })
    expect(await s.vimage('snapshot', 'a', '-o', 'a.vimage')).toMatchObject({ code: 0 })
    expect(JSON.parse((await s.vimage('dump', './a.vimage', '--at', 'tcp.stats.sndtotal')).out)).toBe(0)
    expect(JSON.parse((await s.vimage('dump', 'a', '--at', 'sysctl.net.inet.ip.ttl')).out)).toBe(64)
    expect(await s.vimage('diff', 'a', 'a.vimage', '--at', 'sysctl')).toMatchObject({ code: 0, out: '', err: '' })
    expect(await s.vimage('sysctl', '-V', 'a', 'net.inet.ip.ttl=9')).toMatchObject({ code: 0 })
    expect(await s.vimage('diff', 'a.vimage', 'a', '--at', 'sysctl'))
      .toMatchObject({ code: 1, out: 'state.sysctl.net.inet.ip.ttl: 64 | 9\n' })
    const json = await s.vimage('diff', 'a', 'b', '--json')
    expect(json.code).toBe(1)
    expect(JSON.parse(json.out)).toContainEqual({ path: 'state.name', a: 'a', b: 'b' })
  })

  it('without a daemon: files alone, those of Vnet.snapshot() too; what is wrong is said', async () => {
    const s = shell()
    const vnet = new Vnet({ name: 'x' })
    writeFileSync(join(s.directory, 'x.bin'), vnet.snapshot())
    const bytes = vnet.snapshot()
    bytes[bytes.length - 1] ^= 1
    writeFileSync(join(s.directory, 'bad.bin'), bytes)
    expect(JSON.parse((await s.vimage('dump', 'x.bin')).out)).toEqual(vnet.dump())
    const wrong: [words: string[], code: number, message: string][] = [
      [['dump', 'bad.bin'], 2, 'bad.bin: snapshot refused: header.checksum: damaged'],
      [['dump', './none.bin'], 2, 'cannot read ./none.bin'],
      [['dump', 'none'], 1, 'no daemon answers'],
      [['dump', 'x.bin', '--at', 'tcp.frob'], 2, 'there is nothing at tcp.frob; there are stats, tcbs'],
      [['diff', 'x.bin'], 2, "missing required argument 'b'"],
    ]
    for (const [words, code, message] of wrong) {
      const r = await s.vimage(...words)
      expect(r).toMatchObject({ code, out: '' })
      expect(r.err).toContain(message)
      expect(r.err).not.toMatch(/^ +at /m)
    }
  })
})
