/** `vimage route`: the routing table of a vimage. */

import type { Command } from 'commander'
import type { RouteRow, RouteSpec } from '../vimage/routes.ts'
import { Context } from './context.ts'
import { print, UsageError } from './output.ts'
import { printRoutes } from './netstat.ts'

export function addRoute(program: Command): void {
  program.command('route [words...]')
    .description('show or change routes')
    .allowUnknownOption()
    .option('--json', 'print JSON')
    .addHelpText('after', `
Words:
  show                              all routes (the default)
  get ADDR                          the route that a packet to ADDR takes
  add DEST GATEWAY                  DEST is "default", NET/LEN or an address
  add DEST via GATEWAY [dev IF]
  add DEST dev IF                   (or -interface IF) what is on the link
  delete DEST [GATEWAY]

Examples:
  vimage route
  vimage route -V a add default 10.66.0.1
  vimage route -V a add default fe80::1%eth0
  vimage route -V a get 192.0.2.1`)
    .action(async (words: string[], options: { json?: boolean }, command: Command) => {
      const context = new Context(command)
      const [verb = 'show', ...rest] = words
      switch (verb) {
        case 'show': return context.show<RouteRow[]>('routes', options.json === true, printRoutes)
        case 'get': return getRoute(context, rest, options.json === true)
        case 'add': return addOne(context, parseSpec(rest))
        case 'delete':
        case 'del': return deleteOne(context, parseSpec(rest))
        default: throw new UsageError(`route does not know "${verb}"; expected show, get, add or delete`)
      }
    })
}

async function getRoute(context: Context, words: string[], json: boolean): Promise<void> {
  if (words.length !== 1) throw new UsageError('expected "route get ADDR"')
  const query = `routes?to=${encodeURIComponent(words[0])}`
  await context.show<RouteRow>(query, json, (row) => {
    print(`   route to: ${words[0]}`)
    print(`destination: ${row.destination}`)
    if (!row.gateway.startsWith('link#')) print(`    gateway: ${row.gateway}`)
    print(`  interface: ${row.interface}`)
    print(`      flags: ${row.flags}`)
    print(`        mtu: ${row.mtuBytes}`)
  })
}

async function addOne(context: Context, spec: RouteSpec): Promise<void> {
  await context.client.call('POST', context.path(await context.only(), 'routes'), spec)
  print(`add ${spec.to}: ${[spec.via === '' ? '' : `gateway ${spec.via}`, spec.interface].filter(Boolean).join(' ')}`)
}

async function deleteOne(context: Context, spec: RouteSpec): Promise<void> {
  const query = new URLSearchParams({ to: spec.to, via: spec.via })
  await context.client.call('DELETE', `${context.path(await context.only(), 'routes')}?${query.toString()}`)
  print(`delete ${spec.to}`)
}

/** `DEST [via] [GATEWAY] [dev IF | -interface IF]`, with FreeBSD's -net and -host accepted in front. */
function parseSpec(words: readonly string[]): RouteSpec {
  const spec: RouteSpec = { to: '', via: '', interface: '' }
  for (let i = 0; i < words.length; i++) {
    const word = words[i]
    if (word === 'dev' || word === '-interface' || word === '-iface') spec.interface = words[++i] ?? ''
    else if (word === '-net' || word === '-host' || word === '-6' || word === '-inet6' || word === 'via') continue
    else if (spec.to === '') spec.to = word
    else if (spec.via === '' && /^[\da-fA-F]*[.:]/.test(word)) spec.via = word
    else throw new UsageError(`route does not know "${word}"; expected DEST GATEWAY, or DEST dev INTERFACE`)
  }
  if (spec.to === '') throw new UsageError('a destination is missing: "default", NET/LEN or an address')
  return spec
}

