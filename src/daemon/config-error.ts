/** What is wrong with a configuration: every problem with its file, line, column and key. */

export interface ConfigProblem {
  /** From 1; 0 when it is about no line in particular. */
  line: number
  column: number
  /** As in `vimages[0].interfaces[1].mtu`; '' for the whole file. */
  key: string
  /** What was expected, and what was found. */
  message: string
}

export class ConfigError extends Error {
  override name = 'ConfigError'
  readonly file: string
  readonly problems: readonly ConfigProblem[]

  constructor(file: string, problems: readonly ConfigProblem[]) {
    super(problems.map((p) => problemLine(file, p)).join('\n'))
    this.file = file
    this.problems = problems
  }
}

/** `lab.yaml:7:12: vimages[0].mtu: expected …, found …` */
function problemLine(file: string, p: ConfigProblem): string {
  const place = p.line === 0 ? file : `${file}:${p.line}:${p.column}`
  return `${place}: ${p.key === '' ? '' : `${p.key}: `}${p.message}`
}
