/**
 * Three kinds of tests, one after the other: `unit` (pure functions, scripts), `worlds` (several Vnets on a virtual clock) and
 * `interop` (processes, namespaces, TAP devices and the real kernel: one file at a time, since they share the machine).
 */

import { configDefaults, defineConfig } from 'vitest/config'

const WORLDS = ['test/worlds/**/*.test.ts', 'test/sim/**/*.test.ts']
const INTEROP = ['interop', 'host', 'daemon', 'cli', 'readme'].map((d) => `test/${d}/**/*.test.ts`)

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          include: ['test/**/*.test.ts'],
          exclude: [...configDefaults.exclude, ...WORLDS, ...INTEROP],
          testTimeout: 20_000,
          hookTimeout: 60_000,
          sequence: { groupOrder: 0 },
        },
      },
      {
        test: {
          name: 'worlds',
          include: WORLDS,
          testTimeout: 60_000,
          sequence: { groupOrder: 1 },
        },
      },
      {
        test: {
          name: 'interop',
          include: INTEROP,
          fileParallelism: false,
          testTimeout: 120_000,
          hookTimeout: 60_000,
          sequence: { groupOrder: 2 },
        },
      },
    ],
  },
})
