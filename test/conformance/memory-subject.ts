// `memory:` as a subject of the kit: whatever way it is left, nothing stays.

import { createMemoryEngine } from '../../src/engine/memory/engine.ts'
import type { Engine } from '../../src/core/engine.ts'
import type { Subject } from '../../src/conformance/index.ts'

export const memorySubject: Subject = {
  name: 'memory',
  create() {
    let open: Engine | null = null
    return {
      open({ clock }) {
        open = createMemoryEngine({ clock })
        return Promise.resolve(open)
      },
      faults: { kill: () => open?.close() },
    }
  },
}
