import { open, readFile, rename } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { loadOrCreateSelfKey } from '@libp2p/config'
import type { PrivateKey } from '@libp2p/interface'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import type { LevelDatastore } from 'datastore-level'
import { Key } from 'interface-datastore/key'
import { DataFolderError } from './folder.ts'

/** Says which node a data folder is. It holds the id, not the key: that is in the store alone. */
const MARKER = 'node-id'
/** Where libp2p keeps the key. */
const KEY = new Key('/pkcs8/self')

/**
 * The key of the node whose data folder this is; a new one, when nothing says that the folder has been a node before. LevelDB drops
 * records that it finds damaged, so a store without a key is not always a new one: it may be that of a node which would come up as
 * another, without a word. What tells them apart lies beside the store.
 *
 * @throws DataFolderError when the key is not there any more, or is another node's
 */
export async function ownKey(folder: string, store: LevelDatastore): Promise<PrivateKey> {
  const file = join(resolve(folder), MARKER)
  const marked = await read(file)
  if (marked !== undefined && !(await store.has(KEY))) throw damaged(folder, file, marked, 'has no key')
  const key = await loadOrCreateSelfKey(store).catch((error: Error & { code?: unknown }) => {
    if (error.code !== undefined || marked === undefined) throw error
    throw damaged(folder, file, marked, 'has a key that cannot be read')
  })
  const id = peerIdFromPrivateKey(key).toString()
  if (marked !== undefined && marked !== id) throw damaged(folder, file, marked, `has the key of ${id}`)
  if (marked === undefined) {
    // Only now, and with the key on the disk: a marker without its key would refuse the folder for ever.
    await store.db.put(KEY.toString(), await store.db.get(KEY.toString()), { sync: true })
    await write(file, id)
  }
  return key
}

function damaged(folder: string, file: string, marked: string, found: string): DataFolderError {
  return new DataFolderError(
    `the data folder ${resolve(folder)} is damaged: by ${file} it is that of ${JSON.stringify(marked)}, and its store ${found}; ` +
      'restore it, or remove it to start as a new node',
  )
}

async function read(file: string): Promise<string | undefined> {
  try {
    return (await readFile(file, 'utf8')).trim()
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw new DataFolderError(`${file} cannot be read: ${(error as Error).message}`, { cause: error })
  }
}

/** Beside its place and then moved there: whoever is killed meanwhile leaves the whole file or none. */
async function write(file: string, id: string): Promise<void> {
  const beside = `${file}.new`
  try {
    const handle = await open(beside, 'w', 0o600)
    try {
      await handle.writeFile(`${id}\n`)
      await handle.sync()
    } finally {
      await handle.close()
    }
    await rename(beside, file)
  } catch (error) {
    throw new DataFolderError(`${file} cannot be written: ${(error as Error).message}`, { cause: error })
  }
}
