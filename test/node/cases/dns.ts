/** `dns`: lookup, Resolver against a server of the case's own, arguments, errors. */

import assert from 'node:assert'
import type dgram from 'node:dgram'
import type dns from 'node:dns'
import type net from 'node:net'
import { promisify } from 'node:util'
import { decode, encode, AUTHORITATIVE_ANSWER, TRUNCATED_RESPONSE } from 'dns-packet'
import type { Answer, Packet } from 'dns-packet'
import { bound, failure, LOOP, shut, thrown } from '../kit.ts'
import type { Case, Mods } from '../kit.ts'

/** What the server of these cases knows. */
const ZONE: readonly Answer[] = [
  { type: 'A', name: 'one.test', ttl: 60, data: '10.0.0.1' },
  { type: 'A', name: 'two.test', ttl: 60, data: '10.0.0.1' },
  { type: 'A', name: 'two.test', ttl: 30, data: '10.0.0.2' },
  { type: 'AAAA', name: 'one.test', ttl: 60, data: 'fd00::1' },
  { type: 'MX', name: 'one.test', ttl: 60, data: { preference: 10, exchange: 'mail.one.test' } },
  { type: 'TXT', name: 'one.test', ttl: 60, data: ['hello', 'world'] },
  { type: 'NS', name: 'one.test', ttl: 60, data: 'ns.one.test' },
  { type: 'CNAME', name: 'alias.test', ttl: 60, data: 'one.test' },
  { type: 'A', name: 'alias.test', ttl: 60, data: '10.0.0.1' },
  { type: 'SRV', name: '_x._tcp.one.test', ttl: 60, data: { priority: 1, weight: 2, port: 3, target: 'srv.one.test' } },
  { type: 'SOA', name: 'one.test', ttl: 60, data: {
    mname: 'ns.one.test', rname: 'admin.one.test', serial: 5, refresh: 6, retry: 7, expire: 8, minimum: 9,
  } },
  { type: 'PTR', name: '1.0.0.10.in-addr.arpa', ttl: 60, data: 'one.test' },
  { type: 'NAPTR', name: 'one.test', ttl: 60, data: {
    order: 1, preference: 2, flags: 's', services: 'SIP+D2U', regexp: '', replacement: '_sip._udp.one.test',
  } },
  { type: 'CAA', name: 'one.test', ttl: 60, data: { flags: 0, tag: 'issue', value: 'ca.test' } },
]

/** Records have a type since Node 24. */
const typed = (type: string | undefined): object => Number(process.versions.node.split('.')[0]) >= 24 ? { type } : {}

interface Server { socket: dgram.Socket; resolver: dns.Resolver; asked: string[] }

const silence = (): null => null

async function server(m: Mods, answer: (query: Packet) => Packet | null = zone): Promise<Server> {
  const socket = await bound(m)
  const asked: string[] = []
  socket.on('message', (bytes: Buffer, from: dgram.RemoteInfo) => {
    const query = decode(bytes)
    asked.push(query.questions?.[0]?.name ?? '')
    const reply = answer(query)
    if (reply !== null) socket.send(encode(reply), from.port, from.address)
  })
  // the machine may be busy; only silence is waited out
  const resolver = new m.dns.Resolver({ timeout: answer === silence ? 200 : 10_000, tries: 1 })
  resolver.setServers([`${LOOP}:${socket.address().port}`])
  return { socket, resolver, asked }
}

function zone(query: Packet): Packet {
  const [question] = query.questions ?? []
  const known = ZONE.filter((a) => a.name === question.name.toLowerCase())
  const answers = known.filter((a) => a.type === question.type || (a.type === 'CNAME' && question.type === 'A'))
  return { type: 'response', id: query.id ?? 0, flags: AUTHORITATIVE_ANSWER | (known.length === 0 ? 3 : 0), questions: [question], answers }
}

/** A server that answers with a response code. */
const refuses = (rcode: number) => (query: Packet): Packet =>
  ({ type: 'response', id: query.id ?? 0, flags: rcode, questions: query.questions ?? [] })

type Ask = (r: dns.Resolver) => Promise<unknown>

const ask = (method: keyof dns.Resolver, ...args: unknown[]): Ask => async (r) => new Promise((resolve, reject) => {
  ;(r as unknown as Record<string, AnyLookup>)[method](...args, (error: Error | null, result: unknown) => {
    if (error === null) resolve(result)
    else reject(error)
  })
})

/** False: somebody on this machine has the port already, for TCP. */
async function listens(server: net.Server, port: number): Promise<boolean> {
  return new Promise((resolve, reject) => {
    server.once('error', (err: NodeJS.ErrnoException) => {
      if (err.code === 'EADDRINUSE') resolve(false)
      else reject(err)
    })
    server.listen(port, LOOP, () => { resolve(true) })
  })
}

function resolves(name: string, question: Ask, expected: unknown): Case {
  return [`Resolver: ${name}`, async (m) => {
    const s = await server(m)
    assert.deepStrictEqual(await question(s.resolver), expected)
    await shut(s.socket)
  }]
}

function fails(name: string, question: Ask, code: string, message: string, answer: (query: Packet) => Packet | null = zone): Case {
  return [`Resolver: ${name}`, async (m) => {
    const s = await server(m, answer)
    const error = await failure(question(s.resolver))
    assert.deepStrictEqual([error.code, error.message], [code, message])
    await shut(s.socket)
  }]
}

type AnyLookup = (...args: unknown[]) => unknown

export const DNS: readonly Case[] = [
  resolves('resolve4', ask('resolve4', 'one.test'), ['10.0.0.1']),
  resolves('resolve4 of two', ask('resolve4', 'two.test'), ['10.0.0.1', '10.0.0.2']),
  resolves('resolve4 with TTLs', ask('resolve4', 'two.test', { ttl: true }),
    [{ address: '10.0.0.1', ttl: 60 }, { address: '10.0.0.2', ttl: 30 }]),
  resolves('resolve6', ask('resolve6', 'one.test'), ['fd00::1']),
  resolves('resolve6 with TTLs', ask('resolve6', 'one.test', { ttl: true }), [{ address: 'fd00::1', ttl: 60 }]),
  resolves('resolve', ask('resolve', 'one.test'), ['10.0.0.1']),
  resolves('resolve A', ask('resolve', 'one.test', 'A'), ['10.0.0.1']),
  resolves('resolve AAAA', ask('resolve', 'one.test', 'AAAA'), ['fd00::1']),
  resolves('resolve MX', ask('resolve', 'one.test', 'MX'), [{ exchange: 'mail.one.test', priority: 10, ...typed('MX') }]),
  resolves('resolveMx', ask('resolveMx', 'one.test'), [{ exchange: 'mail.one.test', priority: 10, ...typed('MX') }]),
  resolves('resolveTxt', ask('resolveTxt', 'one.test'), [['hello', 'world']]),
  resolves('resolveNs', ask('resolveNs', 'one.test'), ['ns.one.test']),
  resolves('resolveCname', ask('resolveCname', 'alias.test'), ['one.test']),
  resolves('an alias has the address', ask('resolve4', 'alias.test'), ['10.0.0.1']),
  resolves('resolveSrv', ask('resolveSrv', '_x._tcp.one.test'), [{
    name: 'srv.one.test', port: 3, priority: 1, weight: 2, ...typed('SRV'),
  }]),
  resolves('resolveSoa', ask('resolveSoa', 'one.test'), {
    nsname: 'ns.one.test', hostmaster: 'admin.one.test', serial: 5, refresh: 6, retry: 7, expire: 8, minttl: 9, ...typed(undefined),
  }),
  resolves('resolvePtr', ask('resolvePtr', '1.0.0.10.in-addr.arpa'), ['one.test']),
  resolves('reverse', ask('reverse', '10.0.0.1'), ['one.test']),
  resolves('resolveNaptr', ask('resolveNaptr', 'one.test'), [{
    flags: 's', service: 'SIP+D2U', regexp: '', replacement: '_sip._udp.one.test', order: 1, preference: 2, ...typed(undefined),
  }]),
  resolves('resolveCaa', ask('resolveCaa', 'one.test'), [{ critical: 0, issue: 'ca.test', ...typed('CAA') }]),
  resolves('names in capitals', ask('resolve4', 'ONE.TEST'), ['10.0.0.1']),
  fails('no such name', ask('resolve4', 'none.test'), 'ENOTFOUND', 'queryA ENOTFOUND none.test'),
  fails('no such record', ask('resolveMx', 'two.test'), 'ENODATA', 'queryMx ENODATA two.test'),
  fails('SERVFAIL', ask('resolve4', 'one.test'), 'ESERVFAIL', 'queryA ESERVFAIL one.test', refuses(2)),
  fails('REFUSED', ask('resolve4', 'one.test'), 'EREFUSED', 'queryA EREFUSED one.test', refuses(5)),
  fails('silence', ask('resolve4', 'one.test'), 'ETIMEOUT', 'queryA ETIMEOUT one.test', silence),
  fails('no such PTR', ask('reverse', '10.9.9.9'), 'ENOTFOUND', 'getHostByAddr ENOTFOUND 10.9.9.9'),
  ['Resolver: cut off over UDP, asked again over TCP', async (m) => {
    const tcp = m.net.createServer((socket) => {
      socket.on('error', () => undefined)
      socket.once('data', (bytes: Buffer) => {
        const reply = encode(zone(decode(bytes.subarray(2))))
        const length = Buffer.alloc(2)
        length.writeUInt16BE(reply.length)
        socket.end(Buffer.concat([length, reply]))
      })
    })
    const cutOff = (query: Packet): Packet => ({
      type: 'response', id: query.id ?? 0, flags: TRUNCATED_RESPONSE, questions: query.questions ?? [],
    })
    let s = await server(m, cutOff)
    while (!await listens(tcp, s.socket.address().port)) {
      await shut(s.socket)
      s = await server(m, cutOff)
    }
    assert.deepStrictEqual(await ask('resolveTxt', 'one.test')(s.resolver), [['hello', 'world']])
    await shut(s.socket)
    tcp.close()
  }],
  ['Resolver: nobody there', async (m) => {
    const s = await server(m)
    await shut(s.socket)
    assert.strictEqual((await failure(ask('resolve4', 'one.test')(s.resolver))).code, 'ECONNREFUSED')
  }],
  ['Resolver: cancel', async (m) => {
    const s = await server(m, () => null)
    const failed = failure(ask('resolve4', 'one.test')(s.resolver))
    s.resolver.cancel()
    assert.strictEqual((await failed).code, 'ECANCELLED')
    await shut(s.socket)
  }],
  ['Resolver: the promises', async (m) => {
    const s = await server(m)
    const resolver = new m.dns.promises.Resolver()
    resolver.setServers(s.resolver.getServers())
    assert.deepStrictEqual(await resolver.resolve4('one.test'), ['10.0.0.1'])
    assert.deepStrictEqual(await resolver.resolveTxt('one.test'), [['hello', 'world']])
    assert.strictEqual((await failure(resolver.resolve4('none.test'))).message, 'queryA ENOTFOUND none.test')
    await shut(s.socket)
  }],
  ['Resolver: getServers says what setServers was told', (m) => {
    const resolver = new m.dns.Resolver()
    resolver.setServers(['10.0.0.53', '10.0.0.54:5353', '[fd00::53]:54', 'fd00::54'])
    assert.deepStrictEqual(resolver.getServers(), ['10.0.0.53', '10.0.0.54:5353', '[fd00::53]:54', 'fd00::54'])
    resolver.setServers([])
    assert.deepStrictEqual(resolver.getServers(), [])
  }],
  ...(['x', '', '1.2.3', '[::1', 'host:53'] as const).map((text): Case => [`setServers(["${text}"])`, (m) => {
    assert.strictEqual(thrown(() => { new m.dns.Resolver().setServers([text]) }).code, 'ERR_INVALID_IP_ADDRESS')
  }]),
  ...([undefined, null, 'x', 5, {}] as unknown[]).map((value): Case => [`setServers(${JSON.stringify(value) ?? 'undefined'})`, (m) => {
    assert.strictEqual(thrown(() => { new m.dns.Resolver().setServers(value as never) }).code, 'ERR_INVALID_ARG_TYPE')
  }]),
  ...([[{ timeout: 'x' }, 'ERR_INVALID_ARG_TYPE'], [{ timeout: -2 }, 'ERR_OUT_OF_RANGE'], [{ tries: 0 }, 'ERR_OUT_OF_RANGE'],
    [{ tries: 'x' }, 'ERR_INVALID_ARG_TYPE']] as const).map(([options, code]): Case => [`new Resolver(${JSON.stringify(options)})`, (m) => {
    assert.strictEqual(thrown(() => new m.dns.Resolver(options as never)).code, code)
  }]),
  ...(['resolve4', 'resolve6', 'resolveMx', 'resolveTxt', 'resolveNs', 'resolveSoa', 'resolveSrv', 'resolvePtr', 'resolveNaptr',
    'resolveCname', 'resolveAny', 'resolveCaa', 'reverse'] as const).flatMap((method): Case[] => [
    [`${method}: the name is no text`, (m) => {
      assert.strictEqual(thrown(() => { (m.dns[method] as unknown as AnyLookup)(5, () => undefined) }).code, 'ERR_INVALID_ARG_TYPE')
    }],
    [`${method}: the callback is no function`, (m) => {
      assert.strictEqual(thrown(() => { (m.dns[method] as unknown as AnyLookup)('x.test', 'y') }).code, 'ERR_INVALID_ARG_TYPE')
    }],
  ]),
  ['resolve: an unknown type', (m) => {
    assert.strictEqual(thrown(() => { m.dns.resolve('x.test', 'NONSENSE' as never, () => undefined) }).code, 'ERR_INVALID_ARG_VALUE')
  }],
  ['reverse: no address', (m) => {
    assert.strictEqual(thrown(() => { m.dns.reverse('nonsense', () => undefined) }).code, 'EINVAL')
  }],

  ...([[LOOP, 4], ['::1', 6], ['10.1.2.3', 4]] as const)
    .map(([name, family]): Case => [`lookup of an address: ${name}`, async (m) => {
      assert.deepStrictEqual(await m.dns.promises.lookup(name), { address: name, family })
    }]),
  ['lookup: all of an address', async (m) => {
    assert.deepStrictEqual(await m.dns.promises.lookup(LOOP, { all: true }), [{ address: LOOP, family: 4 }])
  }],
  ['lookup: localhost', async (m) => {
    assert.deepStrictEqual(await m.dns.promises.lookup('localhost', 4), { address: LOOP, family: 4 })
  }],
  ['lookup: the callback', async (m) => {
    const results = await new Promise<unknown[]>((resolve) => {
      m.dns.lookup('localhost', 4, (...args: unknown[]) => { resolve(args) })
    })
    assert.deepStrictEqual(results, [null, LOOP, 4])
  }],
  ['lookup: it never calls back at once', async (m) => {
    let late = false
    await new Promise<void>((resolve) => {
      m.dns.lookup(LOOP, () => {
        assert.ok(late)
        resolve()
      })
      late = true
    })
  }],
  ['lookup: promisify', async (m) => {
    const lookup = promisify(m.dns.lookup)
    assert.deepStrictEqual(await lookup('localhost', 4), { address: LOOP, family: 4 })
  }],
  ['lookup: no such name', async (m) => {
    const error = await failure(m.dns.promises.lookup('vimage.invalid'))
    assert.ok(error.code === 'ENOTFOUND' || error.code === 'EAI_AGAIN')
    assert.strictEqual(error.message, `getaddrinfo ${error.code} vimage.invalid`)
    assert.strictEqual(error.syscall, 'getaddrinfo')
  }],
  ...([[5, 'ERR_INVALID_ARG_TYPE'], [{}, 'ERR_INVALID_ARG_TYPE'], [true, 'ERR_INVALID_ARG_TYPE']] as const)
    .map(([name, code]): Case => [`lookup(${JSON.stringify(name)})`, (m) => {
      assert.strictEqual(thrown(() => { (m.dns.lookup as unknown as AnyLookup)(name, () => undefined) }).code, code)
    }]),
  ...([[{ family: 9 }, 'ERR_INVALID_ARG_VALUE'], [{ hints: 99_999 }, 'ERR_INVALID_ARG_VALUE'], [{ hints: 'x' }, 'ERR_INVALID_ARG_TYPE'],
    [{ all: 'x' }, 'ERR_INVALID_ARG_TYPE'], [{ verbatim: 'x' }, 'ERR_INVALID_ARG_TYPE'], ['x', 'ERR_INVALID_ARG_TYPE']] as const)
    .map(([options, code]): Case => [`lookup with ${JSON.stringify(options)}`, (m) => {
      assert.strictEqual(thrown(() => { (m.dns.lookup as unknown as AnyLookup)('x.test', options, () => undefined) }).code, code)
    }]),
  ['lookup: the callback is no function', (m) => {
    assert.strictEqual(thrown(() => { (m.dns.lookup as unknown as AnyLookup)('x.test', {}, 'y') }).code, 'ERR_INVALID_ARG_TYPE')
  }],
  ['lookupService', async (m) => {
    assert.deepStrictEqual(await m.dns.promises.lookupService(LOOP, 80), { hostname: 'localhost', service: 'http' })
  }],
  ...([['x', 80, 'ERR_INVALID_ARG_VALUE'], [LOOP, -1, 'ERR_SOCKET_BAD_PORT'], [LOOP, 70_000, 'ERR_SOCKET_BAD_PORT']] as const)
    .map(([address, port, code]): Case => [`lookupService(${address}, ${port})`, (m) => {
      assert.strictEqual(thrown(() => { m.dns.lookupService(address, port, () => undefined) }).code, code)
    }]),
  ['constants', (m) => {
    assert.deepStrictEqual([m.dns.NODATA, m.dns.NOTFOUND, m.dns.ADDRCONFIG, m.dns.V4MAPPED, m.dns.CANCELLED],
      ['ENODATA', 'ENOTFOUND', 32, 8, 'ECANCELLED'])
  }],
]
