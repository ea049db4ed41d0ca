// Desk aids beside a call: one key opens the card on masking and a search over the library.

const KEY = 'F2'
const SETTLE_MS = 120
const PATIENCE_MS = 5000

interface Answer {
  duty: { client: string; name: string }[]
  hits: { slug: string; title: string; kind: string; html: string }[]
}

function part<T extends HTMLElement>(id: string, kind: new () => T): T {
  const found = document.getElementById(id)
  if (!(found instanceof kind)) throw new TypeError(`The page has no ${id}.`)
  return found
}

function main(): void {
  const panel = part('aids', HTMLElement)
  const opener = part('aids-open', HTMLButtonElement)
  const search = part('aids-search', HTMLInputElement)
  const hits = part('aids-hits', HTMLElement)
  const duty = part('aids-duty', HTMLElement)
  const status = part('aids-status', HTMLElement)
  let before: Element | null = null
  let timer: ReturnType<typeof setTimeout> | undefined
  let asked = 0
  /** The page that a link asked for, until it is shown. */
  let wanted: string | null = null

  async function load(): Promise<void> {
    const mine = ++asked
    const url = `${panel.dataset['url'] ?? ''}?${new URLSearchParams({ q: search.value }).toString()}`
    try {
      const response = await fetch(url, {
        headers: { Accept: 'application/json' },
        credentials: 'same-origin',
        signal: AbortSignal.timeout(PATIENCE_MS),
      })
      if (!response.ok) throw new Error(String(response.status))
      const answer = (await response.json()) as Answer
      if (mine === asked) show(answer)
    } catch {
      if (mine === asked) status.textContent = duty.textContent = status.dataset['failed'] ?? ''
    }
  }

  function show(answer: Answer): void {
    const names = answer.duty.map((one) => `${one.client}: ${one.name}`).join('; ')
    duty.textContent = `${status.dataset['duty'] ?? ''} ${names}`
    const rows = answer.hits.map((hit, number) => {
      const row = document.createElement('details')
      row.className = 'govuk-details'
      row.dataset['slug'] = hit.slug
      row.open = wanted === null ? number === 0 : hit.slug === wanted
      const head = document.createElement('summary')
      head.className = 'govuk-details__summary'
      head.textContent = hit.title
      const body = document.createElement('div')
      body.className = 'govuk-details__text'
      body.innerHTML = hit.html // made and escaped by the server
      for (const heading of body.querySelectorAll('h2')) {
        const lower = document.createElement('h3')
        lower.className = 'govuk-heading-s'
        lower.textContent = heading.textContent
        heading.replaceWith(lower)
      }
      row.append(head, body)
      return row
    })
    hits.replaceChildren(...rows)
    status.textContent = `${answer.hits.length} ${status.dataset['found'] ?? ''}`
    if (wanted === null) return
    wanted = null
    hits.querySelector<HTMLElement>('details[open] summary')?.focus()
  }

  function open(): void {
    before = document.activeElement
    panel.hidden = false
    opener.setAttribute('aria-expanded', 'true')
    search.focus()
    search.select()
    void load()
  }

  function close(): void {
    panel.hidden = true
    opener.setAttribute('aria-expanded', 'false')
    if (before instanceof HTMLElement) before.focus()
  }

  for (const link of document.querySelectorAll<HTMLAnchorElement>('a[data-aid]')) {
    // With another key held down it is a link like any other, for instance to a new tab.
    link.addEventListener('click', (event) => {
      if (event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return
      event.preventDefault()
      wanted = link.dataset['aid'] ?? null
      search.value = link.dataset['words'] ?? ''
      open()
      before = link
    })
  }
  opener.addEventListener('click', () => (panel.hidden ? open() : close()))
  part('aids-close', HTMLButtonElement).addEventListener('click', close)
  search.addEventListener('input', () => {
    wanted = null
    clearTimeout(timer)
    timer = setTimeout(() => void load(), SETTLE_MS)
  })
  document.addEventListener('keydown', (event) => {
    if (event.key === KEY && !event.ctrlKey && !event.altKey && !event.metaKey && !event.shiftKey && !event.repeat) {
      event.preventDefault()
      if (panel.hidden) open()
      else close()
    } else if (event.key === 'Escape' && panel.contains(document.activeElement)) {
      close()
    }
  })
}

main()

export {} // a module: its names are its own
