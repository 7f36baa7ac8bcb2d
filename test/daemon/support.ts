/** Daemons in this process, without TAPs, for tests. */

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach } from 'vitest'
import { ControlClient } from '../../src/daemon/client.ts'
import { parseConfig } from '../../src/daemon/config.ts'
import { startDaemon } from '../../src/daemon/daemon.ts'
import type { Daemon, DaemonOptions } from '../../src/daemon/daemon.ts'
import { openLog } from '../../src/daemon/log.ts'

/** Two vimages on a bridge, no kernel anywhere. */
export const TWO = `
bridges: [{ name: br0 }]
vimages:
  - name: a
    seed: 1
    interfaces: [{ name: eth0, bridge: br0, addresses: [10.9.0.1/24] }]
    services: [echo, chargen]
  - name: b
    seed: 2
    interfaces: [{ name: eth0, bridge: br0, addresses: [10.9.0.2/24] }]
    services: [echo, http]
`

export interface Place {
  directory: string
  control: string
  client: ControlClient
  start(yaml: string, options?: Partial<DaemonOptions>): Promise<Daemon>
}

/** A fresh directory for each test of the file; daemons that a test leaves running are ended after it. */
export function usePlaces(): () => Place {
  const directories: string[] = []
  const daemons: Daemon[] = []
  afterEach(async () => {
    await Promise.all(daemons.splice(0).map((daemon) => daemon.close()))
    for (const directory of directories.splice(0)) rmSync(directory, { recursive: true })
  })
  return () => {
    const directory = mkdtempSync(join(tmpdir(), 'vimage-test-'))
    directories.push(directory)
    const control = join(directory, 'control.sock')
    const start: Place['start'] = async (yaml, options = {}) => {
      const daemon = await startDaemon({
        config: parseConfig(yaml, join(directory, 'x.yaml')), control, namespace: 'none', taps: 'required', missing: [],
        log: openLog({ level: 'silent', file: '', format: 'json' }), ...options,
      })
      daemons.push(daemon)
      return daemon
    }
    return { directory, control, client: new ControlClient(control), start }
  }
}
