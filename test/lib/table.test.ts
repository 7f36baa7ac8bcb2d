import { expect, it } from 'vitest'
import { createNumberSet, createTable, setIn, tableIn } from '../../src/lib/table.ts'
import type { Table } from '../../src/lib/table.ts'
import { Vnet } from '../../src/index.ts'

it('a table in which nothing is yet costs nothing: there is one', () => {
  const owner: { a: Table<number>; b: Table<string> } = { a: createTable(), b: createTable() }
  expect(owner.a).toBe(owner.b)
  expect([owner.a.size, owner.a.get(1), owner.a.delete(1), [...owner.a]]).toEqual([0, undefined, false, []])
})

it('what is put in makes it the owner\'s own, and it stays so', () => {
  const owner: { a: Table<number>; b: Table<number> } = { a: createTable(), b: createTable() }
  tableIn(owner, 'a').set(1, 2)
  expect([[...owner.a], [...owner.b]]).toEqual([[[1, 2]], []])
  const { a } = owner
  owner.a.clear()
  tableIn(owner, 'a').set(3, 4)
  expect(owner.a).toBe(a)
})

it('nobody puts anything into the one that is everybody\'s', () => {
  expect(() => (createTable<number>() as Map<number, number>).set(1, 2)).toThrow(/tableIn/)
  expect(createTable().size).toBe(0)
})

it('sets of numbers likewise', () => {
  const owner = { a: createNumberSet(), b: createNumberSet() }
  expect(() => (owner.a as Set<number>).add(1)).toThrow(/setIn/)
  setIn(owner, 'a').add(1)
  setIn(owner, 'a').add(2)
  expect([[...owner.a], [...owner.b], owner.b.delete(1)]).toEqual([[1, 2], [], false])
})

it('a Vnet that is restored or cloned has none that it has not used, either', () => {
  const vnet = new Vnet({ name: 'a', seed: [1] })
  for (const v of [vnet, vnet.clone(), Vnet.restore(vnet.snapshot())]) {
    expect(v.state.tcp.tcbs).toBe(createTable())
    expect(v.state.tcp.trace.sockets).toBe(createNumberSet())
    expect(v.state.link.ifnets).not.toBe(createTable())
  }
})
