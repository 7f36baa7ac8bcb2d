/** A learning switch with two TAPs, named by the arguments, without the offload header; ends with its input. */

import { Driver, Switch, openTap } from '../../dist/index.js'

const driver = new Driver()
const bridge = new Switch({ name: 'bridge0', clock: driver, pool: driver.pool })
for (const name of process.argv.slice(2)) bridge.addDevice(openTap({ name, pool: driver.pool, mode: 'create' }))
console.log('ready')
process.stdin.resume().on('end', () => process.exit(0))
