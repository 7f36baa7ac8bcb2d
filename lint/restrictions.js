/** What parts of the language and the platform which folders may not use, as options of ESLint's own rules. */

/** Folders of the core: they run in a browser, on a virtual clock, and replay exactly (invariant 2). */
export const CORE = Object.freeze(['lib', 'wire', 'kern', 'link', 'arp', 'ip', 'icmp', 'udp', 'tcp', 'inet', 'mcast',
  'igmp', 'mld', 'dhcp', 'dhcp6', 'resolver', 'raw',
  'snapshot', 'vnet', 'device', 'sim', 'pcap', 'script'].map((d) => `src/${d}/**/*.ts`))

/** Files in core folders that touch Node all the same, on purpose. */
export const CORE_EXCEPT = Object.freeze(['src/pcap/file.ts'])

const CLOCK = 'time is an argument: vn.state.now, µs since boot'
const WORLD = 'the core reads nothing from outside: pass it in'

export const CORE_GLOBALS = Object.freeze([
  ...['Date', 'performance', 'Temporal'].map((name) => ({ name, message: CLOCK })),
  ...['setTimeout', 'setInterval', 'setImmediate', 'queueMicrotask', 'clearTimeout', 'clearInterval',
    'clearImmediate'].map((name) => ({ name, message: 'a timer is a deadline in a record: kern/timer.ts' })),
  ...['process', 'globalThis', 'global', 'window', 'self', 'navigator', 'fetch', 'require', 'Intl'].map((name) =>
    ({ name, message: WORLD })),
  { name: 'crypto', message: 'random numbers come from the Vnet: kern/random.ts' },
  { name: 'console', message: 'log to the Vnet\'s message buffer: kern/log.ts' },
  { name: 'Buffer', message: 'the core runs without Node: Uint8Array and DataView (wire/layout.ts adapts)' },
  ...['WeakRef', 'FinalizationRegistry'].map((name) =>
    ({ name, message: 'what the garbage collector does is not reproducible' })),
])

/** `Buffer` is buffer-layout's currency, and wire/layout.ts is where it is hidden. */
export const LAYOUT_GLOBALS = Object.freeze(CORE_GLOBALS.filter((g) => g.name !== 'Buffer'))

export const CORE_PROPERTIES = Object.freeze([
  { object: 'Math', property: 'random', message: 'random numbers come from the Vnet: kern/random.ts' },
  ...['toLocaleString', 'toLocaleUpperCase', 'toLocaleLowerCase', 'localeCompare'].map((property) =>
    ({ property, message: 'the locale is environment: results differ between machines' })),
])

export const CORE_IMPORTS = Object.freeze({
  patterns: [{ group: ['node:*', '#*'], message: WORLD }],
})

/** Everywhere in src/. */
export const SRC_SYNTAX = Object.freeze([
  { selector: 'ExportDefaultDeclaration', message: 'named exports only' },
  { selector: 'TSEnumDeclaration', message: 'no enum: const numbers, so that sources run under type stripping' },
  { selector: 'TSModuleDeclaration[kind="namespace"]', message: 'no namespace: a module is one' },
  { selector: 'TSParameterProperty', message: 'no parameter properties: sources run under type stripping' },
  { selector: 'Decorator', message: 'no decorators' },
])

export const CORE_SYNTAX = Object.freeze([
  { selector: 'ImportExpression', message: WORLD },
  { selector: 'MetaProperty[meta.name="import"]', message: WORLD },
  { selector: ':not(MemberExpression) > Identifier[name="Math"]',
    message: 'Math only as Math.x, so that lint sees Math.random' },
  { selector: 'UnaryExpression[operator="delete"]', message: 'no delete: it ruins the shape of a record' },
])

/** state.ts and other declarations of saved state (invariant 3): plain data with every field present. */
export const STATE_SYNTAX = Object.freeze([
  { selector: 'TSPropertySignature[optional=true]', message: 'a record has every field from its factory on' },
  { selector: 'TSInterfaceBody > TSMethodSignature', message: 'state is plain data: no functions' },
  { selector: 'TSPropertySignature > TSTypeAnnotation > TSFunctionType', message: 'state is plain data: no functions' },
  { selector: 'TSPropertySignature TSTypeReference[typeName.name=/^(Promise|WeakMap|WeakSet|DataView|Frame|Date)$/]',
    message: 'state is plain data: nothing that cannot be saved and restored' },
  { selector: 'TSPropertySignature TSUnionType:has(> TSNumberKeyword)'
      + ':has(> :matches(TSNullKeyword, TSUndefinedKeyword))',
    message: 'no null in a numeric field: V8 would change its representation; use -1, 0, NaN or NEVER' },
  { selector: 'ClassDeclaration', message: 'state is plain data: no class instances' },
])
