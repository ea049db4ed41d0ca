// The queue of flags: fetched again when an event says that something changed, so that a new flag shows within a moment.

const SETTLE_MS = 200
const POLL_MS = 15_000
const RETRY_MS = 5000

const region = document.getElementById('flags-region')
const said = document.getElementById('flags-status')

function tell(count: number): void {
  if (said === null) return
  const { none = '', one = '', many = '' } = said.dataset
  said.textContent = count === 0 ? none : count === 1 ? one : many.replace('%d', String(count))
}

async function refresh(): Promise<void> {
  // Nobody's keyboard focus is taken away: a page in use waits until the focus is elsewhere.
  if (region === null || region.contains(document.activeElement)) return
  const answer = await fetch(window.location.href, { headers: { 'X-Requested-With': 'fetch' }, redirect: 'error' })
  if (!answer.ok) return
  const page = new DOMParser().parseFromString(await answer.text(), 'text/html')
  const fresh = page.getElementById('flags-region')
  if (fresh === null) return
  const before = region.dataset.count
  region.replaceChildren(...Array.from(fresh.childNodes))
  region.dataset.count = fresh.dataset.count
  if (fresh.dataset.count !== before) tell(Number(fresh.dataset.count))
}

if (region !== null) {
  let timer: ReturnType<typeof setTimeout> | undefined
  const soon = (): void => {
    clearTimeout(timer)
    timer = setTimeout(() => void refresh().catch(() => undefined), SETTLE_MS)
  }
  const follow = (): void => {
    const source = new EventSource(region.dataset.url ?? '')
    for (const topic of ['recording', 'reset']) source.addEventListener(topic, soon)
    source.addEventListener('error', () => {
      if (source.readyState === EventSource.CLOSED) setTimeout(follow, RETRY_MS)
    })
  }
  follow()
  setInterval(soon, POLL_MS)
}

export {} // a module: its names are its own
