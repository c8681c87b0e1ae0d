/** A RabbitMQ server's version, from the first frame that it sends: the client library keeps it to itself. */
import { connect } from 'node:net'

const GREETING = Buffer.from('AMQP\0\0\x09\x01', 'latin1')
/** In AMQP's tables: the length of the name, the name, 'S' for text, the length of the text (32 bits), the text. */
const FIELD = Buffer.from('\x07versionS', 'latin1')

export function rabbitMqVersion(url: string): Promise<string> {
  const { protocol, hostname, port } = new URL(url)
  if (protocol !== 'amqp:') return Promise.resolve('of unknown version')
  return new Promise((resolve) => {
    const socket = connect(port === '' ? 5672 : Number(port), hostname)
    socket.once('connect', () => socket.write(GREETING))
    socket.once('data', (frame) => {
      const at = frame.indexOf(FIELD) + FIELD.length
      socket.destroy()
      resolve(
        at < FIELD.length ? 'of unknown version' : frame.toString('utf8', at + 4, at + 4 + frame.readUInt32BE(at)),
      )
    })
    socket.once('error', () => resolve('of unknown version'))
  })
}
