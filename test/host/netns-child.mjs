/** Runs inside a test's network namespace and calls functions of test modules by name, as netns.ts asks over IPC. */
import { register } from 'node:module'

if (!process.features.typescript) register('./ts-hooks.mjs', import.meta.url)

process.on('message', async ({ id, module, name, args }) => {
  try {
    const result = await (await import(module))[name](...args)
    process.send({ id, result })
  } catch (error) {
    const { message, stack, code, syscall, path } = error
    process.send({ id, error: { message, stack, code, syscall, path } })
  }
})
process.on('disconnect', () => process.exit(0))
process.send({ id: 0 })
