import type { PathOptions, PathResult } from '../../src/sim/path.ts'

export interface Cell {
  cc: string
  rttMs: number
  mbps: number
  queue: 'droptail' | 'codel'
  loss: number
  reorder: number
  flows: number
}

export function allCells(algorithms: readonly string[]): Cell[]
export function cellName(cell: Cell): string
export function cellOptions(cell: Cell): Partial<PathOptions>
export function cellFigures(result: PathResult): number[]
