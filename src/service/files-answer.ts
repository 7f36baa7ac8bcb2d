/** What the `files` service answers to a request's head: a head of its own, and which bytes of which file follow. */

import { readdirSync, realpathSync, statSync } from 'node:fs'
import type { Stats } from 'node:fs'
import { extname, join, sep } from 'node:path'

export interface FileAnswer {
  /** Status line, fields, and the whole body where it is not a file's. */
  head: Uint8Array
  /** Bytes `at`…`end` of this file follow; equal for none. */
  file: string
  at: number
  end: number
  /** The connection ends after this answer. */
  close: boolean
}

/** `head` is the request's without its empty line, null for one that is too long. Never throws. */
export function answerTo(root: string, head: string | null): FileAnswer {
  if (head === null) return text(431, 'the head of a request may have at most 16384 bytes\n', true, false)
  const [first = '', ...lines] = head.split('\r\n')
  const match = /^([A-Z]+) (\S+) HTTP\/1\.([01])$/.exec(first)
  if (match === null) return text(400, 'this is not an HTTP request\n', true, false)
  const [, method = '', target = '', minor = ''] = match
  const fields = fieldsOf(lines)
  const wants = (fields.get('connection') ?? '').toLowerCase()
  const close = minor === '0' ? !wants.includes('keep-alive') : wants.includes('close')
  // a body would have to be read before the next request
  if (fields.has('content-length') || fields.has('transfer-encoding')) return text(413, 'no bodies here\n', true, false)
  if (method !== 'GET' && method !== 'HEAD') {
    return text(405, 'only GET and HEAD here\n', close, false, ['Allow: GET, HEAD'])
  }
  const path = resolveIn(root, target)
  const stat = path === '' ? null : statOf(path)
  if (stat === null) return text(404, 'not here\n', close, method === 'HEAD')
  if (stat.isDirectory()) return ofFolder(root, path, target, close, method === 'HEAD')
  return ofFile(path, stat, fields.get('range') ?? '', close, method === 'HEAD')
}

function ofFile(file: string, stat: Stats, range: string, close: boolean, headOnly: boolean): FileAnswer {
  const { size } = stat
  const part = rangeOf(range, size)
  if (part === null) return text(416, 'no such range\n', close, headOnly, [`Content-Range: bytes */${size}`])
  const [at, end] = part
  const partial = range !== '' && (at > 0 || end < size)
  const head = headOf(partial ? 206 : 200, [
    `Content-Type: ${TYPES[extname(file).toLowerCase()] ?? 'application/octet-stream'}`,
    `Content-Length: ${end - at}`, 'Accept-Ranges: bytes', `Last-Modified: ${stat.mtime.toUTCString()}`,
    ...(partial ? [`Content-Range: bytes ${at}-${end - 1}/${size}`] : []),
  ], close)
  return { head, file, at, end: headOnly ? at : end, close }
}

function ofFolder(root: string, path: string, target: string, close: boolean, headOnly: boolean): FileAnswer {
  if (!target.split('?')[0]?.endsWith('/')) return text(301, 'here\n', close, headOnly, [`Location: ${target}/`])
  const index = join(path, 'index.html')
  const stat = statOf(index)
  if (stat?.isFile() === true) return ofFile(index, stat, '', close, headOnly)
  let names: string[]
  try {
    names = readdirSync(path, { withFileTypes: true }).map((e) => e.isDirectory() ? `${e.name}/` : e.name).sort()
  } catch {
    return text(403, 'not readable\n', close, headOnly)
  }
  const above = path === realpathSync(root) ? [] : ['../']
  const items = [...above, ...names].map((n) => `<li><a href="${encodeURI(n)}">${escape(n)}</a></li>`).join('\n')
  const body = `<!doctype html><html lang="en"><meta charset="utf-8"><title>${escape(target)}</title>\n` +
    `<h1>${escape(target)}</h1>\n<ul>\n${items}\n</ul></html>\n`
  return whole(200, 'text/html; charset=utf-8', body, close, headOnly, [])
}

/** The file that a request's target names, links followed; '' for none, or one outside of the folder. */
function resolveIn(root: string, target: string): string {
  try {
    const path = decodeURIComponent(target.replace(/[?#].*$/, ''))
    if (!path.startsWith('/') || path.includes('\0')) return ''
    const base = realpathSync(root)
    const real = realpathSync(join(base, path))
    return real === base || real.startsWith(base.endsWith(sep) ? base : base + sep) ? real : ''
  } catch {
    return ''
  }
}

function statOf(path: string): Stats | null {
  try {
    const stat = statSync(path)
    return stat.isFile() || stat.isDirectory() ? stat : null
  } catch {
    return null
  }
}

/** [first, behind the last]; null for a range outside (RFC 9110 §14.1.2). Several ranges are answered with it all. */
function rangeOf(text: string, size: number): [number, number] | null {
  const match = /^bytes=(\d*)-(\d*)$/.exec(text.replaceAll(' ', ''))
  if (match === null || (match[1] === '' && match[2] === '')) return [0, size]
  const [, first = '', last = ''] = match
  if (first === '') return Number(last) === 0 ? null : [Math.max(0, size - Number(last)), size]
  const end = last === '' ? size : Math.min(size, Number(last) + 1)
  return Number(first) < end ? [Number(first), end] : null
}

function fieldsOf(lines: readonly string[]): Map<string, string> {
  return new Map(lines.map((line) => {
    const at = line.indexOf(':')
    return [line.slice(0, at).toLowerCase(), line.slice(at + 1).trim()]
  }))
}

function text(
  status: number, body: string, close: boolean, headOnly: boolean, fields: readonly string[] = [],
): FileAnswer {
  return whole(status, 'text/plain; charset=utf-8', body, close, headOnly, fields)
}

function whole(
  status: number, type: string, body: string, close: boolean, headOnly: boolean, fields: readonly string[],
): FileAnswer {
  const bytes = Buffer.from(body)
  const head = headOf(status, [`Content-Type: ${type}`, `Content-Length: ${bytes.length}`, ...fields], close)
  return { head: headOnly ? head : Buffer.concat([head, bytes]), file: '', at: 0, end: 0, close }
}

function headOf(status: number, fields: readonly string[], close: boolean): Buffer {
  const lines = [`HTTP/1.1 ${status} ${REASONS[status] ?? ''}`, ...fields, ...(close ? ['Connection: close'] : [])]
  return Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1')
}

function escape(s: string): string {
  return s.replace(/[&<>"]/g, (c) => `&#${c.charCodeAt(0)};`)
}

const REASONS: Readonly<Record<number, string>> = Object.freeze({
  200: 'OK', 206: 'Partial Content', 301: 'Moved Permanently', 400: 'Bad Request', 403: 'Forbidden', 404: 'Not Found',
  405: 'Method Not Allowed', 413: 'Content Too Large', 416: 'Range Not Satisfiable',
  431: 'Request Header Fields Too Large',
})

const TYPES: Readonly<Record<string, string>> = Object.freeze({
  '.html': 'text/html; charset=utf-8', '.htm': 'text/html; charset=utf-8', '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8', '.json': 'application/json', '.txt': 'text/plain; charset=utf-8',
  '.md': 'text/markdown; charset=utf-8', '.png': 'image/png', '.jpg': 'image/jpeg', '.svg': 'image/svg+xml',
  '.pdf': 'application/pdf', '.wasm': 'application/wasm', '.xml': 'application/xml',
})
