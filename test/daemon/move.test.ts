/** Saving, restoring and moving vimages through the control API; connections over a move are test/interop/migrate's. */

import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { ControlClient } from '../../src/daemon/client.ts'
import type { Moved } from '../../src/daemon/move.ts'
import { savedDecode, savedEncode } from '../../src/daemon/saved-vimage.ts'
import { connectTcp } from '../../src/socket/tcp.ts'
import { TWO, usePlaces } from './support.ts'

const place = usePlaces()
const EMPTY = 'bridges: [{ name: br0 }]'

async function names(client: ControlClient): Promise<string[]> {
  return (await client.get<{ name: string }[]>('/v1/vimages')).map((v) => v.name)
}

describe('a saved vimage', () => {
  it('goes on where it was, and the copy that was saved can be restored later: connections and all', async () => {
    const p = place()
    const daemon = await p.start(TWO)
    const socket = connectTcp(daemon.made.get('a')!.host, { host: '10.9.0.2', port: 7 })
    // listens all the time: what comes between two listeners is nobody's
    let text = ''
    socket.on('data', (data) => { text += String(data) })
    const heard = (): Promise<unknown> => new Promise((resolve) => socket.once('data', resolve))
    socket.write('one ')
    while (text !== 'one ') await heard()
    const running = await p.client.getBytes('POST', '/v1/vimages/b/snapshot')
    expect(await names(p.client)).toEqual(['a', 'b'])
    const stopped = await p.client.getBytes('POST', '/v1/vimages/b/snapshot?stop')
    expect(await names(p.client)).toEqual(['a'])
    expect(savedDecode(running).config).toEqual(savedDecode(stopped).config)
    socket.write('two ')
    expect(await p.client.sendBytes('POST', '/v1/vimages', stopped)).toEqual({ name: 'b' })
    while (!text.includes('two ')) await heard()
    expect(text).toBe('one two ')
    expect(await p.client.get('/v1/vimages/b/interfaces/eth0')).toMatchObject({ flags: expect.arrayContaining(['RUNNING']) })
    socket.destroy()
  })

  it('is refused where there is one of its name, or no bridge for it; nothing is left behind then', async () => {
    const [p, q] = [place(), place()]
    await p.start(TWO)
    await q.start('vimages: []')
    const bytes = await p.client.getBytes('POST', '/v1/vimages/b/snapshot')
    await expect(p.client.sendBytes('POST', '/v1/vimages', bytes)).rejects.toMatchObject({ code: 'EEXIST', status: 409 })
    await expect(q.client.sendBytes('POST', '/v1/vimages', bytes)).rejects.toMatchObject({
      code: 'ENOENT', message: 'there is no bridge "br0" here; there are none',
    })
    expect(await names(q.client)).toEqual([])
  })

  it('is refused when it is damaged, cut off or something else, with a sentence that says where', async () => {
    const p = place()
    await p.start(TWO)
    const bytes = await p.client.getBytes('POST', '/v1/vimages/b/snapshot?stop')
    const { config, services, snapshot } = savedDecode(bytes)
    const damaged = Buffer.from(bytes)
    damaged[damaged.length - 5] = (damaged[damaged.length - 5] ?? 0) ^ 1
    const cases: [Uint8Array, RegExp][] = [
      [Buffer.from('hello, this is a text'), /do not begin like one/],
      [bytes.subarray(0, 40), /cut off in the description/],
      [bytes.subarray(0, bytes.length - 3), /snapshot of "b".*declared/],
      [damaged, /snapshot of "b".*damaged/],
      [savedEncode({ config, services: [], snapshot }), /services are not those/],
      [savedEncode({ config: { ...config, name: '../x' }, services, snapshot }), /config\.name/],
      [savedEncode({ config, services: services.map((s) => ({ ...s, listener: 99 })), snapshot }), /./],
    ]
    for (const [wrong, words] of cases) {
      await expect(p.client.sendBytes('POST', '/v1/vimages', wrong)).rejects.toMatchObject({ message: words })
      expect(await names(p.client)).toEqual(['a'])
    }
    for (let at = 0; at < bytes.length; at += 97) {
      const flipped = Buffer.from(bytes)
      flipped[at] = (flipped[at] ?? 0) ^ 0x41
      await p.client.sendBytes('POST', '/v1/vimages', flipped).then(
        () => p.client.getBytes('POST', '/v1/vimages/b/snapshot?stop'), () => undefined)
    }
    expect(await p.client.sendBytes('POST', '/v1/vimages', bytes)).toEqual({ name: 'b' })
    await expect(p.client.call('POST', '/v1/vimages', {})).rejects.toMatchObject({ code: 'EINVAL', status: 400 })
  })
})

describe('migration', () => {
  it('moves a vimage to another daemon, and back', async () => {
    const [p, q] = [place(), place()]
    await p.start(TWO)
    await q.start(EMPTY)
    const moved = await p.client.call<Moved>('POST', '/v1/vimages/b/migrate', { to: q.control })
    expect(moved).toMatchObject({ name: 'b', connections: 0 })
    expect(moved.pauseUs).toBeGreaterThan(0)
    expect(await names(p.client)).toEqual(['a'])
    expect(await names(q.client)).toEqual(['b'])
    await q.client.call('POST', '/v1/vimages/b/migrate', { to: p.control })
    expect(await names(p.client)).toEqual(['a', 'b'])
    expect(await names(q.client)).toEqual([])
  })

  it('that the other daemon refuses, or cannot be asked for, leaves the vimage where it was', async () => {
    const [p, q] = [place(), place()]
    await p.start(TWO)
    await q.start('vimages: []')
    const stays = (to: string): Promise<unknown> => p.client.call('POST', '/v1/vimages/b/migrate', { to })
    await expect(stays(q.control)).rejects.toMatchObject({ message: /"b" stays here.*there is no bridge "br0"/ })
    await expect(stays(join(p.directory, 'nobody'))).rejects.toMatchObject({ message: /"b" stays here.*no daemon answers/ })
    await expect(stays(p.control)).rejects.toMatchObject({ message: /it has a vimage "b" already/ })
    expect(await names(p.client)).toEqual(['a', 'b'])
    const rows = await p.client.get<{ services: string[] }[]>('/v1/vimages')
    expect(rows[1]?.services).toEqual(['echo tcp/7 udp/7', 'http tcp/80'])
  })
})
