import { createServer } from 'node:net'
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { labConfig } from '../../src/daemon/lab.ts'
import { SERVICES, servicePorts } from '../../src/daemon/service-ports.ts'
import { parseCapture } from '../../src/pcap/reader.ts'
import { connectTcp } from '../../src/socket/tcp.ts'
import type { Vimage } from '../../src/vimage/vimage.ts'
import { TWO, usePlaces } from './support.ts'

const place = usePlaces()

describe('starting and ending', () => {
  it('makes the control socket for its owner alone (mode 0600) and a pid file, and removes both', async () => {
    const p = place()
    const daemon = await p.start(TWO)
    expect(statSync(p.control).mode & 0o777).toBe(0o600)
    expect(readFileSync(`${p.control}.pid`, 'utf8')).toBe(`${process.pid}\n`)
    await daemon.close()
    expect(existsSync(p.control)).toBe(false)
    expect(existsSync(`${p.control}.pid`)).toBe(false)
  })

  it('carries traffic between its vimages', async () => {
    const p = place()
    const daemon = await p.start(TWO)
    const socket = connectTcp((daemon.vimages.get('a') as Vimage).runner, { host: '10.9.0.2', port: 7 })
    socket.end('over the bridge')
    const chunks: Buffer[] = []
    for await (const chunk of socket as AsyncIterable<Buffer>) chunks.push(chunk)
    expect(Buffer.concat(chunks).toString()).toBe('over the bridge')
  })

  it('lets connections end with their FIN before it goes', async () => {
    const p = place()
    const daemon = await p.start(TWO)
    const b = daemon.vimages.get('b') as Vimage
    const socket = connectTcp((daemon.vimages.get('a') as Vimage).runner, { host: '10.9.0.2', port: 7 })
    const seen: string[] = []
    socket.on('connect', () => socket.write('hello'))
    socket.on('error', (error) => seen.push(error.message))
    socket.on('end', () => seen.push('FIN'))
    await new Promise((resolve) => socket.once('data', resolve))
    expect(b.runner.vnet.state.tcp.tcbs.size).toBeGreaterThan(b.runner.vnet.state.tcp.listeners.size)
    const began = performance.now()
    await daemon.close()
    expect(seen).toEqual(['FIN'])
    expect(performance.now() - began).toBeLessThan(1500)
  })

  it('resets what does not end within a second', async () => {
    const p = place()
    const daemon = await p.start(TWO)
    // reads nothing: chargen's data stays unsent, and its FIN behind it
    const socket = connectTcp((daemon.vimages.get('b') as Vimage).runner, { host: '10.9.0.1', port: 19 })
    const failed = new Promise<Error & { code?: string }>((resolve) => socket.once('error', resolve))
    await new Promise((resolve) => socket.once('connect', resolve))
    // the client is somebody outside, not a vimage that ends at the same time
    ;(daemon.vimages).delete('b')
    const began = performance.now()
    await daemon.close()
    expect((await failed).code).toBe('ECONNRESET')
    expect(performance.now() - began).toBeLessThan(2500)
  })

  it('leaves nothing behind when a step fails in the middle', async () => {
    const p = place()
    const yaml = TWO.replace('seed: 2', `seed: 2\n    sysctl: {}`).replace(
      'addresses: [10.9.0.2/24]', 'addresses: [10.9.0.2/24], capture: nowhere/b.pcapng')
    await expect(p.start(yaml)).rejects.toThrow(/cannot create capture .*nowhere\/b\.pcapng: ENOENT/)
    expect(existsSync(p.control)).toBe(false)
    expect(existsSync(`${p.control}.pid`)).toBe(false)
    // and nothing is in the way of another try
    await p.start(TWO)
  })

  it('kill ends it at once, also while it is closing', async () => {
    const p = place()
    const daemon = await p.start(TWO)
    const socket = connectTcp((daemon.vimages.get('b') as Vimage).runner, { host: '10.9.0.1', port: 19 })
    socket.on('error', () => undefined)
    await new Promise((resolve) => socket.once('connect', resolve))
    const closing = daemon.close()
    const began = performance.now()
    daemon.kill()
    expect(existsSync(p.control)).toBe(false)
    await daemon.ended
    await closing
    expect(performance.now() - began).toBeLessThan(900)
  })
})

describe('the control socket of another daemon', () => {
  it('is respected while it is alive', async () => {
    const p = place()
    await p.start(TWO)
    await expect(p.start(TWO)).rejects.toThrow(/a daemon is running already: it answers at/)
    expect((await p.client.get<{ pid: number }>('/v1')).pid).toBe(process.pid)
  })

  it('is replaced when its daemon has died', async () => {
    const p = place()
    const dead = createServer()
    await new Promise<void>((resolve) => dead.listen(`${p.control}.x`, resolve))
    // a socket that nobody listens on: its server is closed after the file was moved out of its reach
    const { renameSync } = await import('node:fs')
    renameSync(`${p.control}.x`, p.control)
    await new Promise((resolve) => dead.close(resolve))
    expect(existsSync(p.control)).toBe(true)
    await p.start(TWO)
    expect((await p.client.get<{ pid: number }>('/v1')).pid).toBe(process.pid)
  })

  it('is refused with a sentence where it cannot be made', async () => {
    const p = place()
    const control = join(p.directory, 'no', 'such', 'control.sock')
    await expect(p.start(TWO, { control })).rejects.toThrow(`cannot make the control socket ${control}`)
  })
})

describe('what a configuration asks for', () => {
  it('captures: every frame of an interface, in a file that says which way it went', async () => {
    const p = place()
    const daemon = await p.start(TWO.replace('addresses: [10.9.0.2/24]', 'addresses: [10.9.0.2/24], capture: b.pcapng'))
    const lines: unknown[] = []
    await p.client.stream('POST', '/v1/vimages/a/ping', { host: '10.9.0.2', count: 1 }, (line) => lines.push(line))
    expect(lines.at(-1)).toMatchObject({ type: 'end', transmitted: 1, received: 1 })
    await daemon.close()
    const capture = parseCapture(readFileSync(join(p.directory, 'b.pcapng')))
    expect(capture.error).toBeNull()
    expect(capture.interfaces.map((i) => i.name)).toEqual(['eth0'])
    const icmp = capture.records.filter((r) => r.data[12] === 8 && r.data[13] === 0 && r.data[23] === 1)
    expect(icmp.map((r) => r.flags & 3)).toEqual([1, 2])
    expect(Math.abs((icmp[0]?.sec ?? 0) - Date.now() / 1000)).toBeLessThan(60)
  })

  it('impairment: a link that loses everything, and tells why', async () => {
    const p = place()
    await p.start(TWO.replace('addresses: [10.9.0.2/24]', 'addresses: [10.9.0.2/24], impair: { in: { lossRate: 1 } }'))
    const lines: { type: string }[] = []
    await p.client.stream<{ type: string }>('POST', '/v1/vimages/a/ping', {
      host: '10.9.0.2', count: 1, timeoutMs: 300,
    }, (line) => lines.push(line))
    expect(lines.at(-1)).toMatchObject({ type: 'end', transmitted: 1, received: 0, rttMinUs: -1 })
  })

  it('hardware address, MTU, tunables and routes', async () => {
    const p = place()
    const daemon = await p.start(`
bridges: [{ name: br0 }]
vimages:
  - name: r
    sysctl: { net.inet.ip.ttl: 7 }
    interfaces:
      - { name: lan, bridge: br0, mac: 02:00:00:00:00:aa, mtu: 1400, addresses: [10.1.0.1/16, 10.2.0.1/16] }
    routes: [{ to: 10.3.0.0/16, via: 10.1.0.9 }, { to: 192.0.2.0/24, interface: lan }]
`)
    const { runner } = daemon.vimages.get('r') as Vimage
    expect(runner.vnet.state.sysctl['net.inet.ip.ttl']).toBe(7)
    expect(await p.client.get('/v1/vimages/r/interfaces/lan')).toMatchObject({
      mac: '02:00:00:00:00:aa', mtuBytes: 1400, type: 'ether',
      addresses: [{ address: '10.1.0.1', prefixLen: 16, broadcast: '10.1.255.255' }, { address: '10.2.0.1' }],
    })
    const routes = await p.client.get<{ destination: string; gateway: string; flags: string }[]>('/v1/vimages/r/routes')
    expect(routes.map((r) => `${r.destination} ${r.gateway} ${r.flags}`)).toEqual([
      '10.1.0.0/16 link#2 U', '10.2.0.0/16 link#2 U', '10.3.0.0/16 10.1.0.9 UGS', '127.0.0.0/8 link#1 U',
      '192.0.2.0/24 link#2 US', '::1 link#1 UH'])
  })

  it('the lab does without a TAP where there is none, and says so', async () => {
    const p = place()
    const daemon = await p.start('', {
      config: labConfig({ level: 'silent', file: '' }), taps: 'none', missing: ['No TAP today.'],
    })
    expect(await p.client.get('/v1')).toMatchObject({ missing: ['No TAP today.'], namespace: 'none', config: '' })
    const rows = await p.client.get<{ name: string; services: string[] }[]>('/v1/vimages')
    expect(rows.map((r) => r.name)).toEqual(['a', 'b'])
    // what the configuration check believes of services is what they do
    const expected = SERVICES.filter((name) => name !== 'files' && name !== 'dns').map((name) => [name, ...servicePorts(name, 0)].join(' '))
    for (const row of rows) expect(row.services).toEqual(expected)
    await daemon.close()
  })

  it('an error of a later step names it', async () => {
    const p = place()
    writeFileSync(join(p.directory, 'plain'), '')
    const yaml = TWO.replace('addresses: [10.9.0.1/24]', 'addresses: [10.9.0.1/24], capture: plain/x.pcap')
    await expect(p.start(yaml)).rejects.toThrow(/ENOTDIR/)
  })
})
