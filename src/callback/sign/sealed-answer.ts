/** Acknowledgements that only an endpoint's secret can read. */
import { verify } from '../../webhooks/index.ts'
import type { CallbackProfile } from '../profile/profile.ts'
import type { SecretValue } from '../secret/secret.ts'

/** DingTalk's: a JSON answer whose parts stand where a call has them in its query. */
export async function isSealedSuccess(profile: CallbackProfile, secret: SecretValue, body: string): Promise<boolean> {
  try {
    const { msg_signature, timeStamp, nonce, encrypt } = JSON.parse(body) as Record<string, string>
    const query = new URLSearchParams({ msg_signature: msg_signature!, timestamp: timeStamp!, nonce: nonce! })
    const incoming = {
      url: `http://answer/?${query.toString()}`,
      method: 'POST',
      headers: {},
      body: JSON.stringify({ encrypt }),
    }
    const answer = await verify(incoming, { profile: profile.signing, secrets: secret as never })
    return answer.text() === 'success'
  } catch {
    return false
  }
}
