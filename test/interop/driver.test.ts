import { expect, it } from 'vitest'
import { describeInterop } from './netns.ts'

describeInterop('drivers of databases', new URL('driver-scenarios.ts', import.meta.url), ['redis-server', 'setpriv'], (run) => {
  it('ioredis: values of 1 MB, a pipeline of a thousand, publish and subscribe, a port where nobody listens; it ends', async () => {
    const out = await run('redis', `
      const Redis = require('ioredis')
      const at = { host: 'redis.test', port: 6379 }
      const print = (...words) => console.log(JSON.stringify(words))
      const main = async () => {
        const redis = new Redis(at)
        const big = Buffer.alloc(1 << 20, 'vimage')
        await redis.set('big', big)
        print('big', (await redis.getBuffer('big')).equals(big))
        const pipeline = redis.pipeline()
        for (let i = 0; i < 1000; i++) pipeline.incr('n')
        print('last of the pipeline', (await pipeline.exec()).at(-1))
        const listener = new Redis(at)
        const heard = new Promise((resolve) => listener.on('message', (...words) => resolve(words)))
        await listener.subscribe('news')
        await redis.publish('news', 'it works')
        print('heard', await heard)
        print('refused', await redis.call('NONSENSE').catch((e) => e.message.slice(0, 19)))
        print('peer', (await redis.client('INFO')).match(/ addr=([^:]+)/)[1])
        await Promise.all([redis.quit(), listener.quit()])
        const nobody = new Redis({ ...at, port: 6380, retryStrategy: () => null, lazyConnect: true })
        nobody.on('error', (e) => print('nobody', e.code, e.address))
        await nobody.connect().catch(() => undefined)
      }
      main()`)
    expect(lines(out)).toEqual([
      ['big', true], ['last of the pipeline', [null, 1000]], ['heard', ['news', 'it works']],
      ['refused', 'ERR unknown command'], ['peer', '10.66.70.2'], ['nobody', 'ECONNREFUSED', '10.66.70.1'],
    ])
  })

  it('pg: a pool, SCRAM, 2 MB in a row, a transaction undone, a notification, errors of the server; it ends', async () => {
    const out = await run('postgres', `
      const { Pool, Client } = require('pg')
      const who = { host: 'db.test', user: 'vimage', password: 'secret', database: 'postgres' }
      const print = (...words) => console.log(JSON.stringify(words))
      const main = async () => {
        const pool = new Pool({ ...who, max: 5 })
        await pool.query('create table t (n int primary key, body text)')
        await Promise.all(Array.from({ length: 200 }, (_, i) => pool.query('insert into t values ($1, $2)', [i, 'row ' + i])))
        print('rows', (await pool.query('select count(*)::int, sum(n)::int from t')).rows)
        const big = 'vimage '.repeat(300000)
        await pool.query('insert into t values (1000, $1)', [big])
        print('big', (await pool.query('select body from t where n = 1000')).rows[0].body === big)
        const client = await pool.connect()
        await client.query('begin')
        await client.query('delete from t')
        await client.query('rollback')
        print('after rollback', (await client.query('select count(*)::int from t')).rows)
        const heard = new Promise((resolve) => client.on('notification', (n) => resolve([n.channel, n.payload])))
        await client.query('listen news')
        await pool.query("notify news, 'it works'")
        print('heard', await heard)
        print('peer', (await client.query('select host(inet_client_addr()) as host')).rows)
        client.release()
        print('error', await pool.query('select * from nothing').catch((e) => e.code))
        print('password', await new Client({ ...who, password: 'wrong' }).connect().catch((e) => e.code))
        print('nobody', await new Client({ ...who, port: 5433 }).connect().catch((e) => e.code))
        await pool.end()
      }
      main()`)
    expect(lines(out)).toEqual([
      ['rows', [{ count: 200, sum: 19_900 }]], ['big', true], ['after rollback', [{ count: 201 }]],
      ['heard', ['news', 'it works']], ['peer', [{ host: '10.66.71.2' }]],
      ['error', '42P01'], ['password', '28P01'], ['nobody', 'ECONNREFUSED'],
    ])
  })
})

function lines(text: string): unknown[] {
  return text.trim().split('\n').map((line) => JSON.parse(line) as unknown)
}
