/** Running a daemon in this process until it is told to end. */

import { startDaemon } from './daemon.ts'
import type { Daemon, DaemonOptions } from './daemon.ts'

/** A second signal ends the daemon at once, unless it comes so soon that it is the same key press. */
const FORCE_AFTER_MS = 500

/** Starts the daemon; SIGINT, SIGTERM and SIGHUP end it in an orderly way, a second one at once. */
export async function runDaemon(options: DaemonOptions): Promise<Daemon> {
  const daemon = await startDaemon(options)
  let firstAt = 0
  const onSignal = (signal: NodeJS.Signals): void => {
    if (firstAt === 0) {
      firstAt = performance.now()
      daemon.log.info({ signal }, 'told to end')
      void daemon.close()
    } else if (performance.now() - firstAt >= FORCE_AFTER_MS) daemon.kill()
  }
  const onBug = (error: Error): void => {
    daemon.log.fatal({ err: error.stack }, 'a bug: the daemon ends')
    process.exitCode = 1
    daemon.kill()
  }
  process.on('uncaughtException', onBug)
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, onSignal)
  void daemon.ended.then(() => {
    process.off('uncaughtException', onBug)
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.off(signal, onSignal)
  })
  return daemon
}
