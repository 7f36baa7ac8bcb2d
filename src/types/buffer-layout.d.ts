/** Types of the part of buffer-layout 1.2.2 that `src/wire/layout.ts` uses; the package ships none. */
declare module 'buffer-layout' {
  /** The members of Node's Buffer that integer fields of up to six bytes call. */
  export interface BufferLike {
    readonly length: number
    readUIntLE(offset: number, byteLength: number): number
    readUIntBE(offset: number, byteLength: number): number
    readIntBE(offset: number, byteLength: number): number
    writeUIntLE(value: number, offset: number, byteLength: number): void
    writeUIntBE(value: number, offset: number, byteLength: number): void
    writeIntBE(value: number, offset: number, byteLength: number): void
  }

  export interface Layout {
    readonly span: number
    readonly property?: string
  }

  export interface Structure extends Layout {
    readonly fields: readonly Layout[]
    decode(b: BufferLike, offset?: number): Record<string, number>
    encode(src: Readonly<Record<string, number>>, b: BufferLike, offset?: number): number
    offsetOf(property: string): number | undefined
  }

  export function u8(property: string): Layout
  export function u16(property: string): Layout
  export function u16be(property: string): Layout
  export function u32be(property: string): Layout
  export function u48be(property: string): Layout
  export function s32be(property: string): Layout
  export function struct(fields: Layout[]): Structure
}
