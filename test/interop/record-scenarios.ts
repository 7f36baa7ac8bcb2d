/** A Vnet that is recorded while the kernel pings it, sends to it and gets from it. Run inside a namespace by record.test.ts. */

import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { ReplayLogResult } from '../../src/host/replay-log.ts'
import { startDiscard } from '../../src/service/discard.ts'
import { startEcho } from '../../src/service/echo.ts'
import { addAddress, onStage } from './scene.ts'

const MAIN = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url))

/** Frames that were sent live, what the replay in another process made of the log, and what tcpdump reads of it. */
export function recorded(n: number, offload: boolean, bytes: number) {
  const directory = mkdtempSync(join(tmpdir(), 'vimage-record-'))
  const [file, pcap] = [join(directory, 'run.vimlog'), join(directory, 'run.pcapng')]
  return onStage(async (scene) => {
    const net = await scene.net(n, { offload })
    const [echo, discard] = [startEcho(net.host), startDiscard(net.host)]
    const recorder = net.host.record(file)
    await scene.ok('ping', '-c', '3', '-i', '0.2', '-s', '3000', net.vnet)
    await scene.ok('sh', '-c', `head -c ${bytes} /dev/zero | socat -u -b 65536 - TCP:${net.vnet}:9`)
    const back = await scene.ok('sh', '-c', `head -c 200000 /dev/zero | socat -t 5 - TCP:${net.vnet}:7 | wc -c`)
    net.host.changed()
    addAddress(net.host, net.ifId, `10.66.${n}.3/24`)
    await scene.ok('ping', '-c', '1', `10.66.${n}.3`)
    await scene.ok('sh', '-c', `echo late | socat -t 1 - TCP:${net.vnet}:7`)
    const { sndtotal } = net.host.vnet.state.tcp.stats
    recorder.close()
    echo.stop()
    discard.stop()
    const run = spawnSync(process.execPath, [MAIN, 'replay-log', file, '--json', '--pcap', pcap], { encoding: 'utf8' })
    const replay = JSON.parse(run.stdout) as ReplayLogResult
    const seen = (await scene.ok('tcpdump', '-n', '-r', pcap)).trim().split('\n').length
    return { back: Number(back), live: recorder.frames, sndtotal, code: run.status, replay, seen }
  }).finally(() => { rmSync(directory, { recursive: true }) })
}
