// The first thing that `npm test`, `npm run testnet` and the command line run. The pinned Node comes with the dependencies,
// and when its install script was blocked, npm silently runs the machine's own Node instead. Plain, old JavaScript: what is
// to be refused must still be able to read it.

/** The sources run by type stripping, which needs no flag from 22.18 on; the built package needs what libp2p needs. */
/** @type {[major: number, minor: number]} */
const SOURCES = [22, 18]
/** @type {[major: number, minor: number]} */
const BUILT = [22, 12]

/**
 * What to tell somebody who runs this Node, or undefined when it will do.
 * @param {string} version as in `process.version`: `v20.20.2`
 * @param {boolean} built whether the built package runs, not the sources
 * @returns {string | undefined} one sentence that says what to do
 */
export function complaint(version, built) {
  const [major, minor] = built ? BUILT : SOURCES
  const [foundMajor = 0, foundMinor = 0] = version.replace('v', '').split('.').map(Number)
  if (foundMajor > major || (foundMajor === major && foundMinor >= minor)) return undefined
  const remedy = built
    ? 'install Node 24 and run the command again.'
    : 'the Node 24 that comes with the dependencies is not in use, so run `npm rebuild node --ignore-scripts=false`' +
      ' and start again through npm (or install Node 24 yourself).'
  return `tendril needs Node ${major}.${minor} or newer and this is ${version}: ${remedy}`
}

const sentence = complaint(process.version, /\/dist\/node\/[^/]*$/.test(import.meta.url))
if (sentence !== undefined) {
  console.error(sentence)
  process.exit(1)
}
