/** Completion for bash, also that of macOS (3.2): no associative arrays, no package of helpers. */
import { QUEUES, type CommandModel, type Model, type Value } from './model.ts'

export function toBash({ commands, options }: Model): string {
  const flags = options.map(({ flag }) => flag)
  return `# Completion of posthorn for bash. In ~/.bashrc: source <(posthorn completion bash)
_posthorn() {
  local line cur prev command='' i words=()
  # A queue's name holds a colon, at which bash parts words: the whole one is in the line.
  COMPREPLY=()
  line="\${COMP_LINE:0:COMP_POINT}"
  cur="\${line##*[[:space:]]}"
  read -r -a words <<< "\${line%"$cur"}"
  prev="\${words[\${#words[@]}-1]}"
  for ((i = 1; i < \${#words[@]}; i++)); do
    case "\${words[i]}" in
${caseOf(
  '      ',
  options.filter(({ value }) => value !== null).map(({ flag }) => flag),
  'i=$((i + 1))',
)}
      -*) ;;
      *) command="\${words[i]}"; break ;;
    esac
  done
  case "$prev" in
    --key-file) _posthorn_files; return ;;
    --engine) return ;;
  esac
  case "$command" in
    '') _posthorn_words ${quoted([...commands.map(({ name }) => name), ...flags])} ;;
${commands.map((command) => branchOf(command, flags)).join('\n')}
  esac
}
_posthorn_words() {
  local before
  COMPREPLY=($(compgen -W "$*" -- "$cur"))
  # What stands before the last colon is there already.
  if [[ "$cur" == *:* && "$COMP_WORDBREAKS" == *:* ]]; then
    before="\${cur%"\${cur##*:}"}"
    COMPREPLY=("\${COMPREPLY[@]#"$before"}")
  fi
}
_posthorn_files() {
  COMPREPLY=($(compgen -f -- "$cur"))
  compopt -o filenames 2> /dev/null
}
_posthorn_queues() {
  local i engine=()
  for ((i = 1; i < \${#words[@]}; i++)); do
    case "\${words[i]}" in
      --engine | --key-file) engine+=("\${words[i]}" "\${words[i + 1]}") ;;
    esac
  done
  _posthorn_words "$(posthorn ${QUEUES} "\${engine[@]}" 2> /dev/null)"
}
complete -F _posthorn posthorn
`
}

function branchOf({ name, options, argument }: CommandModel, flags: readonly string[]): string {
  const values = options
    .filter(({ value }) => value !== null && value !== 'any')
    .map(({ flag, value }) => `        ${flag}) ${complete(value!)} ;;`)
  const anything = options.filter(({ value }) => value === 'any').map(({ flag }) => flag)
  const words = quoted([...options.map(({ flag }) => flag), ...flags])
  return `    ${name})
      case "$prev" in
${anything.length === 0 ? '' : `        ${anything.join(' | ')}) ;;\n`}${values.length === 0 ? '' : `${values.join('\n')}\n`}        *)
          if [[ "$cur" == -* ]]; then _posthorn_words ${words}
          else ${argument === null || argument === 'any' ? ':' : complete(argument)}
          fi ;;
      esac ;;`
}

function complete(value: Value): string {
  if (value === 'file') return '_posthorn_files'
  if (value === 'queue') return '_posthorn_queues'
  return value === 'any' ? ':' : `_posthorn_words ${quoted(value)}`
}

const caseOf = (indent: string, flags: readonly string[], then: string): string =>
  `${indent}${flags.join(' | ')}) ${then} ;;`
const quoted = (words: readonly string[]): string => `'${words.join(' ')}'`
