/** Completion for fish: one line for each thing that can be completed. */
import { QUEUES, type Model, type OptionModel, type Value } from './model.ts'

export function toFish({ commands, options }: Model): string {
  const all = commands.map(({ name }) => name).join(' ')
  const lines = [
    ...options.map((option) => `complete -c posthorn ${specOf(option)}`),
    ...commands.flatMap(({ name, description, options: own, argument }) => {
      const seen = `complete -c posthorn -n '__fish_seen_subcommand_from ${name}'`
      return [
        `complete -c posthorn -n 'not __fish_seen_subcommand_from ${all}' -a ${name} -d ${quote(description)}`,
        ...own.map((option) => `${seen} ${specOf(option)}`),
        ...(argument === null || argument === 'any' ? [] : [`${seen} ${valuesOf(argument)}`]),
      ]
    }),
  ]
  return `# Completion of posthorn for fish. posthorn completion fish > ~/.config/fish/completions/posthorn.fish
function __posthorn_queues
    set -l words (commandline -opc)
    set -l engine
    for i in (seq (count $words))
        contains -- $words[$i] --engine --key-file; and set -a engine $words[$i] $words[(math $i + 1)]
    end
    posthorn ${QUEUES} $engine 2> /dev/null
end
complete -c posthorn -f
${lines.join('\n')}
`
}

function specOf({ flag, description, value }: OptionModel): string {
  const told = `-l ${flag.replace(/^--/, '')} -d ${quote(description)}`
  if (value === null) return told
  return value === 'any' ? `${told} -x` : `${told} ${value === 'file' ? '-r -F' : `-x ${valuesOf(value)}`}`
}

function valuesOf(value: Value): string {
  if (value === 'file') return '-F'
  return value === 'queue' ? "-a '(__posthorn_queues)'" : `-a ${quote((value as readonly string[]).join(' '))}`
}

const quote = (text: string): string => `'${text.replace(/[\\']/g, String.raw`\$&`)}'`
