/**
 * Sequence numbers are modulo 2^32 (RFC 9293 §3.4): `<`, `-` and friends on a `Seq` are wrong once in 4 GiB, which no
 * test notices. Everything but equality goes through the functions of lib/seq.ts.
 */

import { isSeq } from './types.js'

const ORDERED = new Set(['<', '<=', '>', '>=', '+', '-', '*', '/', '%', '**'])
const ASSIGNED = new Set(['+=', '-=', '*=', '/=', '%=', '**='])

export const seqCompare = {
  meta: {
    type: 'problem',
    schema: [],
    messages: {
      operator: '`{{operator}}` on a sequence number is not modulo 2^32: use lib/seq.ts',
      cast: 'a sequence number is not a number to calculate with: use lib/seq.ts (seqToWire, seqDiff, seqAdd)',
    },
  },

  create(context) {
    const services = context.sourceCode.parserServices
    const isSeqNode = (node) => node.type !== 'PrivateIdentifier' && isSeq(services.getTypeAtLocation(node))
    const reportOperator = (node) =>
      context.report({ node, messageId: 'operator', data: { operator: node.operator } })

    return {
      BinaryExpression(node) {
        if (ORDERED.has(node.operator) && (isSeqNode(node.left) || isSeqNode(node.right))) reportOperator(node)
      },
      AssignmentExpression(node) {
        if (ASSIGNED.has(node.operator) && (isSeqNode(node.left) || isSeqNode(node.right))) reportOperator(node)
      },
      UpdateExpression(node) {
        if (isSeqNode(node.argument)) reportOperator(node)
      },
      UnaryExpression(node) {
        if (node.operator === '-' && isSeqNode(node.argument)) reportOperator(node)
      },
      TSAsExpression(node) {
        if (!isSeqNode(node.expression) || isSeqNode(node) || isArgument(node)) return
        context.report({ node, messageId: 'cast' })
      },
      'CallExpression[callee.object.name="Math"]'(node) {
        for (const a of node.arguments) {
          if (isSeqNode(a.type === 'TSAsExpression' ? a.expression : a)) context.report({ node: a, messageId: 'cast' })
        }
      },
    }
  },
}

/** A function that takes a number takes a Seq as well: a cast on the way there hides nothing. */
function isArgument(node) {
  const { parent } = node
  if (parent.type === 'ConditionalExpression') return isArgument(parent)
  return parent.type === 'CallExpression' && parent.arguments.includes(node)
}
