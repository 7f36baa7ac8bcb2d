/** Questions that the rules ask about TypeScript types. */

import ts from 'typescript'

const PRIMITIVE = ts.TypeFlags.NumberLike | ts.TypeFlags.StringLike | ts.TypeFlags.BooleanLike
  | ts.TypeFlags.BigIntLike | ts.TypeFlags.ESSymbolLike | ts.TypeFlags.Null | ts.TypeFlags.Undefined
  | ts.TypeFlags.Void | ts.TypeFlags.Never

/** True when no value of the type is an object (a branded number is none: one member of its intersection decides). */
export function isPrimitive(type) {
  if ((type.flags & PRIMITIVE) !== 0) return true
  if (type.isUnion()) return type.types.every(isPrimitive)
  return type.isIntersection() && type.types.some(isPrimitive)
}

/** True when the type offers no way to write to the value or to any literal in it. */
export function isDeepReadonly(checker, type, seen = new Set()) {
  if (seen.has(type) || isPrimitive(type)) return true
  seen.add(type)
  if (type.isUnion()) return type.types.every((t) => isDeepReadonly(checker, t, seen))
  if (checker.isTupleType(type) || checker.isArrayType(type)) {
    return isReadonlyList(checker, type)
      && checker.getTypeArguments(type).every((t) => isDeepReadonly(checker, t, seen))
  }
  // a Map or a typed array has methods that write, whatever its properties say
  if (!isRecord(type)) return false
  return checker.getIndexInfosOfType(type).every((i) => i.isReadonly && isDeepReadonly(checker, i.type, seen))
    && type.getProperties().every((p) =>
      isReadonlyProperty(p) && isDeepReadonly(checker, checker.getTypeOfSymbol(p), seen))
}

/** True for a record all of whose fields are primitive: freezing it once freezes it whole. */
export function isFlatRecord(checker, type) {
  return isRecord(type) && checker.getIndexInfosOfType(type).every((i) => isPrimitive(i.type))
    && type.getProperties().every((p) => isPrimitive(checker.getTypeOfSymbol(p)))
}

/** True for `Seq` of src/lib/seq.ts, alone or in a union. */
export function isSeq(type) {
  if (type.isUnion()) return type.types.some(isSeq)
  return type.isIntersection()
    && type.types.some((t) => t.getProperties().some((p) => p.escapedName.startsWith('__@seqBrand@')))
}

/** An object type of the sources: literal, mapped or interface, without calls; none of the platform's classes. */
function isRecord(type) {
  if ((type.flags & ts.TypeFlags.Object) === 0) return false
  if (type.getCallSignatures().length > 0 || type.getConstructSignatures().length > 0) return false
  const files = (type.symbol?.declarations ?? []).map((d) => d.getSourceFile().fileName)
  const mapped = (type.objectFlags & ts.ObjectFlags.Mapped) !== 0
  return mapped || !type.isClass() && !files.some((name) => name.includes('/node_modules/'))
}

function isReadonlyList(checker, type) {
  return checker.isTupleType(type) ? type.target.readonly : type.symbol?.name === 'ReadonlyArray'
}

function isReadonlyProperty(symbol) {
  if ((ts.getCheckFlags(symbol) & ts.CheckFlags.Readonly) !== 0) return true
  return (symbol.declarations ?? []).some((d) => (ts.getCombinedModifierFlags(d) & ts.ModifierFlags.Readonly) !== 0)
}
