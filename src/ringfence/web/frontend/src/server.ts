// Requests to the desk's own addresses, which the page carries as data attributes.

import { type DeskState, parseState } from './state'

/** The session has ended; only a new sign-in helps. */
export class SignedOut extends Error {}

/** The server refused, with a sentence for the agent. */
export class RefusedError extends Error {}

const PATIENCE_MS = 15_000

export class Server {
  constructor(private readonly root: HTMLElement) {}

  url(name: string): string {
    const key = `${name.replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase())}Url`
    const url = this.root.dataset[key]
    if (!url) throw new TypeError(`The page carries no address for ${name}.`)
    return url
  }

  async state(): Promise<DeskState> {
    return parseState(await this.send(this.url('state'), { method: 'GET' }))
  }

  async post(name: string, values: Record<string, string> = {}): Promise<Record<string, unknown>> {
    const reply = await this.send(this.url(name), {
      method: 'POST',
      headers: { 'X-CSRFToken': this.root.dataset['csrf'] ?? '' },
      body: new URLSearchParams(values),
    })
    return typeof reply === 'object' && reply !== null ? (reply as Record<string, unknown>) : {}
  }

  private async send(url: string, init: RequestInit): Promise<unknown> {
    const response = await fetch(url, {
      ...init,
      headers: { Accept: 'application/json', ...init.headers },
      credentials: 'same-origin',
      redirect: 'manual',
      signal: AbortSignal.timeout(PATIENCE_MS),
    })
    if (response.type === 'opaqueredirect' || response.status === 401) throw new SignedOut()
    const body: unknown = response.headers.get('Content-Type')?.startsWith('application/json')
      ? await response.json()
      : null
    if (!response.ok) {
      const message = (body as { message?: unknown } | null)?.message
      throw new RefusedError(typeof message === 'string' ? message : '')
    }
    return body
  }
}
