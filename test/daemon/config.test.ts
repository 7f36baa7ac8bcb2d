import { describe, expect, it } from 'vitest'
import { ConfigError } from '../../src/daemon/config-error.ts'
import { parseConfig } from '../../src/daemon/config.ts'
import { addrParse } from '../../src/lib/addr.ts'

function problems(text: string): string[] {
  try {
    parseConfig(text, 'x.yaml')
  } catch (error) {
    if (error instanceof ConfigError) return error.message.split('\n')
    throw error
  }
  return []
}

describe('a configuration that is right', () => {
  it('is parsed with every default filled in', () => {
    const config = parseConfig(`
bridges:
  - name: br0
    taps: [{ name: tap0, address: 10.1.0.1/24, mtu: 9000, mac: 02:00:00:00:00:09 }, { name: tap1, threaded: true, merge: false }]
vimages:
  - name: a
    seed: 7
    interfaces:
      - { name: eth0, bridge: br0, addresses: [10.1.0.2/24, 10.1.1.2/31], impair: { out: { lossRate: 0.5 } } }
    routes: [{ to: default, via: 10.1.0.1 }]
    sysctl: { net.inet.ip.ttl: 32, net.inet.ip.forwarding: true }
    services: [echo, { name: http, port: 8080 }]
log: { level: debug, file: d.log }
control: c.sock
`, '/etc/vimage/x.yaml')
    expect(config.bridges).toEqual([{
      name: 'br0', ageingS: 300,
      taps: [{
        name: 'tap0', attach: false, offload: false, threaded: false, merge: true, mtu: 9000, mac: 0x020000000009, up: null,
        address: { ip: 0x0a010001, prefixLen: 24 },
      }, { name: 'tap1', attach: false, offload: false, threaded: true, merge: false, mtu: 0, mac: 0, up: null, address: null }],
    }])
    expect(config.vimages).toEqual([{
      name: 'a', seed: [7, 0],
      interfaces: [{
        name: 'eth0', link: { kind: 'bridge', bridge: 'br0' }, mac: 0, mtu: 0, probe: false, capture: '',
        addresses: [{ addr: addrParse('10.1.0.2'), prefixLen: 24 }, { addr: addrParse('10.1.1.2'), prefixLen: 31 }],
        impair: { in: {}, out: { lossRate: 0.5 } }, dhcp: false, dhcp6: false, auto: false, advertise: null,
      }],
      routes: [{ to: { addr: addrParse('0.0.0.0'), prefixLen: 0 }, via: addrParse('10.1.0.1'), interface: '' }],
      sysctls: [{ name: 'net.inet.ip.ttl', value: '32' }, { name: 'net.inet.ip.forwarding', value: '1' }],
      services: [{ name: 'echo', port: 0, root: '', zones: {} }, { name: 'http', port: 8080, root: '', zones: {} }],
      record: '',
    }])
    expect(config.log).toEqual({ level: 'debug', file: '/etc/vimage/d.log' })
    expect(config.control).toBe('/etc/vimage/c.sock')
  })

  it('addresses: dhcp, alone or beside others', () => {
    const interfaces = (addresses: string): unknown => parseConfig(
      `bridges: [{name: br0}]\nvimages:\n  - name: a\n    interfaces: [{name: eth0, bridge: br0, addresses: ${addresses}}]`,
      'x.yaml').vimages[0].interfaces[0]
    expect(interfaces('dhcp')).toMatchObject({ dhcp: true, addresses: [] })
    expect(interfaces('[10.1.0.2/24, dhcp]')).toMatchObject({ dhcp: true, addresses: [{ addr: addrParse('10.1.0.2'), prefixLen: 24 }] })
    expect(interfaces('dhcp6')).toMatchObject({ dhcp: false, dhcp6: true, auto: false, addresses: [] })
    expect(interfaces('[dhcp, dhcp6]')).toMatchObject({ dhcp: true, dhcp6: true })
    expect(() => interfaces('dhcpd')).toThrow(/addresses/)
  })

  it('IPv6: addresses, auto, routes by global and link-local gateways; a default route is of its gateway\'s family', () => {
    const [a] = parseConfig(`bridges: [{name: br0}]
vimages:
  - name: a
    interfaces: [{name: eth0, bridge: br0, addresses: [10.1.0.2/24, 2001:db8:1::2/64, fe80::2/64, auto]}]
    routes:
      - { to: default, via: 10.1.0.1 }
      - { to: default, via: 2001:db8:1::1 }
      - { to: '2001:db8:2::/48', via: 'fe80::1', interface: eth0 }
      - { to: '2001:db8:3::/48', interface: eth0 }`, 'x.yaml').vimages
    const prefix = (text: string, prefixLen: number): unknown => ({ addr: addrParse(text), prefixLen })
    expect(a.interfaces[0]).toMatchObject({
      auto: true, dhcp: false, addresses: [prefix('10.1.0.2', 24), prefix('2001:db8:1::2', 64), prefix('fe80::2', 64)],
    })
    expect(a.routes).toEqual([
      { to: prefix('0.0.0.0', 0), via: addrParse('10.1.0.1'), interface: '' },
      { to: prefix('::', 0), via: addrParse('2001:db8:1::1'), interface: '' },
      { to: prefix('2001:db8:2::', 48), via: addrParse('fe80::1'), interface: 'eth0' },
      { to: prefix('2001:db8:3::', 48), via: null, interface: 'eth0' },
    ])
  })

  it('advertise: what a router tells hosts, with the defaults of RFC 4861 §6.2.1', () => {
    const [a] = parseConfig(`bridges: [{name: br0}]
vimages:
  - name: r
    sysctl: { net.inet6.ip6.forwarding: 1 }
    interfaces:
      - { name: eth0, bridge: br0, addresses: ['2001:db8:1::1/64'],
          advertise: { prefixes: ['2001:db8:1::/64'], dns: ['2001:db8::53'], search: [example.org], preference: high } }`, 'x.yaml').vimages
    expect(a.interfaces[0].advertise).toEqual({
      prefixes: [{ addr: addrParse('2001:db8:1::'), prefixLen: 64 }], dns: [addrParse('2001:db8::53')], search: ['example.org'],
      lifetimeS: 1800, preference: 'high', mtu: 0, intervalS: 600,
    })
  })

  it('record: true is a file of the vimage\'s name beside the configuration, a name is that file', () => {
    const read = (record: string): string =>
      parseConfig(`vimages: [{ name: a, record: ${record} }]`, '/etc/vimage/d.yaml').vimages[0].record
    expect(['true', 'false', 'logs/x.log'].map(read)).toEqual(['/etc/vimage/a.vimlog', '', '/etc/vimage/logs/x.log'])
    expect(() => read('3')).toThrow(/vimages\[0\]\.record: expected/)
  })

  it('may be empty', () => {
    expect(parseConfig('', 'x.yaml')).toEqual({
      file: 'x.yaml', bridges: [], vimages: [], log: { level: 'info', file: '' }, control: '',
    })
  })
})

describe('a configuration that is wrong', () => {
  const cases: [title: string, text: string, expected: string[]][] = [
    ['not YAML', 'log: {}\nbridges: [a', ['x.yaml:2:12: not YAML: ']],
    ['a key twice', 'log: {level: info}\nlog: {level: info}', ['x.yaml:2:1: not YAML: Map keys must be unique']],
    ['not a map', '- a\n- b', ['x.yaml:1:1: expected a map with bridges, vimages, log and control, found ["a","b"]']],
    ['an unknown key', 'vimages:\n  - name: a\n    interface: []', [
      'x.yaml:3:5: vimages[0].interface: unknown key; expected one of name, seed, interfaces, routes, sysctl, services, record'
      + ' (did you mean interfaces?)']],
    ['a wrong type', 'vimages:\n  - name: a\n    interfaces: eth0', [
      'x.yaml:3:5: vimages[0].interfaces: expected a list of interfaces, found "eth0"']],
    ['a missing key', 'bridges:\n  - taps: []', [
      'x.yaml:2:5: bridges[0].name: expected a name of letters, digits, ".", "_" and "-" (at most 32), found nothing']],
    ['a number out of range', 'bridges:\n - name: b\n   taps:\n    - name: t\n      mtu: 12', [
      'x.yaml:5:7: bridges[0].taps[0].mtu: expected a whole number from 68 to 65520, found 12']],
    ['a bad address', 'vimages: [{name: a, interfaces: [{name: e0, raw: [icmp], addresses: [10.0.0.256/24]}]}]', [
      'x.yaml:1:70: vimages[0].interfaces[0].addresses[0]: expected the address of a host with its prefix length, like'
      + ' 10.0.0.1/24 or 2001:db8::1/64, or one of dhcp, dhcp6, auto, found "10.0.0.256/24"']],
    ['a group as address', 'bridges: [{name: b}]\nvimages: [{name: a, interfaces: [{name: e, bridge: b, addresses: ["ff02::1/64"]}]}]', [
      'addresses[0]: expected the address of a host with its prefix length, like 10.0.0.1/24 or 2001:db8::1/64']],
    ['a gateway of the other family', `bridges: [{name: b}]
vimages: [{name: a, interfaces: [{name: e, bridge: b, addresses: [10.0.0.1/8]}], routes: [{to: "2001:db8::/32", via: 10.0.0.2}]}]`, [
      'routes[0].via: expected a gateway of the same family, found 10.0.0.2 for a network of IPv6']],
    ['a link-local gateway of no interface', `bridges: [{name: b}]
vimages: [{name: a, interfaces: [{name: e, bridge: b}], routes: [{to: default, via: "fe80::1"}]}]`, [
      'routes[0]: expected interface, for a link-local gateway, found none']],
    ['an IPv6 gateway that is nobody\'s neighbour', `bridges: [{name: b}]
vimages: [{name: a, interfaces: [{name: e, bridge: b, addresses: ["2001:db8::1/64"]}], routes: [{to: default, via: "2001:db9::1"}]}]`, [
      'routes[0].via: expected a neighbour on an interface of this vimage, found 2001:db9::1']],
    ['advertisements of a host that forwards nothing', `bridges: [{name: b}]
vimages: [{name: a, interfaces: [{name: e, bridge: b, advertise: {}}]}]`, [
      'advertise: expected lifetimeSeconds: 0, or sysctl net.inet6.ip6.forwarding: 1']],
    ['an advertised prefix with bits of a host', `bridges: [{name: b}]
vimages: [{name: a, interfaces: [{name: e, bridge: b, advertise: {lifetimeSeconds: 0, prefixes: ["2001:db8::1/64"]}}]}]`, [
      'advertise.prefixes[0]: expected a network like 2001:db8:1::/64']],
    ['a lifetime shorter than the interval', `bridges: [{name: b}]
vimages: [{name: a, interfaces: [{name: e, bridge: b, advertise: {lifetimeSeconds: 10}}]}]`, [
      'advertise.lifetimeSeconds: expected 0, or intervalSeconds (600) and more, found 10']],
    ['autoconfiguration without Ethernet', 'vimages: [{name: a, interfaces: [{name: e, raw: [icmp], addresses: auto}]}]', [
      'interfaces[0].addresses: a raw interface hears no routers']],
    ['the address of a network', 'bridges: [{name: b, taps: [{name: t, address: 10.0.0.0/24}]}]', [
      'bridges[0].taps[0].address: expected the address of a host']],
    ['a multicast hardware address', 'bridges: [{name: b, taps: [{name: t, mac: 01:00:5e:00:00:01}]}]', [
      'taps[0].mac: expected a hardware address of one station']],
    ['no link', 'vimages:\n - name: a\n   interfaces:\n    - name: e0', [
      'x.yaml:4:7: vimages[0].interfaces[0]: expected exactly one of bridge, tap and raw, found none']],
    ['two links', 'bridges: [{name: b}]\nvimages: [{name: a, interfaces: [{name: e0, bridge: b, raw: [icmp]}]}]', [
      'expected exactly one of bridge, tap and raw, found 2 of them']],
    ['a protocol that raw does not carry', 'vimages: [{name: a, interfaces: [{name: e0, raw: [tcp]}]}]', [
      'vimages[0].interfaces[0].raw[0]: expected one of icmp, found "tcp"']],
    ['a bridge that does not exist',
      'bridges: [{name: lan0}]\nvimages: [{name: a, interfaces: [{name: e, bridge: lan1}]}]',
      ['x.yaml:2:44: vimages[0].interfaces[0].bridge: expected one of lan0, found "lan1" (did you mean lan0?)']],
    ['names used twice', `
bridges: [{name: b, taps: [{name: t}]}, {name: b, taps: [{name: t}]}]
vimages:
  - {name: a, interfaces: [{name: e0, raw: [icmp], addresses: [10.0.0.1/8]},
    {name: e0, bridge: b, addresses: [10.0.0.1/8]}]}
  - {name: a, interfaces: [{name: e0, tap: {name: t}}]}`, [
      'x.yaml:2:42: bridges[1].name: expected a name of its own, but there is another bridge "b"',
      'x.yaml:2:59: bridges[1].taps[0].name: expected a name of its own, but there is another TAP "t"',
      'x.yaml:5:6: vimages[0].interfaces[1].name: expected a name of its own, but there is another interface "e0"',
      'another address "10.0.0.1"', 'x.yaml:6:6: vimages[1].name', 'vimages[1].interfaces[0].tap.name']],
    ['the loopback interface again', 'vimages: [{name: a, interfaces: [{name: lo0, raw: [icmp]}]}]', [
      'there is another interface "lo0"']],
    ['a gateway out of reach', `
vimages:
  - name: a
    interfaces: [{name: e0, raw: [icmp], addresses: [10.0.0.1/24]}]
    routes:
      - { to: default, via: 10.0.1.1 }`, [
      'x.yaml:6:24: vimages[0].routes[0].via: expected a neighbour on an interface of this vimage, found 10.0.1.1']],
    ['a route without a way', 'vimages: [{name: a, routes: [{to: default}]}]', [
      'x.yaml:1:30: vimages[0].routes[0]: expected via or interface, found neither']],
    ['a route with bits outside its prefix', 'vimages: [{name: a, routes: [{to: 10.0.0.1/8, via: 10.0.0.2}]}]', [
      'vimages[0].routes[0].to: expected "default" or a network like 10.1.0.0/16 or 2001:db8::/32 without bits outside its prefix']],
    ['an unknown sysctl', 'vimages:\n - name: a\n   sysctl:\n     net.inet.ip.tl: 3', [
      'x.yaml:4:6: vimages[0].sysctl.net.inet.ip.tl: expected the name of a sysctl, found "net.inet.ip.tl"'
      + ' (did you mean net.inet.ip.ttl?)']],
    ['a sysctl out of range', 'vimages: [{name: a, sysctl: {net.inet.ip.ttl: 300}}]', [
      'vimages[0].sysctl.net.inet.ip.ttl: expected 1 to 255 (hops), found 300']],
    ['an unknown service', 'vimages: [{name: a, services: [ftp]}]', [
      'x.yaml:1:32: vimages[0].services[0]: expected one of echo, discard, chargen, http, or a map with name, port, (of'
      + ' files) root and (of dns) zones, found "ftp"']],
    ['files without a folder', 'vimages: [{name: a, services: [{name: files}]}]', [
      'x.yaml:1:32: vimages[0].services[0].root: expected a folder for "files", and for no other, found none']],
    ['a folder for echo', 'vimages: [{name: a, services: [{name: echo, root: /x}]}]', [
      'x.yaml:1:45: vimages[0].services[0].root: expected a folder for "files", and for no other, found one of "echo"']],
    ['a bad port of a service', 'vimages: [{name: a, services: [{name: echo, port: 70000}]}]', [
      'x.yaml:1:45: vimages[0].services[0].port: expected a whole number from 1 to 65535, found 70000']],
    ['an unknown key of a service', 'vimages: [{name: a, services: [{name: echo, prt: 7}]}]', [
      'x.yaml:1:45: vimages[0].services[0].prt: unknown key; expected one of name, port, root, zones (did you mean port?)']],
    ['dns without zones', 'vimages: [{name: a, services: [{name: dns}]}]', [
      'vimages[0].services[0].zones: expected zones for "dns", and for no other, found none']],
    ['a record that is none', 'vimages: [{name: a, services: [{name: dns, zones: {a.test: [www A 10.0.0]}}]}]', [
      'vimages[0].services[0].zones.a.test: "www A 10.0.0" is not a record like "www 300 A 10.0.0.1"']],
    ['a port for two services', 'vimages: [{name: a, services: [echo, {name: http, port: 7}]}]', [
      'x.yaml:1:38: vimages[0].services[1]: expected a free port, but echo has tcp/7 already']],
    ['an impossible impairment', 'bridges: [{name: b}]\nvimages:\n  - name: a\n    interfaces:\n'
      + '      - { name: e0, bridge: b, impair: { in: { lossRate: 2 } } }', [
      'x.yaml:5:48: vimages[0].interfaces[0].impair.in.lossRate: lossRate is 2, expected 0…1']],
    ['an impairment with a misspelt key',
      'vimages: [{name: a, interfaces: [{name: e, raw: [icmp], impair: {in: {loss: 1}}}]}]', [
      'vimages[0].interfaces[0].impair.in.loss: unknown key; expected one of on, cut, lossRate']],
    ['a control path too long for a socket', `control: /tmp/${'x'.repeat(120)}`,
      ['x.yaml:1:1: control: expected at most 107']],
    ['a log level that is none', 'log: { level: loud }', [
      'x.yaml:1:8: log.level: expected one of trace, debug, info, warn, error, fatal, silent, found "loud"']],
    ['an address on a TAP that stays down', 'bridges: [{name: b, taps: [{name: t, address: 10.0.0.1/8, up: false}]}]', [
      'bridges[0].taps[0].up: expected true or no address']],
  ]
  for (const [title, text, expected] of cases) {
    it(`is refused with file, line, key, expectation and finding: ${title}`, () => {
      const found = problems(text)
      for (const line of expected) expect(found.some((f) => f.includes(line)), `${found.join('\n')}\nlacks ${line}`)
        .toBe(true)
      expect(found.length).toBe(expected.length)
    })
  }

  it('names a file that cannot be read', async () => {
    const { loadConfig } = await import('../../src/daemon/config.ts')
    expect(() => loadConfig('/nowhere/x.yaml'))
      .toThrow('/nowhere/x.yaml: cannot read the configuration: there is no such file')
  })
})
