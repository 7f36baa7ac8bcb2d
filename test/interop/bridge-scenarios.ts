/**
 * `vimage up` bridges three TAPs, each in a kernel namespace of its own, and a Vnet. Run inside a namespace by
 * bridge.test.ts.
 */

import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { onStage } from './scene.ts'
import type { Scene } from './scene.ts'

const TAPS = ['va0', 'vb0', 'vc0']
const B = '10.66.0.12'
const VNET = '10.66.0.2'

/** What the daemon's control API says of a port. */
interface Port { port: string; outFrames: number; flooded: number; dropped: number; macs: number }

/** iperf3 from the first namespace to the second, TCP both ways and UDP; tcpdump listens in the third. */
export function threeTaps(offload: boolean, seconds: number) {
  return onStage(async (scene) => {
    const dir = mkdtempSync(join(tmpdir(), 'vimage-bridge-'))
    const control = join(dir, 'control')
    try {
      const daemon = await startDaemon(scene, dir, control, offload)
      const spaces = await Promise.all(TAPS.map(() => scene.namespace()))
      for (const [i, name] of TAPS.entries()) await plug(scene, name, spaces[i] ?? [], i)
      const [a = [], b = [], c = []] = spaces
      await scene.ok(...a, 'ping', '-n', '-c', '1', '-W', '5', B)
      const capture = join(dir, 'third.pcap')
      const sniffer = await scene.start('listening', ...c, 'tcpdump', '-Z', 'root', '-i', 'vc0', '-U', '-w', capture)
      const traffic = await iperf(scene, a, b, seconds)
      const pings = await scene.ok(...a, 'ping', '-n', '-q', '-c', '3', '-i', '0.1', '-W', '2', VNET)
      const echoed = await echo(scene, a, dir)
      // a broadcast reaches the third, an address that nobody has learnt goes everywhere
      await scene.run(...a, 'ping', '-n', '-c', '1', '-W', '1', '10.66.0.99')
      await scene.ok(...a, 'ip', 'neigh', 'add', '10.66.0.98', 'lladdr', '02:00:00:00:00:98', 'dev', 'va0')
      await scene.run(...a, 'ping', '-n', '-c', '1', '-W', '1', '10.66.0.98')
      sniffer.kill('SIGINT')
      await scene.until(() => sniffer.exitCode !== null, 'tcpdump does not end')
      const unicasts = await scene.ok('tcpdump', '-nn', '-r', capture, 'not ether broadcast and not ether multicast')
      const broadcasts = await scene.ok('tcpdump', '-nn', '-r', capture, 'arp')
      const said = await scene.ok('curl', '-sS', '--unix-socket', control, 'http://vimage/v1/bridges')
      const ports = JSON.parse(said) as Port[]
      const look = (): Promise<number[]> => Promise.all(TAPS.map(async (name, i) =>
        (await scene.run(...(spaces[i] ?? []), 'ip', 'link', 'show', name)).status))
      const tapsBefore = await look()
      daemon.kill('SIGTERM')
      await scene.until(() => daemon.exitCode !== null, 'the daemon does not end')
      return {
        ...traffic, echoed, unicasts: lines(unicasts), broadcasts: lines(broadcasts), ports, pings,
        exitCode: daemon.exitCode, tapsBefore, tapsAfter: await look(), controlLeft: existsSync(control),
      }
    } finally {
      rmSync(dir, { recursive: true, force: true })
    }
  })
}

async function startDaemon(scene: Scene, dir: string, control: string, offload: boolean) {
  const config = join(dir, 'bridge.yaml')
  const taps = TAPS.map((name) => `      - { name: ${name}, offload: ${offload} }`).join('\n')
  writeFileSync(config, `
bridges:
  - name: br0
    taps:
${taps}
vimages:
  - name: a
    interfaces:
      - { name: eth0, bridge: br0, addresses: [${VNET}/24] }
    services: [echo]
`)
  const main = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url))
  const ts = new URL('ts.mjs', import.meta.url).href
  const up = [main, 'up', config, '--host', '--control', control, '--log', 'info,json']
  return scene.start('vimage is up', process.execPath, '--no-warnings', '--import', ts, ...up)
}

async function plug(scene: Scene, name: string, space: string[], i: number): Promise<void> {
  await scene.ok('ip', 'link', 'set', name, 'netns', space[1]?.replace(/\D+/g, '') ?? '')
  await scene.ok(...space, 'ip', 'addr', 'add', `10.66.0.1${i + 1}/24`, 'dev', name)
  await scene.ok(...space, 'ip', 'link', 'set', name, 'up')
}

async function iperf(scene: Scene, a: string[], b: string[], seconds: number) {
  await scene.start('Server listening', ...b, 'iperf3', '-s', '--forceflush')
  const client = async (...args: string[]) => {
    for (let tries = 0; ; tries++) {
      const { stdout, stderr } = await scene.run(...a, 'iperf3', '-c', B, '-t', String(seconds), '-J', ...args)
      const report = JSON.parse(stdout)
      if (report.error === undefined) return report.end
      // the server is still at the end of the test before this one
      const busy = /server is busy/.test(report.error) && tries < 20
      if (!busy) throw new Error(`iperf3 ${args.join(' ')}: ${report.error} ${stderr}`)
      await sleep(250)
    }
  }
  const tcp = await client()
  const back = await client('-R')
  const udp = await client('-u', '-b', '20M', '-l', '1400')
  const before = JSON.parse(await scene.ok(...a, 'ip', '-s', '-j', 'link', 'show', 'va0'))[0].stats64.tx.dropped
  const [names = '', values = ''] = (await scene.ok(...b, 'grep', '^Udp:', '/proc/net/snmp')).split('\n')
  const behind = Number(values.split(' ')[names.split(' ').indexOf('RcvbufErrors')])
  return {
    tcpGbps: gbps(tcp.sum_received.bits_per_second), backGbps: gbps(back.sum_received.bits_per_second),
    udpPackets: udp.sum.packets, udpLost: udp.sum.lost_packets, udpLostInKernels: before + behind,
  }
}

/** 20 MB from a namespace to the Vnet's echo service and back: the hashes of what was sent and of what came. */
async function echo(scene: Scene, space: string[], dir: string): Promise<string[]> {
  const file = join(dir, 'random')
  await scene.ok('sh', '-c', `head -c 20000000 /dev/urandom > ${file}`)
  const sent = await scene.ok('sh', '-c', `sha256sum < ${file}`)
  const came = await scene.ok(...space, 'sh', '-c', `nc -N -w 10 ${VNET} 7 < ${file} | sha256sum`)
  return [sent, came]
}

function gbps(bps: number): number {
  return Math.round(bps / 1e7) / 100
}

function lines(text: string): string[] {
  return text.split('\n').filter((line) => line !== '')
}
