/** Typed arrays in which nothing is: one for all, where one of one's own would be 184 bytes (bench/README.md, "Density"). */

export const NO_BYTES: Uint8Array = new Uint8Array(0)
export const NO_WORDS: Uint16Array = new Uint16Array(0)
