/** TCP Fast Open between a Vnet and the kernel (RFC 7413). Run inside a namespace by matrix.test.ts. */

import { connectTcp, TcpServer } from '../../src/socket/tcp.ts'
import { changed, onStage } from './scene.ts'

const PORT = 7

/** The kernel's programs are in Python, which has the socket options that node:net lacks. */
const CLIENT = `
import socket, sys
for i in range(int(sys.argv[2])):
  s = socket.socket()
  s.sendto(b'request %d' % i, 0x20000000, (sys.argv[1], ${PORT}))
  print(s.recv(100).decode())
  s.close()
`
const SERVER = `
import socket, sys
l = socket.socket()
l.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
l.setsockopt(6, 23, 5)
l.bind((sys.argv[1], ${PORT}))
l.listen(5)
print('ready', flush=True)
while True:
  s = l.accept()[0]
  s.sendall(b're: ' + s.recv(100))
  s.close()
`

/** The kernel opens `times` connections to a Vnet with its request in the SYN. */
export function kernelClient(n: number, times: number) {
  return onStage(async (scene) => {
    const net = await scene.net(n)
    await scene.ok('sysctl', '-qw', 'net.ipv4.tcp_fastopen=3')
    const server = new TcpServer(net.host, (s) => s.once('data', (d: Buffer) => s.end(`re: ${d.toString()}`)))
      .listen({ port: PORT, fastOpen: 5 })
    const { stdout } = await scene.run('python3', '-c', CLIENT, net.vnet, String(times))
    server.close()
    return { answers: stdout.trim().split('\n'), stats: changed(net.host.vnet.state.tcp.stats) }
  })
}

/** A Vnet opens `times` connections to the kernel with its request in the SYN. */
export function vnetClient(n: number, times: number) {
  return onStage(async (scene) => {
    const net = await scene.net(n)
    await scene.ok('sysctl', '-qw', 'net.ipv4.tcp_fastopen=3')
    await scene.start('ready', 'python3', '-c', SERVER, net.kernel)
    const answers: string[] = []
    for (let i = 0; i < times; i++) {
      const s = connectTcp(net.host, { host: net.kernel, port: PORT, fastOpen: true })
      s.write(`request ${i}`)
      let text = ''
      for await (const chunk of s) text += String(chunk)
      answers.push(text)
    }
    return { answers, stats: changed(net.host.vnet.state.tcp.stats) }
  })
}
