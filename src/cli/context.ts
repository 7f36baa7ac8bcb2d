/** What the verbs share: the daemon they talk to, and the vimage they talk about. */

import type { Command } from 'commander'
import { ControlClient } from '../daemon/client.ts'
import { controlPath } from '../daemon/control-path.ts'
import type { VimageRow } from '../daemon/listings.ts'
import { print, printJson, UsageError } from './output.ts'

export interface GlobalOptions {
  vimage?: string
  control?: string
}

export class Context {
  readonly client: ControlClient
  /** As given with -V; '' when it was not. */
  readonly given: string

  constructor(command: Command) {
    const { vimage, control } = command.optsWithGlobals<GlobalOptions>()
    this.client = new ControlClient(controlPath(control ?? ''))
    this.given = vimage ?? ''
  }

  /** The chosen vimage, or all of them. */
  async all(): Promise<string[]> {
    return this.given === '' ? this.#names() : [this.given]
  }

  /** The chosen vimage, or the first. */
  async first(): Promise<string> {
    if (this.given !== '') return this.given
    const [first] = await this.#names()
    if (first === undefined) throw new UsageError('the daemon has no vimage')
    return first
  }

  /** The chosen vimage, or the only one: for changes. */
  async only(): Promise<string> {
    if (this.given !== '') return this.given
    const names = await this.#names()
    if (names.length === 1) return names[0]
    throw new UsageError(names.length === 0 ? 'the daemon has no vimage'
      : `there are several vimages (${names.join(', ')}); choose one with -V NAME`)
  }

  /** Path of something in a vimage. */
  path(vimage: string, ...parts: string[]): string {
    return ['/v1/vimages', ...[vimage, ...parts].map(encodeURIComponent)].join('/')
  }

  /**
   * Gets the same listing of each chosen vimage, and prints them: as one JSON object by vimage, or one after the other,
   * under headings when there is more than one.
   */
  async show<T>(query: string, json: boolean, printOne: (listing: T) => void): Promise<void> {
    const names = await this.all()
    const listings: [string, T][] = []
    for (const name of names) listings.push([name, await this.client.get<T>(`${this.path(name)}/${query}`)])
    if (json) {
      printJson(Object.fromEntries(listings))
      return
    }
    listings.forEach(([name, listing], i) => {
      if (listings.length > 1) print(`${i > 0 ? '\n' : ''}vimage ${name}:`)
      printOne(listing)
    })
  }

  async #names(): Promise<string[]> {
    return (await this.client.get<VimageRow[]>('/v1/vimages')).map((row) => row.name)
  }
}
