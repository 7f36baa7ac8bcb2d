/**
 * Clones and restored Vnets are as fast as the original only if V8 holds their records alike: same hidden class, fields
 * in the object and not in a dictionary. Bench `npm run bench:snapshot`, throughputAfterRestoreRatio.
 */

import { setFlagsFromString } from 'node:v8'
import { expect, it } from 'vitest'
import { isDormant } from '../../src/tcp/state-dormant.ts'
import type { TcpSocketRecord } from '../../src/tcp/state-dormant.ts'
import { Vnet } from '../../src/vnet/vnet.ts'
import { richWorld } from './rich.ts'

type Compare = (a: object, b: object) => boolean

setFlagsFromString('--allow-natives-syntax')
// eslint-disable-next-line no-new-func, @typescript-eslint/no-implied-eval -- natives have syntax of their own
const sameClass = new Function('a', 'b', 'return %HaveSameMap(a, b)') as Compare
// eslint-disable-next-line no-new-func, @typescript-eslint/no-implied-eval -- natives have syntax of their own
const isFast = new Function('a', 'return %HasFastProperties(a)') as (a: object) => boolean

/** The records of a connection that every segment touches. */
const PARTS = ['inp', 'sndBuf', 'rcvBuf', 'sent', 'rec', 'cwv', 'pmtu', 'user', 'meter'] as const

it.each([
  ['restored', (vnet: Vnet) => Vnet.restore(vnet.snapshot())],
  ['cloned', (vnet: Vnet) => vnet.clone()],
])('a %s connection has the hidden classes of the original', (_, again) => {
  const { b } = richWorld(21, 0.1)
  const tcbs = again(b.vnet).state.tcp.tcbs
  expect(tcbs.size).toBeGreaterThan(3)
  for (const [id, was] of b.vnet.state.tcp.tcbs) {
    const is = tcbs.get(id) as TcpSocketRecord
    expect(isFast(is)).toBe(true)
    expect(sameClass(was, is), 'Tcb').toBe(true)
    if (isDormant(was) || isDormant(is)) continue
    for (const part of PARTS) expect(sameClass(was[part], is[part]), part).toBe(true)
  }
})

it('the comparison bites: fields in another order are another class', () => {
  expect(sameClass({ a: 1, b: 2 }, { b: 2, a: 1 })).toBe(false)
  expect(sameClass({ a: 1, b: 2 }, { a: 3, b: 4 })).toBe(true)
})
