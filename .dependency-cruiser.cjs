/**
 * The layer table of docs/architecture.md (invariant 4), checked per file. `import type` leaves no trace at run time,
 * so protocols may name each other's types; everything else follows the packet: `input` files import upward, `output`
 * and `build` files downward, transports meet the network only through inet/.
 */

const dir = (...names) => `^src/(${names.join('|')})/`
const RUNTIME = { dependencyTypesNot: ['type-only'] }
const BUILTIN = { dependencyTypes: ['core'] }
const NPM = ['npm', 'npm-dev', 'npm-optional', 'npm-peer', 'npm-no-pkg', 'npm-unknown', 'npm-bundled']

const PROTOCOLS = ['link', 'arp', 'nd', 'ip', 'ip6', 'icmp', 'icmp6', 'inet', 'mcast', 'igmp', 'mld', 'raw', 'udp', 'dhcp', 'dhcp6', 'resolver', 'tcp']
const CORE = ['lib', 'wire', 'kern', 'device', ...PROTOCOLS, 'snapshot', 'vnet', 'sim', 'pcap', 'script']
/** Folders that may call the host's operating system. */
const NODE_SIDE = ['host', 'daemon', 'cli', 'socket', 'node', 'service', 'vimage', 'testing']
/** Where the package is entered: its exports and its program. */
const ENTRIES = '^src/(index|(wire|sim|pcap|script|testing)/index|script/sim|cli/main|node/(register|modules))\\.ts$'
/** Counters, tunables, constants and records: no behaviour, so any protocol may look at any other's. */
const TABLES = '/(state|state-[a-z]+|stats|sysctl|ctl|sockopt)\\.ts$'
/** What owners of a Vnet (driver, world, container, sockets) may call besides vnet/: management, names of states. */
const MANAGEMENT = '^src/(link/ifnet|ip/route|ip6/(route|ifaddr|policy)|arp/list|nd/(list|auto|rtadv)|dhcp6?/client|resolver/resolver|tcp/(fsm|info|linux-info|freebsd-info|trace-read|cc/names))\\.ts$'

/** Files in `from` import nothing outside the pattern `may`. */
const only = (name, comment, from, may, to = {}) =>
  ({ name, comment, severity: 'error', from: { path: from }, to: { pathNot: may, ...to } })
/** Files in `from` do not import what `to` says. */
const never = (name, comment, from, to) => ({ name, comment, severity: 'error', from, to })

const SHAPE = [
  never('no-cycle', 'the import graph is the packet path: no runtime cycles', {},
    { circular: true, viaOnly: RUNTIME }),
  never('no-unresolved', 'an import that resolves to nothing', {}, { couldNotResolve: true }),
  never('no-undeclared', 'a package that src/ needs at run time stands in dependencies', { path: '^src/' },
    { dependencyTypes: ['npm-dev', 'npm-no-pkg', 'npm-unknown', 'deprecated'], dependencyTypesNot: ['type-only'] }),
  never('no-dead-module', 'what no entry of the package reaches is dead', { path: ENTRIES },
    { path: '^src/', pathNot: `\\.d\\.ts$|${ENTRIES}`, reachable: false }),
  never('no-tests-in-src', 'sources do not know their tests', { path: '^src/' }, { path: '^(test|bench|examples)/' }),
]

const LEAVES = [
  only('lib-is-a-leaf', 'lib/ imports nothing of ours and nothing of Node', dir('lib'), dir('lib')),
  only('wire-is-pure', 'wire/ knows lib/ and buffer-layout', dir('wire'),
    `${dir('lib', 'wire')}|/buffer-layout/|^src/types/`),
  never('buffer-layout-is-hidden', 'its traps are handled in one file', { pathNot: '^src/wire/layout\\.ts$' },
    { path: 'node_modules/buffer-layout/' }),
  only('kern-is-low', 'kern/ serves every protocol and knows none', dir('kern'), dir('lib', 'kern'), RUNTIME),
  only('kern-names-state', 'the only types kern/ names are of state', dir('kern'),
    `${dir('lib', 'kern')}|/(state|state-[a-z]+)\\.ts$`),
  only('device-is-low', 'devices carry frames; host and sim use them alike', dir('device'),
    dir('lib', 'wire', 'kern', 'device')),
  only('state-is-data', 'state.ts holds records: leaves, other state of its own, its counters, inet/state.ts (a socket nests an Inpcb)',
    `${dir(...PROTOCOLS, 'vnet')}(state|state-[a-z]+)\\.ts$`,
    `${dir('lib', 'kern', 'wire')}|^src/$1/(stats|state|state-[a-z]+)\\.ts$|^src/inet/state\\.ts$`, RUNTIME),
  only('state-names-state', 'the types in state.ts are of leaves, counters and other state',
    `${dir(...PROTOCOLS)}(state|state-[a-z]+)\\.ts$`, `${dir('lib', 'kern', 'wire')}|/(state|state-[a-z]+|stats)\\.ts$`),
  only('sysctl-is-data', 'a table of tunables imports the way to declare one, and names of its own protocol',
    `${dir(...PROTOCOLS)}sysctl\\.ts$`, `${dir('lib', 'kern')}|^src/$1/[a-z/]*names\\.ts$`, RUNTIME),
  only('stats-are-data', 'texts of counters import nothing at run time', `${dir(...PROTOCOLS)}stats\\.ts$`, '^src/lib/',
    RUNTIME),
]

const PACKET_PATH = [
  only('protocols-know-the-core', 'protocols import lib, wire, kern and each other', dir(...PROTOCOLS),
    `${dir('lib', 'wire', 'kern', ...PROTOCOLS)}|^src/vnet/state\\.ts$|node_modules/@noble/(hashes|ciphers)/`),
  never('entry-only-from-below', 'a protocol is entered by those that have a packet or an error for it',
    { path: dir(...PROTOCOLS), pathNot: '/(input|ctlinput|report|loop|timer|reass|headers)\\.ts$' },
    { path: `${dir(...PROTOCOLS)}(input|ctlinput)\\.ts$`, ...RUNTIME }),
  // what a lower layer's output needs of a higher one is a look at its addresses, no call into it
  never('link-output-goes-down', 'output calls only downward', { path: '^src/link/(output6?|tx)\\.ts$' },
    { path: dir('ip', 'ip6', 'icmp', 'icmp6', 'inet', 'raw', 'udp', 'tcp'), pathNot: `${TABLES}|^src/ip/addrs\\.ts$`, ...RUNTIME }),
  never('arp-output-goes-down', 'output calls only downward', { path: '^src/arp/(send|resolve)\\.ts$' },
    { path: dir('ip', 'icmp', 'inet', 'raw', 'udp', 'tcp'), pathNot: `${TABLES}|^src/ip/addrs\\.ts$`, ...RUNTIME }),
  never('ip-output-goes-down', 'output calls only downward',
    { path: '^src/ip/(output|fragment|transmit|build|ident)\\.ts$' },
    { path: dir('icmp', 'inet', 'raw', 'udp', 'tcp'), pathNot: TABLES, ...RUNTIME }),
  never('nd-output-goes-down', 'output calls only downward; it sums with inet/ and asks for sources',
    { path: '^src/nd/(send|resolve)\\.ts$' },
    { path: dir('ip', 'ip6', 'icmp', 'icmp6', 'inet', 'raw', 'udp', 'tcp'),
      pathNot: `${TABLES}|^src/(ip6/(addrs|source)|inet/checksum)\\.ts$`, ...RUNTIME }),
  never('ip6-output-goes-down', 'output calls only downward',
    { path: '^src/ip6/(output|fragment|transmit|source|pmtu|route)\\.ts$' },
    { path: dir('icmp', 'icmp6', 'inet', 'raw', 'udp', 'tcp'), pathNot: TABLES, ...RUNTIME }),
  never('inet-output-goes-down', 'output calls only downward',
    { path: '^src/inet/(output|source|checksum|port|hash|pmtu)\\.ts$' },
    { path: dir('icmp', 'icmp6', 'raw', 'udp', 'tcp'), pathNot: TABLES, ...RUNTIME }),
  never('link-knows-no-transport', 'link/ hands to arp/, ip/ and ip6/', { path: dir('link', 'arp', 'nd') },
    { path: dir('raw', 'udp', 'tcp') }),
  never('ip-knows-no-transport', 'ip/, ip6/ and their ICMP hand to inet/', { path: dir('ip', 'ip6', 'icmp', 'icmp6') },
    { path: dir('udp', 'tcp'), pathNot: TABLES }),
  never('tcp-is-family-free', 'what depends on the address family is behind inet/', { path: dir('tcp', 'udp') },
    { path: dir('link', 'arp', 'nd', 'ip', 'ip6', 'icmp', 'icmp6'), ...RUNTIME }),
  never('tcp-alone', 'transports do not know each other', { path: dir('tcp') }, { path: dir('udp', 'raw') }),
  never('udp-alone', 'transports do not know each other', { path: dir('udp') }, { path: dir('tcp', 'raw') }),
  never('raw-alone', 'transports do not know each other', { path: dir('raw') }, { path: dir('tcp', 'udp') }),
]

const OWNERS = [
  only('snapshot-knows-state', 'saving and restoring know records and their factories, no behaviour', dir('snapshot'),
    `${dir('snapshot', 'lib', 'wire', 'kern')}|^src/(${PROTOCOLS.join('|')}|vnet)/(state|state-[a-z]+|stats|sysctl)\\.ts$`),
  only('vnet-is-the-core', 'the facade knows protocols, never who drives it', dir('vnet'),
    dir('lib', 'wire', 'kern', ...PROTOCOLS, 'snapshot', 'vnet')),
  never('core-without-node', 'the core runs in a browser and reads no environment',
    { path: dir(...CORE), pathNot: '^src/pcap/file\\.ts$' }, BUILTIN),
  never('core-without-packages', 'the core needs no package but buffer-layout and digests',
    { path: dir(...CORE) }, { dependencyTypes: NPM, pathNot: 'node_modules/(buffer-layout|@noble/(hashes|ciphers))/' }),
  only('sim-is-portable', 'a world drives Vnets, and is saved as they are: the facade, devices, captures', dir('sim'),
    `${dir('sim', 'lib', 'wire', 'kern', 'device', 'vnet', 'pcap', 'snapshot')}|${MANAGEMENT}|${TABLES}`),
  only('script-is-portable', 'a script drives a Vnet in a world', dir('script'),
    `${dir('script', 'sim', 'lib', 'wire', 'kern', 'device', 'vnet')}|${MANAGEMENT}|${TABLES}`),
  never('sim-below-script', 'worlds know no scripts', { path: dir('sim', 'pcap') }, { path: dir('script') }),
  never('sim-reads-no-files', 'captures in a world are bytes', { path: dir('sim') }, { path: '^src/pcap/file\\.ts$' }),
  only('pcap-is-portable', 'captures: the formats, and a Vnet driven by one', dir('pcap'),
    `${dir('pcap', 'lib', 'wire', 'kern', 'device', 'vnet')}|${MANAGEMENT}|${TABLES}`,
    { dependencyTypesNot: ['core'] }),
  never('owners-use-the-facade', 'whoever owns a Vnet calls vnet/ and the management calls, no protocol code',
    { path: dir(...NODE_SIDE) }, { path: dir(...PROTOCOLS), pathNot: `${MANAGEMENT}|${TABLES}`, ...RUNTIME }),
  never('sockets-are-not-the-host',
    'sockets and services live in a Vnet: streams and events, no operating system; `files` serves a folder of the host',
    { path: dir('socket', 'service'), pathNot: '^src/service/files(-answer)?[.]ts$' }, { ...BUILTIN, pathNot: '^(node:)?(stream|events|http|util|buffer)(/|$)' }),
  never('sockets-know-no-host', 'sockets work over any runner', { path: dir('socket', 'service') },
    { path: dir('host', 'daemon', 'cli', 'sim', 'script') }),
  never('socket-below-service', 'services use sockets, not the reverse', { path: dir('socket') },
    { path: dir('service', 'vimage', 'node') }),
  never('host-below-daemon', 'the driver knows no configuration', { path: dir('host', 'vimage', 'node', 'sim') },
    { path: dir('daemon', 'cli') }),
  never('nobody-knows-the-testing-kit', 'simulations for tests stand above all else, and need no daemon', { path: '^src/', pathNot: dir('testing') },
    { path: dir('testing') }),
  never('testing-is-in-memory', 'a simulation has virtual devices only', { path: dir('testing') }, { path: dir('host', 'daemon', 'cli') }),
  never('daemon-below-cli', 'the daemon prints no tables', { path: dir('daemon') }, { path: dir('cli') }),
  never('index-is-for-users', 'inside, import the file that has it', { path: '^src/', pathNot: '^src/script/sim\\.ts$' },
    { path: '^src/(index|(wire|sim|pcap|script|testing)/index)\\.ts$' }),
]

const PACKAGES = Object.entries({
  '@noble/hashes': 'tcp', '@noble/ciphers': 'tcp', 'raw-socket': 'host', zod: 'daemon|node', yaml: 'daemon|node', pino: 'daemon', commander: 'cli',
  'dns-packet': 'node|service',
}).map(([name, folder]) => never(`${name}-in-${folder.replace('|', '-or-')}`, `${name} has its place: ${folder}/`,
  { path: '^src/', pathNot: dir(folder) }, { path: `node_modules/${name}/` }))

module.exports = {
  forbidden: [...SHAPE, ...LEAVES, ...PACKET_PATH, ...OWNERS, ...PACKAGES],
  options: {
    doNotFollow: { path: 'node_modules' },
    // sees `import type` and marks it type-only
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'node', 'default', 'types'] },
  },
}
