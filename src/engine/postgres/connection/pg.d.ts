/** The driver is used by structure (driver.ts): nobody needs its types to build Posthorn. */
declare module 'pg' {
  const pg: unknown
  export default pg
}
