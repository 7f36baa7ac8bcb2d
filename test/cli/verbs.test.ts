import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { parseCapture } from '../../src/pcap/reader.ts'
import { until, useShells } from './support.ts'
import type { Shell } from './support.ts'

const shell = useShells()

const TWO = `
bridges: [{ name: br0 }]
vimages:
  - { name: a, interfaces: [{ name: eth0, bridge: br0, mac: 02:00:00:00:00:0a, addresses: [10.9.0.1/24] }],
    services: [echo] }
  - { name: b, interfaces: [{ name: eth0, bridge: br0, mac: 02:00:00:00:00:0b, addresses: [10.9.0.2/24] }] }
`

async function two(): Promise<Shell> {
  const s = shell()
  writeFileSync(join(s.directory, 'two.yaml'), TWO)
  await s.up(['two.yaml'])
  return s
}

describe('usage', () => {
  it('without a word: help, exit code 0', async () => {
    const r = await shell().vimage()
    expect(r.code).toBe(0)
    for (const verb of ['up', 'down', 'list', 'ifconfig', 'arp', 'route', 'netstat', 'sysctl', 'ping', 'tcpdump',
      'dmesg',
      'replay', 'exec']) expect(r.out).toMatch(new RegExp(`^  ${verb}[ |]`, 'm'))
    expect(r.out).toContain('Examples:')
    expect(r.err).toBe('')
  })

  it('an unknown verb: the nearest is suggested, exit code 2', async () => {
    const r = await shell().vimage('pinf')
    expect(r).toMatchObject({ code: 2, out: '' })
    expect(r.err).toContain("unknown command 'pinf'")
    expect(r.err).toContain('(Did you mean ping?)')
  })

  it('every verb has help with what it takes', async () => {
    const s = shell()
    for (const verb of ['up', 'ifconfig', 'arp', 'route', 'netstat', 'sysctl', 'ping', 'tcpdump', 'bridge', 'dmesg',
      'replay', 'script', 'exec', 'dump', 'diff', 'replay-log']) {
      const r = await s.vimage(verb, '--help')
      expect(r.code, verb).toBe(0)
      expect(r.out, verb).toMatch(/Examples?:/)
    }
  })

  it('the version', async () => {
    const r = await shell().vimage('--version')
    expect(r).toMatchObject({ code: 0, out: expect.stringMatching(/^\d+\.\d+\.\d+\n$/) as string })
  })

  const wrong: [words: string[], message: string][] = [
    [['ping'], "missing required argument 'host'"],
    [['ping', '-c', 'x', '10.0.0.1'], 'count is "x"; expected a whole number from 1 to 1000000000'],
    [['ping', '-i', '0', '10.0.0.1'], 'interval is "0"; expected seconds from 0.001 to 86400'],
    [['netstat', '--frob'], "unknown option '--frob'"],
    [['up', '--log', 'loud'], '--log is "loud"; expected trace, debug'],
    [['sysctl'], 'expected NAME, NAME=VALUE or -a'],
    [['route', 'frob'], 'route does not know "frob"'],
    [['arp', '-s', '10.0.0.1'], 'expected "arp -s ADDRESS MAC"'],
    [['replay', 'x.pcap', '--as', '10.0.0.1'], '--as is "10.0.0.1"; expected an address and prefix length'],
  ]
  it.each(wrong)('%j: a sentence, exit code 2', async (words, message) => {
    const r = await shell().vimage(...words)
    expect(r.code).toBe(2)
    expect(r.err).toContain(message)
    expect(r.err).not.toMatch(/^ +at /m)
  })

  it('no daemon: a sentence, exit code 1', async () => {
    const s = shell()
    for (const words of [['list'], ['down'], ['ping', '10.0.0.1'], ['exec', '--', 'true']]) {
      const r = await s.vimage(...words)
      expect(r).toMatchObject({
        code: 1, out: '', err: `vimage: no daemon answers at ${s.control}; start one with "vimage up"\n`,
      })
    }
  })

  it('a wrong configuration: file, line, key; exit code 2, and nothing is started', async () => {
    const s = shell()
    writeFileSync(join(s.directory, 'x.yaml'), 'vimages:\n  - name: a\n    interfaces: [{ name: eth0, bridge: br7 }]\n')
    const r = await s.vimage('up', 'x.yaml')
    expect(r).toMatchObject({
      code: 2, out: '', err: 'vimage: x.yaml:3:32: vimages[0].interfaces[0].bridge: expected a bridge, but "bridges"'
        + ' lists none, found "br7"\n',
    })
    expect((await s.vimage('up', 'nowhere.yaml')).err).toContain('nowhere.yaml: cannot read the configuration')
  })
})

describe('the control socket', () => {
  it('is where the configuration says, and --control says it to the other verbs', async () => {
    const s = shell()
    writeFileSync(join(s.directory, 'x.yaml'), `${TWO}control: here.sock\n`)
    await s.up(['x.yaml'], { env: { VIMAGE_CONTROL: '' } })
    expect((await s.vimage('list')).code).toBe(1)
    expect((await s.vimage('list', '--control', join(s.directory, 'here.sock'))).code).toBe(0)
    expect((await s.vimage('--control', join(s.directory, 'here.sock'), 'down')).code).toBe(0)
  })
})

describe('listings', () => {
  it('list, as a table and as JSON', async () => {
    const s = await two()
    const table = await s.vimage('list')
    expect(table.code).toBe(0)
    expect(table.out).toMatch(
      /^VIMAGE +UP +INTERFACES +SERVICES +CONNECTIONS\na +00:00:\d\d +eth0 10\.9\.0\.1\/24 +echo tcp\/7 udp\/7 +0\n/)
    expect(table.out).toMatch(/BRIDGE +PORTS\nbr0 +a\/eth0, b\/eth0\n$/)
    const json = JSON.parse((await s.vimage('list', '--json')).out) as { vimages: { name: string }[]; daemon: object }
    expect(json.vimages.map((v) => v.name)).toEqual(['a', 'b'])
    expect(json.daemon).toMatchObject({ namespace: 'none', control: s.control })
  })

  it('ifconfig, netstat -i', async () => {
    const s = await two()
    const one = await s.vimage('ifconfig', '-V', 'a', 'eth0')
    expect(one.out).toBe('eth0: flags=53<UP,BROADCAST,RUNNING,MULTICAST> mtu 1500\n\tether 02:00:00:00:00:0a\n'
      + '\tinet 10.9.0.1 netmask 0xffffff00 broadcast 10.9.0.255\n')
    const all = await s.vimage('ifconfig')
    expect(all.out).toMatch(/^vimage a:\nlo0: [^]*\nvimage b:\nlo0: /)
    const json = JSON.parse((await s.vimage('ifconfig', '--json')).out) as Record<string, { name: string }[]>
    expect(Object.keys(json)).toEqual(['a', 'b'])
    expect(json['b']?.map((i) => i.name)).toEqual(['lo0', 'eth0'])
    expect((await s.vimage('netstat', '-i', '-V', 'b')).out)
      .toMatch(/^Name +Mtu +Address +Ipkts [^]*\neth0 +1500 +10\.9\.0\.2\/24 /)
  })

  it('netstat: sockets, routes, counters', async () => {
    const s = await two()
    expect((await s.vimage('netstat', '-V', 'a')).out).toBe(
      'Active Internet connections\nProto  Recv-Q  Send-Q  Local Address  Foreign Address  (state)\n')
    expect((await s.vimage('netstat', '-a', '-V', 'a')).out)
      .toMatch(/\ntcp4 +0 +511 +\*:7 +\*:\* +LISTEN\nudp4 +0 +0 +\*:7 +\*:\*\n/)
    expect((await s.vimage('netstat', '-r', '-V', 'a')).out)
      .toMatch(/\nDestination +Gateway +Flags +Netif +Use +Expire\n10\.9\.0\.0\/24 +link#2 +U +eth0/)
    await s.vimage('ping', '-c', '1', '10.9.0.2')
    const counters = (await s.vimage('netstat', '-s', '-V', 'b')).out
    expect(counters).toMatch(/^tcp:\n\t0 packets sent\n/)
    expect((await s.vimage('netstat', '-ss', '-V', 'b')).out).not.toMatch(/^\t0 /m)
    const json = JSON.parse((await s.vimage('netstat', '-ss', '--json', '-V', 'b')).out) as Record<string,
      { value: number }[]>
    expect(json['b']?.every((c) => c.value > 0)).toBe(true)
  })

  it('netstat --why, --plot, -v without anything to show', async () => {
    const s = await two()
    const off = await s.vimage('netstat', '--why', '-V', 'a')
    expect(off).toMatchObject({ code: 0, out: '' })
    expect(off.err).toContain('on with: vimage sysctl -V a net.inet.tcp.trace=10000')
    await s.vimage('sysctl', '-V', 'a', 'net.inet.tcp.trace=1000')
    expect(await s.vimage('netstat', '--why', '-V', 'a')).toMatchObject({ code: 0, out: '', err: '' })
    const json = JSON.parse((await s.vimage('netstat', '--why', '--json', '-V', 'a')).out) as unknown
    expect(json).toMatchObject({ a: { tracing: 'all', events: [] } })
    const plot = await s.vimage('netstat', '--plot', 'x.svg', '-V', 'a')
    expect(plot.code).toBe(2)
    expect(plot.err).toContain('there is nothing to draw')
    expect((await s.vimage('netstat', '-v', '-V', 'a')).out).toBe('')
  })

  it('bridge: ports and addresses', async () => {
    const s = await two()
    await s.vimage('ping', '-c', '1', '10.9.0.2')
    expect((await s.vimage('bridge')).out).toMatch(/^BRIDGE +PORT +KIND [^]*\nbr0 +a\/eth0 +vimage +[1-9]/)
    expect((await s.vimage('bridge', 'br0', '--macs')).out).toContain('02:00:00:00:00:0a  a/eth0')
    expect(await s.vimage('bridge', 'br7', '--macs'))
      .toMatchObject({ code: 1, err: 'vimage: there is no bridge "br7"; there are br0\n' })
  })

  it('dmesg, and -f until it is interrupted', async () => {
    const s = await two()
    expect((await s.vimage('dmesg', '-V', 'a')).out)
      .toMatch(/^\[ +\d+\.\d{6}\] eth0: on bridge br0, Ethernet address 02:00:00:00:00:0a/)
    const follow = s.begin(['dmesg', '-f'])
    await until('it has begun', () => follow.out.includes('echo: listening'))
    follow.child.kill('SIGINT')
    expect((await follow.ended).code).toBe(0)
  })
})

describe('changes', () => {
  it('ifconfig: alias, -alias, mtu, down, up; and a choice is asked for where there are several', async () => {
    const s = await two()
    const show = async (): Promise<string> => (await s.vimage('ifconfig', '-V', 'a', 'eth0')).out
    expect(await s.vimage('ifconfig', '-V', 'a', 'eth0', '10.9.0.7/24', 'alias', 'mtu', '1400'))
      .toMatchObject({ code: 0, err: '' })
    expect(await show()).toMatch(/mtu 1400[^]*inet 10\.9\.0\.1 [^]*inet 10\.9\.0\.7 /)
    expect(await s.vimage('ifconfig', '-V', 'a', 'eth0', '10.9.0.7', '-alias', 'down'))
      .toMatchObject({ code: 0, err: '' })
    expect(await show()).not.toMatch(/UP|10\.9\.0\.7/)
    expect(await s.vimage('ifconfig', '-V', 'a', 'eth0', 'inet', '10.9.0.8/24', 'up'))
      .toMatchObject({ code: 0, err: '' })
    expect(await show()).toMatch(/<UP[^]*inet 10\.9\.0\.8 /)
    expect(await s.vimage('ifconfig', 'eth0', 'down')).toMatchObject({
      code: 2, err: 'vimage: there are several vimages (a, b); choose one with -V NAME\n',
    })
    expect(await s.vimage('ifconfig', '-V', 'a', 'eth0', 'sideways')).toMatchObject({ code: 2 })
    expect(await s.vimage('ifconfig', '-V', 'a', 'eth0', '10.9.0.9')).toMatchObject({ code: 2 })
    expect((await s.vimage('ifconfig', '-V', 'c', 'eth0', 'up')).err)
      .toBe('vimage: there is no vimage "c"; there are a, b\n')
  })

  it('arp: set, show, delete', async () => {
    const s = await two()
    expect((await s.vimage('arp', '-V', 'a', '-s', '10.9.0.7', '02:00:00:00:00:07')).code).toBe(0)
    expect((await s.vimage('arp', '-a', '-V', 'a')).out)
      .toBe('? (10.9.0.7) at 02:00:00:00:00:07 on eth0 permanent [ethernet]\n')
    expect((await s.vimage('arp', '-V', 'a', '-d', '10.9.0.7')).code).toBe(0)
    expect(await s.vimage('arp', '-V', 'a', '-d', '10.9.0.7')).toMatchObject({ code: 1 })
    expect(JSON.parse((await s.vimage('arp', '--json')).out)).toEqual({ a: [], b: [] })
  })

  it('route: add, get, delete', async () => {
    const s = await two()
    expect((await s.vimage('route', '-V', 'a', 'add', 'default', '10.9.0.2')).out)
      .toBe('add default: gateway 10.9.0.2\n')
    expect((await s.vimage('route', '-V', 'a', 'add', '10.8.0.0/16', 'dev', 'eth0')).code).toBe(0)
    expect((await s.vimage('route', '-V', 'a', 'add', '-net', '10.7.0.0/16', '-interface', 'eth0')).code).toBe(0)
    const show = (await s.vimage('route', '-V', 'a')).out
    expect(show).toMatch(/default +10\.9\.0\.2 +UGS +eth0/)
    expect(show).toMatch(/10\.7\.0\.0\/16 +link#2 +US +eth0/)
    expect((await s.vimage('route', 'get', '192.0.2.1', '-V', 'a')).out)
      .toMatch(/destination: default\n +gateway: 10\.9\.0\.2\n/)
    expect((await s.vimage('route', '-V', 'a', 'delete', 'default')).code).toBe(0)
    expect(await s.vimage('route', '-V', 'a', 'get', '192.0.2.1')).toMatchObject({
      code: 1, err: 'vimage: vimage a has no route to 192.0.2.1\n',
    })
  })

  it('sysctl: show, describe, set', async () => {
    const s = await two()
    expect((await s.vimage('sysctl', '-V', 'a', 'net.inet.ip.ttl')).out).toBe('net.inet.ip.ttl: 64\n')
    expect((await s.vimage('sysctl', '-V', 'a', 'net.inet.ip.ttl=9')).out).toBe('net.inet.ip.ttl: 64 -> 9\n')
    expect((await s.vimage('sysctl', '-n', 'net.inet.ip.ttl')).out).toBe('vimage a:\n9\n\nvimage b:\n64\n')
    expect((await s.vimage('sysctl', '-d', '-V', 'a', 'net.inet.ip.ttl')).out)
      .toMatch(/^net\.inet\.ip\.ttl: .*\(hops\)\n$/)
    expect((await s.vimage('sysctl', '-a', '-V', 'a')).out.split('\n').length).toBeGreaterThan(50)
    expect(await s.vimage('sysctl', '-V', 'a', 'net.inet.ip.ttl=0')).toMatchObject({ code: 2 })
    expect(await s.vimage('sysctl', '-V', 'a', 'net.inet.ip.tttl')).toMatchObject({ code: 1 })
  })
})

describe('ping', () => {
  it('prints as ping does; exit code 0 with a reply, 1 without', async () => {
    const s = await two()
    const r = await s.vimage('ping', '-c', '2', '-i', '0.01', '10.9.0.2')
    expect(r.code).toBe(0)
    expect(r.out.replace(/\d+\.\d{3}/g, 'N')).toBe(`PING 10.9.0.2 (10.9.0.2): 56 data bytes
64 bytes from 10.9.0.2: icmp_seq=0 ttl=64 time=N ms
64 bytes from 10.9.0.2: icmp_seq=1 ttl=64 time=N ms

--- 10.9.0.2 ping statistics ---
2 packets transmitted, 2 packets received, 0.0% packet loss
round-trip min/avg/max/stddev = N/N/N/N ms
`)
    const none = await s.vimage('ping', '-c', '1', '-W', '0.1', '-V', 'b', '10.9.0.99')
    expect(none.code).toBe(1)
    expect(none.out).toContain('1 packets transmitted, 0 packets received')
    expect(none.out).toContain('100.0% packet loss')
    const json = await s.vimage('ping', '--json', '-c', '1', '10.9.0.1')
    const lines = json.out.trim().split('\n').map((l) => JSON.parse(l) as { type: string })
    expect(lines.map((l) => l.type)).toEqual(['start', 'reply', 'end'])
  })

  it('sums up when it is interrupted', async () => {
    const s = await two()
    const ping = s.begin(['ping', '-i', '0.01', '10.9.0.2'])
    await until('there are replies', () => ping.out.includes('icmp_seq=3'))
    ping.child.kill('SIGINT')
    const r = await ping.ended
    expect(r.code).toBe(0)
    expect(r.out).toMatch(/packets transmitted, \d+ packets received/)
    expect(r.out).toContain('round-trip')
  })

  it('says what is wrong with a route', async () => {
    const s = await two()
    const r = await s.vimage('ping', '-c', '1', '-W', '0.05', '192.0.2.1')
    expect(r.code).toBe(1)
    expect(r.out).toContain('icmp_seq=0 not sent: network is unreachable')
  })
})

describe('tcpdump', () => {
  it('prints what passes, -c at a time; -e with the Ethernet header', async () => {
    const s = await two()
    const dump = s.begin(['tcpdump', '-V', 'b', '-c', '2', '-e', 'icmp'])
    await until('it listens', () => dump.err.includes('listening on b/eth0'))
    await s.vimage('ping', '-c', '2', '-i', '0.01', '10.9.0.2')
    const r = await dump.ended
    expect(r.code).toBe(0)
    const lines = r.out.trim().split('\n')
    expect(lines.length).toBe(2)
    const link = '02:00:00:00:00:0a > 02:00:00:00:00:0b, ethertype IPv4'
    expect(lines[0]).toMatch(new RegExp(`^\\d\\d:\\d\\d:\\d\\d\\.\\d{6} In {2}${link} .*length 98: IP 10`))
    expect(lines[0]).toContain('IP 10.9.0.1 > 10.9.0.2: ICMP echo request')
    expect(lines[1]).toMatch(/ Out .*ICMP echo reply/)
    expect(r.err).toContain('2 frames captured')
  })

  it('writes pcapng with interface and direction, or classic pcap', async () => {
    const s = await two()
    for (const [file, format] of [['x.pcapng', 'pcapng'], ['x.pcap', 'pcap']] as const) {
      const dump = s.begin(['tcpdump', '-V', 'b', '-w', file, 'icmp'])
      await until('it listens', () => dump.err.includes('listening'))
      await s.vimage('ping', '-c', '1', '10.9.0.2')
      await until('both frames are in the file', () =>
        parseCapture(readFileSync(join(s.directory, file))).records.length === 2)
      dump.child.kill('SIGINT')
      expect((await dump.ended).code).toBe(0)
      const capture = parseCapture(readFileSync(join(s.directory, file)))
      expect(capture.format).toBe(format)
      expect(capture.error).toBeNull()
      if (format === 'pcapng') {
        expect(capture.interfaces.map((i) => i.name)).toEqual(['b/eth0'])
        expect(capture.records.map((x) => x.flags & 3)).toEqual([1, 2])
      }
    }
  })

  it('refuses a filter it does not understand: exit code 2', async () => {
    const s = await two()
    const r = await s.vimage('tcpdump', 'tcp', 'or', 'udp')
    expect(r.code).toBe(2)
    expect(r.err).toContain('"or udp" is not understood')
  })

  it('ends quietly when nobody reads what it prints', async () => {
    const s = await two()
    const dump = s.begin(['tcpdump', '-V', 'b', 'icmp'])
    await until('it listens', () => dump.err.includes('listening'))
    dump.child.stdout?.destroy()
    await s.vimage('ping', '-c', '3', '-i', '0.05', '10.9.0.2')
    expect(await dump.ended).toMatchObject({ code: 0, signal: null })
  })
})

describe('replay', () => {
  /** An echo request from 10.0.0.9 to 10.0.0.1, in a classic capture. */
  function echoCapture(): Buffer {
    const frame = Buffer.from('0200000000010200000000090800' + '4500001c000100004001' + '66d7' + '0a0000090a000001'
      + '0800' + 'f7f5' + '00010009', 'hex')
    const header = Buffer.from('d4c3b2a1020004000000000000000000ffff000001000000', 'hex')
    const record = Buffer.alloc(16)
    record.writeUInt32LE(1_700_000_000, 0)
    record.writeUInt32LE(250, 4)
    record.writeUInt32LE(frame.length, 8)
    record.writeUInt32LE(frame.length, 12)
    return Buffer.concat([header, record, frame])
  }

  it('prints what the stack made of it, and writes what it answered; no daemon is needed', async () => {
    const s = shell()
    writeFileSync(join(s.directory, 'echo.pcap'), echoCapture())
    const r = await s.vimage('replay', 'echo.pcap', '--as', '10.0.0.1/24', '-w', 'out.pcapng', '--answers-only')
    expect(r).toMatchObject({ code: 0, err: '' })
    expect(r.out).toMatch(/^echo\.pcap: 1 records, 1 fed, \d+ answers\n/)
    expect(r.out).toMatch(/^icmp:\n/m)
    const capture = parseCapture(readFileSync(join(s.directory, 'out.pcapng')))
    const reply = capture.records.find((x) => x.data[12] === 8 && x.data[13] === 0)
    expect(reply?.data.subarray(26, 36)).toEqual(Uint8Array.from([10, 0, 0, 1, 10, 0, 0, 9, 0, 0]))
    expect(reply).toMatchObject({ sec: 1_700_000_000, flags: 2 })
    const json = JSON.parse((await s.vimage('replay', 'echo.pcap', '--as', '10.0.0.1/24',
      '--json')).out) as { fed: number }
    expect(json.fed).toBe(1)
  })

  it('a truncated file: what is before the damage is replayed, and the damage is named; exit code 1', async () => {
    const s = shell()
    writeFileSync(join(s.directory, 'cut.pcap'), Buffer.concat([echoCapture(), Buffer.alloc(7)]))
    const r = await s.vimage('replay', 'cut.pcap', '--as', '10.0.0.1/24')
    expect(r.code).toBe(1)
    expect(r.out).toContain('1 fed')
    expect(r.err).toMatch(/cut\.pcap: record 2 at byte 82: .*; the records before it were replayed/)
  })

  it('a file that is no capture, or is not there', async () => {
    const s = shell()
    writeFileSync(join(s.directory, 'x.pcap'), 'this is no capture at all')
    expect((await s.vimage('replay', 'x.pcap', '--as', '10.0.0.1/24')).err)
      .toMatch(/^vimage: x\.pcap: file header at byte 0: /)
    const r = await s.vimage('replay', 'y.pcap', '--as', '10.0.0.1/24')
    expect(r).toMatchObject({ code: 1 })
    expect(r.err).toContain('cannot read capture y.pcap: ENOENT')
  })
})
