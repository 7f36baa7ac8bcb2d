/** The other thread of test/host/ring-cable.test.ts: sends back what arrives at its end. */
import { register } from 'node:module'
import { parentPort, workerData } from 'node:worker_threads'

if (!process.features.typescript) register('./ts-hooks.mjs', import.meta.url)
const { openRing } = await import('../../src/host/ring-cable.ts')
const { createFramePool } = await import('../../src/lib/frame.ts')

const device = openRing(workerData.end, { pool: createFramePool(), awakeMs: workerData.awakeMs })
device.onFrame = (f) => device.send(f)
device.onBatchEnd = () => device.flush()
device.onGone = () => parentPort.close()
parentPort.on('message', () => process.exit(1))
parentPort.postMessage('ready')
