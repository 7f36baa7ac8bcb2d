/**
 * Four kinds of tests, one after the other: `unit` (pure functions, scripts), `worlds` (several Vnets on a virtual
 * clock) and `interop` (processes, namespaces, TAP devices and the real kernel: three files at a time, for they wait
 * more than they compute; each has its own namespaces, sockets and folders), and `alone` (tests with a bar in
 * milliseconds, one file at a time). Only those with the kernel in them may repeat a test that fails: its and other
 * programs' clocks run on whatever the machine has left. CI names what it repeated.
 */

import { availableParallelism } from 'node:os'
import { resolve } from 'node:path'
import type { Plugin } from 'vite'
import { configDefaults, defineConfig } from 'vitest/config'

const WORLDS = ['test/worlds/**/*.test.ts', 'test/sim/**/*.test.ts']
/** Nothing else runs beside these. */
const ALONE = ['test/interop/migrate.test.ts', 'test/host/counts.test.ts']
const INTEROP = ['interop', 'host', 'daemon', 'cli', 'readme'].map((d) => `test/${d}/**/*.test.ts`)
/** Files that cannot run here, separated by commas (CI, where a package is not built for the Node under test). */
const WITHOUT = (process.env['VIMAGE_TESTS_WITHOUT'] ?? '').split(',').filter((path) => path !== '')
const EXCLUDE = [...configDefaults.exclude, ...WITHOUT]
/** vitest alone would leave one core to itself, though its own work is little. */
const CORES = availableParallelism()
const [SRC, DIST] = ['src', 'dist'].map((folder) => `${resolve(import.meta.dirname, folder)}/`)

/** VIMAGE_TESTS_OF=dist: what `npm run build` made is tested, as Node loads it, which is several times faster to load. */
const BUILT: Plugin = {
  name: 'vimage-built',
  enforce: 'pre',
  async resolveId(source, importer) {
    if (process.env['VIMAGE_TESTS_OF'] !== 'dist' || !source.startsWith('.')) return null
    const found = await this.resolve(source, importer, { skipSelf: true })
    if (found === null || !found.id.startsWith(SRC)) return null
    return { id: found.id.replace(SRC, DIST).replace(/[.]ts$/, '.js'), external: true }
  },
}

export default defineConfig({
  test: {
    projects: [
      {
        plugins: [BUILT],
        test: {
          name: 'unit',
          server: { deps: { external: [/\/dist\/.*[.]js$/] } },
          setupFiles: ['test/support/seed.ts'],
          include: ['test/**/*.test.ts'],
          exclude: [...EXCLUDE, ...WORLDS, ...INTEROP],
          testTimeout: 20_000,
          hookTimeout: 60_000,
          maxWorkers: CORES,
          sequence: { groupOrder: 0 },
        },
      },
      {
        plugins: [BUILT],
        test: {
          name: 'worlds',
          server: { deps: { external: [/\/dist\/.*[.]js$/] } },
          include: WORLDS,
          exclude: EXCLUDE,
          testTimeout: 60_000,
          maxWorkers: CORES,
          sequence: { groupOrder: 1 },
        },
      },
      {
        plugins: [BUILT],
        test: {
          name: 'interop',
          server: { deps: { external: [/\/dist\/.*[.]js$/] } },
          include: INTEROP,
          exclude: [...EXCLUDE, ...ALONE],
          maxWorkers: 3,
          retry: 2,
          testTimeout: 120_000,
          hookTimeout: 60_000,
          sequence: { groupOrder: 2 },
        },
      },
      {
        plugins: [BUILT],
        test: {
          name: 'alone',
          server: { deps: { external: [/\/dist\/.*[.]js$/] } },
          include: ALONE,
          exclude: EXCLUDE,
          maxWorkers: 1,
          retry: 2,
          testTimeout: 120_000,
          hookTimeout: 60_000,
          sequence: { groupOrder: 3 },
        },
      },
    ],
  },
})
