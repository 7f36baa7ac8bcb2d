/** The work of `vimage dump` and `vimage diff`; loaded only when one of them runs, since it brings the whole stack. */

import { existsSync, readFileSync } from 'node:fs'
import type { Command } from 'commander'
import { isSavedVimage, savedDecode } from '../daemon/saved-vimage.ts'
import { diffDumps } from '../snapshot/diff.ts'
import type { Dump } from '../snapshot/dump.ts'
import { SnapshotError } from '../snapshot/fault.ts'
import { Vnet } from '../vnet/vnet.ts'
import { Context } from './context.ts'
import { print, printJson, UsageError } from './output.ts'

export interface DumpOptions {
  at?: string
  json?: boolean
}

/** Characters of a value in a line of differences. */
const SHOWN = 60

/** Prints what lies at `options.at` of the state of a vimage or a file. */
export async function runDump(source: string, options: DumpOptions, command: Command): Promise<void> {
  printJson(below(await dumpOf(source, command), options.at ?? ''))
}

/** Prints where two states differ; the exit code is 1 if they do. */
export async function runDiff(a: string, b: string, options: DumpOptions, command: Command): Promise<void> {
  const [left, right] = [await dumpOf(a, command), await dumpOf(b, command)]
  const at = options.at ?? ''
  const found = diffDumps(below(left, at), below(right, at))
    .map((d) => ({ ...d, path: at === '' ? d.path : d.path.replace(/^state/, `state.${at}`) }))
  if (options.json === true) printJson(found)
  else for (const d of found) print(`${d.path}: ${shown(d.a)} | ${shown(d.b)}`)
  if (found.length > 0) process.exitCode = 1
}

async function dumpOf(source: string, command: Command): Promise<Dump> {
  const file = source.includes('/') || existsSync(source)
  const context = new Context(command)
  const bytes = file ? readSource(source) : await context.client.getBytes('POST', context.path(source, 'snapshot'))
  try {
    return Vnet.restore(isSavedVimage(bytes) ? savedDecode(bytes).snapshot : bytes).dump()
  } catch (error) {
    if (error instanceof SnapshotError) throw new UsageError(`${source}: ${error.message}`)
    throw error
  }
}

function readSource(file: string): Buffer {
  try {
    return readFileSync(file)
  } catch (error) {
    throw new UsageError(`cannot read ${file}: ${(error as Error).message}`)
  }
}

/** What lies at a path of names, with dots. */
function below(dump: Dump, path: string): Dump {
  let here = dump
  let rest = path
  while (rest !== '') {
    const fields: Record<string, Dump> = typeof here === 'object' && !Array.isArray(here) ? here : {}
    // tunables have dots in their names
    const key = Object.keys(fields).find((name) => name === rest) ?? rest.split('.')[0]
    if (!Object.hasOwn(fields, key)) {
      const names = Object.keys(fields).slice(0, 20).join(', ')
      throw new UsageError(`there is nothing at ${path}; ${names === '' ? 'nothing lies below that' : `there are ${names}`}`)
    }
    here = fields[key]
    rest = rest.slice(key.length + 1)
  }
  return here
}

function shown(value: Dump): string {
  const text = JSON.stringify(value)
  return text.length <= SHOWN ? text : `${text.slice(0, SHOWN)}… (${text.length} characters)`
}
