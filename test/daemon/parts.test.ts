import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { controlPath, defaultControlPath, secureDirectory } from '../../src/daemon/control-path.ts'
import { labConfig } from '../../src/daemon/lab.ts'
import { loadConfig } from '../../src/daemon/config.ts'
import { openLog, prettyLine } from '../../src/daemon/log.ts'
import { enterCommand, tapUnavailable } from '../../src/daemon/namespace.ts'
import { didYouMean, nearest } from '../../src/daemon/nearest.ts'
import { filterMatches, parseFilter } from '../../src/daemon/packet-filter.ts'
import { loadNative } from '../../src/host/native.ts'

describe('where the control socket is', () => {
  it('as given, else VIMAGE_CONTROL, else in the user\'s runtime directory, else in one of his own', () => {
    expect(controlPath('/x/y', { VIMAGE_CONTROL: '/z' })).toBe('/x/y')
    expect(controlPath('', { VIMAGE_CONTROL: '/z' })).toBe('/z')
    expect(controlPath('', { XDG_RUNTIME_DIR: '/run/user/7' })).toBe('/run/user/7/vimage/control.sock')
    expect(defaultControlPath({}, 7)).toBe(join(tmpdir(), 'vimage-7', 'control.sock'))
  })

  it('in a directory that belongs to this user alone', () => {
    const root = mkdtempSync(join(tmpdir(), 'vimage-test-'))
    try {
      secureDirectory(join(root, 'new', 'control.sock'))
      expect(() => secureDirectory(join(root, 'new', 'control.sock'))).not.toThrow()
      mkdirSync(join(root, 'open'))
      chmodSync(join(root, 'open'), 0o777)
      expect(() => secureDirectory(join(root, 'open', 'control.sock'))).toThrow('does not belong to this user alone')
      // somebody else's link to a directory of ours is not ours
      symlinkSync(join(root, 'new'), join(root, 'link'))
      expect(() => secureDirectory(join(root, 'link', 'control.sock'))).toThrow('does not belong to this user alone')
    } finally {
      rmSync(root, { recursive: true })
    }
  })
})

describe('the log', () => {
  it('is one readable line each for people', () => {
    const line = JSON.stringify({ level: 40, time: Date.UTC(2024, 0, 2, 3, 4, 5, 6), msg: 'careful', a: 1, b: 'x',
      c: [2] })
    expect(prettyLine(line)).toBe('03:04:05.006 WARN  careful (a=1, b=x, c=[2])\n')
  })

  it('appends to a file that only its owner reads, and says so when it cannot', () => {
    const root = mkdtempSync(join(tmpdir(), 'vimage-test-'))
    try {
      const file = join(root, 'x.log')
      openLog({ level: 'info', file, format: 'json' }).info('one')
      const log = openLog({ level: 'info', file, format: 'json' })
      log.info({ n: 2 }, 'two')
      log.debug('not this')
      const lines = readFileSync(file, 'utf8').trim().split('\n').map((l) => JSON.parse(l) as { msg: string })
      expect(lines.map((l) => l.msg)).toEqual(['one', 'two'])
      expect(() => openLog({ level: 'info', file: join(root, 'no', 'x.log'), format: 'json' }))
        .toThrow('cannot write the log')
    } finally {
      rmSync(root, { recursive: true })
    }
  })
})

describe('suggestions', () => {
  it('are made for near misses only', () => {
    expect(nearest('adresses', ['name', 'addresses', 'mtu'])).toBe('addresses')
    expect(nearest('zzz', ['name', 'addresses'])).toBe('')
    expect(didYouMean('nmae', ['name'])).toBe(' (did you mean name?)')
    expect(didYouMean('', ['name'])).toBe('')
  })
})

describe('the namespace of the daemon', () => {
  it('is joined by nsenter, also as an ordinary user, and not where there is none', () => {
    expect(enterCommand('net', 7, ['ping', '-c', '1']))
      .toEqual(['nsenter', '--target', '7', '--net', '--', 'ping', '-c', '1'])
    expect(enterCommand('user+net', 7, ['sh'])).toEqual([
      'nsenter', '--target', '7', '--user', '--preserve-credentials', '--net', '--', 'sh'])
    expect(enterCommand('none', 7, ['sh'])).toBeNull()
  })

  it.runIf(loadNative().available)('a TAP device that is not there is a sentence', () => {
    expect(tapUnavailable('/nowhere/tun')).toContain('there is no /dev/net/tun here')
  })
})

describe('the built-in lab', () => {
  it('is what examples/lab.yaml describes', () => {
    const lab = labConfig({ level: 'info', file: '' })
    const file = loadConfig(new URL('../../examples/lab.yaml', import.meta.url).pathname)
    const explicit = (config: typeof lab): unknown =>
      JSON.parse(JSON.stringify(config).replaceAll('"up":true', '"up":null'))
    expect(explicit({ ...file, file: '' })).toEqual(explicit(lab))
  })
})

describe('the packet filter', () => {
  const ether = (type: number, rest: number[]): Uint8Array =>
    Uint8Array.from([...new Array<number>(12).fill(2), type >> 8, type & 255, ...rest])
  const ip = (proto: number, src: number[], dst: number[], payload: number[], offset = 0): number[] =>
    [0x45, 0, 0, 20 + payload.length, 0, 0, offset >> 8, offset & 255, 64, proto, 0, 0, ...src, ...dst, ...payload]
  const tcp = ether(0x0800, ip(6, [10, 0, 0, 1], [10, 0, 0, 2], [0x30, 0x39, 0, 80, 0, 0, 0, 0]))
  const udp = ether(0x0800, ip(17, [10, 0, 0, 2], [10, 1, 0, 1], [0, 53, 0x30, 0x39, 0, 8, 0, 0]))
  const fragment = ether(0x0800, ip(6, [10, 0, 0, 1], [10, 0, 0, 2], [0x30, 0x39, 0, 80], 185))
  const arp = ether(0x0806, [0, 1, 8, 0, 6, 4, 0, 1, 2, 0, 0, 0, 0, 1, 10, 0, 0, 1, 0, 0, 0, 0, 0, 0, 10, 0, 0, 9])
  const frames = { tcp, udp, fragment, arp }

  const cases: [filter: string, matching: string[]][] = [
    ['', ['tcp', 'udp', 'fragment', 'arp']],
    ['arp', ['arp']],
    ['ip', ['tcp', 'udp', 'fragment']],
    ['not arp', ['tcp', 'udp', 'fragment']],
    ['tcp', ['tcp', 'fragment']],
    ['icmp', []],
    ['port 80', ['tcp']],
    ['tcp port 80', ['tcp']],
    ['port 12345', ['tcp', 'udp']],
    ['src port 12345', ['tcp']],
    ['dst port 12345 and udp', ['udp']],
    ['host 10.0.0.1', ['tcp', 'fragment', 'arp']],
    ['src host 10.0.0.2', ['udp']],
    ['dst host 10.0.0.9', ['arp']],
    ['net 10.1.0.0/16', ['udp']],
    ['not host 10.0.0.2 and not port 53', ['arp']],
    ['! tcp and ! udp', ['arp']],
  ]
  it.each(cases)('"%s"', (text, matching) => {
    const filter = parseFilter(text)
    expect(Object.entries(frames).filter(([, f]) => filterMatches(filter, f, 1)).map(([name]) => name))
      .toEqual(matching)
  })

  it('takes bare IP packets too, and any bytes at all', () => {
    const filter = parseFilter('tcp and port 80 and net 10.0.0.0/8')
    expect(filterMatches(filter, tcp.subarray(14), 101)).toBe(true)
    for (let n = 0; n < tcp.length; n++) {
      const whole = n >= 14 + 20 + 4
      expect(filterMatches(filter, tcp.subarray(0, n), 1)).toBe(whole)
      expect(filterMatches(filter, tcp.subarray(14, n), 101)).toBe(whole)
      expect(filterMatches(parseFilter('host 10.0.0.9'), arp.subarray(0, n), 1)).toBe(n >= arp.length)
    }
  })

  it.each(['port', 'port http', 'port 65536', 'host a', 'net 10.0.0.0/33', 'and', 'not', 'src tcp', 'tcp or udp',
    'port 80 and'])(
    'refuses "%s"', (text) => {
      expect(() => parseFilter(text)).toThrow(/filter: .* is not understood; expected/)
    })
})
