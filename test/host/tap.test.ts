import { statSync } from 'node:fs'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { describeInNetns, openNetns } from './netns.ts'
import type { NetnsChild } from './netns.ts'

const SCENARIOS = new URL('tap-scenarios.ts', import.meta.url)

// eslint-disable-next-line @typescript-eslint/no-explicit-any -- each scenario returns a record of its own
type Outcome = any

describeInNetns('TAP device against the kernel', () => {
  let ns: NetnsChild
  const run = (name: string, ...args: unknown[]): Promise<Outcome> => ns.call(SCENARIOS, name, ...args)
  beforeAll(async () => { ns = await openNetns() })
  afterAll(() => ns.close())

  it('opens by template name, sets MTU, MAC, queue length, link and carrier, and is gone after close', async () => {
    const r = await run('properties')
    expect(r.before).toMatchObject({ name: 'vmt0', mtu: 1500, up: false, persistent: false })
    expect(r.before.mac).toBeGreaterThan(0)
    expect(r.after).toMatchObject({ mtu: 9000, mac: 0x020000000099, txQueueLen: 77, up: true, running: true })
    expect(r.after.index).toBeGreaterThan(1)
    expect(r.cut).toBe(false)
    expect(r.left).toEqual(['lo'])
  })

  it('RFC 826: an ARP request written to the TAP is answered by the kernel', async () => {
    const r = await run('arp')
    const ether = '020000000002' + '020000000099' + '0806'
    const reply = '0001080006040002' + '020000000099' + '0a420001' + '020000000002' + '0a420002'
    expect(r.hex).toBe(ether + reply)
    expect(r.stats).toMatchObject({ txFrames: 1, txBytes: 42, txDropped: 0, rxErrors: 0 })
  })

  it('writes 1000 frames in order of their size and gives every slot back', async () => {
    const r = await run('batch', 1000)
    expect(r).toMatchObject({ inUse: 0, txFrames: 1000, kernel: 1000 })
    expect(r.txBytes).toBe(1000 * 60 + 999 * 500)
    expect(r.kernelBytes).toBe(r.txBytes)
  })

  it('a thread of the kernel receives what is written, where /sys is that of the namespace; else it is opened as ever', async () => {
    const enter = ['unshare', '--net', '--mount', '--', 'sh', '-c', 'mount -t sysfs sysfs /sys && ip link set lo up && exec "$@"', 'sh']
    const own = await openNetns({ enter })
    const r: Outcome = await own.call(SCENARIOS, 'threaded', 300)
    await own.close()
    expect(r).toEqual({ threaded: true, said: '1', kernel: 300, dropped: 0, left: ['lo'] })
    expect(await run('threaded', 300)).toMatchObject({ threaded: false, kernel: 300, dropped: 0, left: ['lo'] })
  })

  it('reads a flood in batches and holds no slot between events', async () => {
    const r = await run('flood', 400)
    expect(r).toMatchObject({ udp: 400, inUse: 0, rxErrors: 0 })
    expect(r.inUseInside).toBeGreaterThan(0)
    expect(r.batches).toBeLessThan(400)
  })

  it.each([[4, 7000, 3501], [6, 7000, 3501], [4, 7007, 1001], [4, 9000, 9000], [6, 5000, 1]] as const)(
    'RFC 9293 §3.1, RFC 1071 §2: a lent super-segment (IPv%i, %i octets, the buffer wraps after %i) is cut as src/wire/gso.ts does',
    async (family, payload, wrapAt) => {
      const count = Math.ceil(payload / 1001)
      expect(await run('lentSegments', family, payload, wrapAt)).toMatchObject({
        same: true, count, inUse: 0,
        stats: { txFrames: count, txDropped: 0, txBytes: payload + count * (family === 4 ? 66 : 86) },
      })
    })

  it('carries frames of an MTU of 65,520 through large slots, both ways', async () => {
    const r = await run('jumbo')
    expect(r.sizes).toEqual([100, 1400, 1878, 1879, 9000, 65_000].map((n) => n + 42))
    expect(r).toMatchObject({ content: true, mtu: 65_520, inUse: 0, sent: 65_534 })
  })

  it('survives an MTU raised behind its back: one frame is counted as an error, later ones arrive', async () => {
    expect(await run('mtuRaisedOutside')).toEqual({ sizes: [5042], rxErrors: 1 })
  })

  it('attaches to a persistent TAP and leaves it; EBUSY while another has it', async () => {
    const r = await run('attachPersistent')
    expect(r.persistent).toBe(true)
    expect(r.busy).toMatchObject({ code: 'EBUSY', syscall: 'TUNSETIFF', path: 'vmp0' })
    expect(r.busy.message).toContain('another process has it open')
    expect(r.stays).toBe(true)
    expect(r.exists.code).toBe('EBUSY')
    expect(r.left).toEqual(['lo'])
  })

  it('says what is wrong and what to do when it cannot open', async () => {
    const r = await run('failures')
    expect(r.missing).toMatchObject({ code: 'ENODEV', path: 'vmnone' })
    expect(r.tun).toMatchObject({ code: 'EINVAL', syscall: 'TUNSETIFF' })
    expect(r.tun.message).toContain('not a TAP')
    expect(r.long).toMatchObject({ code: 'ENAMETOOLONG' })
    expect(r.notTap).toMatchObject({ code: 'ENOTTY', syscall: 'TUNGETIFF' })
    expect(r.mtu).toMatchObject({ code: 'EINVAL', syscall: 'SIOCSIFMTU' })
  })

  it('close releases the descriptor, also while polling, and a closed handle is refused', async () => {
    const r = await run('openAndClose')
    expect(r).toMatchObject({ before: 0, during: 1, after: 0, gone: true })
    expect(r.stale.code).toBe('EBADF')
  })

  it('closes itself when the interface is removed under it', async () => {
    const r = await run('removedUnderUs')
    expect(r.errno).toBeGreaterThan(0)
    expect(r).toMatchObject({ closed: true, descriptors: 0 })
  })

  it('counts frames that a down interface, the kernel or a closed device refuses, and only those', async () => {
    const r = await run('downAndDropped')
    expect(r.down).toMatchObject({ txFrames: 0, txDropped: 3 })
    expect(r.up).toMatchObject({ txFrames: 2, txBytes: 200, txDropped: 4 })
    expect(r.closed).toMatchObject({ txFrames: 2, txDropped: 6 })
    expect(r.inUse).toBe(0)
  })

  it('takes over a descriptor that somebody else opened; one that is ours already is EEXIST', async () => {
    const r = await run('descriptorOfAnother')
    expect(r.said).toEqual({ name: 'vmfd0', persistent: false, sent: 1 })
    expect(r).toMatchObject({ already: 'EEXIST', counted: 1, during: ['lo', 'vmfd0'], status: 0, after: ['lo'] })
  })

  it('with an exhausted pool reads what waits away, counts it, and does not spin', async () => {
    const r = await run('poolExhausted')
    expect(r).toMatchObject({ rxFrames: 0, inUse: 0 })
    expect(r.rxErrors).toBeGreaterThanOrEqual(10)
    expect(r.cpuUs).toBeLessThan(150_000)
  })

  it('gives every slot back when onFrame throws or closes the device', async () => {
    const r = await run('userMisbehaves')
    expect(r).toEqual({ thrown: 'from onFrame', afterThrow: 0, frames: 1, inUse: 0, descriptors: 0 })
  })

  it('EPERM without CAP_NET_ADMIN: says that it is missing and how to get a TAP', async () => {
    const denied = await inRestricted(['--bounding-set', '-net_admin', '--inh-caps', '-net_admin'])
    expect(denied).toMatchObject({ code: 'EPERM', syscall: 'TUNSETIFF', path: 'vmdenied' })
    expect(denied.message).toMatch(/CAP_NET_ADMIN.*ip tuntap add dev vmdenied mode tap/)
  })

  it('EACCES for a user who may not open /dev/net/tun: names the file, its mode and the remedy', async () => {
    if ((statSync('/dev/net/tun').mode & 0o006) !== 0) return // most systems: any user may open it
    const denied = await inRestricted(['--reuid', '65534', '--regid', '65534', '--clear-groups'])
    expect(denied).toMatchObject({ code: 'EACCES', syscall: 'open', path: '/dev/net/tun' })
    expect(denied.message).toMatch(/may not open \/dev\/net\/tun \(mode 0600\); run as root/)
  })

  it.each(['unref', 'exit', 'forget'])('does not hold the event loop: %s', async (kind) => {
    expect(await run('programEnds', kind)).toEqual({ result: '0', left: ['lo'] })
  }, 15_000)
})

/** What opening a TAP says in a namespace where setpriv(1) took something away. */
async function inRestricted(setpriv: string[]): Promise<Outcome> {
  const ns = await openNetns({ enter: ['unshare', '--net', '--', 'setpriv', ...setpriv] })
  try {
    return await ns.call(SCENARIOS, 'openAsIs')
  } finally {
    await ns.close()
  }
}
