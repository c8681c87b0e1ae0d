/** The public face of insight. */
export { renderGauge } from './family.ts'
export { Metrics, type MetricsDeps } from './metrics.ts'
