/** The project's own rules, as an ESLint plugin. */

import { moduleScope } from './module-scope.js'
import { seqCompare } from './seq-compare.js'

export const vimagePlugin = {
  meta: { name: 'vimage' },
  rules: { 'module-scope': moduleScope, 'seq-compare': seqCompare },
}
