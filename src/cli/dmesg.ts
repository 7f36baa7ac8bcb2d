/** `vimage dmesg`: the message buffer of a vimage. */

import type { Command } from 'commander'
import type { MessageRow } from '../vimage/messages.ts'
import { Context } from './context.ts'
import { abortOnInterrupt } from './interrupt.ts'
import { print } from './output.ts'

export function addDmesg(program: Command): void {
  program.command('dmesg')
    .description('show the messages of a vimage since its boot')
    .option('-f, --follow', 'go on with those to come, until interrupted')
    .option('--json', 'print JSON (with -f: one object a line)')
    .addHelpText('after', '\nExamples:\n  vimage dmesg\n  vimage dmesg -V a -f')
    .action(async (options: { follow?: boolean; json?: boolean }, command: Command) => {
      const context = new Context(command)
      if (options.follow !== true) {
        await context.show<MessageRow[]>('messages', options.json === true, (rows) => rows.forEach(printMessage))
        return
      }
      const path = `${context.path(await context.first(), 'messages')}?follow`
      await context.client.stream<MessageRow>('GET', path, undefined, (row) => {
        if (options.json === true) print(JSON.stringify(row))
        else printMessage(row)
      }, abortOnInterrupt())
    })
}

function printMessage(row: MessageRow): void {
  print(`[${(row.timeUs / 1e6).toFixed(6).padStart(12)}] ${row.text}`)
}
