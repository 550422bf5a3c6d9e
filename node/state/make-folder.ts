import { mkdir, stat } from 'node:fs/promises'
import { dirname } from 'node:path'

/**
 * Makes a folder and those above it, one by one: mkdir's own recursion never returns where a file system answers every attempt
 * with ENOENT, as /proc does.
 *
 * @param mode of what is made; whatever the umask leaves by default
 * @returns what was made, the outermost first
 */
export async function makeFolder(path: string, mode = 0o777): Promise<readonly string[]> {
  if (await isFolder(path)) return []
  const above = dirname(path) === path ? [] : await makeFolder(dirname(path), mode)
  try {
    await mkdir(path, { mode })
  } catch (error) {
    if (!(await isFolder(path))) throw error
    return above // another process made it meanwhile
  }
  return [...above, path]
}

/** False when nothing is there. @throws ENOTDIR for anything else than a folder, on the way there too */
async function isFolder(path: string): Promise<boolean> {
  try {
    if ((await stat(path)).isDirectory()) return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false
    throw error
  }
  throw Object.assign(new Error('not a folder'), { code: 'ENOTDIR' })
}
