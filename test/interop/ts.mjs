/** `node --import ts.mjs`: lets a Node without type stripping run the sources as they are. */
import { register } from 'node:module'

if (!process.features.typescript) register('../host/ts-hooks.mjs', import.meta.url)
