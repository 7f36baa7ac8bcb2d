/**
 * `node --import vimage/register app.js` (or `--require`): the program's network is a Vnet. VIMAGE_CONFIG says which: a
 * file, or YAML itself (docs/node.md); without it a Vnet that has its loopback interface only. Nothing of `net`, `dgram`,
 * `dns` or what builds on them reaches the host's network, unless an interface of the configuration does.
 */

import { Driver } from '../host/driver.ts'
import { hookHandles } from './hook.ts'
import { lingerAtExit } from './linger.ts'
import { NetEnv } from './netenv.ts'
import { readConfig } from './register-config.ts'
import { buildHost } from './register-host.ts'
import { DnsResolver } from './resolver.ts'

start()

function start(): void {
  const config = readConfig(process.env['VIMAGE_CONFIG'])
  const driver = new Driver()
  const { host, join } = buildHost(driver, config)
  const env = new NetEnv(host)
  hookHandles(env, new DnsResolver(host, config.resolver))
  join()
  lingerAtExit(host)
}
