// Every page of a signed-in person: tells the server that somebody is there, warns two minutes before the
// session ends, and says so when it has ended. The server decides; the page only asks in time.

export const WARN_MS = 120_000
export const REPORT_MS = 60_000
const LOOK_MS = 5000
const PATIENCE_MS = 10_000

interface Answer {
  left_ms: number
  because: string
  person: string
  csrf: string
}

/** What to do now: report a use, ask because the end is near, or nothing. */
export function due(now: number, at: { told: number; deadline: number; used: boolean }): 'report' | 'ask' | null {
  if (at.used && now - at.told >= REPORT_MS) return 'report'
  return at.deadline - now <= WARN_MS ? 'ask' : null
}

export function readAnswer(value: unknown): Answer | null {
  if (typeof value !== 'object' || value === null) return null
  const { left_ms, because, person, csrf } = value as Record<string, unknown>
  if (typeof left_ms !== 'number' || typeof because !== 'string') return null
  if (typeof person !== 'string' || typeof csrf !== 'string') return null
  return { left_ms, because, person, csrf }
}

function part<T extends HTMLElement>(id: string, kind: new () => T): T {
  const found = document.getElementById(id)
  if (!(found instanceof kind)) throw new TypeError(`The page has no ${id}.`)
  return found
}

function main(dialog: HTMLDialogElement): void {
  const words = dialog.dataset
  const title = part('session-title', HTMLElement)
  const text = part('session-text', HTMLElement)
  const stay = part('session-stay', HTMLButtonElement)
  const signIn = part('session-signin', HTMLAnchorElement)
  let csrf = words['csrf'] ?? ''
  let told = Date.now()
  let deadline = told + Number(words['left'])
  let used = false
  /** What is on the page would be lost with it: a form that somebody typed in, or a payment that is under way. */
  let kept = words['stays'] !== undefined
  let over = false
  let asking = false
  /** Somebody said that they stay while another question was on its way. */
  let owed = false
  /** The end that was read and put up with: the length of a session cannot be changed. */
  let understood = false
  let before: Element | null = null

  async function ask(method: 'GET' | 'POST'): Promise<void> {
    if (asking) {
      owed ||= method === 'POST'
      return
    }
    asking = true
    try {
      if (method === 'POST') {
        used = false
        told = Date.now()
      }
      const response = await fetch(words['url'] ?? '', {
        method,
        headers: method === 'POST' ? { Accept: 'application/json', 'X-CSRFToken': csrf } : { Accept: 'application/json' },
        credentials: 'same-origin',
        redirect: 'error',
        signal: AbortSignal.timeout(PATIENCE_MS),
      })
      if (response.status === 401) ended()
      else if (response.ok) {
        const answer = readAnswer(await response.json())
        if (answer !== null) take(answer)
      }
    } catch {
      // Without a connection nothing is known; the next look asks again.
    } finally {
      asking = false
    }
    if (owed && !over) {
      owed = false
      await ask('POST')
    }
  }

  function take(answer: Answer): void {
    if (answer.person !== words['person']) {
      location.reload() // somebody else signed in here meanwhile
      return
    }
    const now = Date.now()
    deadline = now + answer.left_ms
    freshen(answer.csrf)
    if (over || answer.left_ms > WARN_MS) {
      over = false
      close()
    } else if (!understood && !owed && !dialog.open) warn(answer.because)
  }

  /** Forms that were open while somebody signed in again can still be sent. */
  function freshen(token: string): void {
    csrf = token
    for (const field of document.querySelectorAll<HTMLInputElement>('input[name=csrfmiddlewaretoken]')) field.value = token
    for (const root of document.querySelectorAll<HTMLElement>('[data-csrf]')) root.dataset['csrf'] = token
  }

  function warn(because: string): void {
    const at = new Date(deadline).toLocaleTimeString('en-GB', { hour: 'numeric', minute: '2-digit', hour12: true })
    const idle = because === 'idle'
    title.textContent = words['soon'] ?? ''
    text.textContent = ((idle ? words['idle'] : words['hours']) ?? '').replace('%s', at.replace(' ', ''))
    if (!idle) stay.textContent = words['understood'] ?? ''
    understood = false
    show(stay)
    stay.onclick = () => {
      understood = !idle
      close()
      if (idle) void ask('POST')
    }
  }

  function ended(): void {
    if (over) return
    const next = new URLSearchParams({ next: location.pathname + location.search })
    const address = `${words['signinUrl'] ?? ''}?${next.toString()}`
    if (!kept) {
      location.replace(address)
      return
    }
    over = true
    title.textContent = words['over'] ?? ''
    text.textContent = words['kept'] ?? ''
    signIn.href = address
    show(signIn)
  }

  /** The sign-in covers the whole page, so that nobody reads on who only passes by. */
  function show(first: HTMLElement): void {
    if (!dialog.open) before = document.activeElement
    stay.hidden = first !== stay
    signIn.hidden = first !== signIn
    dialog.classList.toggle('rf-session--over', over)
    if (!dialog.open) dialog.showModal()
    first.focus()
  }

  function close(): void {
    if (!dialog.open) return
    dialog.close()
    if (before instanceof HTMLElement) before.focus()
  }

  function use(): void {
    if (over) return
    used = true
    if (!dialog.open) look()
  }

  function look(): void {
    if (over) return
    const what = due(Date.now(), { told, deadline, used })
    if (what !== null) void ask(what === 'report' ? 'POST' : 'GET')
  }

  dialog.addEventListener('cancel', (event) => {
    event.preventDefault()
    if (!over) stay.click()
  })
  document.addEventListener('input', (event) => {
    const field = event.target
    if (field instanceof Element && field.closest('form')?.method === 'post') kept = true
  })
  // Who hears a recording touches nothing; it ends by itself. Such events do not bubble, but they are caught on their way.
  for (const kind of ['keydown', 'pointerdown', 'wheel', 'timeupdate'] as const) {
    document.addEventListener(kind, use, { capture: true, passive: true })
  }
  setInterval(look, LOOK_MS)
  // A sleeping machine or a tab in the background may be late; another tab may have signed in again.
  for (const kind of ['visibilitychange', 'focus', 'pageshow'] as const) {
    window.addEventListener(kind, () => {
      if (document.visibilityState === 'visible' && (over || Date.now() >= deadline)) void ask('GET')
    })
  }
}

if (typeof document !== 'undefined') {
  const dialog = document.getElementById('session')
  if (dialog instanceof HTMLDialogElement) main(dialog)
}
