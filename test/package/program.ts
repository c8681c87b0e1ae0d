// What a user's first program looks like; test/package.test.ts compiles it against the packed package, and runs it.

import * as conformance from 'posthorn/conformance'
import * as server from 'posthorn/server'
import * as testing from 'posthorn/testing'
import * as posthorn from 'posthorn'
import { z } from 'zod'

const Photo = z.object({ id: z.string() })
const photo: z.infer<typeof Photo> = Photo.parse({ id: 'p1' })

console.log(
  photo.id,
  [posthorn, conformance, server, testing].every((module) => Object.keys(module).length > 0),
)
