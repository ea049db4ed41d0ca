// Bundles the scripts and styles of the pages into ../static/dist, and with --tests the unit tests into build/tests.
import { readFile, readdir, rm } from 'node:fs/promises'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import * as esbuild from 'esbuild'

const here = path.dirname(fileURLToPath(import.meta.url))
const modules = path.join(here, 'node_modules')

// GDS Transport and the royal arms may be used on GOV.UK domains only, so both are cut out of the kits' style sheets.
const kits = {
  name: 'kits',
  setup(build) {
    build.onLoad({ filter: /(govuk-frontend|moj-frontend)\.min\.css$/ }, async (args) => {
      const assets = args.path.includes('ministryofjustice')
        ? path.join(modules, '@ministryofjustice/frontend/moj/assets')
        : path.join(modules, 'govuk-frontend/dist/govuk/assets')
      const css = await readFile(args.path, 'utf8')
      const contents = css
        .replace(/\/\*![^*]*Margaret Calvert[^*]*\*\//g, '')
        .replace(/@font-face\{[^}]*\}/g, '')
        .replace(/GDS Transport,arial,sans-serif/g, 'Arial,Helvetica,sans-serif')
        .replace(/url\(\/assets\/images\/govuk-crest\.svg\)/g, 'none')
        .replace(/url\(\/assets\//g, `url(${assets}/`)
        .replace(/@media screen\\0 and/g, '@media not all and') // for Internet Explorer only, and no valid CSS
        .replace(/\/\*# sourceMappingURL[^*]*\*\//g, '')
      if (/GDS Transport|@font-face|govuk-crest/.test(contents)) {
        throw new Error('The kit changed: a font or crest that may not be used is still in its style sheet.')
      }
      return { contents, loader: 'css', resolveDir: path.dirname(args.path) }
    })
  },
}

const pages = {
  entryPoints: ['site.ts', 'desk.ts', 'player.ts', 'payment.ts', 'aids.ts', 'flags.ts', 'session.ts', 'site.css'].map((name) => path.join(here, 'src', name)),
  outdir: path.join(here, '../static/dist'),
  bundle: true,
  format: 'esm',
  target: ['chrome109', 'firefox115', 'safari16'],
  minify: true,
  sourcemap: 'linked',
  legalComments: 'linked',
  loader: { '.svg': 'dataurl' },
  plugins: [kits],
  logLevel: 'info',
}

if (process.argv.includes('--tests')) {
  const outdir = path.join(here, 'build/tests')
  await rm(outdir, { recursive: true, force: true })
  const names = (await readdir(path.join(here, 'test'))).filter((name) => name.endsWith('.test.ts'))
  await esbuild.build({
    entryPoints: names.map((name) => path.join(here, 'test', name)),
    outdir,
    outExtension: { '.js': '.mjs' },
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    logLevel: 'warning',
  })
} else if (process.argv.includes('--watch')) {
  await (await esbuild.context(pages)).watch()
} else {
  await rm(pages.outdir, { recursive: true, force: true })
  await esbuild.build(pages)
}
