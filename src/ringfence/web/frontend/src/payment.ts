// The payment window. It shows the payment page, tells the server every few seconds that it is there, and proves the
// close with a secret that nothing else holds. Silence proves nothing: whatever happens to this page, the recording
// stays paused until a close has been told.

import { Backoff } from './backoff'

interface Page {
  address: string
  /** Shown inside this window; otherwise in one of its own. */
  framed: boolean
  secret: string
  beat_url: string
  close_url: string
  beat_ms: number
}

const PATIENCE_MS = 8000
const LOOK_MS = 300

function readPage(): Page {
  const page = JSON.parse(document.getElementById('payment')?.textContent ?? '{}') as Partial<Page>
  const texts = [page.address, page.secret, page.beat_url, page.close_url]
  if (texts.some((text) => typeof text !== 'string') || typeof page.framed !== 'boolean') {
    throw new TypeError('The page carries no payment.')
  }
  return page as Page
}

function main(root: HTMLElement): void {
  const page = readPage()
  // The page's own text is the only place where these stood.
  document.getElementById('payment')?.remove()
  const say = (name: string): void => {
    const region = document.getElementById('payment-text')
    const text = root.dataset[name] ?? ''
    if (region && region.textContent !== text) region.textContent = text
  }
  const place = document.getElementById('payment-place')
  const button = document.getElementById('payment-close')
  if (!place || !button) throw new TypeError('The page is not whole.')

  let over = false
  let other: Window | null = null
  let timer: ReturnType<typeof setTimeout> | null = null

  const fields = (): URLSearchParams =>
    new URLSearchParams({ secret: page.secret, csrfmiddlewaretoken: root.dataset['csrf'] ?? '' })

  async function post(url: string, keepalive = false): Promise<Response> {
    return fetch(url, {
      method: 'POST',
      headers: { Accept: 'application/json' },
      body: fields(),
      credentials: 'same-origin',
      redirect: 'error',
      keepalive,
      signal: AbortSignal.timeout(PATIENCE_MS),
    })
  }

  /** Nothing of the payment page is left here. */
  function clear(): void {
    over = true
    if (timer !== null) clearTimeout(timer)
    place?.replaceChildren()
    if (button) button.hidden = true
  }

  async function beat(): Promise<void> {
    timer = null
    try {
      const answer = await post(page.beat_url)
      if (over) return
      if (answer.ok) {
        const found = (await answer.json()) as { open?: unknown }
        if (found.open !== true) {
          clear()
          other?.close()
          say('ended')
          return
        }
        say('paused')
      } else say(answer.status === 401 ? 'out' : 'lost')
    } catch {
      if (!over) say('lost')
    }
    if (!over) timer = setTimeout(() => void beat(), page.beat_ms)
  }

  /** The agent closes the payment: first the page goes, then the server is told until it has understood. */
  async function close(): Promise<void> {
    other?.close()
    clear()
    say('closing')
    const backoff = new Backoff(500, 5000)
    for (;;) {
      try {
        const answer = await post(page.close_url, true)
        if (answer.ok || answer.status === 404) break
      } catch {
        say('lost')
      }
      await new Promise((done) => setTimeout(done, backoff.next()))
    }
    say('closed')
    window.close()
  }

  function showFramed(): void {
    const frame = document.createElement('iframe')
    frame.src = page.address
    frame.title = place?.dataset['title'] ?? ''
    frame.className = 'rf-payment__page'
    frame.referrerPolicy = 'no-referrer'
    // Without top navigation and without windows of its own the page cannot outlive this window.
    frame.setAttribute('sandbox', 'allow-forms allow-scripts allow-same-origin')
    place?.replaceChildren(frame)
    // The document goes, and the frame with it. A page that is only put aside (persisted) has not gone.
    window.addEventListener('pagehide', (event) => {
      if (over || event.persisted) return
      over = true
      navigator.sendBeacon(page.close_url, fields())
    })
  }

  /**
   * A window of its own. That its handle says "closed" is a sign and no proof: a page may cut the handle
   * (Cross-Origin-Opener-Policy) and live on. So the agent is asked.
   */
  function showApart(): void {
    const open = document.getElementById('payment-open')
    if (!open) return
    open.hidden = false
    open.addEventListener('click', () => {
      other = window.open(page.address, 'ringfence-payment-page', 'popup,width=1000,height=800')
    })
    setInterval(() => {
      if (other?.closed && !over) say('gone')
    }, LOOK_MS)
  }

  button.hidden = false
  button.addEventListener('click', () => void close())
  if (page.framed) showFramed()
  else showApart()
  void beat()
}

const payment = document.getElementById('payment-window')
if (payment) main(payment)
