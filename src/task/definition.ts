export function defineContract(kind: 'task' | 'queue', name: string, options: object): unknown {
  return { kind, name, options }
}
