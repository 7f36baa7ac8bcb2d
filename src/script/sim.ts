/** What `vimage/sim` is to users: worlds on a virtual clock, and scripts that run in one. */

export * from '../sim/index.ts'
export * from './index.ts'
