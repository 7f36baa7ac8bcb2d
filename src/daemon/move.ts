/** Saving a vimage, letting it go on, and moving it to another daemon with its connections open. */

import { writeFileSync } from 'node:fs'
import { SnapshotError } from '../snapshot/fault.ts'
import { ManageError } from '../vimage/error.ts'
import { ControlClient, ControlError } from './client.ts'
import { resumeVimage, undoAll } from './build.ts'
import type { BuildContext, MadeVimage } from './build.ts'
import { savedDecode, savedEncode } from './saved-vimage.ts'

/** A daemon with a place for what it cannot keep running. */
type Rescue = BuildContext & { readonly control: string }

export interface Moved {
  name: string
  /** Connections that went along. */
  connections: number
  /** Size of what was sent, bytes. */
  bytes: number
  /** From the last frame here until the vimage went on there, µs. */
  pauseUs: number
}

/** A vimage as bytes. It goes on, unless `stop`: then it is gone from here, and its peers have not noticed. */
export function saveVimage(c: BuildContext, made: MadeVimage, stop: boolean): Buffer {
  const { vimage, host, config } = made
  if (!stop) {
    host.settle()
    const services = vimage.services.map((service) => service.save())
    return savedEncode({ config, services, snapshot: host.vnet.snapshot() })
  }
  // devices are closed with the rest of what was made
  const snapshot = host.freeze(() => undefined)
  const services = vimage.services.splice(0).map((service) => {
    const saved = service.save()
    service.abandon()
    return saved
  })
  undoAll(made.undo, c.log)
  c.vimages.delete(config.name)
  c.made.delete(config.name)
  c.log.info({ vimage: config.name, bytes: snapshot.length }, 'vimage saved, and gone from here')
  return savedEncode({ config, services, snapshot })
}

/** A saved vimage goes on here. ManageError EEXIST, EINVAL (a SnapshotError's words), ENOENT. */
export function restoreVimage(c: BuildContext, bytes: Uint8Array): MadeVimage {
  const saved = savedDecode(bytes)
  const { name } = saved.config
  if (c.made.has(name)) throw new ManageError('EEXIST', `there is a vimage "${name}" here already`)
  try {
    resumeVimage(c, saved)
  } catch (error) {
    if (error instanceof SnapshotError) throw new ManageError('EINVAL', `the snapshot of "${name}": ${error.message}`)
    if (error instanceof RangeError) throw new ManageError('EINVAL', error.message)
    throw error
  }
  return c.made.get(name) as MadeVimage
}

/** Moves a vimage to the daemon at `to`. When that does not take it, it goes on here, and the ManageError says why. */
export async function migrateVimage(c: Rescue, made: MadeVimage, to: string): Promise<Moved> {
  const { name } = made.config
  const client = new ControlClient(to)
  try {
    // asked before anything is stopped
    const there = await client.get<{ name: string }[]>('/v1/vimages')
    if (there.some((v) => v.name === name)) throw new ControlError('EEXIST', `it has a vimage "${name}" already`, 409)
  } catch (error) {
    throw refused(name, to, error)
  }
  const connections = countConnections(made)
  const start = performance.now()
  const bytes = saveVimage(c, made, true)
  try {
    await client.sendBytes('POST', '/v1/vimages', bytes)
  } catch (error) {
    keepHere(c, name, bytes)
    throw refused(name, to, error)
  }
  return { name, connections, bytes: bytes.length, pauseUs: Math.round((performance.now() - start) * 1000) }
}

/** Nobody took it. Where it cannot go on here either, its bytes are left in a file. */
function keepHere(c: Rescue, name: string, bytes: Buffer): void {
  try {
    restoreVimage(c, bytes)
  } catch (error) {
    const file = `${c.control}.${name}.vimage`
    writeFileSync(file, bytes, { mode: 0o600 })
    const why = (error as Error).message
    throw new ManageError('EIO', `"${name}" could not be moved, nor go on here (${why}); it is in ${file}`)
  }
}

function refused(name: string, to: string, error: unknown): ManageError {
  const code = error instanceof ControlError ? error.code : 'EIO'
  return new ManageError(code, `"${name}" stays here: the daemon at ${to} does not take it: ${(error as Error).message}`)
}

/** TCP connections that are not listeners. */
function countConnections({ host }: MadeVimage): number {
  const { tcbs, listeners } = host.vnet.state.tcp
  return tcbs.size - listeners.size
}
