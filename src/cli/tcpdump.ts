/** `vimage tcpdump`: live frames of a vimage's interfaces, or of the TAPs in a bridge. */

import type { Command } from 'commander'
import { captureFormat } from '../daemon/capture-file.ts'
import type { CaptureLine } from '../daemon/streams.ts'
import { macPrint, macRead } from '../lib/addr.ts'
import { openCaptureWriter } from '../pcap/file.ts'
import type { CaptureWriter } from '../pcap/file.ts'
import { ETHER_DST, ETHER_HDR_LEN, ETHER_SRC, ETHER_TYPE, printEtherType } from '../wire/ethernet.ts'
import { LINKTYPE_ETHERNET, printFrame } from '../wire/print.ts'
import { Context } from './context.ts'
import { abortOnInterrupt } from './interrupt.ts'
import { complain, parseInteger, print } from './output.ts'

interface TcpdumpOptions {
  interface?: string
  bridge?: string
  count?: number
  write?: string
  link?: boolean
  snaplen?: number
  why?: boolean
}

type Point = Extract<CaptureLine, { type: 'start' }>['points'][number]
type Packet = Extract<CaptureLine, { type: 'packet' }>

export function addTcpdump(program: Command): void {
  program.command('tcpdump [filter...]')
    .description('show what passes the interfaces of a vimage (default: all of the first), or the TAPs in a bridge')
    .option('-i, --interface <name>', 'only this interface (or TAP)')
    .option('-b, --bridge <name>', 'look at the TAPs of a bridge')
    .option('-c, --count <n>', 'stop after N frames', parseInteger('count', 1, Number.MAX_SAFE_INTEGER))
    .option('-w, --write <file>', 'write them to a file (pcapng, or classic for .pcap); - is standard output')
    .option('-s, --snaplen <bytes>', 'keep so much of each frame', parseInteger('snaplen', 1, 262_144))
    .option('-e, --link', 'also print the Ethernet header')
    .option('--why', 'after each TCP segment why it was sent, or what became of it (net.inet.tcp.trace must be on)')
    .option('-n, --numeric', 'accepted; addresses and ports are always numbers')
    .addHelpText('after', `
Filter: terms joined by "and", each perhaps after "not":
  arp, ip, icmp, tcp, udp, [src|dst] host ADDR, [src|dst] net NET/LEN, [src|dst] port N

Examples:
  vimage tcpdump -V a tcp port 80
  vimage tcpdump -V a -c 100 -w a.pcapng
  vimage tcpdump -b br0 -i vimage0 not arp`)
    .action(async (filter: string[], options: TcpdumpOptions, command: Command) => {
      const context = new Context(command)
      const query = new URLSearchParams({ filter: filter.join(' ') })
      if (options.bridge !== undefined) query.set('bridge', options.bridge)
      else query.set('vimage', await context.first())
      if (options.interface !== undefined && options.interface !== 'any') query.set('interface', options.interface)
      if (options.count !== undefined) query.set('count', String(options.count))
      if (options.snaplen !== undefined) query.set('snaplen', String(options.snaplen))
      if (options.why === true) query.set('why', '')
      await listen(context, `/v1/capture?${query.toString()}`, options)
    })
}

async function listen(context: Context, path: string, options: TcpdumpOptions): Promise<void> {
  let points: Point[] = []
  let writer: CaptureWriter | null = null
  let packets = 0
  let dropped = 0
  await context.client.stream<CaptureLine>('GET', path, undefined, (line) => {
    if (line.type === 'start') {
      points = line.points
      complain(`listening on ${points.map((p) => `${p.owner}/${p.name}`).join(', ')}`)
      if (options.write !== undefined) writer = openWriter(options.write, points)
    } else if (line.type === 'end') dropped = line.dropped
    else {
      packets++
      dropped = line.dropped
      const bytes = Buffer.from(line.data, 'base64')
      if (writer === null) {
        print(frameLine(line, bytes, points[line.point], points.length > 1, options))
        if (line.why !== undefined && line.why !== '') print(`\t${line.why}`)
      } else writePacket(writer, line, bytes)
    }
  }, abortOnInterrupt())
  ;(writer as CaptureWriter | null)?.close()
  complain(`${packets} frames captured${dropped === 0 ? '' : `, ${dropped} dropped`}`)
}

function openWriter(file: string, points: readonly Point[]): CaptureWriter {
  const path = file === '-' ? '/dev/stdout' : file
  const format = captureFormat(path)
  const linkType = points[0]?.linkType ?? LINKTYPE_ETHERNET
  if (format === 'pcap') return openCaptureWriter(path, { format, linkType })
  const writer = openCaptureWriter(path, { format, interfaces: [] })
  for (const point of points) writer.addInterface(`${point.owner}/${point.name}`, point.linkType)
  return writer
}

function writePacket(writer: CaptureWriter, packet: Packet, bytes: Uint8Array): void {
  const classic = captureFormat(writer.path) === 'pcap'
  writer.write(packet.timeUs, bytes, {
    direction: packet.direction, origLen: packet.lengthBytes, ...(classic ? {} : { iface: packet.point }),
  })
  writer.flush()
}

/** `16:40:10.123456 eth0 In  IP …` */
function frameLine(packet: Packet, bytes: Buffer, point: Point, many: boolean, options: TcpdumpOptions): string {
  const where = many ? `${point.name} ` : ''
  const words = printFrame(bytes, 0, bytes.length, point.linkType)
  const direction = packet.direction === 'in' ? 'In ' : 'Out'
  return `${clock(packet.timeUs)} ${where}${direction} ${options.link === true ? linkHeader(bytes, point) : ''}${words}`
}

function linkHeader(bytes: Buffer, point: Point): string {
  if (point.linkType !== LINKTYPE_ETHERNET || bytes.length < ETHER_HDR_LEN) return ''
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  const [src, dst] = [ETHER_SRC, ETHER_DST].map((at) => macPrint(macRead(view, at)))
  const type = printEtherType(view.getUint16(ETHER_TYPE))
  return `${src} > ${dst}, ethertype ${type}, length ${bytes.length}: `
}

/** Local time of day with microseconds. */
function clock(timeUs: number): string {
  const date = new Date(timeUs / 1000)
  const two = (n: number): string => String(n).padStart(2, '0')
  const fraction = String(Math.floor(timeUs % 1e6)).padStart(6, '0')
  return `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}.${fraction}`
}
