#!/usr/bin/env node
/** The command line: `vimage VERB …`. */

import { runCli } from './program.ts'

await runCli(process.argv.slice(2))
