import { expect, it } from 'vitest'
import { describeInterop } from './netns.ts'

describeInterop('multicast listeners', new URL('mld-scenarios.ts', import.meta.url), ['bridge'], (run) => {
  it.each([[2, 'RFC 3810 §6.1'], [1, 'RFC 2710 §4']])(
    'MLDv%i, %s: the kernel\'s bridge queries, learns what is listened to, and what no more', async (version) => {
      const r = await run('snooping', 20 + version, version)
      expect(r.joined).toEqual([0, true])
      expect(r.left).toEqual([0, true])
    }, 60_000)
})
