/** Drivers of databases in unmodified programs under vimage/register; their servers are the kernel's, behind a TAP. */

import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync, chownSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { onStage } from './scene.ts'
import type { Scene } from './scene.ts'

const REGISTER = pathToFileURL(fileURLToPath(new URL('../../dist/node/register.js', import.meta.url))).href
/** Who runs the server that refuses to be root. */
const NOBODY = 65_534
const DEBIAN = '/usr/lib/postgresql'

/** Runs `source` with Redis at redis.test:6379; returns what it prints. */
export function redis(source: string) {
  return onStage(async (scene) => {
    const dir = mkdtempSync(join(tmpdir(), 'vimage-redis-'))
    try {
      const config = await tapOf(scene, 'vi70', '10.66.70')
      await scene.start('Ready to accept connections', 'redis-server', '--bind', '10.66.70.1', '--port', '6379', '--save', '',
        '--dir', dir, '--protected-mode', 'no')
      return await program(scene, source, { ...config, resolver: { hosts: { 'redis.test': '10.66.70.1' } } })
    } finally {
      rmSync(dir, { recursive: true })
    }
  })
}

/** Runs `source` with PostgreSQL at db.test:5432, user `vimage`, password `secret`; returns what it prints. */
export function postgres(source: string) {
  return onStage(async (scene) => {
    const dir = mkdtempSync(join(tmpdir(), 'vimage-pg-'))
    try {
      const config = await tapOf(scene, 'vi71', '10.66.71')
      const bin = postgresFolder()
      const as = process.getuid?.() === 0 ? ['setpriv', `--reuid=${NOBODY}`, `--regid=${NOBODY}`, '--clear-groups'] : []
      const [data, word] = [join(dir, 'data'), join(dir, 'word')]
      writeFileSync(word, 'secret\n')
      if (as.length > 0) for (const path of [dir, word]) chownSync(path, NOBODY, NOBODY)
      await scene.ok(...as, join(bin, 'initdb'), '-D', data, '-U', 'vimage', '--pwfile', word, '-A', 'scram-sha-256', '--no-sync')
      writeFileSync(join(data, 'pg_hba.conf'), 'host all all 10.66.71.0/24 scram-sha-256\n')
      await scene.start('ready to accept connections', ...as, join(bin, 'postgres'), '-D', data, '-h', '10.66.71.1', '-k', dir, '-F')
      return await program(scene, source, { ...config, resolver: { hosts: { 'db.test': '10.66.71.1' } } })
    } finally {
      // the server has been killed with the scene: its folder is nobody's
      rmSync(dir, { recursive: true, maxRetries: 5, retryDelay: 100 })
    }
  })
}

/** Where the server's programs are: Debian keeps them off the PATH. */
function postgresFolder(): string {
  const versions = existsSync(DEBIAN) ? readdirSync(DEBIAN).sort((a, b) => Number(b) - Number(a)) : []
  const folder = versions.map((version) => join(DEBIAN, version, 'bin')).find((bin) => existsSync(join(bin, 'initdb')))
  if (folder === undefined) throw new Error(`no PostgreSQL server in ${DEBIAN} (Debian package: postgresql)`)
  return folder
}

/** A TAP that stays for the program to open, with the kernel at .1: the program's configuration. */
async function tapOf(scene: Scene, tap: string, net: string): Promise<object> {
  await scene.stayingTap(tap, `${net}.1/24`)
  return { interfaces: { eth0: { tap, address: `${net}.2/24` } } }
}

function program(scene: Scene, source: string, config: object): Promise<string> {
  const env = `VIMAGE_CONFIG=${JSON.stringify(config)}`
  return scene.ok('env', env, process.execPath, '--import', REGISTER, '--input-type=commonjs', '--eval', source)
}
