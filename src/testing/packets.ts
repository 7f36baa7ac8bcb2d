/** Packets of a simulation beside those that a test expects, in the language of scripts (docs/script.md). */

import { addrPrint } from '../lib/addr.ts'
import { comparePackets } from '../script/compare.ts'
import type { PacketSpec } from '../script/ast.ts'
import { decodePacket } from '../script/packet.ts'
import { printPacket } from '../script/packet-print.ts'
import { parsePacket } from '../script/parse-packet.ts'
import { Scanner } from '../script/scanner.ts'
import { ETHER_HDR_LEN } from '../wire/ethernet.ts'
import { TH_ACK, TH_SYN } from '../wire/tcp.ts'
import type { Passage } from './recorder.ts'
import type { TestWorld } from './world.ts'

/** A packet between two hosts, in numbers that begin with 0 on each side. */
export interface SeenPacket { spec: PacketSpec; conversation: string; passage: Passage }

const IP_HDR_MIN = 20
const IP6_HDR_LEN = 40

/** Sequence numbers of a side begin here. */
interface Conversation { starts: Map<string, number> }

/**
 * What `a` (">") and `b` ("<") have sent to each other, as `a` saw it: what left, and what arrived. Sequence numbers are relative, as
 * scripts have them: a SYN is 0.
 */
export function packetsBetween(world: TestWorld, a: string, b: string): SeenPacket[] {
  const [ofA, ofB] = [addressesOf(world, a), addressesOf(world, b)]
  const conversations = new Map<string, Conversation>()
  const seen: { atUs: number; packet: SeenPacket }[] = []
  for (const passage of world.recorder.list()) {
    const out = passage.from === a
    if (!out && passage.to !== a) continue
    const live = decodePacket(ipPacketOf(passage.bytes))
    if (live === null || live.fault !== '') continue
    const [from, to] = [addrPrint(live.from.src), addrPrint(live.from.dst)]
    if (!(ofA.includes(from) && ofB.includes(to)) && !(ofB.includes(from) && ofA.includes(to))) continue
    const ends = [`${from} ${live.from.sport}`, `${to} ${live.from.dport}`]
    const key = [...ends].sort().join(' ')
    const known = conversations.get(key) ?? { starts: new Map<string, number>() }
    conversations.set(key, known)
    const spec = { ...relative(live.spec, known, ends), direction: out ? '>' as const : '<' as const }
    seen.push({ atUs: out ? passage.sentUs : passage.arrivedUs, packet: { spec, conversation: key, passage } })
  }
  return seen.sort((x, y) => x.atUs - y.atUs).map((s) => s.packet)
}

/** The IP packet in a frame, without what fills a short frame up. */
export function ipPacketOf(frame: Uint8Array): Uint8Array {
  const ip = frame.subarray(ETHER_HDR_LEN)
  if (ip.length < IP_HDR_MIN) return ip
  const length = ip[0] >> 4 === 4 ? ip[2] << 8 | ip[3] : IP6_HDR_LEN + (ip[4] << 8 | ip[5])
  return ip.subarray(0, length)
}

/** "> S 0:0(0) <...>" a line; empty lines and comments are passed over. Throws what says where it is wrong. */
export function parsePackets(text: string): PacketSpec[] {
  return text.split('\n').map((line) => line.replace(/\/\/.*/, '').trim()).filter((line) => line !== '').map((line) => {
    const spec = parsePacket(new Scanner(line))
    // who does not mention options has none in mind
    if (spec.body.proto === 'tcp' && spec.body.options.length === 0) spec.body.anyOptions = true
    return spec
  })
}

/** '' when one conversation has the packets in this order (others may be between them, unless `exactly`), else what is missing. */
export function missingPacket(seen: readonly SeenPacket[], wanted: readonly PacketSpec[], exactly: boolean): string {
  let best = ''
  let most = -1
  for (const packets of group(seen).values()) {
    const { found, why } = inOrder(packets, wanted, exactly)
    if (found === wanted.length) return ''
    if (found <= most) continue
    most = found
    best = `packet ${found + 1} of ${wanted.length} is missing: ${printPacket(wanted[found])}${why}`
  }
  return most < 0 ? 'there was no packet between them' : best
}

function inOrder(packets: readonly SeenPacket[], wanted: readonly PacketSpec[], exactly: boolean): { found: number; why: string } {
  let found = 0
  let why = ''
  for (const { spec } of packets) {
    if (found === wanted.length) break
    const ours = spec.direction === wanted[found].direction
    const difference = ours ? comparePackets(wanted[found], spec) : 'the other side sent'
    const there = `${printPacket(spec, wanted[found])}: ${difference}`
    if (difference === '') {
      found++
      why = ''
    } else if (exactly) return { found, why: `\n  there was ${there}` }
    else if (ours) why = `\n  the last one in this direction was ${there}`
  }
  return { found, why }
}

function group(seen: readonly SeenPacket[]): Map<string, SeenPacket[]> {
  const all = new Map<string, SeenPacket[]>()
  for (const s of seen) all.set(s.conversation, [...all.get(s.conversation) ?? [], s])
  return all
}

function relative(spec: PacketSpec, { starts }: Conversation, [from, to]: string[]): PacketSpec {
  const { body } = spec
  if (body.proto !== 'tcp') return spec
  if ((body.flags & TH_SYN) !== 0 || !starts.has(from)) starts.set(from, (body.flags & TH_SYN) !== 0 ? body.seq : (body.seq - 1) >>> 0)
  const ack = (body.flags & TH_ACK) === 0 ? body.ack : (body.ack - (starts.get(to) ?? body.ack)) >>> 0
  return { ...spec, body: { ...body, seq: (body.seq - (starts.get(from) ?? 0)) >>> 0, ack } }
}

function addressesOf(world: TestWorld, name: string): string[] {
  return world.existing(name).addresses
}
