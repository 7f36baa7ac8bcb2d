/** `vimage snapshot`, `vimage restore` and `vimage migrate`: a vimage with its open connections as a file, or elsewhere. */

import { readFileSync, renameSync, writeFileSync } from 'node:fs'
import type { Command } from 'commander'
import { controlPath } from '../daemon/control-path.ts'
import type { Moved } from '../daemon/move.ts'
import { Context } from './context.ts'
import { print, printJson, UsageError } from './output.ts'

export function addMove(program: Command): void {
  addSnapshot(program)
  addRestore(program)
  addMigrate(program)
}

function addSnapshot(program: Command): void {
  program.command('snapshot <name>')
    .description('save the vimage NAME to a file: interfaces, routes, services, every connection with its unsent bytes')
    .requiredOption('-o, --output <file>', 'the file to write')
    .option('--stop', 'end the vimage here, without a word to its peers: the file is where it goes on')
    .option('--json', 'print JSON')
    .addHelpText('after', '\nKeys and unread data are in the file, so it is readable by you alone.'
      + '\n\nExamples:\n  vimage snapshot a -o a.vimage\n  vimage snapshot a --stop -o a.vimage && vimage restore a.vimage')
    .action(async (name: string, options: { output: string; stop?: boolean; json?: boolean }, command: Command) => {
      const { client, path } = contextOf(command)
      // where nothing can be written, nothing is stopped
      const partial = `${options.output}.part`
      writeFileSync(partial, '', { mode: 0o600 })
      const bytes = await client.getBytes('POST', `${path(name, 'snapshot')}${options.stop === true ? '?stop' : ''}`)
      writeFileSync(partial, bytes, { mode: 0o600 })
      renameSync(partial, options.output)
      if (options.json === true) printJson({ name, file: options.output, bytes: bytes.length })
      else print(`${name}: ${bytes.length} bytes in ${options.output}${options.stop === true ? '; it is gone from here' : ''}`)
    })
}

function addRestore(program: Command): void {
  program.command('restore <file>')
    .description('let a saved vimage go on in this daemon, on the bridges and TAPs of the names it had')
    .option('--json', 'print JSON')
    .action(async (file: string, options: { json?: boolean }, command: Command) => {
      let bytes: Buffer
      try {
        bytes = readFileSync(file)
      } catch (error) {
        throw new UsageError(`cannot read ${file}: ${(error as Error).message}`)
      }
      const { client } = contextOf(command)
      const { name } = await client.sendBytes<{ name: string }>('POST', '/v1/vimages', bytes)
      if (options.json === true) printJson({ name })
      else print(`${name} goes on`)
    })
}

function addMigrate(program: Command): void {
  program.command('migrate <name>')
    .description('move the vimage NAME to another daemon on this machine; its connections stay open')
    .requiredOption('--to <socket>', 'control socket of the other daemon')
    .option('--json', 'print JSON')
    .addHelpText('after', '\nThe other daemon needs the bridges or TAPs that the vimage is on, by the same names. When it does'
      + '\nnot take the vimage, that goes on where it was.\n\nExample:\n  vimage migrate a --to /run/vimage/b.sock')
    .action(async (name: string, options: { to: string; json?: boolean }, command: Command) => {
      const { client, path } = contextOf(command)
      const moved = await client.call<Moved>('POST', path(name, 'migrate'), { to: controlPath(options.to) })
      if (options.json === true) printJson(moved)
      else {
        print(`${name} has moved: ${moved.connections} connections, ${moved.bytes} bytes, ` +
          `stopped for ${(moved.pauseUs / 1000).toFixed(1)} ms`)
      }
    })
}

function contextOf(command: Command): { client: Context['client']; path: Context['path'] } {
  const context = new Context(command)
  return { client: context.client, path: (vimage, ...parts) => context.path(vimage, ...parts) }
}
