/** In CI the same properties are tried each time, so that a change is judged by itself; elsewhere others each time. */

import fc from 'fast-check'

if (process.env['CI'] !== undefined) fc.configureGlobal({ seed: 1 })
