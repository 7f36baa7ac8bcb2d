/** The `capture:` of an interface: all its frames into a file, for as long as the daemon runs. */

import { openCaptureWriter } from '../pcap/file.ts'
import type { CapturePoint } from './capture-point.ts'
import type { Logger } from './log.ts'

/** Frames of a quiet link appear in the file after this time at the latest. */
const FLUSH_MS = 200

/** Starts writing; returns what ends it. Throws when the file cannot be made; a disk that fills up later ends it. */
export function captureToFile(point: CapturePoint, path: string, log: Logger): () => void {
  const format = captureFormat(path)
  const where = `${point.owner}/${point.name}`
  const writer = openCaptureWriter(path, {
    format, linkType: point.linkType, ...(format === 'pcapng' ? { interfaces: [point.name] } : {}),
  })
  let timer: NodeJS.Timeout | null = null
  const guarded = (step: () => void): void => {
    try {
      step()
    } catch (error) {
      stop()
      log.error({ file: path, err: (error as Error).message }, `capture of ${where} ended`)
    }
  }
  const sink: typeof point.sinks extends Set<infer S> ? S : never = (_point, timeUs, bytes, direction) => {
    guarded(() => writer.write(timeUs, bytes, { direction }))
    timer ??= setTimeout(() => {
      timer = null
      guarded(() => writer.flush())
    }, FLUSH_MS)
  }
  const stop = (): void => {
    point.sinks.delete(sink)
    if (timer !== null) clearTimeout(timer)
    timer = null
  }
  point.sinks.add(sink)
  return () => {
    stop()
    guarded(() => writer.close())
  }
}

/** By the file's name: classic for .pcap and .cap, else pcapng. */
export function captureFormat(path: string): 'pcap' | 'pcapng' {
  return /\.p?cap$/.test(path) ? 'pcap' : 'pcapng'
}
