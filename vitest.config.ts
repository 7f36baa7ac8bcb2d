/**
 * Three kinds of tests, one after the other: `unit` (pure functions, scripts), `worlds` (several Vnets on a virtual
 * clock) and `interop` (processes, namespaces, TAP devices and the real kernel: three files at a time, for they wait
 * more than they compute; each has its own namespaces, sockets and folders).
 */

import { configDefaults, defineConfig } from 'vitest/config'

const WORLDS = ['test/worlds/**/*.test.ts', 'test/sim/**/*.test.ts']
const INTEROP = ['interop', 'host', 'daemon', 'cli', 'readme'].map((d) => `test/${d}/**/*.test.ts`)
/** Files that cannot run here, separated by commas (CI, where a package is not built for the Node under test). */
const WITHOUT = (process.env['VIMAGE_TESTS_WITHOUT'] ?? '').split(',').filter((path) => path !== '')
const EXCLUDE = [...configDefaults.exclude, ...WITHOUT]

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          include: ['test/**/*.test.ts'],
          exclude: [...EXCLUDE, ...WORLDS, ...INTEROP],
          testTimeout: 20_000,
          hookTimeout: 60_000,
          sequence: { groupOrder: 0 },
        },
      },
      {
        test: {
          name: 'worlds',
          include: WORLDS,
          exclude: EXCLUDE,
          testTimeout: 60_000,
          sequence: { groupOrder: 1 },
        },
      },
      {
        test: {
          name: 'interop',
          include: INTEROP,
          exclude: EXCLUDE,
          maxWorkers: 3,
          testTimeout: 120_000,
          hookTimeout: 60_000,
          sequence: { groupOrder: 2 },
        },
      },
    ],
  },
})
