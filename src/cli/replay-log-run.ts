/** The work of `vimage replay-log`; loaded only when it runs, since it brings the whole stack. */

import { readFileSync } from 'node:fs'
import { heldFinish } from '../device/held.ts'
import { replayLog } from '../host/replay-log.ts'
import type { ReplayLogOptions } from '../host/replay-log.ts'
import { IFT_IP } from '../link/state.ts'
import { openCaptureWriter } from '../pcap/file.ts'
import type { CaptureWriter } from '../pcap/file.ts'
import { SnapshotError } from '../snapshot/fault.ts'
import { LINKTYPE_ETHERNET, LINKTYPE_RAW } from '../wire/print.ts'
import { print, printJson, UsageError } from './output.ts'

export interface ReplayLogVerbOptions {
  pcap?: string
  json?: boolean
}

const PROGRESS_MS = 1000

/** Does the run again and says whether every byte is the same; the exit code is 1 if not. */
export function runReplayLog(file: string, options: ReplayLogVerbOptions): void {
  const log = readLog(file)
  const writer = options.pcap === undefined ? null : openCaptureWriter(options.pcap, { format: 'pcapng', interfaces: [] })
  try {
    const result = replayLog(log, { ...(writer === null ? {} : { onFrame: capture(writer) }), onProgress: progress(log.length) })
    if (options.json === true) printJson(result)
    else {
      print(`${file}: ${result.inputs} frames in, ${result.calls} calls, ${(result.spanUs / 1e6).toFixed(3)} s`)
      print(`sent: ${result.frames} frames, ${result.bytes} bytes, SHA-256 ${result.digest}`)
      if (result.states > 1) print(`${result.states - 1} times the state was taken from the log: management had changed it`)
      if (result.end === '' && result.difference === '') {
        print(`the log has no end: good as far as it goes, ${result.cutBytes} bytes are cut off`)
      }
      print(result.difference === '' ? 'every byte is the same' : `DIFFERENT at ${result.difference}`)
    }
    if (result.difference !== '') process.exitCode = 1
  } catch (error) {
    throw error instanceof SnapshotError ? new UsageError(`${file}: ${error.message.replace('snapshot', 'log')}`) : error
  } finally {
    writer?.close()
  }
}

function readLog(file: string): Buffer {
  try {
    return readFileSync(file)
  } catch (error) {
    throw new UsageError(`cannot read ${file}: ${(error as Error).message}`)
  }
}

/** A line on a terminal that is patient with long logs. */
function progress(total: number): (done: number) => void {
  let last = performance.now()
  return (done) => {
    if (!process.stderr.isTTY || performance.now() - last < PROGRESS_MS) return
    last = performance.now()
    process.stderr.write(`${Math.floor(done * 100 / total)} %\n`)
  }
}

function capture(writer: CaptureWriter): NonNullable<ReplayLogOptions['onFrame']> {
  const interfaces = new Map<number, number>()
  return (out, now, frame, vnet) => {
    const { ifId } = frame
    let iface = interfaces.get(ifId)
    if (iface === undefined) {
      const ifp = vnet.state.link.ifnets.get(ifId)
      iface = writer.addInterface(ifp?.name ?? `if${ifId}`, ifp?.type === IFT_IP ? LINKTYPE_RAW : LINKTYPE_ETHERNET)
      interfaces.set(ifId, iface)
    }
    const held = { ...frame, bytes: frame.bytes.slice() }
    heldFinish(held)
    writer.write(now, held.bytes, { iface, direction: out ? 'out' : 'in' })
  }
}
