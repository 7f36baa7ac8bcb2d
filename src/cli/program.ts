/** The verbs of the command line, its help, and errors: exit code 0 done, 1 failed, 2 wrong usage or configuration. */

import { Command, CommanderError } from 'commander'
import { ConfigError } from '../daemon/config-error.ts'
import { ControlError } from '../daemon/client.ts'
import { LaunchError } from '../daemon/launch.ts'
import { packageVersion } from '../daemon/version.ts'
import { ManageError } from '../vimage/error.ts'
import { addArp } from './arp.ts'
import { addDmesg } from './dmesg.ts'
import { addDown } from './down.ts'
import { addDump } from './dump.ts'
import { addExec } from './exec.ts'
import { addIfconfig } from './ifconfig.ts'
import { addBridge, addList } from './list.ts'
import { addMove } from './move.ts'
import { addIp6addrctl } from './ip6addrctl.ts'
import { addNdp } from './ndp.ts'
import { addNetstat } from './netstat.ts'
import { complain, UsageError } from './output.ts'
import { addPing } from './ping.ts'
import { addReplay } from './replay.ts'
import { addReplayLog } from './replay-log.ts'
import { addRoute } from './route.ts'
import { registerScript } from './script.ts'
import { addSysctl } from './sysctl.ts'
import { addTcpdump } from './tcpdump.ts'
import { addUp } from './up.ts'

/** Runs one command line (without node and the program's own path); the exit code is left in process.exitCode. */
export async function runCli(argv: readonly string[]): Promise<void> {
  // `vimage tcpdump | head` ends when head has had enough
  process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1))
  try {
    const { words, command } = splitExec(argv)
    const program = buildProgram(command)
    if (words.length === 0) program.outputHelp()
    else await program.parseAsync(words, { from: 'user' })
  } catch (error) {
    process.exitCode = report(error)
  }
}

function buildProgram(command: readonly string[]): Command {
  const program = new Command('vimage')
  program
    .description('Userspace TCP/IP stacks (vimages) on bridged TAP interfaces.')
    .usage('VERB [options]')
    .version(packageVersion(), '--version', 'print the version')
    .helpOption('-h, --help', 'print help; "vimage VERB --help" for a verb')
    .option('-V, --vimage <name>', 'the vimage to speak to (default: the only one; listings show all)')
    .option('--control <path>', 'control socket of the daemon (default: $VIMAGE_CONTROL, else one of the user\'s own)')
    .configureHelp({ showGlobalOptions: true })
    .exitOverride()
  addUp(program)
  addDown(program)
  addList(program)
  addIfconfig(program)
  addArp(program)
  addNdp(program)
  addIp6addrctl(program)
  addRoute(program)
  addNetstat(program)
  addSysctl(program)
  addPing(program)
  addTcpdump(program)
  addBridge(program)
  addDmesg(program)
  addMove(program)
  addDump(program)
  addReplay(program)
  addReplayLog(program)
  registerScript(program)
  addExec(program, command)
  program.addHelpText('after', `
Examples:
  vimage up                            the default lab: vimages a and b, and a TAP, in a namespace of their own
  vimage exec -- ping -c 3 10.66.0.2   the kernel in that namespace pings a vimage
  vimage ping -V a -c 3 10.66.0.3      a vimage pings another
  vimage netstat -a                    sockets of all vimages
  vimage tcpdump -V a tcp port 80      what passes an interface of a vimage
  vimage down`)
  return program
}

/** What comes after `exec --` belongs to the command alone: none of our options is looked for in it. */
function splitExec(argv: readonly string[]): { words: string[]; command: string[] } {
  const at = argv.indexOf('--')
  if (at < 0 || !argv.slice(0, at).includes('exec')) return { words: [...argv], command: [] }
  return { words: argv.slice(0, at), command: argv.slice(at + 1) }
}

/** One sentence on standard error, and the exit code. */
function report(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2
  complain(error instanceof Error ? error.message : String(error))
  if (error instanceof UsageError || error instanceof ConfigError) return 2
  if (error instanceof ControlError) return error.status === 400 ? 2 : 1
  if (error instanceof ManageError) return error.code === 'EINVAL' ? 2 : 1
  return error instanceof LaunchError ? error.exitCode : 1
}
