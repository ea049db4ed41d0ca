// Playing a recording: the audio element does the work; this adds keys, speed and the place in words.

import { clock } from './state'

const STEP_SECONDS = 5

function main(player: HTMLElement): void {
  const find = <T extends HTMLElement>(id: string, kind: new () => T): T => {
    const element = player.querySelector(`#${id}`)
    if (!(element instanceof kind)) throw new TypeError(`The page has no ${id}.`)
    return element
  }
  const audio = find('audio', HTMLAudioElement)
  const place = find('place', HTMLElement)
  const toggle = find('play', HTMLButtonElement)
  const total = Number(player.dataset['seconds'] ?? '0')

  const seek = (seconds: number): void => {
    audio.currentTime = Math.min(Math.max(0, audio.currentTime + seconds), audio.duration || total)
  }
  const show = (): void => {
    place.textContent = `${clock(audio.currentTime)} / ${clock(audio.duration || total)}`
  }

  toggle.addEventListener('click', () => void (audio.paused ? audio.play().catch(() => undefined) : audio.pause()))
  find('back', HTMLButtonElement).addEventListener('click', () => seek(-STEP_SECONDS))
  find('forward', HTMLButtonElement).addEventListener('click', () => seek(STEP_SECONDS))
  const speed = find('speed', HTMLSelectElement)
  speed.addEventListener('change', () => (audio.playbackRate = Number(speed.value)))
  for (const name of ['timeupdate', 'durationchange', 'seeked']) audio.addEventListener(name, show)
  for (const name of ['play', 'pause', 'ended']) {
    audio.addEventListener(name, () => {
      toggle.textContent = (audio.paused ? toggle.dataset['play'] : toggle.dataset['pause']) ?? ''
    })
  }
  audio.addEventListener('error', () => {
    find('player-error', HTMLElement).hidden = false
  })
  for (const jump of document.querySelectorAll('[data-jump]')) {
    jump.addEventListener('click', () => {
      audio.currentTime = Number(jump.getAttribute('data-jump') ?? '0')
    })
  }
  // Only while focus is in the player, and never on a control that uses the same keys itself.
  player.addEventListener('keydown', (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey) return
    if (event.target instanceof HTMLSelectElement || event.target instanceof HTMLAudioElement) return
    if (event.key === 'ArrowLeft') seek(-STEP_SECONDS)
    else if (event.key === 'ArrowRight') seek(STEP_SECONDS)
    else return
    event.preventDefault()
  })
  show()
}

const player = document.getElementById('player')
if (player) main(player)
