/**
 * Builds the native addon with node-gyp when the package is installed. TAP devices are all that needs it, so whatever
 * goes wrong here is said in one sentence and the installation goes on.
 *
 * VIMAGE_SKIP_NATIVE=1 skips the build, VIMAGE_NATIVE_VERBOSE=1 shows node-gyp's output.
 */
import { spawnSync } from 'node:child_process'
import { existsSync, realpathSync } from 'node:fs'
import { delimiter, dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = resolve(dirname(fileURLToPath(import.meta.url)), '..')
const verbose = process.env.VIMAGE_NATIVE_VERBOSE === '1'

const missing = build()
if (missing !== '') console.log(`vimage: ${missing}, so TAP devices are unavailable; everything but TAP still works.`)

/** What is missing, as the beginning of a sentence; '' when the addon was built. */
function build() {
  if (process.env.VIMAGE_SKIP_NATIVE === '1') return 'VIMAGE_SKIP_NATIVE=1 skipped the native addon'
  if (process.platform !== 'linux') return `the native addon is for Linux and this is ${process.platform}`
  const compiler = process.env.CC || ['cc', 'gcc', 'clang'].find(onPath)
  if (compiler === undefined) return 'no C compiler (cc, gcc or clang) was found and the native addon was not built'
  if (!onPath('make')) return 'make was not found and the native addon was not built'
  if (!onPath('python3') && !onPath('python') && !process.env.npm_config_python && !process.env.PYTHON) {
    return 'python3, which node-gyp needs, was not found and the native addon was not built'
  }
  const gyp = findNodeGyp()
  if (gyp === '') return 'node-gyp (part of npm) was not found and the native addon was not built'
  // By default node-gyp links with g++, which the C sources do not need and the machine may not have.
  const env = { ...process.env, CC: compiler, LINK: compiler }
  const run = spawnSync(process.execPath, [gyp, 'rebuild', ...localHeaders()], {
    cwd: root,
    env,
    encoding: 'utf8',
    stdio: verbose ? 'inherit' : 'pipe',
  })
  if (run.status === 0) return ''
  return `the native addon could not be built (${reason(run)}; VIMAGE_NATIVE_VERBOSE=1 npm rebuild shows more)`
}

/** npm names its own node-gyp to lifecycle scripts; elsewhere it lies beside npm. */
function findNodeGyp() {
  const bundled = join('node_modules', 'node-gyp', 'bin', 'node-gyp.js')
  const candidates = [process.env.npm_config_node_gyp ?? '']
  if (process.env.npm_execpath) candidates.push(resolve(dirname(process.env.npm_execpath), '..', bundled))
  const npm = onPath('npm')
  if (npm) candidates.push(resolve(dirname(realpathSync(npm)), '..', bundled))
  candidates.push(resolve(dirname(process.execPath), '../lib/node_modules/npm', bundled))
  return candidates.find((path) => path.endsWith('.js') && existsSync(path)) ?? ''
}

/**
 * Most Node distributions carry their headers; using them spares node-gyp a download. Another Node's do as well, since
 * Node-API and libuv keep their binary interface.
 */
function localHeaders() {
  if (process.env.npm_config_nodedir) return []
  const own = resolve(dirname(realpathSync(process.execPath)), '..')
  const prefixes = [own, join(own, `node_modules/node-linux-${process.arch}`), '/usr/local', '/usr']
  const prefix = prefixes.find((dir) => existsSync(join(dir, 'include/node/common.gypi')))
  return prefix === undefined ? [] : [`--nodedir=${prefix}`]
}

function onPath(program) {
  const folder = (process.env.PATH ?? '').split(delimiter).find((dir) => dir !== '' && existsSync(join(dir, program)))
  return folder === undefined ? undefined : join(folder, program)
}

/** The most telling line of what node-gyp said. */
function reason(run) {
  if (run.error) return run.error.message
  const lines = `${run.stdout ?? ''}\n${run.stderr ?? ''}`.split('\n').map((line) => line.trim())
  const telling = lines.find((line) => /network connectivity/.test(line)) ? 'the headers could not be downloaded'
    : lines.find((line) => /\berror:|fatal error|ERR! stack Error|not found/i.test(line))
  return (telling ?? `node-gyp ended with ${run.status ?? run.signal}`).replace(/^gyp ERR! stack /, '')
}
