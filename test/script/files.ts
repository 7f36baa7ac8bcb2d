/** The scripts of test/scripts. */

import { readdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const ROOT = fileURLToPath(new URL('../scripts/', import.meta.url))

/** Every .pkt file, by its name within the folder, sorted. */
export function scriptFiles(): { name: string; path: string }[] {
  return readdirSync(ROOT, { recursive: true, encoding: 'utf8' }).filter((f) => f.endsWith('.pkt')).sort()
    .map((f) => ({ name: f.replaceAll('\\', '/'), path: `${ROOT}${f}` }))
}
