/**
 * Scripts in the packetdrill language, run against a Vnet on virtual time. The language as supported: docs/script.md.
 *
 * @example
 * const result = runScript(readFileSync('syn.pkt', 'utf8'), { name: 'syn.pkt' })
 * if (result.status !== 'passed') console.log(printResult(result))
 */

export { runScript } from './run.ts'
export type { ScriptResult, ScriptStatus, RunScriptOptions } from './run.ts'
export { printResult, printTally } from './report.ts'
export { PERSONALITIES, personalityDefaults } from './personality.ts'
export type { Personality } from './personality.ts'
