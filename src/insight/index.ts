/** The public face of insight. */
export { Metrics, type MetricsDeps } from './metrics.ts'
