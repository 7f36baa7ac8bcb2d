/** `vimage ip6addrctl`: the policy table of address selection. */

import type { Command } from 'commander'
import type { PolicyRow } from '../vimage/policy.ts'
import { Context } from './context.ts'
import { printTable, UsageError } from './output.ts'

export function addIp6addrctl(program: Command): void {
  program.command('ip6addrctl [words...]')
    .description('show or change which addresses are preferred (RFC 6724)')
    .option('--json', 'print JSON')
    .addHelpText('after', `
Words:
  show                              the table, longest prefix first (the default)
  add PREFIX PRECEDENCE LABEL       add a row, or change the one of this prefix
  delete PREFIX                     take a row away
  reset                             the default table again

Destinations of a higher precedence are tried first; a source whose label is that of the destination is preferred.

Examples:
  vimage ip6addrctl
  vimage ip6addrctl -V a add ::ffff:0:0/96 100 4        (IPv4 first)
  vimage ip6addrctl -V a add 2001:db8:7::/48 45 7`)
    .action(async (words: string[], options: { json?: boolean }, command: Command) => {
      const context = new Context(command)
      const [verb = 'show', ...rest] = words
      switch (verb) {
        case 'show': return context.show<PolicyRow[]>('policy', options.json === true, printPolicy)
        case 'add':
        case 'set': {
          const row = rowOf(rest)
          return void await context.client.call('POST', context.path(await context.only(), 'policy'), row)
        }
        case 'delete':
        case 'del':
          if (rest.length !== 1) throw new UsageError('expected "ip6addrctl delete PREFIX"')
          return remove(context, rest[0])
        case 'reset': return remove(context, '')
        default: throw new UsageError(`ip6addrctl does not know "${verb}"; expected show, add, delete or reset`)
      }
    })
}

async function remove(context: Context, prefix: string): Promise<void> {
  const query = new URLSearchParams({ prefix })
  await context.client.call('DELETE', `${context.path(await context.only(), 'policy')}?${query.toString()}`)
}

function rowOf(words: readonly string[]): PolicyRow {
  const [prefix = '', precedence = '', label = ''] = words
  if (words.length !== 3 || !/^\d+$/.test(precedence) || !/^\d+$/.test(label)) {
    throw new UsageError('expected "ip6addrctl add PREFIX PRECEDENCE LABEL", as in "add 2001:db8::/32 45 7"')
  }
  return { prefix, precedence: Number(precedence), label: Number(label) }
}

function printPolicy(rows: PolicyRow[]): void {
  printTable(rows, [
    { title: 'Prefix', value: (r) => r.prefix },
    { title: 'Prec', value: (r) => String(r.precedence), right: true },
    { title: 'Label', value: (r) => String(r.label), right: true },
  ])
}
