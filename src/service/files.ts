/**
 * Serves a folder, read-only, over HTTP/1.1 (RFC 9110, RFC 9112): GET and HEAD, one byte range, listings, connections
 * that stay open. Where a download stands is plain data: it goes on in another process after a migration.
 */

import { closeSync, openSync, readSync } from 'node:fs'
import type { Runner } from '../vnet/runner.ts'
import { answerTo } from './files-answer.ts'
import type { SavedService } from './saved.ts'
import type { Service } from './service.ts'
import { TcpProgramServer } from './tcp-program.ts'
import type { Talk, TcpProgram } from './tcp-program.ts'

const FILES_PORT = 80
/** Longest head of a request. */
const HEAD_LIMIT = 16_384
const PIECE = 262_144
const NOTHING = new Uint8Array(0)

/** What a conversation knows: the head of a request so far, and what is left of the file being sent. */
type FilesTalk = { head: string; file: string; at: number; end: number; last: number }

export function startFiles(
  runner: Runner, root: string, port = FILES_PORT, saved: SavedService | null = null,
): Service {
  const tcp = new TcpProgramServer(runner, createFiles(root))
  if (saved === null) tcp.listen(port)
  else tcp.adopt(saved.listener, saved.talks)
  return {
    name: 'files',
    ports: [`tcp/${port}`],
    save: () => ({ name: 'files', listener: tcp.listener, udp: 0, talks: tcp.save() }),
    abandon: () => tcp.abandon(),
    stop: () => tcp.stop(),
  }
}

function createFiles(root: string): TcpProgram<FilesTalk> {
  const open = new Map<number, number>()
  const piece = Buffer.allocUnsafeSlow(PIECE)
  const close = (talk: Talk<FilesTalk>): void => {
    const fd = open.get(talk.id)
    if (fd !== undefined) closeSync(fd)
    open.delete(talk.id)
  }
  return {
    begin: () => ({ head: '', file: '', at: 0, end: 0, last: 0 }),
    busy: ({ data }) => data.at < data.end,
    received: (talk, bytes) => {
      talk.data.head += Buffer.from(bytes).toString('latin1')
      request(root, talk)
    },
    next: (talk) => talk.data.at < talk.data.end ? read(talk, open, piece) : waiting(root, talk),
    sent: (talk, bytes) => {
      const { data } = talk
      data.at += bytes
      if (data.at < data.end) return
      close(talk)
      if (data.last === 1) talk.closing = true
    },
    over: close,
  }
}

/** Answers the next request whose head is whole. */
function request(root: string, talk: Talk<FilesTalk>): void {
  const { data } = talk
  const end = data.head.indexOf('\r\n\r\n')
  if (end < 0 && data.head.length < HEAD_LIMIT) return
  const answer = answerTo(root, end < 0 ? null : data.head.slice(0, end))
  data.head = end < 0 ? '' : data.head.slice(end + 4)
  data.file = answer.file
  data.at = answer.at
  data.end = answer.end
  data.last = answer.close ? 1 : 0
  talk.out = answer.head
  if (data.at === data.end && data.last === 1) talk.closing = true
}

/** An answer is complete, and the next request may have come with the one before. */
function waiting(root: string, talk: Talk<FilesTalk>): Uint8Array {
  if (talk.data.head !== '') request(root, talk)
  return NOTHING
}

/** The next piece of the file. One that is shorter than was promised ends the connection: the client must notice. */
function read(talk: Talk<FilesTalk>, open: Map<number, number>, piece: Buffer): Uint8Array {
  const { data } = talk
  try {
    let fd = open.get(talk.id)
    if (fd === undefined) {
      fd = openSync(data.file, 'r')
      open.set(talk.id, fd)
    }
    const n = readSync(fd, piece, 0, Math.min(PIECE, data.end - data.at), data.at)
    if (n > 0) return piece.subarray(0, n)
  } catch {
    // gone or unreadable: as if it had become shorter
  }
  talk.closing = true
  data.end = data.at
  return NOTHING
}
