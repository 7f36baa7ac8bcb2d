/** Ctrl-C ends a verb that goes on for ever in an orderly way: with its summary. */

/** Aborts at the first SIGINT or SIGTERM; the second one ends the program as usual. */
export function abortOnInterrupt(): AbortSignal {
  const controller = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => controller.abort())
  return controller.signal
}
