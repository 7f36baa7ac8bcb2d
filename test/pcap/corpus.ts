/** The shared capture corpus and the programs that read it independently of us. */

import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import { basename, join } from 'node:path'

const FOLDER = join(import.meta.dirname, '../../../shared/pcaps/tcpdump')

export interface CorpusFile {
  name: string
  path: string
}

/** False, after saying why, when there is no corpus; an error under CI, where it must be there. */
export function corpusReady(): boolean {
  return required(existsSync(FOLDER), `capture corpus ${FOLDER} is missing`)
}

/** False, after saying why, when `program` is not installed; an error under CI. */
export function toolReady(program: string): boolean {
  return required(spawnSync(program, ['--version']).error === undefined, `${program} is not installed`)
}

export function corpusFiles(): CorpusFile[] {
  return readdirSync(FOLDER).sort().map((name) => ({ name, path: join(FOLDER, name) }))
}

/** Records of every corpus file: by capinfos, or by tcpdump where capinfos does not know the link type. */
export function captureCounts(): Map<string, number> {
  const counts = new Map<string, number>()
  const paths = corpusFiles().map((file) => file.path)
  const table = spawnSync('capinfos', ['-c', '-M', '-T', '-r', ...paths], { encoding: 'utf8' })
  for (const line of table.stdout.split('\n')) {
    const [path, count] = line.split('\t') as [string, string | undefined]
    if (count !== undefined) counts.set(basename(path), Number(count))
  }
  for (const { name, path } of corpusFiles()) if (!counts.has(name)) counts.set(name, tcpdumpCount(path))
  return new Map([...counts].sort(([a], [b]) => (a < b ? -1 : 1)))
}

function tcpdumpCount(path: string): number {
  const { stdout, stderr } = spawnSync('tcpdump', ['--count', '-r', path], { encoding: 'utf8' })
  const found = /^(\d+) packets?$/m.exec(stdout)
  if (found === null) throw new Error(`tcpdump does not count ${path}: ${stdout}${stderr}`)
  return Number(found[1])
}

function required(present: boolean, complaint: string): boolean {
  if (present) return true
  if (process.env['CI'] === 'true') throw new Error(complaint)
  console.warn(`skipped: ${complaint}`)
  return false
}
