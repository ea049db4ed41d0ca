// Every page: starts the kit's components that the page uses.
import {
  Button,
  CharacterCount,
  ErrorSummary,
  NotificationBanner,
  PasswordInput,
  Radios,
  ServiceNavigation,
  SkipLink,
  createAll,
} from 'govuk-frontend'

document.body.classList.add('js-enabled', 'govuk-frontend-supported')

createAll(Button, { preventDoubleClick: true })
createAll(CharacterCount)
createAll(ErrorSummary)
createAll(NotificationBanner)
createAll(PasswordInput)
createAll(Radios)
createAll(ServiceNavigation)
createAll(SkipLink)

// A group of the menu closes when somebody turns to something else; without this script it closes by its own entry.
const groups = [...document.querySelectorAll<HTMLDetailsElement>('.rf-menu-group')]
for (const group of groups) {
  group.addEventListener('keydown', (event) => {
    if (event.key !== 'Escape' || !group.open) return
    group.open = false
    group.querySelector('summary')?.focus()
  })
  group.addEventListener('focusout', (event) => {
    if (event.relatedTarget instanceof Node && !group.contains(event.relatedTarget)) group.open = false
  })
}
document.addEventListener('click', (event) => {
  for (const group of groups) {
    if (event.target instanceof Node && !group.contains(event.target)) group.open = false
  }
})

document.querySelector('[data-print]')?.addEventListener('click', () => window.print())
