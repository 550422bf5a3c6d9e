import { randomBytes } from 'node:crypto'
import { chmod, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

/** How a client finds the daemon of a data folder and proves that it may talk to it. */
export interface Credentials {
  readonly url: string
  readonly token: string
}

const FILE = 'admin.json'

export function credentialsFile(folder: string): string {
  return join(folder, FILE)
}

/** 256 bits. A new one at each start: what an old file says is worth nothing to whoever took over its port. */
export function newToken(): string {
  return randomBytes(32).toString('base64url')
}

/** Whether a request can be made of it: what is no address makes Node throw where nobody waits for it. */
export function isAdminUrl(text: string): boolean {
  return /^http:\/\/[^/?#@\s]+\/?$/.test(text) && URL.canParse(text)
}

/** Whether it can stand in a header, as the admin API takes it. */
export function isToken(text: string): boolean {
  return /^[\x21-\x7e]{1,256}$/.test(text)
}

/** Only the owner may read the file, at no moment anybody else: it is made beside its place and moved there. */
export async function writeCredentials(folder: string, credentials: Credentials): Promise<void> {
  const file = credentialsFile(folder)
  const beside = `${file}.${process.pid}`
  await rm(beside, { force: true })
  await writeFile(beside, `${JSON.stringify(credentials)}\n`, { mode: 0o600, flag: 'wx' })
  await chmod(beside, 0o600)
  await rename(beside, file)
}

/** Undefined when there is no file, nor a folder that one could be in. @throws Error when there is one and it cannot be read or understood */
export async function readCredentials(folder: string): Promise<Credentials | undefined> {
  const file = credentialsFile(folder)
  let text: string
  try {
    text = await readFile(file, 'utf8')
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined
    throw Object.assign(new Error(`${file} cannot be read: ${code}`), { code })
  }
  try {
    const { url, token } = JSON.parse(text)
    if (isAdminUrl(String(url)) && isToken(String(token))) return { url: String(url), token: String(token) }
  } catch {
    // No JSON at all is told like JSON of another shape.
  }
  throw new Error(`${file} is not what a daemon writes`)
}

/** Takes the file away if it still is the one of this daemon. */
export async function removeCredentials(folder: string, token: string): Promise<void> {
  const found = await readCredentials(folder).catch(() => undefined)
  if (found?.token === token) await rm(credentialsFile(folder), { force: true })
}
