import { constants } from 'node:fs'
import { access, chmod } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import type { LevelDatastore } from 'datastore-level'
import { makeFolder } from './make-folder.ts'
import { Store } from './store.ts'

/** The data folder cannot be used. The message is one sentence, for who runs a daemon as for who embeds a node: why, and what to do. */
export class DataFolderError extends Error {
  override readonly name = 'DataFolderError'
}

/**
 * Opens the store of a data folder, making the folder (mode 0700) when it is not there. Only one process can have it open. The store is
 * its owner's alone (0700) also in a folder that others may look into: the node's key is in it.
 * @throws DataFolderError
 */
export async function openDataFolder(folder: string): Promise<LevelDatastore> {
  const path = resolve(folder)
  await prepare(path)
  const store = new Store(storeOf(path))
  try {
    await store.db.open() // the datastore's own open would hide the cause
  } catch (error) {
    throw explained(path, (error as { cause?: unknown }).cause ?? error)
  }
  await store.open()
  return store
}

const storeOf = (path: string) => join(path, 'store')

async function prepare(path: string): Promise<void> {
  try {
    await makeFolder(path, 0o700)
    await access(path, constants.R_OK | constants.W_OK | constants.X_OK)
    await makeFolder(storeOf(path), 0o700)
    await chmod(storeOf(path), 0o700)
  } catch (error) {
    throw explained(path, error)
  }
}

/** Of what the file system or LevelDB said about a data folder. */
export function explained(path: string, error: unknown): DataFolderError {
  const { code, message } = error as NodeJS.ErrnoException
  const sentence = (text: string) => new DataFolderError(text, { cause: error })
  const elsewhere = 'choose another folder: --data, or data in the configuration'
  switch (code) {
    case 'LEVEL_LOCKED':
      return sentence(`the data folder ${path} is in use by another node: stop that one, or ${elsewhere}`)
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
      return sentence(`the data folder ${path} is not writable for this user: change its owner, or ${elsewhere}`)
    case 'ENOTDIR':
    case 'EEXIST':
      return sentence(`the data folder ${path} cannot be used: there is a file where a folder should be; ${elsewhere}`)
    case 'ENOENT':
      return sentence(`the data folder ${path} cannot be made: its file system takes no folders there; ${elsewhere}`)
    case 'ENOSPC':
      return sentence(`the data folder ${path} cannot be used: the disk is full; make room, or ${elsewhere}`)
    case 'LEVEL_CORRUPTION':
      return sentence(`the data folder ${path} is damaged: restore it, or remove it to start as a new node`)
    default:
      return sentence(`the data folder ${path} cannot be used: ${message}; ${elsewhere}`)
  }
}
