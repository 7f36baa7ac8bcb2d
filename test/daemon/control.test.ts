import { request } from 'node:http'
import { connect } from 'node:net'
import { describe, expect, it } from 'vitest'
import type { ControlError } from '../../src/daemon/client.ts'
import type { CaptureLine } from '../../src/daemon/streams.ts'
import { connectTcp } from '../../src/socket/tcp.ts'
import type { CounterRow } from '../../src/vimage/counters.ts'
import type { PingEvent } from '../../src/vimage/ping-events.ts'
import type { Vimage } from '../../src/vimage/vimage.ts'
import { TWO, usePlaces } from './support.ts'
import type { Place } from './support.ts'

const place = usePlaces()

/** A request as anybody could make it: status, headers, body. */
function raw(p: Place, method: string, path: string,
  body = ''): Promise<{ status: number; allow: string; json: unknown }> {
  return new Promise((resolve, reject) => {
    const req = request({ socketPath: p.control, method, path, agent: false }, (res) => {
      let text = ''
      res.setEncoding('utf8').on('data', (chunk: string) => (text += chunk)).on('end', () => {
        resolve({
          status: res.statusCode ?? 0, allow: res.headers.allow ?? '',
            json: text === '' ? null : JSON.parse(text) as unknown,
        })
      })
    })
    req.on('error', reject)
    req.end(body)
  })
}

async function until(what: string, condition: () => boolean): Promise<void> {
  const end = performance.now() + 5000
  while (!condition()) {
    if (performance.now() > end) throw new Error(`not within 5 s: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

describe('errors of the control API', () => {
  const cases: [title: string, method: string, path: string, body: string, status: number, code: string,
    words: string][] = [
    ['a path that is not there', 'GET', '/v2', '', 404, 'ENOENT', 'there is nothing at /v2'],
    ['a method that is not possible', 'DELETE', '/v1/vimages', '', 405, 'EOPNOTSUPP', 'GET, POST is'],
    ['a malformed path', 'GET', '/v1/vimages/%zz', '', 400, 'EINVAL', 'well-formed'],
    ['a vimage that is not there', 'GET', '/v1/vimages/c/arp', '', 404, 'ENOENT',
      'there is no vimage "c"; there are a, b'],
    ['an interface that is not there', 'GET', '/v1/vimages/a/interfaces/em0', '', 404, 'ENOENT', 'it has lo0, eth0'],
    ['a body that is not JSON', 'PATCH', '/v1/vimages/a/interfaces/eth0', '{', 400, 'EINVAL', 'is not JSON'],
    ['a body of the wrong shape', 'PUT', '/v1/vimages/a/arp/10.9.0.7', '{"mac":7}', 400, 'EINVAL', '"mac"'],
    ['a key that is not known', 'PATCH', '/v1/vimages/a/interfaces/eth0', '{"upp":true}', 400, 'EINVAL', 'upp'],
    ['a body that is too long', 'PUT', '/v1/vimages/a/sysctl/x', 'x'.repeat(70_000), 413, 'EMSGSIZE', '65536'],
    ['an address that is there already', 'PATCH', '/v1/vimages/a/interfaces/eth0', '{"add":["10.9.0.1/24"]}', 409,
      'EEXIST',
      'has the address already'],
    ['an address without length', 'PATCH', '/v1/vimages/a/interfaces/eth0', '{"add":["10.9.0.9"]}', 400, 'EINVAL',
      'expected one like 10.0.0.1/24'],
    ['an address to be removed that is not there', 'PATCH', '/v1/vimages/a/interfaces/eth0',
      '{"remove":["10.9.0.9"]}', 422,
      'EADDRNOTAVAIL', 'does not have it'],
    ['an impossible MTU', 'PATCH', '/v1/vimages/a/interfaces/eth0', '{"mtuBytes":20}', 400, 'EINVAL',
      'expected 68 to 65535'],
    ['a sysctl that is not there', 'GET', '/v1/vimages/a/sysctl?name=net.x', '', 404, 'ENOENT',
      'there is no sysctl "net.x"'],
    ['a sysctl out of range', 'PUT', '/v1/vimages/a/sysctl/net.inet.ip.ttl', '{"value":"0"}', 400, 'EINVAL',
      'expected 1 to 255'],
    ['a route by a gateway that is no neighbour', 'POST', '/v1/vimages/a/routes',
      '{"to":"default","via":"10.8.0.1"}', 422,
      'ENETUNREACH', 'not on the link of any interface'],
    ['a route that is there already', 'POST', '/v1/vimages/a/routes', '{"to":"10.9.0.0/24","interface":"eth0"}',
      409, 'EEXIST',
      'by the same way'],
    ['a route without a way', 'POST', '/v1/vimages/a/routes', '{"to":"10.7.0.0/24"}', 400, 'EINVAL', 'needs a gateway'],
    ['a route to nowhere', 'GET', '/v1/vimages/a/routes?to=192.0.2.1', '', 422, 'ENETUNREACH', 'no route to 192.0.2.1'],
    ['a route that is not there', 'DELETE', '/v1/vimages/a/routes?to=10.7.0.0/24', '', 404, 'ENOENT', 'no such route'],
    ['a neighbour that is not there', 'DELETE', '/v1/vimages/a/arp/10.9.0.77', '', 404, 'ENOENT', 'no such neighbour'],
    ['a neighbour beyond the link', 'PUT', '/v1/vimages/a/arp/192.0.2.1', '{"mac":"02:00:00:00:00:01"}', 422,
      'ENETUNREACH',
      'not on the link'],
    ['a hardware address that is none', 'PUT', '/v1/vimages/a/arp/10.9.0.7', '{"mac":"x"}', 400, 'EINVAL',
      '02:00:00:00:00:01'],
    ['a ping of a name', 'POST', '/v1/vimages/a/ping', '{"host":"b"}', 400, 'EINVAL', '"b" is not an address'],
    ['a ping from an address that is not ours', 'POST', '/v1/vimages/a/ping',
      '{"host":"10.9.0.2","source":"10.9.0.2"}', 422,
      'EADDRNOTAVAIL', 'cannot ping 10.9.0.2 from 10.9.0.2'],
    ['a ping that is too long', 'POST', '/v1/vimages/a/ping', '{"host":"10.9.0.2","sizeBytes":65508}', 400,
      'EINVAL', 'sizeBytes'],
    ['a filter that is not understood', 'GET', '/v1/capture?vimage=a&filter=port+x', '', 400, 'EINVAL', '"port x"'],
    ['a capture of an interface that is not there', 'GET', '/v1/capture?vimage=a&interface=em0', '', 404, 'ENOENT',
      'there are eth0'],
    ['a bridge that is not there', 'GET', '/v1/bridges/br9/macs', '', 404, 'ENOENT', 'there are br0'],
  ]
  it.each(cases)('%s', async (_title, method, path, body, status, code, words) => {
    const p = place()
    await p.start(TWO)
    const answer = await raw(p, method, path, body)
    expect(answer).toMatchObject({ status, json: { error: { code } } })
    const { message } = (answer.json as { error: { message: string } }).error
    expect(message).toContain(words)
    if (status === 405) expect(answer.allow).toBe('GET, POST')
    // whatever it was, the daemon is well
    expect((await raw(p, 'GET', '/v1')).status).toBe(200)
  })

  it('bytes that are not HTTP', async () => {
    const p = place()
    await p.start(TWO)
    const socket = connect(p.control)
    socket.end('\0\x01\xff no HTTP\r\n\r\n')
    await new Promise((resolve) => socket.resume().once('close', resolve))
    expect((await raw(p, 'GET', '/v1')).status).toBe(200)
  })

  it('no daemon', async () => {
    const p = place()
    await expect(p.client.get('/v1')).rejects.toThrow(`no daemon answers at ${p.control}; start one with "vimage up"`)
  })
})

describe('changes through the control API', () => {
  it('interfaces: up, down, MTU, addresses', async () => {
    const p = place()
    await p.start(TWO)
    const path = '/v1/vimages/a/interfaces/eth0'
    const changed = await p.client.call<{ addresses: { address: string }[]; mtuBytes: number }>('PATCH', path, {
      add: ['10.9.0.11/24'], mtuBytes: 1300,
    })
    expect(changed.addresses.map((a) => a.address)).toEqual(['10.9.0.1', '10.9.0.11'])
    expect(changed.mtuBytes).toBe(1300)
    const replaced = await p.client.call<typeof changed>('PATCH', path, { set: '10.9.0.11/25' })
    expect(replaced.addresses).toMatchObject([{ address: '10.9.0.11', prefixLen: 25, broadcast: '10.9.0.127' }])
    expect(await p.client.call('PATCH', path, { up: false }))
      .toMatchObject({ flags: ['BROADCAST', 'RUNNING', 'MULTICAST'] })
    // a wrong new address leaves the old one where it was
    await expect(p.client.call('PATCH', path, { set: '10.9.0.255/24' })).rejects
      .toThrow('expected the address of a host')
    expect(await p.client.get(path)).toMatchObject({ addresses: [{ address: '10.9.0.11', prefixLen: 25 }] })
  })

  it('neighbours', async () => {
    const p = place()
    await p.start(TWO)
    await p.client.call('PUT', '/v1/vimages/a/arp/10.9.0.7', { mac: '02:00:00:00:00:07' })
    expect(await p.client.get('/v1/vimages/a/arp')).toEqual([
      { address: '10.9.0.7', mac: '02:00:00:00:00:07', interface: 'eth0', status: 'permanent', expiresS: -1, router: false }])
    await p.client.call('DELETE', '/v1/vimages/a/arp/10.9.0.7')
    expect(await p.client.get('/v1/vimages/a/arp')).toEqual([])
  })

  it('routes', async () => {
    const p = place()
    await p.start(TWO)
    await p.client.call('POST', '/v1/vimages/a/routes', { to: 'default', via: '10.9.0.2' })
    expect(await p.client.get('/v1/vimages/a/routes?to=192.0.2.1')).toMatchObject({
      destination: 'default', gateway: '10.9.0.2', interface: 'eth0',
    })
    await p.client.call('DELETE', '/v1/vimages/a/routes?to=default')
    await expect(p.client.get('/v1/vimages/a/routes?to=192.0.2.1')).rejects.toMatchObject({ code: 'ENETUNREACH' })
  })

  it('tunables, of one vimage and not of the other', async () => {
    const p = place()
    await p.start(TWO)
    expect(await p.client.call('PUT', '/v1/vimages/a/sysctl/net.inet.ip.ttl', { value: '9' })).toMatchObject({
      name: 'net.inet.ip.ttl', value: '9', default: '64', unit: 'hops',
    })
    expect(await p.client.get('/v1/vimages/b/sysctl?name=net.inet.ip.ttl')).toMatchObject([{ value: '64' }])
  })

  it('down ends the daemon after it has answered', async () => {
    const p = place()
    const daemon = await p.start(TWO)
    expect(await p.client.call('POST', '/v1/down')).toEqual({ pid: process.pid })
    await daemon.ended
    await expect(p.client.get('/v1')).rejects.toMatchObject({ status: 0 } satisfies Partial<ControlError>)
  })
})

describe('streams of the control API', () => {
  it('ping: replies and a summary', async () => {
    const p = place()
    await p.start(TWO)
    const events: PingEvent[] = []
    await p.client.stream<PingEvent>('POST', '/v1/vimages/a/ping', {
      host: '10.9.0.2', count: 3, intervalMs: 5, sizeBytes: 3000, ttl: 5,
    }, (event) => events.push(event))
    expect(events.map((e) => e.type)).toEqual(['start', 'reply', 'reply', 'reply', 'end'])
    expect(events.slice(1, 4).map((e) => e.type === 'reply' && e.seq)).toEqual([0, 1, 2])
    expect(events[1]).toMatchObject({ from: '10.9.0.2', bytes: 3008, ttl: 64, duplicate: false })
    expect(events[4]).toMatchObject({ transmitted: 3, received: 3, duplicates: 0, errors: 0 })
    const end = events[4] as Extract<PingEvent, { type: 'end' }>
    expect(end.rttMinUs).toBeGreaterThan(0)
    expect(end.rttMinUs).toBeLessThanOrEqual(end.rttAvgUs)
    expect(end.rttAvgUs).toBeLessThanOrEqual(end.rttMaxUs)
  })

  it('ping: a neighbour that does not exist, a network without a route', async () => {
    const p = place()
    await p.start(TWO)
    const events: PingEvent[] = []
    const ping = (host: string): Promise<void> => p.client.stream<PingEvent>('POST', '/v1/vimages/a/ping', {
      host, count: 1, timeoutMs: 50,
    }, (event) => events.push(event))
    await ping('10.9.0.99')
    expect(events.at(-1)).toMatchObject({ type: 'end', transmitted: 1, received: 0 })
    await ping('192.0.2.1')
    expect(events.at(-2)).toMatchObject({ type: 'sendError', code: 'ENETUNREACH' })
  })

  it('ping ends when its client goes: no socket is left in the vimage', async () => {
    const p = place()
    const daemon = await p.start(TWO)
    const { raw } = (daemon.vimages.get('a') as Vimage).runner.vnet.state
    const abort = new AbortController()
    let replies = 0
    await p.client.stream<PingEvent>('POST', '/v1/vimages/a/ping', { host: '10.9.0.2', intervalMs: 1 }, () => {
      if (++replies === 5) {
        expect(raw.pcbs.size).toBe(1)
        abort.abort()
      }
    }, abort.signal)
    await until('the raw socket is closed', () => raw.pcbs.size === 0)
  })

  it('capture: what passes the interface, and nothing that the filter does not want', async () => {
    const p = place()
    const daemon = await p.start(TWO)
    const lines: CaptureLine[] = []
    const capture = p.client.stream<CaptureLine>('GET',
      '/v1/capture?vimage=b&filter=icmp+and+src+host+10.9.0.1&count=2&snaplen=40',
      undefined, (line) => lines.push(line))
    const point = daemon.points.find((x) => x.owner === 'b')
    await until('the capture has begun', () => point?.sinks.size === 1)
    await p.client.stream('POST', '/v1/vimages/a/ping', { host: '10.9.0.2', count: 3, intervalMs: 5 }, () => undefined)
    await capture
    expect(lines.map((l) => l.type)).toEqual(['start', 'packet', 'packet', 'end'])
    expect(lines[0]).toEqual({ type: 'start', points: [{ owner: 'b', name: 'eth0', linkType: 1 }] })
    const packet = lines[1] as Extract<CaptureLine, { type: 'packet' }>
    expect(packet).toMatchObject({ direction: 'in', lengthBytes: 98, point: 0 })
    expect(Buffer.from(packet.data, 'base64').length).toBe(40)
    expect(lines[3]).toEqual({ type: 'end', packets: 2, dropped: 0 })
    expect(point?.sinks.size).toBe(0)
  })

  it('capture ends when its client goes', async () => {
    const p = place()
    const daemon = await p.start(TWO)
    const abort = new AbortController()
    const capture = p.client.stream('GET', '/v1/capture?vimage=a', undefined, () => undefined, abort.signal)
    await until('it has begun', () => daemon.points.some((x) => x.sinks.size > 0))
    abort.abort()
    await capture
    await until('nobody looks any more', () => daemon.points.every((x) => x.sinks.size === 0))
  })

  it('messages: those that were, and those to come', async () => {
    const p = place()
    const daemon = await p.start(TWO)
    const before = await p.client.get<{ index: number; text: string }[]>('/v1/vimages/a/messages')
    expect(before.map((m) => m.index)).toEqual(before.map((_, i) => i))
    expect(before.some((m) => m.text === 'echo: listening on tcp/7, udp/7')).toBe(true)
    const abort = new AbortController()
    const seen: string[] = []
    const following = p.client.stream<{ text: string }>('GET', '/v1/vimages/a/messages?follow', undefined, (m) => {
      seen.push(m.text)
      if (m.text === 'later') abort.abort()
    }, abort.signal)
    await until('the old ones have come', () => seen.length === before.length)
    const { messageWrite } = await import('../../src/vimage/messages.ts')
    messageWrite((daemon.vimages.get('a') as Vimage).runner, 6, 'later')
    await following
    expect(seen).toEqual([...before.map((m) => m.text), 'later'])
  })

  it('a client that does not read holds nothing up: what does not fit is dropped, and memory is bounded', async () => {
    const p = place()
    const daemon = await p.start(TWO)
    const socket = connect(p.control)
    socket.pause()
    socket.write('GET /v1/capture?vimage=a HTTP/1.1\r\nHost: x\r\n\r\n')
    await until('the capture has begun', () => daemon.points.some((x) => x.sinks.size > 0))
    // 10 MB of echo, about 27 MB as lines
    const echo = connectTcp((daemon.vimages.get('a') as Vimage).runner, { host: '10.9.0.2', port: 7 })
    const block = Buffer.alloc(100_000)
    let back = 0
    echo.on('data', (chunk: Buffer) => (back += chunk.length))
    for (let i = 0; i < 100; i++) if (!echo.write(block)) await new Promise((resolve) => echo.once('drain', resolve))
    await until('all of it has come back', () => back === 100 * block.length)
    echo.destroy()
    let text = ''
    socket.setEncoding('utf8').on('data', (chunk: string) => (text += chunk)).resume()
    let length = -1
    await until('what waited has come', () => {
      const done = text.length === length && length > 0
      length = text.length
      return done
    })
    expect(text.length).toBeLessThan(8_000_000)
    socket.destroy()
    await until('nobody looks any more', () => daemon.points.every((x) => x.sinks.size === 0))
  })

  it('a daemon that ends in the middle ends them', async () => {
    const p = place()
    const daemon = await p.start(TWO)
    const capture = p.client.stream('GET', '/v1/capture?vimage=a', undefined, () => undefined)
    await until('it has begun', () => daemon.points.some((x) => x.sinks.size > 0))
    const ended = expect(capture).rejects.toThrow('the daemon has ended')
    await daemon.close()
    await ended
  })
})

describe('listings of the control API', () => {
  it('bridges: ports, their counters, what was learnt', async () => {
    const p = place()
    await p.start(TWO)
    await p.client.stream('POST', '/v1/vimages/a/ping', { host: '10.9.0.2', count: 1 }, () => undefined)
    const ports = await p.client.get<{ port: string; kind: string; inFrames: number; macs: number }[]>('/v1/bridges')
    expect(ports.map((x) => `${x.port} ${x.kind} ${x.macs}`)).toEqual(['a/eth0 vimage 1', 'b/eth0 vimage 1'])
    expect(ports.every((x) => x.inFrames > 0)).toBe(true)
    const macs = await p.client.get<{ port: string }[]>('/v1/bridges/br0/macs')
    expect(macs.map((m) => m.port).sort()).toEqual(['a/eth0', 'b/eth0'])
  })

  it('sockets and counters', async () => {
    const p = place()
    await p.start(TWO)
    await p.client.stream('POST', '/v1/vimages/a/ping', { host: '10.9.0.2', count: 1 }, () => undefined)
    const sockets = await p.client.get<{ proto: string; local: string; state: string }[]>('/v1/vimages/b/sockets')
    expect(sockets.map((s) => `${s.proto} ${s.local} ${s.state}`.trim())).toEqual([
      'tcp4 *:7 LISTEN', 'tcp4 *:80 LISTEN', 'udp4 *:7'])
    const all = await p.client.get<CounterRow[]>('/v1/vimages/b/counters')
    const some = await p.client.get<CounterRow[]>('/v1/vimages/b/counters?nonzero')
    expect(some).toEqual(all.filter((c) => c.value !== 0))
    const total = all.find((c) => c.protocol === 'ip' && c.name === 'total') as CounterRow
    expect(total.text).toBe(`${total.value} total packets received`)
    expect(total.value).toBeGreaterThan(0)
  })
})

describe('the inside of connections', () => {
  interface Listing { tracing: string; limit: number; events: { kind: string; why: string; socket: number }[] }

  it('TCP_INFO of every connection; the event trace, of one socket and the last so many', async () => {
    const p = place()
    const daemon = await p.start(TWO)
    expect(await p.client.get<Listing>('/v1/vimages/a/trace')).toEqual({ tracing: 'off', limit: 0, events: [] })
    await p.client.call('PUT', '/v1/vimages/a/sysctl/net.inet.tcp.trace', { value: '500' })
    const socket = connectTcp((daemon.vimages.get('a') as Vimage).runner, { host: '10.9.0.2', port: 7 })
    const echoed = new Promise((resolve) => socket.once('data', resolve))
    socket.write('hello')
    await echoed
    const rows = await p.client.get<{ socket: number; state: string; info: Record<string, number> }[]>(
      '/v1/vimages/a/connections')
    const info = { tcpi_state: 1, tcpi_bytes_acked: 6, tcpi_bytes_received: 5 }
    expect(rows).toMatchObject([{ socket: socket.id, state: 'ESTABLISHED', info }])
    expect(socket.info()).toMatchObject({ tcpi_bytes_sent: 5, tcpi_segs_in: rows[0]?.info.tcpi_segs_in })
    const listing = await p.client.get<Listing>(`/v1/vimages/a/trace?socket=${socket.id}`)
    expect(listing).toMatchObject({ tracing: 'all', limit: 500 })
    expect(listing.events.map((e) => e.kind)).toEqual(expect.arrayContaining(['call', 'state', 'out', 'in']))
    expect(listing.events.find((e) => e.kind === 'out')?.why).toBe('the user opens the connection')
    expect((await p.client.get<Listing>('/v1/vimages/a/trace?last=2')).events).toEqual(listing.events.slice(-2))
    expect((await raw(p, 'GET', '/v1/vimages/a/trace?last=x')).status).toBe(400)
    socket.destroy()
  })

  it('captured packets say why they were sent and what became of them', async () => {
    const p = place()
    const daemon = await p.start(TWO)
    await p.client.call('PUT', '/v1/vimages/a/sysctl/net.inet.tcp.trace', { value: '500' })
    const why: string[] = []
    const stop = new AbortController()
    const capture = p.client.stream<CaptureLine>('GET', '/v1/capture?vimage=a&filter=tcp&why', undefined, (line) => {
      if (line.type === 'packet') why.push(line.why ?? '-')
    }, stop.signal)
    await until('the capture runs', () => daemon.points.some((point) => point.sinks.size > 0))
    const socket = connectTcp((daemon.vimages.get('a') as Vimage).runner, { host: '10.9.0.2', port: 9999 })
    await new Promise((resolve) => socket.once('error', resolve))
    await until('two packets', () => why.length === 2)
    expect(why[0]).toBe('the user opens the connection (RFC 9293 §3.10.1) ← call connect')
    expect(why[1]).toContain('SYN_SENT → CLOSED')
    stop.abort()
    await capture
  })
})
