/** ESLint: the invariants of docs/architecture.md; what TypeScript and the layer rules do not see. */

import tseslint from 'typescript-eslint'
import { vimagePlugin } from './lint/index.js'
import {
  CORE, CORE_EXCEPT, CORE_GLOBALS, CORE_IMPORTS, CORE_PROPERTIES, CORE_SYNTAX, LAYOUT_GLOBALS, SRC_SYNTAX, STATE_SYNTAX,
} from './lint/restrictions.js'

/** Functions whose results are frozen or hold nothing. */
const FROZEN_CALLS = ['emptyTable', 'emptySet', 'recordMaker', 'header', 'sysctlBool', 'sysctlInt', 'sysctlEnum']

const SCHEMA_CALLS = ['int', 'real', 'text', 'bytes', 'words', 'ring', 'list', 'table', 'queueMap', 'setOf', 'flat',
  'record']

export default tseslint.config(
  { ignores: ['dist/', 'build/', 'coverage/', 'node_modules/', '.vimage/'] },
  {
    files: ['src/**/*.ts', 'test/**/*.ts', 'bench/**/*.ts', 'examples/**/*.ts', 'vitest.config.ts'],
    extends: [tseslint.configs.recommendedTypeChecked],
    languageOptions: { parserOptions: { projectService: true } },
    linterOptions: { reportUnusedDisableDirectives: 'error' },
    rules: {
      eqeqeq: 'error',
      'no-var': 'error',
      'prefer-const': 'error',
      'no-eval': 'error',
      'no-new-func': 'error',
      // the tsconfig's noUnusedLocals says it already
      '@typescript-eslint/no-unused-vars': 'off',
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true, allowBoolean: true }],
    },
  },
  {
    files: ['**/*.{js,mjs,cjs}'],
    rules: { eqeqeq: 'error', 'no-var': 'error', 'prefer-const': 'error', 'no-unused-vars': 'error' },
  },
  {
    // what a test parses (JSON of a tool, a capture's text) is checked by its assertions
    files: ['test/**/*.ts'],
    rules: Object.fromEntries([
      'no-unsafe-assignment', 'no-unsafe-call', 'no-unsafe-member-access', 'no-unsafe-return', 'no-unsafe-argument',
      'restrict-plus-operands', 'restrict-template-expressions', 'require-await', 'no-base-to-string',
    ].map((rule) => [`@typescript-eslint/${rule}`, 'off'])),
  },
  {
    files: ['src/**/*.ts'],
    plugins: { vimage: vimagePlugin },
    rules: {
      'max-lines': ['error', 500],
      'no-restricted-syntax': ['error', ...SRC_SYNTAX],
      'vimage/module-scope': ['error', { calls: FROZEN_CALLS, roots: ['z'] }],
      'vimage/seq-compare': 'error',
    },
  },
  {
    files: [...CORE],
    ignores: [...CORE_EXCEPT],
    rules: {
      'no-restricted-globals': ['error', ...CORE_GLOBALS],
      'no-restricted-properties': ['error', ...CORE_PROPERTIES],
      'no-restricted-imports': ['error', CORE_IMPORTS],
      'no-restricted-syntax': ['error', ...SRC_SYNTAX, ...CORE_SYNTAX],
    },
  },
  {
    files: ['src/*/state.ts', 'src/*/state-*.ts'],
    rules: { 'no-restricted-syntax': ['error', ...SRC_SYNTAX, ...CORE_SYNTAX, ...STATE_SYNTAX] },
  },
  {
    // the nodes of a schema are frozen by what makes them, which test/audit/exports.test.ts sees
    files: ['src/snapshot/**/*.ts', 'src/sim/world-data.ts'],
    rules: { 'vimage/module-scope': ['error', { calls: [...FROZEN_CALLS, ...SCHEMA_CALLS] }] },
  },
  { files: ['src/wire/layout.ts'], rules: { 'no-restricted-globals': ['error', ...LAYOUT_GLOBALS] } },
  { files: ['src/lib/seq.ts'], rules: { 'vimage/seq-compare': 'off' } },
  { files: ['src/cli/main.ts', 'src/node/register.ts', 'src/host/vnet-worker-entry.ts'], rules: { 'vimage/module-scope': ['error', { entry: true }] } },
)
