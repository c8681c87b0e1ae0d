/** What can be completed, taken from the command line itself: commands, their options, and what stands for a value. */
import type { Argument, Command, Option } from 'commander'

/** What a value is: one of some words, a file, the name of a queue, or anything. */
export type Value = readonly string[] | 'file' | 'queue' | 'any'

export interface OptionModel {
  /** `--engine` */
  readonly flag: string
  readonly description: string
  /** null: it takes none. */
  readonly value: Value | null
}

export interface CommandModel {
  readonly name: string
  readonly description: string
  readonly options: readonly OptionModel[]
  /** Of its first argument; the others are completed by nothing. */
  readonly argument: Value | null
}

export interface Model {
  readonly commands: readonly CommandModel[]
  /** Of every command. */
  readonly options: readonly OptionModel[]
}

/** Commands for scripts begin so, and are shown to nobody. */
export const HIDDEN = '__'
/** Prints the queues that somebody answers for, a line each. */
export const QUEUES: string = `${HIDDEN}queues`

export function modelOf(program: Command): Model {
  return {
    commands: program.commands
      .filter((command) => !command.name().startsWith(HIDDEN))
      .map((command) => ({
        name: command.name(),
        description: command.description(),
        options: optionsOf(command),
        argument: argumentOf(command),
      })),
    options: [...program.options.map(optionOf), { flag: '--help', description: 'print this help', value: null }],
  }
}

/** Of a command that has commands of its own: those of all of them. */
function optionsOf(command: Command): readonly OptionModel[] {
  const all = [command, ...descendants(command)].flatMap((each) => each.options.map(optionOf))
  return [...new Map(all.map((option) => [option.flag, option])).values()]
}

function argumentOf({ commands, registeredArguments: [first] }: Command): Value | null {
  if (commands.length > 0) return commands.map((each) => each.name())
  return first === undefined ? null : valueOfArgument(first)
}

const descendants = (command: Command): readonly Command[] =>
  command.commands.flatMap((each) => [each, ...descendants(each)])

function optionOf(option: Option): OptionModel {
  return {
    flag: option.long ?? option.flags,
    description: option.description,
    value: option.required || option.optional ? valueOfOption(option) : null,
  }
}

function valueOfOption({ argChoices, flags }: Option): Value {
  if (argChoices !== undefined) return argChoices
  return /<(file|dir)>/.test(flags) ? 'file' : 'any'
}

function valueOfArgument(argument: Argument): Value {
  if (argument.argChoices !== undefined) return argument.argChoices
  switch (argument.name()) {
    case 'queue':
    case 'to':
      return 'queue'
    case 'module':
    case 'file':
    case 'folder':
    case 'backup':
    case 'dir':
      return 'file'
    default:
      return 'any'
  }
}
