import { expect, it } from 'vitest'
import { AF_INET } from '../../src/inet/state.ts'
import { PMTU_UNKNOWN, pmtuIn } from '../../src/tcp/state-pmtu.ts'
import { USER_DEFAULTS, userOptionsCopy, userOptionsIn } from '../../src/tcp/state-user.ts'
import { createTcb } from '../../src/tcp/state.ts'

it('connections share what their users have not set, and what is not known of their paths, until it is written to', () => {
  const [a, b] = [createTcb(4, AF_INET), createTcb(8, AF_INET)]
  expect([a.user, a.pmtu]).toEqual([b.user, b.pmtu])
  userOptionsIn(a).rcvLowat = 100
  pmtuIn(a).acked = 1000
  expect([a.user.rcvLowat, a.pmtu.acked]).toEqual([100, 1000])
  expect([b.user, b.pmtu]).toEqual([USER_DEFAULTS, PMTU_UNKNOWN])
  expect([b.user.rcvLowat, b.pmtu.acked]).toEqual([1, 0])
  expect(userOptionsIn(a)).toBe(a.user)
})

it('a connection begins with the settings of its listener, as its own', () => {
  const [listener, child, other] = [4, 8, 12].map((id) => createTcb(id, AF_INET))
  userOptionsCopy(other, listener.user)
  expect(other.user).toBe(USER_DEFAULTS)
  userOptionsIn(listener).windowClamp = 5000
  userOptionsCopy(child, listener.user)
  userOptionsIn(listener).windowClamp = 6000
  expect(child.user.windowClamp).toBe(5000)
})

it('nobody writes to what all share', () => {
  expect(() => { (createTcb(4, AF_INET).user as { rcvLowat: number }).rcvLowat = 2 }).toThrow(TypeError)
  expect(() => { (createTcb(4, AF_INET).pmtu as { high: number }).high = 2 }).toThrow(TypeError)
})
