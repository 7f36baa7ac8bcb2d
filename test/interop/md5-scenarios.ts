/** Signed connections between a Vnet and the kernel. Run inside a namespace by md5.test.ts. */

import { startEcho } from '../../src/service/echo.ts'
import { connectTcp } from '../../src/socket/tcp.ts'
import { onStage } from './scene.ts'
import { tcpStats } from '../../src/tcp/stats.ts'

const PORT = 7
/** Python knows TCP_MD5SIG by number only: struct tcp_md5sig is a sockaddr_storage, flags, prefix, length, ifindex, key. */
const KERNEL = `
import socket, struct, sys
role, own, peer, port, total, key = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]), int(sys.argv[5]), sys.argv[6].encode()
s = socket.socket()
s.settimeout(3)
s.setsockopt(socket.IPPROTO_TCP, 14, struct.pack('=HH4s120xBBHi80s', socket.AF_INET, 0, socket.inet_aton(peer), 0, 0, len(key), 0, key))
got = 0
try:
    if role == 'connect':
        s.connect((peer, port))
        block = bytes(range(256)) * 256
        sent = 0
        s.settimeout(10)
        import threading
        def send():
            global sent
            while sent < total:
                sent += s.send(block[sent % 256:][:min(60000, total - sent)])
            s.shutdown(socket.SHUT_WR)
        t = threading.Thread(target=send); t.start()
        while True:
            b = s.recv(65536)
            if not b: break
            if any(x != (got + i) % 256 for i, x in enumerate(b[:8])): sys.exit('wrong bytes')
            got += len(b)
        t.join()
    else:
        s.bind((own, port)); s.listen(1); print('ready', flush=True)
        c, _ = s.accept()
        c.settimeout(10)
        while True:
            b = c.recv(65536)
            if not b: break
            c.sendall(b)
            got += len(b)
        c.close()
except OSError as e:
    print('error', e, file=sys.stderr)
print('got', got, flush=True)
`

/** One side echoes what the other sends. */
export function signed(n: number, kernelConnects: boolean, bytes: number, ours: string, theirs: string) {
  return onStage(async (scene) => {
    const net = await scene.net(n)
    const stats = tcpStats(net.host.vnet.vn)
    const secret = Buffer.from(ours)
    let echoed = 0
    if (kernelConnects) {
      const echo = startEcho(net.host)
      const socket = [...net.host.vnet.state.tcp.listeners.keys()][0] ?? 0
      net.sockets.setmd5sig(socket, net.kernel, secret)
      const out = await scene.ok('python3', '-c', KERNEL, 'connect', net.kernel, net.vnet, `${PORT}`, `${bytes}`, theirs)
      echoed = Number(/got (\d+)/.exec(out)?.[1])
      echo.stop()
    } else {
      await scene.start('ready', 'python3', '-c', KERNEL, 'listen', net.kernel, net.vnet, `${PORT}`, `${bytes}`, theirs)
      const socket = connectTcp(net.host, { host: net.kernel, port: PORT, allowHalfOpen: true, md5Key: secret })
      socket.end(Buffer.alloc(bytes, 'signed '))
      for await (const part of socket) echoed += (part as Buffer).length
    }
    return { echoed, good: stats.sigRcvgoodsig, bad: stats.sigRcvbadsig, unsigned: stats.sigErrNosigopt }
  })
}
