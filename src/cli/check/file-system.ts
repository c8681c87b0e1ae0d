/** What a file system means for a log that must survive power loss. */
import type { Check } from './check.ts'
import type { Mount } from './mount.ts'

const NETWORK =
  /^(nfs\d?|cifs|smb\d?|smbfs|9p|virtiofs|afs|ceph|glusterfs|lustre|gpfs|beegfs|ocfs2|fuse\.(sshfs|s3fs|gcsfuse|rclone|glusterfs|ceph.*|blobfuse2?|goofys|mountpoint-s3))$/
const MEMORY = /^(tmpfs|ramfs|rootfs)$/
const ELSEWHERE = /^(btrfs|zfs|bcachefs|f2fs)$/
/** Options with which a file system tells the disk nothing. */
const UNSAFE = ['nobarrier', 'barrier=0', 'sync=disabled', 'nilfs_nobarrier', 'volatile']

export function checkFileSystem(mount: Mount | null, place: string): Check {
  const name = 'File system'
  if (mount === null) return { name, verdict: 'ok', found: `of ${place}: this system does not tell which`, meaning: [] }
  const { type, source, at, options } = mount
  const found = `${type} (${source} at ${at})`
  const facts = { type, source, at, network: NETWORK.test(type), options }
  const unsafe = UNSAFE.filter((option) => options.includes(option))
  if (options.includes('ro'))
    return { name, verdict: 'wrong', found, meaning: ['It is mounted read-only: nothing can be stored here.'], facts }
  if (unsafe.length > 0)
    return {
      name,
      verdict: 'wrong',
      found,
      meaning: [
        `It is mounted with ${unsafe.join(', ')}: what is called durable can be lost when the power goes. Mount it without.`,
      ],
      facts,
    }
  const meaning = meaningOf(type)
  return { name, verdict: meaning.length > 0 ? 'note' : 'ok', found, meaning, facts }
}

function meaningOf(type: string): readonly string[] {
  if (NETWORK.test(type))
    return [
      'A network file system: slow to sync, and when its server is away everything stands still. What survives power loss is what that',
      'server promises. The lock that keeps a second process out is a file: it tells a dead holder from a living one on this host only.',
    ]
  if (MEMORY.test(type)) return ['In memory: nothing here survives a restart of the machine, whatever a receipt says.']
  if (type === 'overlay') return ['The layer of a container: it goes with the container. Put the folder on a volume.']
  if (ELSEWHERE.test(type))
    return [
      'It writes elsewhere what is overwritten, so room that was filled ahead is not kept: leave more free (--min-free), and turn',
      'copying off for the folder where you can (btrfs: chattr +C).',
    ]
  return type.startsWith('fuse')
    ? ['A file system in a program of its own (FUSE): whether a sync reaches a disk is up to that program.']
    : []
}
