import { expect, test } from 'vitest'
import { diffDumps } from '../../src/snapshot/diff.ts'
import { Vnet } from '../../src/vnet/vnet.ts'
import { connecting, createTcp } from '../tcp/harness.ts'
import { tcbSeenIn } from '../support/tcbs.ts'

test('text that crossed with our SYN is saved where it waits (RFC 9293 §3.5)', () => {
  const t = createTcp()
  const c = connecting(t)
  c.in('S', { seq: 0, mss: 1460, data: 20 })
  c.out('S.', { seq: 0, ack: 1 })
  const restored = Vnet.restore(t.vnet.snapshot(), { pool: t.vn.pool })
  expect(diffDumps(t.vnet.dump(), restored.dump())).toEqual([])
  expect(tcbSeenIn(restored.state.tcp, c.id)?.reass.length).toBe(2)
})
