/** `vimage sysctl`: tunables, read and set. */

import type { Command } from 'commander'
import type { SysctlRow } from '../vimage/sysctls.ts'
import { Context } from './context.ts'
import { print, UsageError } from './output.ts'

interface SysctlOptions { all?: boolean; describe?: boolean; values?: boolean; json?: boolean }

export function addSysctl(program: Command): void {
  program.command('sysctl [names...]')
    .description('show tunables (NAME shows all below it), or set them (NAME=VALUE)')
    .option('-a, --all', 'show all')
    .option('-d, --describe', 'what they mean instead of their values')
    .option('-n, --values', 'values without names')
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExamples:\n  vimage sysctl net.inet.tcp\n  vimage sysctl -d net.inet.ip.ttl\n'
      + '  vimage sysctl -V a net.inet.ip.ttl=32')
    .action(async (names: string[], options: SysctlOptions, command: Command) => {
      const context = new Context(command)
      if (names.length === 0 && options.all !== true) throw new UsageError('expected NAME, NAME=VALUE or -a')
      for (const name of names) {
        if (name.includes('=')) await assign(context, name)
        else await show(context, name, options)
      }
      if (names.length === 0) await show(context, '', options)
    })
}

async function assign(context: Context, text: string): Promise<void> {
  const at = text.indexOf('=')
  const name = text.slice(0, at)
  const vimage = await context.only()
  const query = `${context.path(vimage, 'sysctl')}?name=${encodeURIComponent(name)}`
  const before = await context.client.get<SysctlRow[]>(query)
  const after = await context.client.call<SysctlRow>('PUT', context.path(vimage, 'sysctl', name), {
    value: text.slice(at + 1),
  })
  print(`${name}: ${before[0]?.value ?? ''} -> ${after.value}`)
}

async function show(context: Context, name: string, options: SysctlOptions): Promise<void> {
  const query = name === '' ? 'sysctl' : `sysctl?name=${encodeURIComponent(name)}`
  await context.show<SysctlRow[]>(query, options.json === true, (rows) => {
    for (const row of rows) print(line(row, options))
  })
}

function line(row: SysctlRow, options: SysctlOptions): string {
  const unit = row.unit === '' ? '' : ` (${row.unit})`
  const text = options.describe === true ? `${row.description}${unit}` : row.value
  return options.values === true ? text : `${row.name}: ${text}`
}
