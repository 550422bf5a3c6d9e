import { homedir } from 'node:os'
import { join } from 'node:path'

type Variables = Readonly<Record<string, string | undefined>>

/** Where a node keeps its key, address book and attributes when nobody says otherwise. */
export function defaultDataFolder(environment: Variables = process.env, platform: string = process.platform): string {
  const home = homedir()
  if (platform === 'win32') return join(environment.LOCALAPPDATA || join(home, 'AppData', 'Local'), 'tendril')
  if (platform === 'darwin') return join(home, 'Library', 'Application Support', 'tendril')
  return join(environment.XDG_DATA_HOME || join(home, '.local', 'share'), 'tendril')
}
