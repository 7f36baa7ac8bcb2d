/** `up`, `exec` and `down` end to end, in namespaces: as root, as an ordinary user, with and without a TAP. */

import { spawnSync } from 'node:child_process'
import { chmodSync, existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { beforeEach, describe, expect, it } from 'vitest'
import { describeInNetns } from '../host/netns.ts'
import { MAIN, processesOf, until, useShells } from './support.ts'
import type { Ran, Shell } from './support.ts'

const shell = useShells()

/**
 * As user and group 65534, in a mount namespace of its own with a /dev/net/tun of the given mode. The package and Node
 * are mounted where this user can reach them: they may lie below somebody's home.
 */
function ordinary(s: Shell, tunMode: string): string[] {
  const script = `set -e
    d=$1; mode=$2; node=$3; repo=$4; shift 6
    mkdir -p "$d/mnt" && mount -t tmpfs none "$d/mnt" && cd "$d/mnt" && mkdir repo && touch node
    mount --bind "$node" node && mount --bind "$repo" repo
    mknod -m "$mode" tun c 10 200 && mount --bind tun /dev/net/tun && cd "$d"
    exec setpriv --reuid=65534 --regid=65534 --clear-groups -- "$d/mnt/node" "$d/mnt/repo/dist/cli/main.js" "$@"`
  const repo = fileURLToPath(new URL('../..', import.meta.url))
  return ['unshare', '--mount', '--propagation', 'private', '--', 'sh', '-c', script, 'sh', s.directory, tunMode,
    process.execPath, repo]
}

const hostInterfaces = (): string[] => readdirSync('/sys/class/net').sort()

describeInNetns('the default lab as root', () => {
  it('up: a namespace with a TAP and two vimages; exec runs programs in it; down leaves nothing', async () => {
    const s = shell()
    const before = hostInterfaces()
    const up = await s.up([])
    expect(up.out).toContain('in a network namespace of its own: nothing on the host has changed')
    expect(up.out).toContain('vimage exec -- ping -c 3 10.66.0.2')
    expect(hostInterfaces()).toEqual(before)
    await checkLab(s)
    expect(await s.vimage('down')).toMatchObject({ code: 0, out: 'vimage is down\n' })
    expect(await up.ended).toMatchObject({ code: 0, signal: null })
    await checkGone(s)
    expect(hostInterfaces()).toEqual(before)
  })

  it('exec passes on arguments, standard input and output, and the exit code', async () => {
    const s = shell()
    await s.up([])
    expect(await s.vimage('exec', '--', 'sh', '-c', 'echo "$1"; exit 7', 'sh', '--help -V x')).toMatchObject({
      code: 7, out: '--help -V x\n',
    })
    expect((await s.vimage('exec', '--', 'sh', '-c', 'kill -TERM $$')).code).toBe(128 + 15)
    expect((await s.vimage('exec', '--', 'no-such-program')).code).toBe(127)
    const env = { ...process.env, VIMAGE_CONTROL: s.control }
    const cat = spawnSync(process.execPath, [MAIN, 'exec', '--', 'cat'], { input: 'through', env, encoding: 'utf8' })
    expect(cat.stdout).toBe('through')
    // without a command: the user's shell
    const shellRun = spawnSync(process.execPath, [MAIN, 'exec'], {
      input: 'ip -o addr show vimage0', env: { ...env, SHELL: '/bin/sh' }, encoding: 'utf8',
    })
    expect(shellRun.stdout).toContain('10.66.0.1/24')
  })

  it.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)('%s to the foreground process ends it cleanly', async (signal) => {
    const s = shell()
    const up = await s.up([])
    up.child.kill(signal)
    expect(await up.ended).toMatchObject({ code: 0, signal: null })
    await checkGone(s)
  })

  it('two signals at once (Ctrl-C reaches npm and its child) are one', async () => {
    const s = shell()
    const up = await s.up([])
    const curl = s.vimage('exec', '--', 'curl', '-sN', '--max-time', '20', 'telnet://10.66.0.2:7')
    await until('there is a connection', () => /ESTABLISHED/.test(netstat(s)))
    up.child.kill('SIGINT')
    up.child.kill('SIGINT')
    // the connection gets its FIN: curl ends as it does when a server says goodbye
    expect((await curl).code).toBe(0)
    expect((await up.ended).code).toBe(0)
  })

  it('a daemon whose parent was killed ends by itself', async () => {
    const s = shell()
    const up = await s.up([])
    up.child.kill('SIGKILL')
    await up.ended
    await checkGone(s)
  })

  it('--detach returns when it is up, and leaves it running with its log in a file', async () => {
    const s = shell()
    const up = await s.vimage('up', '--detach')
    expect(up.code).toBe(0)
    expect(up.out).toContain(`its log is ${join(s.directory, 'vimage.log')}`)
    await checkLab(s)
    expect((await s.vimage('down')).code).toBe(0)
    expect(readFileSync(join(s.directory, 'vimage.log'), 'utf8')).toContain('"msg":"vimage goes down"')
    await checkGone(s)
  })

  it('a second daemon on the same control socket is refused, and the first one goes on', async () => {
    const s = shell()
    await s.up([])
    const second = await s.vimage('up')
    expect(second.code).toBe(1)
    expect(second.err).toContain(`a daemon is running already: it answers at ${s.control}`)
    expect((await s.vimage('list')).code).toBe(0)
  })

  it('a failure in the namespace is told by the process that was called, and nothing is left', async () => {
    const s = shell()
    writeFileSync(join(s.directory, 'x.yaml'),
      'bridges: [{ name: b, taps: [{ name: t0 }, { name: t1, attach: true }] }]\n')
    for (const words of [['up', 'x.yaml'], ['up', 'x.yaml', '--detach']]) {
      const r = await s.vimage(...words)
      expect(r.code).toBe(1)
      expect(r.err).toContain('cannot open TAP "t1": there is no such interface in this network namespace')
    }
    await checkGone(s)
  })

  it('netstat -v, --why and --plot, tcpdump --why: a connection of the kernel, from the inside', async () => {
    const s = shell()
    await s.up([])
    expect((await s.vimage('sysctl', '-V', 'a', 'net.inet.tcp.trace=5000')).code).toBe(0)
    const dump = s.vimage('tcpdump', '-V', 'a', '--why', '-c', '4', 'tcp', 'port', '80')
    await new Promise((resolve) => setTimeout(resolve, 1000))
    await s.vimage('exec', '--', 'curl', '-s', '-o', '/dev/null', '--max-time', '10', 'http://10.66.0.2/')
    expect((await dump).out).toMatch(/Flags \[S\.[^]*\n\tanswer to a SYN \(RFC 9293 §3\.10\.7\.2\) ← in S/)
    const why = await s.vimage('netstat', '--why', '--last', '200', '-V', 'a')
    expect(why.out).toMatch(/^tcp4 :80 ↔ 10\.66\.0\.1:\d+ \(socket \d+\), \d+ events:\n/)
    expect(why.out).toContain('answer to a SYN (RFC 9293 §3.10.7.2)')
    expect(why.out).toMatch(/out [P.]+ 1:\d+\(\d+\) ack \d+ win \d+ {2}new data[^\n]* ← #\d+ call send/)
    const plot = await s.vimage('netstat', '--plot', join(s.directory, 'a.svg'), '-V', 'a')
    expect(plot.code).toBe(0)
    expect(readFileSync(join(s.directory, 'a.svg'), 'utf8')).toMatch(/^<svg [^]*tcp :80 ↔ 10\.66\.0\.1/)
    const curl = s.vimage('exec', '--', 'curl', '-sN', '--max-time', '3', 'telnet://10.66.0.2:7')
    await until('there is a connection', () => /ESTABLISHED/.test(netstat(s)))
    expect((await s.vimage('netstat', '-v', '-V', 'a')).out)
      .toMatch(/^tcp4 10\.66\.0\.2:7 10\.66\.0\.1:\d+ ESTABLISHED \(socket \d+, [a-z]+\)\n\tca_state:0 [^]*bytes_received:0/)
    await curl
  })

  it('curl of the status page, from the kernel', async () => {
    const s = shell()
    await s.up([])
    const page = await s.vimage('exec', '--', 'curl', '-s', '--max-time', '10', 'http://10.66.0.2/')
    expect(page.out).toContain('<h1>vimage a</h1>')
    const status = JSON.parse((await s.vimage('exec', '--', 'curl', '-s', '--max-time', '10',
      'http://10.66.0.3/status.json')).out) as
      { name: string; sockets: { state: string }[] }
    expect(status.name).toBe('b')
    expect(status.sockets.map((x) => x.state)).toContain('ESTABLISHED')
  })
})

describeInNetns('TAPs of a configuration', () => {
  it('a bridge of TAPs alone, without any vimage, carries frames between kernel interfaces', async () => {
    const s = shell()
    writeFileSync(join(s.directory, 'x.yaml'),
      'bridges: [{ name: b, taps: [{ name: t0 }, { name: t1 }, { name: t2, mtu: 9000 }] }]\n')
    await s.up(['x.yaml'])
    // t1 moves into a namespace of its own, or the kernel would answer itself
    const script = `set -e
      unshare --net sleep 30 >/dev/null 2>&1 & peer=$!
      trap "kill $peer" EXIT
      while [ "$(readlink /proc/$peer/ns/net)" = "$(readlink /proc/$$/ns/net)" ]; do sleep 0.02; done
      ip link set t1 netns $peer
      nsenter -t $peer -n ip addr add 10.7.0.2/24 dev t1
      nsenter -t $peer -n ip link set t1 up
      ip addr add 10.7.0.1/24 dev t0
      ping -c 3 -i 0.05 -W 2 10.7.0.2 >&2
      "$@" bridge --json`
    const r = await s.vimage('exec', '--', 'sh', '-c', script, 'sh', process.execPath, MAIN)
    expect(r, r.err).toMatchObject({ code: 0 })
    expect(r.err).toContain('3 packets transmitted, 3 received')
    const ports = JSON.parse(r.out) as { port: string; kind: string; inFrames: number }[]
    expect(ports.map((p) => `${p.port} ${p.kind}`)).toEqual(['t0 tap', 't1 tap', 't2 tap'])
    expect(ports[0]?.inFrames).toBeGreaterThanOrEqual(3)
    expect(ports[1]?.inFrames).toBeGreaterThanOrEqual(3)
  })

  it('one that is removed by somebody else takes its port with it, and nothing more', async () => {
    const s = shell()
    writeFileSync(join(s.directory, 'x.yaml'), 'bridges: [{ name: b, taps: [{ name: t0 }, { name: t1 }] }]\n')
    const up = await s.up(['x.yaml'])
    expect((await s.vimage('exec', '--', 'ip', 'link', 'delete', 't1')).code).toBe(0)
    await until('the daemon says so', () => up.err.includes('TAP t1 was removed by somebody else'))
    const ports = JSON.parse((await s.vimage('bridge', '--json')).out) as { port: string }[]
    expect(ports.map((p) => p.port)).toEqual(['t0'])
  })

  it('tcpdump -b shows what passes a TAP', async () => {
    const s = shell()
    await s.up([])
    const dump = s.begin(['tcpdump', '-b', 'br0', '-i', 'vimage0', '-c', '1', 'icmp', 'and', 'src', 'host',
      '10.66.0.1'])
    await until('it listens', () => dump.err.includes('listening on br0/vimage0'))
    await s.vimage('exec', '--', 'ping', '-c', '1', '-W', '2', '10.66.0.3')
    expect((await dump.ended).out).toMatch(/ In {2}IP 10\.66\.0\.1 > 10\.66\.0\.3: ICMP echo request/)
  })

  it('those that were attached stay, those that were made go', async () => {
    const s = shell()
    writeFileSync(join(s.directory, 'x.yaml'), `
bridges:
  - name: br0
    taps: [{ name: mine, address: 10.5.0.1/24, mac: 02:00:00:00:00:05, mtu: 1400 }, { name: theirs, attach: true }]
`)
    // the daemon runs on "the host", which is a namespace of the test's own
    const enter = ['unshare', '--net', '--', 'sh', '-c',
      'ip tuntap add dev theirs mode tap && "$@"; code=$?; ip -o link show; exit $code', 'sh']
    const up = s.begin(['up', 'x.yaml', '--host'], { enter })
    await until('vimage is up', () => up.out.includes('Try:'))
    const during = spawnSync('nsenter', ['-t', String(up.child.pid), '-n', 'ip', 'addr', 'show', 'mine'],
      { encoding: 'utf8' })
    expect(during.stdout).toMatch(/mine: <[^>]*\bUP\b[^>]*> mtu 1400[^]*02:00:00:00:00:05[^]*inet 10\.5\.0\.1\/24/)
    expect(JSON.parse((await s.vimage('list', '--json')).out)).toMatchObject({ daemon: { namespace: 'none' } })
    expect((await s.vimage('exec', '--', 'true')).err).toContain('has no network namespace of its own')
    expect((await s.vimage('down')).code).toBe(0)
    const r = await up.ended
    expect(r.code).toBe(0)
    const after = r.out.slice(r.out.indexOf('vimage down'))
    expect(after).toContain('theirs:')
    expect(after).not.toContain('mine:')
  })

  it('an interface of a vimage on a TAP of its own', async () => {
    const s = shell()
    writeFileSync(join(s.directory, 'x.yaml'), `
vimages:
  - name: solo
    interfaces: [{ name: eth0, tap: { name: t0, address: 10.5.0.1/24 }, addresses: [10.5.0.2/24] }]
    services: [echo]
`)
    await s.up(['x.yaml'])
    expect((await s.vimage('exec', '--', 'ping', '-c', '2', '-i', '0.05', '-W', '2', '10.5.0.2')).code).toBe(0)
    expect((await s.vimage('ping', '-c', '1', '10.5.0.1')).code).toBe(0)
  })

  it('--no-tap does without, and needs no namespace', async () => {
    const s = shell()
    const up = await s.up(['--no-tap'])
    expect(up.out).toMatch(/^vimage is up\.\n/)
    expect((await s.vimage('ping', '-V', 'a', '-c', '1', '10.66.0.3')).code).toBe(0)
    expect((await s.vimage('exec', '--', 'true')).code).toBe(1)
  })
})

describeInNetns('as an ordinary user', () => {
  let s: Shell
  beforeEach(() => {
    s = shell()
    chmodSync(s.directory, 0o777)
  })
  const asUser = (mode: string, ...args: string[]): Promise<Ran> => s.begin(args, { enter: ordinary(s, mode) }).ended

  it('where /dev/net/tun is open to all (0666): the same lab, in a user namespace', async () => {
    const up = await s.up([], { enter: ordinary(s, '0666') })
    expect(up.out).toContain('in a user and network namespace of its own')
    expect((await asUser('0666', 'exec', '--', 'ping', '-c', '2', '-i', '0.1', '-W', '2', '10.66.0.2')).code).toBe(0)
    expect((await asUser('0666', 'exec', '--', 'curl', '-s', '--max-time', '10', 'http://10.66.0.2/')).out)
      .toContain('vimage a')
    expect((await asUser('0666', 'exec', '--', 'id', '-u')).out).toBe('0\n')
    expect((await asUser('0666', 'list')).out).toContain('eth0 10.66.0.2/24')
    expect((await asUser('0666', 'netstat', '-a')).code).toBe(0)
    // root may look after it, too
    expect((await s.vimage('exec', '--', 'ip', '-o', 'link', 'show', 'vimage0')).code).toBe(0)
    expect((await asUser('0666', 'down')).code).toBe(0)
    expect((await up.ended).code).toBe(0)
    await checkGone(s)
  })

  it('where it is root\'s alone (0600): one sentence, and the lab without its TAP', async () => {
    const up = await s.up([], { enter: ordinary(s, '0600') })
    expect(up.out).toContain(
      'The lab runs without its TAP: EACCES: cannot open TAP "vimage0": this user may not open /dev/net/tun')
    expect((await asUser('0600', 'ping', '-V', 'a', '-c', '2', '-i', '0.1', '10.66.0.3')).code).toBe(0)
    const exec = await asUser('0600', 'exec', '--', 'true')
    expect(exec.code).toBe(1)
    expect(exec.err).toContain('the daemon has no network namespace of its own. The lab runs without its TAP')
    expect((await asUser('0600', 'down')).code).toBe(0)
    expect((await up.ended).code).toBe(0)
    await checkGone(s)
  })

  it('a configuration of his own with TAPs is refused there, with a sentence', async () => {
    writeFileSync(join(s.directory, 'x.yaml'), 'bridges: [{ name: b, taps: [{ name: t0 }] }]\n')
    const r = await asUser('0600', 'up', 'x.yaml')
    expect(r.code).toBe(1)
    expect(r.err).toContain('this user may not open /dev/net/tun')
    expect(r.err).toContain('"--no-tap" does without')
    await checkGone(s)
  })

  it('the default control socket lies in a directory of mode 0700 that belongs to the user', async () => {
    const env = { VIMAGE_CONTROL: '', XDG_RUNTIME_DIR: s.directory }
    const up = await s.up(['--no-tap'], { enter: ordinary(s, '0600'), env })
    const found = spawnSync('stat',
      ['-c', '%a %u %F', join(s.directory, 'vimage'), join(s.directory, 'vimage', 'control.sock')], {
      encoding: 'utf8',
    })
    expect(found.stdout).toBe('700 65534 directory\n600 65534 socket\n')
    up.child.kill('SIGTERM')
    expect((await up.ended).code).toBe(0)
    expect(existsSync(join(s.directory, 'vimage', 'control.sock'))).toBe(false)
  })
})

describeInNetns('where namespaces are forbidden', () => {
  // root without the capability that unshare(2) asks for
  const enter = ['setpriv', '--bounding-set=-sys_admin', '--']

  it('the lab runs without its TAP, and says why', async () => {
    const s = shell()
    const up = await s.up([], { enter })
    expect(up.out).toMatch(
      /The lab runs without its TAP: Network namespaces are forbidden here \(unshare.*not permitted\)\./)
    expect((await s.vimage('ping', '-V', 'a', '-c', '1', '10.66.0.3')).code).toBe(0)
    expect((await s.vimage('list')).code).toBe(0)
  })

  it('a configuration with TAPs is refused with what would help', async () => {
    const s = shell()
    writeFileSync(join(s.directory, 'x.yaml'), 'bridges: [{ name: b, taps: [{ name: t0 }] }]\n')
    const r = await s.begin(['up', 'x.yaml'], { enter }).ended
    expect(r.code).toBe(1)
    expect(r.err).toContain('Root can put the TAPs on the host with --host; "--no-tap" does without.')
  })
})

describe('where unshare is missing', () => {
  it('the lab runs without its TAP, and says why', async () => {
    const s = shell()
    const up = await s.up([], { env: { PATH: s.directory } })
    expect(up.out).toMatch(/The lab runs without its TAP: (Network namespaces need the program unshare|.*TAP)/)
    expect((await s.vimage('ping', '-V', 'a', '-c', '1', '10.66.0.3')).code).toBe(0)
  })
})

function netstat(s: Shell): string {
  const env = { ...process.env, VIMAGE_CONTROL: s.control }
  return spawnSync(process.execPath, [MAIN, 'netstat', '-V', 'a'], { env, encoding: 'utf8' }).stdout
}

/** Real traffic both ways, by way of the command line. */
async function checkLab(s: Shell): Promise<void> {
  const ping = await s.vimage('exec', '--', 'ping', '-c', '3', '-i', '0.1', '-W', '2', '10.66.0.2')
  expect(ping.code).toBe(0)
  expect(ping.out).toContain('3 packets transmitted, 3 received')
  expect((await s.vimage('ping', '-V', 'b', '-c', '2', '-i', '0.05', '10.66.0.1')).code).toBe(0)
  expect((await s.vimage('list')).out).toMatch(/^a +\S+ +eth0 10\.66\.0\.2\/24/m)
  expect((await s.vimage('exec', '--', 'cat', '/sys/class/net/lo/operstate')).code).toBe(0)
  expect((await s.vimage('exec', '--', 'ping', '-c', '1', '-W', '1', '127.0.0.1')).code).toBe(0)
}

/** No process, no socket, no pid file. */
async function checkGone(s: Shell): Promise<void> {
  await until('every process has gone', () => processesOf(s.directory).length === 0)
  expect(existsSync(s.control)).toBe(false)
  expect(existsSync(`${s.control}.pid`)).toBe(false)
}
