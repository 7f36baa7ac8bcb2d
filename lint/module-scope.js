/**
 * Invariant 1: no mutable state outside a Vnet. A module may declare, at its top level, functions, classes without
 * mutable statics, and constants that nothing can change: primitives, frozen objects, regular expressions without
 * position, arrays of no elements. It may not run anything else when it is loaded.
 *
 * Options: `calls` lists functions whose result is frozen (or otherwise safe), `roots` objects all of whose methods
 * are such (`z` of zod), `entry` allows expression statements (the program's main file).
 */

import { isDeepReadonly, isFlatRecord, isPrimitive } from './types.js'

const TYPED_ARRAY = /^(?:Big)?(?:Ui|I)nt(?:8|16|32|64)(?:Clamped)?Array$|^Float(?:32|64)Array$/
const DECLARATIONS = new Set(['ImportDeclaration', 'ExportAllDeclaration', 'FunctionDeclaration', 'TSDeclareFunction',
  'TSInterfaceDeclaration', 'TSTypeAliasDeclaration', 'TSModuleDeclaration'])
const WRAPPERS = new Set(['TSAsExpression', 'TSSatisfiesExpression', 'TSNonNullExpression', 'TSTypeAssertion'])

export const moduleScope = {
  meta: {
    type: 'problem',
    schema: [{
      type: 'object',
      properties: {
        calls: { type: 'array', items: { type: 'string' } },
        roots: { type: 'array', items: { type: 'string' } },
        entry: { type: 'boolean' },
      },
      additionalProperties: false,
    }],
    messages: {
      kind: 'module scope holds constants only: `{{kind}}` can be reassigned',
      value: 'module scope holds no mutable value: freeze it (Object.freeze), or keep it in the Vnet\'s state',
      static: 'a mutable static member is module state: keep it in the Vnet\'s state',
      statement: 'a module declares; it runs nothing when it is loaded',
    },
  },

  create(context) {
    const { calls = [], roots = [], entry = false } = context.options[0] ?? {}
    const services = context.sourceCode.parserServices
    const checker = services.program.getTypeChecker()

    function checkStatement(node) {
      if (DECLARATIONS.has(node.type)) return
      switch (node.type) {
        case 'ExportNamedDeclaration': return node.declaration === null ? undefined : checkStatement(node.declaration)
        case 'ExportDefaultDeclaration': return checkValue(node.declaration, node.declaration)
        case 'VariableDeclaration': return node.declare ? undefined : checkVariables(node)
        case 'ClassDeclaration': return checkClass(node)
        case 'ExpressionStatement': return entry ? undefined : report(node, 'statement')
        default: return report(node, 'statement')
      }
    }

    function checkVariables(node) {
      if (node.kind !== 'const') return report(node, 'kind', { kind: node.kind })
      for (const d of node.declarations) {
        if (d.id.type !== 'Identifier') report(d, 'value')
        else if (!isPrimitive(services.getTypeAtLocation(d.id))) checkValue(d.init, d)
      }
    }

    function checkValue(init, at) {
      if (!isSafe(init, services.getTypeAtLocation(at.id ?? init))) report(at, 'value')
      if (unwrap(init).type === 'ClassExpression') checkClass(unwrap(init))
    }

    function checkClass(node) {
      for (const m of node.body.body) {
        if (m.type === 'StaticBlock') report(m, 'static')
        else if (m.type === 'PropertyDefinition' && m.static) checkStatic(m)
      }
    }

    function checkStatic(m) {
      const fixed = m.readonly && m.value !== null
        && (isPrimitive(services.getTypeAtLocation(m)) || isSafe(m.value, services.getTypeAtLocation(m)))
      if (!fixed) report(m, 'static')
    }

    /** `declared`: the type under which the module sees the value; a deeply readonly one excuses nested literals. */
    function isSafe(node, declared) {
      const e = unwrap(node)
      switch (e.type) {
        case 'Identifier':
        case 'FunctionDeclaration':
        case 'FunctionExpression':
        case 'ArrowFunctionExpression':
        case 'ClassDeclaration':
        case 'ClassExpression': return true
        case 'ConditionalExpression': return isSafe(e.consequent, declared) && isSafe(e.alternate, declared)
        case 'LogicalExpression': return isSafe(e.left, declared) && isSafe(e.right, declared)
        case 'Literal': return e.regex === undefined || !/[gy]/.test(e.regex.flags)
        case 'NewExpression': return isEmptyTypedArray(e)
        case 'CallExpression': return isFreeze(e) ? isFrozen(e.arguments[0], declared) : isAllowedCall(e.callee)
        default: return isPrimitive(services.getTypeAtLocation(e))
      }
    }

    /** The argument of Object.freeze: its own literals are frozen by it, those inside must be safe on their own. */
    function isFrozen(node, declared) {
      const e = unwrap(node)
      const readonly = isDeepReadonly(checker, declared) || isDeepReadonly(checker, services.getTypeAtLocation(node))
      if (e.type === 'ArrayExpression') return e.elements.every((x) => x !== null && isPart(x, readonly))
      if (e.type === 'ObjectExpression') {
        return e.properties.every((p) => p.type === 'Property' ? isPart(p.value, readonly) : isSpreadSafe(p.argument))
      }
      // made by an expression: what Object.freeze leaves open must be readonly by type
      return readonly || isFlatRecord(checker, services.getTypeAtLocation(e)) || isSafe(e, declared)
    }

    function isPart(node, readonly) {
      const e = unwrap(node)
      if (e.type === 'SpreadElement') return isSpreadSafe(e.argument)
      if (isPrimitive(services.getTypeAtLocation(e))) return true
      if (readonly && e.type === 'ArrayExpression') return e.elements.every((x) => x !== null && isPart(x, true))
      if (readonly && e.type === 'ObjectExpression') {
        return e.properties.every((p) => p.type === 'Property' && isPart(p.value, true))
      }
      return isSafe(e, services.getTypeAtLocation(e))
    }

    function isSpreadSafe(node) {
      return unwrap(node).type === 'Identifier'
    }

    function isAllowedCall(callee) {
      if (callee.type === 'Identifier') return calls.includes(callee.name)
      let root = callee
      while (root.type === 'MemberExpression' || root.type === 'CallExpression') root = root.object ?? root.callee
      return root.type === 'Identifier' && roots.includes(root.name)
    }

    function report(node, messageId, data = {}) {
      context.report({ node, messageId, data })
    }

    return { Program: (program) => program.body.forEach(checkStatement) }
  },
}

function unwrap(node) {
  return WRAPPERS.has(node.type) ? unwrap(node.expression) : node
}

function isFreeze(call) {
  const c = call.callee
  return c.type === 'MemberExpression' && !c.computed && c.object.type === 'Identifier' && c.object.name === 'Object'
    && c.property.name === 'freeze' && call.arguments.length === 1
}

function isEmptyTypedArray(node) {
  const [length] = node.arguments
  return node.callee.type === 'Identifier' && TYPED_ARRAY.test(node.callee.name)
    && (length === undefined || length.type === 'Literal' && length.value === 0)
}
