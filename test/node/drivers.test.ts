/** Well-known packages with their servers, unmodified, in programs under vimage/register. */

import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { build } from './build.ts'
import type { Build } from './build.ts'

const run = promisify(execFile)
let built: Build

beforeAll(() => { built = build() })
afterAll(() => { built.remove() })

async function program(source: string): Promise<string> {
  const register = pathToFileURL(join(built.dir, 'src/node/register.js')).href
  const env = { ...process.env, VIMAGE_CONFIG: '{resolver: {hosts: {mail.test: 127.0.0.1}}}' }
  const { stdout } = await run(process.execPath, ['--import', register, '--eval', source], { env, timeout: 60_000 })
  return stdout
}

it('nodemailer to smtp-server: STARTTLS, a login, a mail of 300 kB from a pool of connections, and the program ends', async () => {
  const stdout = await program(`
    const { SMTPServer } = require('smtp-server')
    const nodemailer = require('nodemailer')
    const mails = []
    const server = new SMTPServer({
      onAuth: ({ username, password }, _session, done) =>
        done(password === 'secret' ? null : new Error('no'), { user: username }),
      onData(stream, session, done) {
        let size = 0
        stream.on('data', (part) => { size += part.length }).on('end', () => {
          mails.push([session.envelope.rcptTo[0].address, session.secure, session.remoteAddress, size > 300000])
          done()
        })
      },
    })
    server.listen(2525, '127.0.0.1', async () => {
      const options = { host: 'mail.test', port: 2525, pool: true, requireTLS: true, tls: { rejectUnauthorized: false } }
      const post = nodemailer.createTransport({ ...options, auth: { user: 'me', pass: 'secret' } })
      await Promise.all([1, 2, 3].map((i) => post.sendMail({
        from: 'me@mail.test', to: i + '@mail.test', subject: 'x', text: 'line of it\\n'.repeat(30000),
      })))
      post.close()
      const refused = nodemailer.createTransport({ ...options, pool: false, auth: { user: 'me', pass: 'wrong' } })
      await refused.sendMail({ from: 'me@mail.test', to: 'a@mail.test', text: 'x' }).catch((e) => mails.push([e.code]))
      const nobody = nodemailer.createTransport({ host: 'mail.test', port: 2526 })
      await nobody.sendMail({ from: 'me@mail.test', to: 'a@mail.test', text: 'x' }).catch((e) => mails.push([e.code, e.syscall]))
      server.close(() => console.log(JSON.stringify(mails.sort())))
    })`)
  expect(JSON.parse(stdout)).toEqual([
    ...[1, 2, 3].map((i) => [`${i}@mail.test`, true, '127.0.0.1', true]), ['EAUTH'], ['ESOCKET', 'connect'],
  ])
}, 90_000)

it('mqtt to aedes: retained messages, a will, 500 messages of QoS 1 in order, WebSocket, and the program ends', async () => {
  const stdout = await program(`
    const { createServer } = require('node:net')
    const http = require('node:http')
    const mqtt = require('mqtt')
    const { WebSocketServer, createWebSocketStream } = require('ws')
    const print = (...words) => console.log(JSON.stringify(words))
    const main = async () => {
      const { Aedes } = await import('aedes')
      const broker = await Aedes.createBroker()
      const server = createServer(broker.handle)
      const web = http.createServer()
      new WebSocketServer({ server: web }).on('connection', (ws, req) => broker.handle(createWebSocketStream(ws), req))
      await Promise.all([server, web].map((s, i) => new Promise((resolve) => s.listen([1883, 8080][i], '127.0.0.1', resolve))))
      const a = await mqtt.connectAsync('mqtt://mail.test', { will: { topic: 'gone', payload: 'a is gone' } })
      const b = await mqtt.connectAsync('ws://mail.test:8080')
      const numbers = []
      const gone = new Promise((resolve) => b.on('message', (topic, message) => {
        if (topic === 'n') numbers.push(Number(message))
        else if (topic === 'kept') print('kept', String(message))
        else resolve(String(message))
      }))
      await a.publishAsync('kept', 'from before', { retain: true, qos: 1 })
      await b.subscribeAsync(['n', 'kept', 'gone'], { qos: 1 })
      await Promise.all(Array.from({ length: 500 }, (_, i) => a.publishAsync('n', String(i), { qos: 1 })))
      a.stream.destroy()
      a.end(true)
      print('will', await gone)
      print('in order', numbers.length, numbers.every((n, i) => n === i))
      await b.endAsync()
      const nobody = await mqtt.connectAsync('mqtt://mail.test:1884', { reconnectPeriod: 0 }).catch((e) => e.code)
      print('nobody', nobody)
      broker.close(() => { server.close(); web.close() })
    }
    main()`)
  expect(stdout.trim().split('\n').map((line) => JSON.parse(line) as unknown)).toEqual([
    ['kept', 'from before'], ['will', 'a is gone'], ['in order', 500, true], ['nobody', 'ECONNREFUSED'],
  ])
}, 90_000)
