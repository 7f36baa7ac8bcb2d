/**
 * The differential suite: every case is run with Node's own modules and with those of a Vnet, with the same expectations.
 */

import dgram from 'node:dgram'
import dns from 'node:dns'
import http from 'node:http'
import https from 'node:https'
import net from 'node:net'
import tls from 'node:tls'
import { afterAll, describe, it } from 'vitest'
import { Driver } from '../../src/host/driver.ts'
import { nodeModules } from '../../src/node/modules.ts'
import { CASES } from './cases/index.ts'
import type { Mods } from './kit.ts'

const driver = new Driver()
const ours = nodeModules(driver.addVnet({ name: 'diff' }))
const node: Mods = { net, dgram, dns, tls, http, https }

afterAll(() => { driver.close() })

describe.each([['node', node], ['vnet', ours]] as const)('%s', (_name, m) => {
  for (const [area, cases] of Object.entries(CASES)) {
    describe(area, () => {
      for (const [name, run] of cases) it(name, async () => { await run(m) })
    })
  }
})
