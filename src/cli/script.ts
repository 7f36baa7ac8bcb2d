/** `vimage script`: runs scripts in the packetdrill language on virtual time; no daemon is needed. */

import { readFileSync } from 'node:fs'
import type { Command } from 'commander'
import { PERSONALITIES } from '../script/personality.ts'
import type { Personality } from '../script/personality.ts'
import { printResult, printTally } from '../script/report.ts'
import type { runScript, ScriptResult } from '../script/run.ts'
import { parseInteger, print, printJson, UsageError } from './output.ts'

interface ScriptVerbOptions {
  personality: Personality
  tolerance_usecs: number
  seed: number
  json?: boolean
}

export function registerScript(program: Command): void {
  program.command('script <files...>')
    .description('run scripts in the packetdrill language against a fresh stack on virtual time')
    .option('--personality <name>', `whose defaults they assume: ${PERSONALITIES.join(', ')}`, personality, 'freebsd')
    .option('--tolerance_usecs <us>', 'how far an event may be from its time', parseInteger('tolerance', 0, 1e9), 4000)
    .option('--seed <n>', 'seed of the stack\'s random numbers', parseInteger('seed', 0, 0x7fffffff), 1)
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExample:\n  vimage script test/scripts/handshake/*.pkt\nThe language: docs/script.md')
    .action(async (files: string[], options: ScriptVerbOptions) => {
      // the stack is loaded only now: the other verbs do without it
      const script = await import('../script/run.ts')
      const results = files.map((name) => runFile(script.runScript, name, options))
      if (options.json === true) printJson(results)
      else print(printTally(results))
      if (results.some((r) => r.status !== 'passed')) process.exitCode = 1
    })
}

function runFile(run: typeof runScript, name: string, options: ScriptVerbOptions): ScriptResult {
  const result = run(readFileSync(name, 'utf8'), {
    name, personality: options.personality, toleranceUs: options.tolerance_usecs, seed: options.seed,
  })
  if (options.json !== true) print(printResult(result))
  return result
}

function personality(text: string): Personality {
  const known = PERSONALITIES.find((p) => p === text)
  if (known === undefined) throw new UsageError(`personality is "${text}"; expected ${PERSONALITIES.join(' or ')}`)
  return known
}
