import { expect, it } from 'vitest'
import { describeInterop } from './netns.ts'

const SIZES = [0, 1, 56, 1472, 1473, 8000, 65_507]
const PINGS = 3

/** Fragments of an echo message of `size` data bytes at MTU 1500: 1480 bytes each. None when it fits. */
function fragments(size: number): number {
  return size + 8 <= 1480 ? 0 : PINGS * Math.ceil((size + 8) / 1480)
}

describeInterop('ping', new URL('ping-scenarios.ts', import.meta.url), ['ping'], (run) => {
  it('RFC 792, RFC 791 §3.2: the kernel pings a Vnet with 0 … 65,507 bytes, fragments both ways', async () => {
    expect(await run('kernelToVnet', 0, SIZES)).toEqual(SIZES.map((size) => ({
      size, received: PINGS, complaints: '', fragmentsIn: fragments(size), fragmentsOut: fragments(size),
      reassembled: fragments(size) === 0 ? 0 : PINGS,
    })))
  })

  it('RFC 792, RFC 791 §3.2: a Vnet pings the kernel with 0 … 65,507 bytes, fragments both ways', async () => {
    expect(await run('vnetToKernel', 0, SIZES)).toEqual(SIZES.map((size) => ({
      size, same: PINGS, fragmentsIn: fragments(size), fragmentsOut: fragments(size),
      reassembled: fragments(size) === 0 ? 0 : PINGS,
    })))
  })

  it('RFC 791 §3.1, RFC 1122 §3.2.2.6: options are filled in; groups are answered only when asked for', async () => {
    const r = await run('optionsAndGroups', 0)
    expect(r.recordRoute).toMatch(/RR:\s+10\.66\.0\.1\s+10\.66\.0\.2/)
    expect(r.timestamps).toMatch(/TS:\s+10\.66\.0\.1\s+\d+ absolute\s+10\.66\.0\.2\s+-?\d+/)
    expect(r.multicast).toMatch(/0 received/)
    expect(r.broadcast).toMatch(/0 received/)
    for (const said of r.asked) expect(said).toMatch(/from 10\.66\.0\.2:[^]*1 received/)
  })

  it('RFC 826: goes on after the kernel changed its Ethernet address, and after the cable was pulled', async () => {
    const r = await run('linkChanges', 0)
    for (const said of [r.before, r.moved, r.replugged]) expect(said).toMatch(/1 received/)
  })
})
