/** For --import: TypeScript sources on a Node without type stripping. */
import { register } from 'node:module'

if (!process.features.typescript) register('./ts-hooks.mjs', import.meta.url)
