// Questions before what cannot be undone: a dialog with a form, a way back, and what the agent chose.

export type Values = Readonly<Record<string, string>>

export class Asking {
  private done: ((values: Values) => void) | null = null
  private readonly form: HTMLFormElement

  constructor(private readonly dialog: HTMLDialogElement) {
    const form = dialog.querySelector('form')
    if (form === null) throw new TypeError('The dialog has no form.')
    this.form = form
    form.addEventListener('submit', (event) => {
      event.preventDefault()
      const values = Object.fromEntries([...new FormData(form)].map(([name, value]) => [name, String(value)]))
      const done = this.done
      this.close()
      done?.(values)
    })
    dialog.querySelector('[data-back]')?.addEventListener('click', () => this.close())
  }

  /** Ask; `done` gets what was chosen, and is never called when the agent goes back. */
  open(done: (values: Values) => void): void {
    this.form.reset()
    this.done = done
    if (!this.dialog.open) this.dialog.showModal()
  }

  close(): void {
    this.done = null
    this.dialog.close()
  }
}
