/** Completion for zsh, by its own `_arguments`. */
import { QUEUES, type CommandModel, type Model, type OptionModel, type Value } from './model.ts'

export function toZsh({ commands, options }: Model): string {
  return `#compdef posthorn
# Completion of posthorn for zsh. In a folder of $fpath, as _posthorn; or in ~/.zshrc: source <(posthorn completion zsh)
_posthorn_queues() {
  local -a queues engine
  local i
  for ((i = 2; i < $#words; i++)); do
    case "$words[i]" in
      --engine | --key-file) engine+=("$words[i]" "$words[i+1]") ;;
    esac
  done
  queues=(\${(f)"$(posthorn ${QUEUES} $engine 2> /dev/null)"})
  compadd -a queues
}
_posthorn() {
  local curcontext="$curcontext" state line
  local -a common
  common=(
${options.map((option) => `    ${specOf(option)}`).join('\n')}
  )
  _arguments -C $common '1: :->command' '*:: :->rest'
  case "$state" in
    command)
      local -a commands
      commands=(
${commands.map(({ name, description }) => `        '${name}:${escape(description)}'`).join('\n')}
      )
      _describe command commands ;;
    rest)
      case "$line[1]" in
${commands.map(branchOf).join('\n')}
      esac ;;
  esac
}
if [ "$funcstack[1]" = _posthorn ]; then _posthorn "$@"; else compdef _posthorn posthorn; fi
`
}

function branchOf({ name, options, argument }: CommandModel): string {
  const specs = options.map((option) => ` \\\n          ${specOf(option)}`).join('')
  const rest = argument === null ? '' : ` \\\n          '1: :${actionOf(argument)}'`
  return `        ${name})
          _arguments $common${specs}${rest} ;;`
}

function specOf({ flag, description, value }: OptionModel): string {
  const told = `[${escape(description)}]`
  return value === null ? `'${flag}${told}'` : `'${flag}${told}: :${actionOf(value)}'`
}

function actionOf(value: Value): string {
  if (value === 'file') return '_files'
  if (value === 'queue') return '_posthorn_queues'
  return value === 'any' ? '' : `(${value.join(' ')})`
}

/** Inside single quotes and a specification: quotes, brackets and colons mean something there. */
const escape = (text: string): string => text.replace(/'/g, `'\\''`).replace(/[[\]:]/g, String.raw`\$&`)
