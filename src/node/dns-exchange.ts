/**
 * One question to one DNS server over a Vnet (RFC 1035 §4.2): UDP with EDNS (RFC 6891), and TCP when the answer is cut off.
 */

import { decode, encode, RECURSION_DESIRED } from 'dns-packet'
import type { DecodedPacket, RecordType } from 'dns-packet'
import { randomInt32 } from '../kern/random.ts'
import { connectTcp } from '../socket/tcp.ts'
import type { TcpSocket } from '../socket/tcp.ts'
import { UdpSocket } from '../socket/udp.ts'
import type { Runner } from '../vnet/runner.ts'

export interface DnsServer { address: string; port: number }

/** dns-packet knows ANY, its types do not. */
export type QueryType = RecordType | 'ANY'

export interface Question { name: string; type: QueryType }

/** `answer` is null when there is none: then `code` (of c-ares) says why. */
export type Exchanged = (code: string, answer: DecodedPacket | null) => void

export interface ExchangeOptions { timeoutMs: number; localAddress: string | null }

/** What we say we can take over UDP: it fits one packet on nearly every path (RFC 6891 §6.2.5). */
const UDP_PAYLOAD = 1232

/** Asks; `done` is called once, never from inside this call. Returns how to give up (`done` is not called then). */
export function dnsExchange(
  runner: Runner, server: DnsServer, question: Question, options: ExchangeOptions, done: Exchanged,
): () => void {
  const id = randomInt32(runner.vnet.state.random) & 0xffff
  let stop = (): void => undefined
  let over = false
  const finish = (code: string, answer: DecodedPacket | null): void => {
    if (over) return
    over = true
    clearTimeout(timer)
    stop()
    done(code, answer)
  }
  const timer = setTimeout(() => { finish('ETIMEOUT', null) }, options.timeoutMs)
  const accept = (bytes: Uint8Array, viaTcp: boolean): boolean => {
    const answer = decoded(bytes)
    if (answer === null || !answers(answer, id, question)) return false
    if (answer.flag_tc && !viaTcp) {
      stop()
      stop = overTcp(runner, server, query, (b) => accept(b, true), fail)
    } else finish('', answer)
    return true
  }
  const fail = (error: Error): void => { finish(codeOf(error), null) }
  let query: Uint8Array
  try {
    query = encode({
      type: 'query', id, flags: RECURSION_DESIRED, questions: [{ name: question.name, type: question.type as RecordType, class: 'IN' }],
      additionals: [{ type: 'OPT', name: '.', udpPayloadSize: UDP_PAYLOAD, flags: 0, options: [] } as never],
    })
    stop = overUdp(runner, server, options.localAddress, query, (b) => accept(b, false), fail)
  } catch (error) {
    queueMicrotask(() => { fail(error as Error) })
  }
  return () => {
    over = true
    clearTimeout(timer)
    stop()
  }
}

/** Sends the query; whatever arrives that is no answer to it is passed over (RFC 5452 §9.1). */
function overUdp(
  runner: Runner, server: DnsServer, local: string | null, query: Uint8Array, accept: (bytes: Uint8Array) => boolean,
  fail: (error: Error) => void,
): () => void {
  const socket = new UdpSocket(runner, server.address.includes(':') ? 'IPv6' : 'IPv4')
  socket.on('message', (bytes: Uint8Array) => { accept(bytes) })
  socket.on('error', fail)
  try {
    if (local !== null) socket.bind(0, local)
    socket.connect(server.port, server.address)
    socket.send(query)
  } catch (error) {
    socket.close()
    throw error
  }
  return () => { socket.close() }
}

/** RFC 7766: the message behind its length of two octets. */
function overTcp(
  runner: Runner, server: DnsServer, query: Uint8Array, accept: (bytes: Uint8Array) => boolean,
  fail: (error: Error) => void,
): () => void {
  const socket: TcpSocket = connectTcp(runner, { host: server.address, port: server.port })
  let got = Buffer.alloc(0)
  socket.on('error', fail)
  socket.on('end', () => { fail(new Error('EBADRESP')) })
  socket.on('data', (bytes: Buffer) => {
    got = Buffer.concat([got, bytes])
    if (got.length >= 2 && got.length >= 2 + got.readUInt16BE(0) && !accept(got.subarray(2, 2 + got.readUInt16BE(0)))) {
      fail(new Error('EBADRESP'))
    }
  })
  const length = Buffer.alloc(2)
  length.writeUInt16BE(query.length)
  socket.write(Buffer.concat([length, query]))
  return () => { socket.destroy() }
}

function decoded(bytes: Uint8Array): DecodedPacket | null {
  try {
    return decode(Buffer.from(bytes))
  } catch {
    return null
  }
}

function answers(answer: DecodedPacket, id: number, question: Question): boolean {
  const asked = answer.questions?.[0]
  return answer.type === 'response' && answer.id === id && asked !== undefined &&
    asked.name.toLowerCase() === question.name.toLowerCase() && asked.type === question.type
}

function codeOf(error: Error): string {
  const { code } = error as { code?: string }
  if (code === undefined) return error.message === 'EBADRESP' ? 'EBADRESP' : 'EBADNAME'
  return code === 'ETIMEDOUT' ? 'ETIMEOUT' : 'ECONNREFUSED'
}
