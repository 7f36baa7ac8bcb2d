/** What a service knows that its Vnet does not: plain data, so that it can be saved with the Vnet and go on elsewhere. */

/** A conversation's own data: flat, and filled in by its program. */
export type TalkData = Record<string, number | string>

/** One TCP connection of a service. */
export interface SavedTalk {
  /** The Vnet's id of the socket. */
  id: number
  data: TalkData
  /** Base64 of bytes that the Vnet has not taken yet. */
  out: string
  ended: boolean
  closing: boolean
}

export interface SavedService {
  name: string
  /** The Vnet's ids of the listening TCP socket and of the UDP socket; 0 for none. */
  listener: number
  udp: number
  talks: SavedTalk[]
}
