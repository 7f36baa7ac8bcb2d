/** The little of a shell's language that is needed to read commands in backticks: words, quotes, redirections, `$((…))`. */

/** One simple command: its words, and the file that its output would go to ('' for none). */
export interface ShellCommand { words: string[]; into: string }

/** Commands between line ends, `;`, `&&` and `||` (what stands behind `||` is for when a command fails, so it is left out). */
export function shellCommands(text: string): ShellCommand[] {
  const commands: ShellCommand[] = []
  let current: ShellCommand = { words: [], into: '' }
  let skipping = false
  const end = (separator: string): void => {
    if (current.words.length > 0 && !skipping) commands.push(current)
    current = { words: [], into: '' }
    skipping = separator === '||'
  }
  // separators; redirections with their target; comments; words, of which parts may be quoted
  const tokens = text.match(
    /\n|;|&&|\|\|?|&(?!\d)|\d*>>?&?\s*[^\s;&|]+|(?<=^|\s)#[^\n]*|\\\n|(?:\$\(\([^)]*\)\)|"[^"]*"|'[^']*'|[^\s;&|"'>])+/g)
  for (const token of tokens ?? []) {
    if (/^(?:\n|;|&&?|\|\|?)$/.test(token)) end(token)
    else if (/^\d*>/.test(token)) {
      const file = unquote(token.replace(/^\d*>>?&?\s*/, ''))
      if (!token.startsWith('2')) current.into = file
    } else if (!token.startsWith('#') && /\S/.test(token)) current.words.push(unquote(token))
  }
  end('')
  return commands
}

function unquote(word: string): string {
  if (word === '\\\n') return ''
  return word.replace(/"([^"]*)"|'([^']*)'/g, (_all, double?: string, single?: string) => double ?? single ?? '')
    .replace(/\$\(\(([\d\s*+]+)\)\)/g, (_all, sum: string) => String(arithmetic(sum)))
}

function arithmetic(text: string): number {
  return text.split('+').reduce((sum, term) => sum + term.split('*').reduce((n, factor) => n * Number(factor), 1), 0)
}
