/** Drives a service through the starts and stops that go wrong in practice. Every service's test calls it. */
import type { Service } from './lifecycle.ts'

/**
 * Rejects where the service does, and never resolves where the service hangs. The service ends stopped.
 * @param settle called between steps, so that a test on a fake clock can let things move
 */
export async function stressLifecycle(
  service: Service,
  rounds = 10,
  settle: () => Promise<void> = async () => {},
): Promise<void> {
  await service.stop()
  await service.stop()
  for (let round = 0; round < rounds; round++) {
    await service.start()
    await settle()
    await Promise.all([service.stop(), service.stop({ grace: 0 })])

    await Promise.all([service.start(), service.start()])
    await service.stop()

    const started = service.start()
    const stopped = service.stop()
    await Promise.all([stopped, started])

    await Promise.all([service.start(), service.stop(), service.start(), settle(), service.stop(), service.stop()])
    await service.start()
    await service[Symbol.asyncDispose]()
    await service[Symbol.asyncDispose]()
  }
}
