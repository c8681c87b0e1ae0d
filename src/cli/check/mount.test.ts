import { deepEqual, equal } from 'node:assert/strict'
import { test } from 'node:test'
import { findMount } from './mount.ts'

const TABLE = `22 1 259:1 / / rw,relatime shared:1 - ext4 /dev/root rw,discard
23 22 0:21 / /proc rw - proc proc rw
40 22 0:35 / /mnt/my\\040disk rw,noatime shared:7 master:2 - nfs4 server:/export rw,vers=4.2
41 22 8:1 / /srv rw - xfs /dev/sda1 rw,nobarrier
42 22 0:50 / /srv rw - tmpfs tmpfs rw
broken line
`

test('a folder is on the mount with the longest path above it, the last of those at one place', () => {
  const typeOf = (folder: string): string | undefined => findMount(TABLE, folder)?.type
  equal(typeOf('/var/lib/app'), 'ext4')
  equal(typeOf('/srv/app'), 'tmpfs')
  equal(typeOf('/srvice'), 'ext4')
  deepEqual(findMount(TABLE, '/mnt/my disk/data'), {
    at: '/mnt/my disk',
    type: 'nfs4',
    source: 'server:/export',
    options: ['rw', 'noatime', 'rw', 'vers=4.2'],
  })
  equal(findMount('', '/srv'), null)
})
