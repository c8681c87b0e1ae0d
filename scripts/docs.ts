// Checks what the documentation says against the repository: every relative link leads somewhere, every heading that a link
// names is there, and every `npm run …` exists.

import { existsSync, globSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'

const root = dirname(import.meta.dirname)
const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { scripts: Record<string, string> }
const documents = globSync('{*,{docs,examples,bench,src,test}/**/*}.md', { cwd: root }).sort()

const problems = documents.flatMap((document) => {
  const text = readFileSync(join(root, document), 'utf8')
  return [...linkProblems(document, text), ...scriptProblems(text)].map((problem) => `${document}: ${problem}`)
})
for (const problem of problems) console.error(problem)
console.log(`${documents.length} documents checked, ${problems.length} problems`)
process.exitCode = problems.length > 0 ? 1 : 0

function linkProblems(document: string, text: string): string[] {
  const targets = [...prose(text).matchAll(/\]\(([^)\s]+)\)/g)].map(([, target]) => target ?? '')
  return targets
    .filter((target) => !/^[a-z]+:/.test(target))
    .flatMap((target) => {
      const [path = '', heading] = target.split('#')
      const file = path === '' ? join(root, document) : resolve(root, dirname(document), path)
      if (!existsSync(file)) return [`no such file: ${target}`]
      if (relative(root, file).startsWith('..')) return [`leads out of the repository: ${target}`]
      return heading === undefined || headings(file).includes(heading) ? [] : [`no such heading: ${target}`]
    })
}

function scriptProblems(text: string): string[] {
  const named = [...text.matchAll(/\bnpm run ([a-z](?:[a-z0-9:-]*[a-z0-9])?)/g)].map(([, name]) => name ?? '')
  return named.filter((name) => !(name in scripts)).map((name) => `no such script: npm run ${name}`)
}

/** The anchors that a file's headings get. */
function headings(file: string): string[] {
  const titles = [...prose(readFileSync(file, 'utf8')).matchAll(/^#+ +(.+)$/gm)].map(([, title]) => title ?? '')
  return titles.map((title) =>
    title
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, '')
      .trim()
      .replaceAll(' ', '-'),
  )
}

function prose(text: string): string {
  return text.replace(/^```[^]*?^```/gm, '').replace(/`[^`\n]*`/g, (code) => code.slice(1, -1).replace(/[[\]()]/g, ''))
}
