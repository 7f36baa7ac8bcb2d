/** The language as docs/script.md has it: what is understood, what is unsupported, what a failure says. */

import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { runScript as fromSim } from '../../src/script/sim.ts'
import { PERSONALITIES, personalityDefaults, printResult, printTally, runScript } from '../../src/script/index.ts'
import type { ScriptResult } from '../../src/script/index.ts'
import { sysctlDef } from '../../src/vnet/sysctl.ts'
import { scriptFiles } from './files.ts'

const OPEN = `0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3
+0 bind(3, ..., ...) = 0
+0 listen(3, 1) = 0
+0 < S 0:0(0) win 65535 <mss 1000>
+0 > S. 0:0(0) ack 1 <mss 1460>
+.01 < . 1:1(0) ack 1 win 65535
+0 accept(3, ..., ...) = 4
`

function run(events: string, linux = false): ScriptResult {
  return runScript(OPEN + events, { name: 'x.pkt', personality: linux ? 'linux' : 'freebsd' })
}

function passes(events: string, linux = false): void {
  expect(printResult(run(events, linux))).toBe('x.pkt: passed')
}

describe('what is not supported fails as unsupported and is named', () => {
  it.each([
    ['+0 > [flowlabel 7] . 1:1(0) ack 1', '[flowlabel] of a packet'],
    ['+0 < ipv6 1::1 > 2::2: . 1:1(0) ack 1', 'packets with ipv6'],
    ['+0 < gre: ipv4', 'packets with gre'],
    ['+0 < sctp: DATA[]', 'packets with sctp'],
    ['+0 < . 1:1(0) ack 1 win 5 <mptcp 1>', 'TCP option mptcp'],
    ['+0 < icmp strange_thing', 'ICMP type strange_thing'],
    ['+0 < icmp unreachable nonsense', 'ICMP code nonsense'],
    ['+0 sctp_sendv(4) = 5', 'system call sctp_sendv()'],
    ['+0 < icmpv6 packet_too_big mtu 1280', 'packets with icmpv6 over IPv4'],
    ['+0 socket(AF_INET6, SOCK_STREAM, IPPROTO_TCP) = 5', 'sockets of AF_INET6'],
    ['+0 socket(..., SOCK_STREAM, 262) = 5', 'protocol 262'],
    ['+0 socket(AF_INET, SOCK_SEQPACKET, 0) = 5', 'constant SOCK_SEQPACKET'],
    ['+0 setsockopt(4, IPPROTO_TCP, TCP_ULP, [1], 4) = 0', 'constant TCP_ULP'],
    ['+0 send(4, ..., 10, MSG_OOB|MSG_PEEK) = 10', 'flags 0x3 of send()'],
    ['+0 read(4, ..., -5) = 5', 'a buffer of -5 octets'],
    ['+0 bind(4, {sa_family = AF_INET6, sin6_port = htons(1)}, ...) = 0', 'addresses of AF_INET6'],
    ['+0 `ip route add default via 10.0.0.1 quickack 1`', 'command ip route add default via 10.0.0.1 quickack 1'],
    ['+0 `iptables -A INPUT -j DROP || true`', 'command iptables -A INPUT -j DROP'],
    ['+0 setsockopt(4, IPPROTO_TCP, TCP_FUNCTION_BLK, {function_set_name="rack", pcbcnt=...}, 36) = 0', 'TCP_FUNCTION_BLK "rack"'],
    ['+0 `sysctl net.inet.tcp.functions_default=rack`', 'sysctl net.inet.tcp.functions_default=rack'],
    ['+0 `sysctl net.no.such=1`', 'sysctl net.no.such=1'],
    ['+0 `sysctl net.inet.ip.ttl=9999`', 'sysctl net.inet.ip.ttl=9999'],
    ['+0 %{ assert tcpi_no_such_field == 1 }%', 'code: tcpi_no_such_field'],
    ['+0 %{ import os }%', 'code: import os'],
    ['+0 %{ assert 0 / 0 }%', 'code: 0 / 0 is not a number'],
    ['--ip_version=ipv5', '--ip_version=ipv5'],
    ['--local_ip=fd3d:fa7b::1', 'address fd3d:fa7b::1 of the other family'],
    ['--wire_client=1', 'option --wire_client'],
    ['--local_ip=224.0.0.1', 'addresses that an interface refuses'],
  ])('%s', (line, what) => {
    const r = run(`${line}\n`)
    expect(r).toMatchObject({ status: 'unsupported' })
    expect(r.message).toContain(what)
    expect(printTally([r])).toBe('0 passed, 1 failed')
  })
})

describe('what is no script fails with its line', () => {
  it.each([
    ['+0 > . 1:5(3) ack 1', 'expected 1:4(3)'],
    ['+0 > . 1:1(0)', 'expected ack and a number'],
    ['+0 < . 1:1(0) ack 1 win 70000', 'expected a window of at most 65535'],
    ['+0 < . 1:1(0) ack 1 win 7 <mss 5,nop>', 'expected options padded to a multiple of 4 octets (these are 5)'],
    ['+0 < (99999 > 1) udp (1)', 'expected a port of at most 65535'],
    ['+.2~.1 > . 1:1(0) ack 1', 'a range that ends after its start'],
    ['+0 write(4, ..., 1', 'expected ")"'],
    ['hello', 'expected a time in seconds'],
    ['+0 `sysctl', 'a command that ends with a backtick'],
    ['/* never', 'a comment that does not end'],
  ])('%s', (line, what) => {
    const r = run(`${line}\n`)
    expect(r).toMatchObject({ status: 'failed', line: 8 })
    expect(r.message).toContain(what)
  })

  it('a script without events', () => {
    expect(runScript('// nothing\n')).toMatchObject({ status: 'failed', message: 'syntax: the script has no events' })
  })
})

describe('a failure names file and line and shows both sides', () => {
  it.each([
    ['+0 write(4, ..., 9) = 9\n+0 > P. 1:10(9) ack 2', 9, 'acknowledgment is 1, expected 2', '> P. 1:10(9) ack 2', '> P. 1:10(9) ack 1'],
    ['+0 write(4, ..., 9) = 8', 8, 'write() returned 9', '8', '9'],
    ['+0 write(4, ..., 9) = -1 EPIPE', 8, 'write() returned 9', '-1 EPIPE', '9'],
    ['+0 connect(4, ..., ...) = -1 EALREADY', 8, 'connect() returned -1 EISCONN', '-1 EALREADY', '-1 EISCONN'],
    ['+0 > . 1:1(0) ack 1', 8, 'no packet was sent', '> . 1:1(0) ack 1', 'nothing'],
    ['+0 write(4, ..., 9) = 9\n+.5 > P. 1:10(9) ack 1', 9, 'the packet came at 0.010000 s, expected at 0.510000 s',
      '> P. 1:10(9) ack 1', '> P. 1:10(9) ack 1'],
    ['+0 write(4, ..., 9) = 9\n+0 > udp (9)', 9, 'it is tcp, not udp', '> udp (9)', '> P. 1:10(9) ack 1 win 65535'],
    ['+0 write(4, ..., 9) = 9\n+0 > (8080 > 9) P. 1:10(9) ack 1', 9, 'it went 192.168.0.1:8080 > 192.0.2.1:49152, ' +
      'expected 192.168.0.1:8080 > 192.0.2.1:9', '> (8080 > 9) P. 1:10(9) ack 1', undefined],
    ['+0 read(4, ..., 9) = 9', 8, 'read() blocks', '9', 'no result yet'],
    ['+0...1 read(4, ..., 9) = 9\n+0 < . 1:10(9) ack 1 win 9', 8,
      'read() returned at 0.010000 s, expected at 1.010000 s', undefined, undefined],
    ['+0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 6', 8, 'the new descriptor is 5, expected 6', undefined, undefined],
    ['+0 %{ assert tcpi_snd_cwnd == 1, "cwnd" }%', 8, 'assertion failed: tcpi_snd_cwnd == 1, "cwnd"',
      'assert tcpi_snd_cwnd == 1, "cwnd"', 'tcpi_snd_cwnd = 10000'],
    ['+0 getsockopt(4, SOL_SOCKET, SO_KEEPALIVE, [1], [4]) = 0', 8, 'the value is 0, expected 1', '1', '0'],
    ['+0 write(9, ..., 1) = 1', 8, 'write() returned -1 EBADF', '1', '-1 EBADF'],
  ])('%s', (events, line, message, expected, actual) => {
    const r = run(`${events}\n`)
    expect(r).toMatchObject({ status: 'failed', line, message })
    if (expected !== undefined) expect(r.expected).toBe(expected)
    if (actual !== undefined) expect(r.actual).toBe(actual)
    expect(printResult(r).split('\n')[0]).toBe(`x.pkt:${line}: failed: ${message}`)
  })
})

describe('what the language has', () => {
  it('any time, ranges and absolute times', () => passes(`
+0 write(4, ..., 9) = 9
+0 > P. 1:10(9) ack 1
* > P. 1:10(9) ack 1
+.4~+.5 > P. 1:10(9) ack 1
+.01 < . 1:1(0) ack 10 win 65535
2 write(4, ..., 9) = 9
2.0~2.1 > P. 10:19(9) ack 1
2.5 < . 1:1(0) ack 19 win 65535`))
  it('comments of three kinds, hexadecimal numbers, remarks', () => passes(`
# one
/* two
   lines */
+0 fcntl(4, F_GETFL) = 0x02 (flags O_RDWR) // three
+0 fcntl(4, F_SETFL, O_RDWR|O_NONBLOCK) = 0
+0 fcntl(4, F_GETFL) = 0x6 (flags O_RDWR|O_NONBLOCK)
+0 read(4, ..., 10) = -1 EWOULDBLOCK (Resource temporarily unavailable)`))
  it('any options, ECN marks, TTL and TOS', () => passes(`
+0 write(4, ..., 9) = 9
+0 > [noecn, tos 0x0, ttl 64] P. 1:10(9) ack 1 <...>
+0 < [ect0] P. 1:2(1) ack 10 win 65535
+.04 > [noecn] . 10:10(0) ack 2`))
  it('vectors and messages', () => passes(`
+0 writev(4, [{..., 10}, {..., 20}], 2) = 30
+0 > P. 1:31(30) ack 1
+0 < P. 1:41(40) ack 31 win 65535
+.04 > . 31:31(0) ack 41
+0 ioctl(4, SIOCINQ, [40]) = 0
+0 recvfrom(4, ..., 5, MSG_PEEK, ..., ...) = 5
+0 readv(4, [{..., 10}, {..., 20}], 2) = 30
+0 recvmsg(4, {msg_name(...)=..., msg_iov(1)=[{..., 100}], msg_flags=0}, 0) = 10
+0 sendmsg(4, {msg_name(...)=..., msg_iov(1)=[{..., 7}], msg_flags=0}, 0) = 7
+0 > P. 31:38(7) ack 41
+0 ioctl(4, SIOCOUTQ, [7]) = 0`))
  it('MSG_WAITALL waits for all of it, a blocking write for room', () => passes(`
+0...0.2 recv(4, ..., 30, MSG_WAITALL) = 30
+.1 < . 1:11(10) ack 1 win 65535
+.04 > . 1:1(0) ack 11
+.06 < . 11:31(20) ack 1 win 65535
+.04 > . 1:1(0) ack 31`))
  it('poll waits until its time is over, or something happens', () => passes(`
+0...0.1 poll([{fd=4, events=POLLIN, revents=0}], 1, 100) = 0
+.1 poll([{fd=4, events=POLLIN, revents=0}, {fd=4, events=POLLOUT, revents=POLLOUT}], 2, 0) = 1
+.2...0.25 poll([{fd=4, events=POLLIN, revents=POLLIN}], 1, -1) = 1
+.05 < . 1:11(10) ack 1 win 65535`))
  it('socket names', () => passes(`
+0 getsockname(4, {sa_family = AF_INET, sin_port = htons(8080), sin_addr = inet_addr("192.168.0.1")}, [16]) = 0
+0 getpeername(4, {sa_family = AF_INET, sin_port = htons(49152), sin_addr = inet_addr("192.0.2.1")}, [16]) = 0`))
  it('TCP_INFO and code', () => passes(`
+0 getsockopt(4, IPPROTO_TCP, TCP_INFO, {tcpi_snd_mss=1000, tcpi_rtt=10000, tcpi_rto=...}, [...]) = 0
+0 %{
mss = tcpi_snd_mss
assert tcpi_snd_cwnd // mss == 10 and not tcpi_backoff, tcpi_snd_cwnd
assert 0 < tcpi_rtt <= 10000 and tcpi_rtt in (1, 10000); print tcpi_rtt
assert abs(-3) + min(1, 2) * max(2, 3) == 2 * 3 + 0
}%`))
  it('personality linux: windows in segments, its states, flags and timeout', () => passes(`
+0 %{ assert tcpi_snd_cwnd == 10 and tcpi_state == TCP_ESTABLISHED }%
+0 fcntl(4, F_SETFL, O_RDWR|O_NONBLOCK) = 0
+0 fcntl(4, F_GETFL) = 0x802
+0 write(4, ..., 9) = 9
+0 > P. 1:10(9) ack 1
+.21 > P. 1:10(9) ack 1`, true))
  it('epoll: level, edge, one shot', () => passes(`
+0 epoll_create1(0) = 5
+0 epoll_ctl(5, EPOLL_CTL_ADD, 4, {events=EPOLLIN|EPOLLET, fd=4}) = 0
+0 epoll_ctl(5, EPOLL_CTL_ADD, 4, {events=EPOLLIN, fd=4}) = -1 EEXIST (File exists)
+0 epoll_wait(5, {events=EPOLLIN, fd=4}, 1, 0) = 0
+0...0.01 epoll_wait(5, {...}, 1, 10) = 0
+.02 < P. 1:11(10) ack 1 win 65535
+0 epoll_wait(5, {events=EPOLLIN, fd=4}, 1, 0) = 1
+0 epoll_wait(5, {events=EPOLLIN, fd=4}, 1, 0) = 0
+0 epoll_ctl(5, EPOLL_CTL_MOD, 4, {events=EPOLLIN, u32=7}) = 0
+0 epoll_wait(5, [{events=EPOLLIN, u32=7}], 1, 0) = 1
+0 epoll_wait(5, [{events=EPOLLIN, u32=7}], 1, 0) = 1
+0 epoll_ctl(5, EPOLL_CTL_MOD, 4, {events=EPOLLIN|EPOLLONESHOT, fd=4}) = 0
+0 epoll_wait(5, {events=EPOLLIN, fd=4}, 1, 0) = 1
+0 epoll_wait(5, {events=EPOLLIN, fd=4}, 1, 0) = 0
+0 epoll_ctl(5, EPOLL_CTL_DEL, 4, {events=0}) = 0
+0 epoll_ctl(5, EPOLL_CTL_DEL, 4, {events=0}) = -1 ENOENT
+0 close(5) = 0`))
  it('a wrong event of epoll fails', () => {
    const r = run(`+0 epoll_create(1) = 5
+0 epoll_ctl(5, EPOLL_CTL_ADD, 4, {events=EPOLLOUT, fd=4}) = 0
+0 epoll_wait(5, {events=EPOLLIN, fd=4}, 1, 0) = 1\n`)
    expect(r).toMatchObject({ status: 'failed', line: 10, message: 'events is 4, expected 1' })
  })
  it('two descriptors of one socket', () => passes(`
+0 dup(4) = 5
+0 close(4) = 0
+0 write(5, ..., 9) = 9
+0 > P. 1:10(9) ack 1
+.01 < . 1:1(0) ack 10 win 65535
+0 close(5) = 0
+0 > F. 10:10(0) ack 1`))
  it('MSG_MORE holds back a short segment until a send without it', () => passes(`
+0 send(4, ..., 300, MSG_MORE) = 300
+0 send(4, ..., 200, MSG_MORE) = 200
+.05 send(4, ..., 100, 0) = 100
+0 > P. 1:601(600) ack 1`))
  it('options that are only kept, function blocks, bare lingers, octal numbers', () => passes(`
+0 setsockopt(4, SOL_SOCKET, SO_PRIORITY, [3], 4) = 0
+0 getsockopt(4, SOL_SOCKET, SO_PRIORITY, [3], [4]) = 0
+0 setsockopt(4, IPPROTO_TCP, TCP_FUNCTION_BLK, {function_set_name="freebsd", pcbcnt=...}, 36) = 0
+0 setsockopt(4, IPPROTO_TCP, TCP_LOG, [TCP_LOG_STATE_CONTINUAL], 4) = 0
+0 setsockopt(4, SOL_SOCKET, SO_LINGER, {1, 0}, 8) = 0
+0 fcntl(4, F_SETFD, FD_CLOEXEC) = 0
+0 fcntl(4, F_SETFL, (O_RDWR|04)) = 0
+0 close(4) = 0
+0 > R. 1:1(0) ack 1`))
  it('personality linux shows twice the size of a buffer', () => passes(`
+0 setsockopt(4, SOL_SOCKET, SO_SNDBUF, [5000], 4) = 0
+0 getsockopt(4, SOL_SOCKET, SO_SNDBUF, [10000], [4]) = 0`, true))
  it('code: blocks, variables that live on, more of the operators', () => passes(`
+0 %{ a = 3; b = a ** 2 << 1 }%
+0 %{
if b == 18:
    a += 1   # four now
    if a > 10:
        assert False, "never"
    elif a == 4: a = 40
    else:
        assert False
else: assert False
assert a == 40 and 7 not in (1, 2) and (1 if a > 1 else 0), "message: a"
assert tcpi_snd_mss \\
  == 1000
print("a", a)
}%`))
  it('other ways to write packets', () => passes(`
+0 < 49152 > 8080: P. 1:11(10) ack 1 win 65535 <option-253 0102,nop,nop,nop,nop>
+.04 > (8080 > 49152) [noecn] . 1:1(0) ack 11 win *
+0 < . 11:11(0) ack 1 win 65535 <ECN e0b 1 ceb 0 e1b 1,nop>
+0 < . 11:11(0) ack 1 win 65535 <AccECN e1b 1,nop,nop,nop>`))
  it('settings by other systems\' names and ways', () => passes(`
+0 \`sysctl -q net.ipv4.tcp_rmem="4096 540000 $((15*1024*1024))" > /dev/null 2>&1 || true
echo 2000 > /proc/sys/net/ipv4/ip_default_ttl; ip link set dev tun0 mtu 1400\``.replace('2000', '20') + `
+0 \`tc qdisc replace dev tun0 root fq; ip tcp_metrics flush all >/dev/null 2>&1\`
+0 write(4, ..., 9) = 9
+0 > [ttl 20] P. 1:10(9) ack 1`))
  it('commands that change nothing, and names of other systems', () => passes(`
+0 \`kldload -n cc_newreno
sysctl kern.timecounter.alloweddeviation=0; sysctl -w net.ipv4.ip_default_ttl=33\`
+0 write(4, ..., 9) = 9
+0 > [ttl 33] P. 1:10(9) ack 1
+0 \`../../common/defaults.sh\``))
})

describe('variants', () => {
  const script = (flag: string): string => `#ifdef ${flag}\n${OPEN}#else\n+0 nonsense\n#endif\n`
  it('#ifdef with names of the run, of the personality and of the script', () => {
    expect(runScript(script('FAST'), { defines: { FAST: '' } }).status).toBe('passed')
    expect(runScript(script('FREEBSD')).status).toBe('passed')
    expect(runScript(script('LINUX'), { personality: 'linux' }).status).toBe('passed')
    expect(runScript(`--define=FAST\n${script('FAST')}`).status).toBe('passed')
    expect(runScript(script('FAST'))).toMatchObject({ status: 'failed', line: 10 })
    expect(runScript(`#ifndef A\n${OPEN}`)).toMatchObject({ status: 'failed', line: 1, message: 'syntax: #ifdef without #endif' })
    expect(runScript(`${OPEN}#else\n`)).toMatchObject({ status: 'failed', line: 8 })
  })
  it('vimage/sim has runScript, too (package.json)', () => {
    expect(fromSim).toBe(runScript)
    const exported = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as
      { exports: Record<string, { default: string }> }
    expect(exported.exports['./sim'].default).toBe('./dist/script/sim.js')
  })
  it('every packet on the wire can be had', () => {
    const seen: [number, number, boolean][] = []
    runScript(OPEN, { onPacket: (at, bytes, out) => seen.push([at, bytes.length, out]) })
    expect(seen).toEqual([[0, 44, false], [0, 44, true], [10_000, 40, false]])
  })
  it('words that stand for something else', () => {
    const text = `${OPEN}+0 write(4, ..., LEN) = LEN\n+0 > P. 1:10(LEN) ack 1\n`
    expect(runScript(text, { defines: { LEN: '9' } }).status).toBe('passed')
    expect(runScript(`-D LEN=9\n${text}`).status).toBe('passed')
    expect(runScript(`#define LEN 8\n${text}`)).toMatchObject({ status: 'failed' })
  })
  it('options of the run stand before the script\'s', () => {
    const text = `${OPEN}+0 write(4, ..., 9) = 9\n+.01 > P. 1:10(9) ack 1\n`
    expect(runScript(text, { options: { tolerance_usecs: '20000' } }).status).toBe('passed')
    expect(runScript(`--tolerance_usecs 4000\n${text}`, { options: { tolerance_usecs: '20000' } }).status).toBe('failed')
  })
  it('IPv4 through sockets of AF_INET6: mapped addresses', () => {
    expect(printResult(runScript(`--ip_version=ipv4-mapped-ipv6
${OPEN.replace('socket(...', 'socket(AF_INET6').replace('+0 accept(3, ..., ...)',
      '+0 accept(3, {sa_family = AF_INET6, sin6_port = htons(49152), inet_pton(AF_INET6, "::ffff:192.0.2.1", &sin6_addr)}, [28])')}
+0 setsockopt(4, SOL_IPV6, IPV6_TCLASS, [0x20], 4) = 0
+0 write(4, ..., 9) = 9
+0 > [tos 0x20] P. 1:10(9) ack 1
`, { name: 'x.pkt' }))).toBe('x.pkt: passed')
  })
})

describe('personalities', () => {
  it.each(PERSONALITIES)('%s names tunables that exist', (personality) => {
    for (const [name, value] of Object.entries(personalityDefaults(personality))) {
      const def = sysctlDef(name)
      expect(def, name).not.toBeNull()
      expect(value >= (def?.min ?? NaN) && value <= (def?.max ?? NaN), name).toBe(true)
    }
  })

  it('docs/script.md has them all', () => {
    const doc = readFileSync(new URL('../../docs/script.md', import.meta.url), 'utf8')
    for (const p of PERSONALITIES) {
      for (const [name, value] of Object.entries(personalityDefaults(p))) {
        const row = doc.split('\n').find((l) => l.startsWith(`| ${name} `))?.split('|').map((c) => c.trim()) ?? []
        expect(row[p === 'freebsd' ? 2 : 3], `${name} of ${p}`).toBe(String(value))
      }
    }
  })
})

describe('a broken script is reported, never thrown', () => {
  it('lines left out, characters changed', () => {
    const files = scriptFiles().map(({ path }) => readFileSync(path, 'utf8'))
    let seed = 7
    const random = (n: number): number => {
      seed = (Math.imul(seed, 1103515245) + 12345) >>> 0
      return Math.floor(seed / 65536) % n
    }
    const statuses = new Set<string>()
    for (let i = 0; i < 1500; i++) {
      let text = files[random(files.length)]
      for (let k = random(3); k >= 0; k--) {
        const at = random(text.length)
        text = text.slice(0, at) + '0129.+*<>()[]{}=,~SFPU%`-"'.charAt(random(28)) + text.slice(at + random(4))
      }
      statuses.add(runScript(text).status)
    }
    expect([...statuses].sort()).toEqual(['failed', 'passed', 'unsupported'])
  })
})
