"""What is asked of every page in a real browser: the rules of axe, no sideways scrolling, the keyboard alone.

The keyboard is pressed for real. The page only takes notes: before each key moves the focus on, it writes down where
the focus is and whether a person would see it there.
"""

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

WCAG = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}

_NOTES = """() => {
  // The next key starts at the top, wherever the page has put the focus.
  document.body.tabIndex = -1
  document.body.focus({ preventScroll: true })
  document.body.blur()
  document.body.removeAttribute('tabindex')
  const name = (node) => `<${node.outerHTML.replace(/\\s+/g, ' ').slice(1, 110)}`
  const shown = (node) => node.checkVisibility({ visibilityProperty: true }) && node.getClientRects().length > 0
  const controls = 'a[href], area[href], button, input:not([type=hidden]), select, textarea, summary, iframe,'
    + ' [contenteditable=""], [contenteditable=true], [tabindex], audio[controls], video[controls]'
  const open = document.querySelector('dialog:modal') ?? document
  const every = [...open.querySelectorAll(controls)]
  const usable = every.filter((node) => shown(node) && !node.matches(':disabled') && !node.closest('[inert]'))
  const native = (node) => !node.hasAttribute('tabindex') || node.matches('a, button, input, select, textarea, summary')
  const all = usable.filter((node) => native(node) || node.tabIndex >= 0)
  const group = (node) => node.type === 'radio' && node.name
    ? all.filter((each) => each.type === 'radio' && each.name === node.name && each.form === node.form) : [node]
  // A group of radio buttons is one stop: the chosen one, or any while none is.
  const stop = (node) => all.includes(node) && !group(node).some((each) => each.checked) ? group(node)[0] : node
  const wanted = all.filter((node) => node === (group(node).find((each) => each.checked) ?? stop(node)))
  const clear = (colour) => colour === 'transparent' || /[,/] ?0\\)$/.test(colour)
  const look = (node, part) => {
    const style = getComputedStyle(node, part)
    const bare = style.outlineStyle === 'none' || style.outlineWidth === '0px' || clear(style.outlineColor)
    const mark = [bare ? '' : style.outline, style.boxShadow, style.backgroundColor]
    const sides = ['Top', 'Right', 'Bottom', 'Left'].map((side) => `border${side}`)
    return mark.concat(sides.map((side) => style[`${side}Width`] + style[`${side}Color`])).join('|')
  }
  const seen = (node) => [look(node), ...[...(node.labels ?? [])].map((label) => look(label, '::before'))].join('|')
  const inSight = (node) => {
    const box = node.getClientRects()[0]
    const [left, top] = [Math.max(box.left, 0), Math.max(box.top, 0)]
    const [right, bottom] = [Math.min(box.right, innerWidth), Math.min(box.bottom, innerHeight)]
    if (right - left < 1 || bottom - top < 1) return 'outside the window'
    // Of a box for long texts the browser shows the place of the next letter, of a date its day, month or year.
    const inside = 'textarea, input[type=date], input[type=time]'
    if (!node.matches(inside) && box.height <= innerHeight && bottom - top < box.height - 1) return 'cut off'
    const points = [[(left + right) / 2, (top + bottom) / 2]]
    for (const x of [left + 2, right - 2]) for (const y of [top + 2, bottom - 2]) points.push([x, y])
    const reached = ([x, y]) => {
      const hit = document.elementFromPoint(x, y)
      return hit && (node.contains(hit) || hit.closest('label')?.control === node)
    }
    return points.some(reached) ? '' : 'covered'
  }
  const unfocused = new Map(all.map((node) => [node, seen(node)]))
  const notes = { walk: [], faults: new Set() }
  const fault = (what, node) => notes.faults.add(`${what}: ${name(node)}`)
  for (const node of usable) {
    if (node.tabIndex > 0) fault('positive tabindex', node)
    if (native(node) && node.tabIndex < 0) fault('no stop', node)
  }
  notes.write = () => {
    const node = document.activeElement
    if (node === document.body) return
    if (node !== notes.walk.at(-1)) notes.walk.push(node)
    if (!all.includes(node)) return
    if (seen(node) === unfocused.get(node)) fault('the focus is not seen', node)
    const missed = inSight(node)
    if (missed) fault(`${missed} when it has the focus`, node)
  }
  // Behind either end is the browser's own part of the window, or the other end where it has none.
  notes.over = () => {
    const node = document.activeElement ?? document.body
    return node === document.body || (notes.walk.length > 1 && node === notes.walk[0])
  }
  notes.compare = (forward) => {
    const order = forward ? wanted : wanted.toReversed()
    // Chromium itself lets the keyboard scroll what scrolls and holds no control.
    const scrolls = (node) => node.scrollWidth > node.clientWidth || node.scrollHeight > node.clientHeight
    const went = notes.walk.filter((node) => all.includes(node) || !scrolls(node)).map(stop)
    const way = forward ? 'Tab' : 'Shift and Tab'
    const index = order.findIndex((node, at) => went[at] !== node)
    if (index >= 0) {
      notes.faults.add(`${way} reaches ${went[index] ? name(went[index]) : 'nothing'} instead of ${name(order[index])}`)
    } else if (went.length > order.length) {
      notes.faults.add(`${way} also reaches ${name(went[order.length])}`)
    }
    notes.walk = []
  }
  addEventListener('keydown', (event) => { if (event.key === 'Tab') notes.write() }, true)
  window.notes = notes
  scrollTo(0, 0)
  const parts = all.filter((node) => node.matches('audio, video, input[type=date], input[type=time]')).length
  return [wanted.length, parts]
}"""

_SKIP = """() => {
  const link = document.activeElement
  return link.matches('a[href^="#"]') ? link.getAttribute('href') : null
}"""


def problems(page: Page) -> list[str]:
    """What axe says against the page, with the element."""
    found = Axe().run(page, options=WCAG).response["violations"]
    return [f"{page.url}: {item['id']}: {node['html'][:120]}" for item in found for node in item["nodes"]]


def overflow(page: Page) -> int:
    return int(page.evaluate("() => document.documentElement.scrollWidth - window.innerWidth"))


def keyboard_faults(page: Page) -> list[str]:
    """What a person without a mouse would miss between the top and the end of the page.

    Tab from the top and Shift+Tab from the end stop at each control in the order of the page, at nothing else, and
    leave it at the end; each stop is marked, in the window and uncovered; the first one skips to the content.
    """
    stops, parts = page.evaluate(_NOTES)
    for key in ("Tab", "Shift+Tab"):
        for _ in range(stops):
            page.keyboard.press(key)
        for _ in range(12 * parts + 6):
            page.keyboard.press(key)
            if page.evaluate("() => notes.over()"):
                break
        else:
            return [f"{page.url.partition('#')[0]}: {key} never leaves the page"]
        page.evaluate("forward => notes.compare(forward)", key == "Tab")
    target: str | None = None
    for _ in range(2):
        if target is None:
            page.keyboard.press("Tab")
            target = page.evaluate(_SKIP)
    faults = list(page.evaluate("() => [...notes.faults]"))
    if target is None:
        faults.append("the first stop does not skip to the content")
    else:
        page.keyboard.press("Enter")
        if not page.evaluate("target => document.activeElement.matches(target)", target):
            faults.append(f"the skip link does not go to {target}")
    return [f"{page.url.partition('#')[0]}: {fault}" for fault in faults]


_STICKING_OUT = """() => {
  const name = (node) => `<${node.outerHTML.replace(/\\s+/g, ' ').slice(1, 110)}`
  const clear = (colour) => colour === 'transparent' || /[,/] ?0\\)$/.test(colour)
  const framed = (style) => !clear(style.backgroundColor)
    || ['Top', 'Right', 'Bottom', 'Left'].some((side) => parseFloat(style[`border${side}Width`]) > 0)
  const panel = (node) => {
    for (let each = node.parentElement; each && each !== document.body; each = each.parentElement) {
      const style = getComputedStyle(each)
      if (style.overflowX !== 'visible' || style.clipPath !== 'none') return null
      if (style.display !== 'inline' && !each.matches('tr') && framed(style)) return each
    }
    return null
  }
  const out = []
  for (const node of document.querySelectorAll('main *, header *, footer *, dialog *')) {
    if (!node.checkVisibility({ visibilityProperty: true }) || node.closest('svg')) continue
    const style = getComputedStyle(node)
    if (style.position === 'absolute' || style.position === 'fixed') continue
    const around = panel(node)
    if (!around) continue
    const frame = around.getBoundingClientRect()
    for (const box of node.getClientRects()) {
      if (box.width > 1 && (box.left < frame.left - 0.5 || box.right > frame.right + 0.5)) {
        out.push(`${name(node)} sticks ${Math.max(frame.left - box.left, box.right - frame.right).toFixed(1)} px out of`
          + ` ${name(around).slice(0, 60)}`)
        break
      }
    }
  }
  return out
}"""


def narrow_faults(page: Page) -> list[str]:
    """What does not fit at 320 pixels: the page scrolls sideways, or something sticks out of its panel."""
    page.set_viewport_size({"width": 320, "height": 640})
    faults = [f"{page.url} scrolls sideways at 320 pixels"] if overflow(page) > 0 else []
    faults += [f"{page.url} at 320 pixels: {fault}" for fault in page.evaluate(_STICKING_OUT)]
    page.set_viewport_size({"width": 1280, "height": 900})
    return faults


def faults(page: Page) -> list[str]:
    """What is wrong with a page just opened: all of the above."""
    return problems(page) + keyboard_faults(page) + narrow_faults(page)
