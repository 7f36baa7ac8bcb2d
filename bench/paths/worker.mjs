/** One thread of the table: measures the cells that it is sent, one after the other. */

import { parentPort } from 'node:worker_threads'
import { measurePath } from '../../dist/sim/index.js'
import { cellFigures, cellOptions } from './grid.mjs'

parentPort.on('message', ({ index, cell, more }) => {
  parentPort.postMessage({ index, figures: cellFigures(measurePath({ ...cellOptions(cell), ...more })) })
})
