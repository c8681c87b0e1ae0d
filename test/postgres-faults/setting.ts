/** Lines of the server's configuration: nothing that makes it less durable; circles are found soon. */
export const SETTINGS: readonly string[] = ['deadlock_timeout = 100ms', 'max_connections = 60', 'shared_buffers = 64MB']
