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
})
