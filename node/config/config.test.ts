import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import fc from 'fast-check'
import { nearest } from '../../protocols/query/language/suggest.ts'
import { defaultDataFolder } from './folder.ts'
import { ConfigError, type ConfigSources, loadConfig } from './load.ts'
import { inferValue } from './value.ts'

const load = (sources: ConfigSources = {}) => loadConfig({ environment: {}, ...sources })

const folder = await mkdtemp(join(tmpdir(), 'tendril-config-'))
after(() => rm(folder, { recursive: true }))

async function file(name: string, text: string): Promise<string> {
  const path = join(await mkdtemp(join(folder, 'test-')), name)
  await writeFile(path, text)
  return path
}

async function problems(sources: ConfigSources): Promise<readonly string[]> {
  try {
    await load(sources)
  } catch (error) {
    assert.ok(error instanceof ConfigError, String(error))
    return error.problems
  }
  throw new Error('nothing was refused')
}

const PEER = '/ip4/192.0.2.1/tcp/4645/p2p/12D3KooWEyoppNCUx8Yx66oV9fJnriXwCcXwDDUA2kj6vnc6iDEp'

test('without anything, a node of the network "tendril" with its admin API on loopback', async () => {
  const config = await load()
  assert.deepEqual(
    { ...config, data: undefined },
    {
      network: 'tendril',
      data: undefined,
      announce: [],
      bootstrap: [],
      dht: { enabled: true, mode: 'auto' },
      attributes: {},
      structures: [],
      gossip: { mode: 'defended', ranges: {}, tops: [], unions: [] },
      limits: {},
      admin: { host: '127.0.0.1', hosts: [] },
      log: 'info',
    },
  )
  assert.equal(config.data, defaultDataFolder())
})

test('flags go before the environment, the environment before the file, the file before defaults', async () => {
  const path = await file('a.yaml', 'network: from-file\nlog: warn\nadmin: { port: 1 }\ndht: { mode: server }\n')
  const environment = { TENDRIL_NETWORK: 'from-environment', TENDRIL_ADMIN_PORT: '2', TENDRIL_DHT_ENABLED: 'false' }
  const flags = { '--network': ['from-flag'] }
  const { network, admin, log, dht } = await load({ file: path, environment, flags })
  assert.deepEqual(
    { network, port: admin.port, log, dht },
    { network: 'from-flag', port: 2, log: 'warn', dht: { enabled: false, mode: 'server' } },
  )
})

test('what gossip keeps up: defended unless told otherwise; ranges by name; what is none is refused with its place', async () => {
  const path = await file('a.yaml', 'gossip: { tops: [load], ranges: [load=0..64, temperature=-40..1e2] }')
  const { gossip } = await load({ file: path, flags: { '--gossip-mode': ['honest-only'] } })
  assert.deepEqual(gossip, {
    mode: 'honest-only',
    ranges: { load: [0, 64], temperature: [-40, 100] },
    tops: ['load'],
    unions: [],
  })
  for (const range of ['load', 'load=1', 'load=2..1', 'load=a..b', '=0..1', 'load=0..Infinity']) {
    const [problem] = await problems({ flags: { '--gossip-range': [range] } })
    assert.match(problem as string, /^--gossip-range: gossip\.ranges.* is not a range: write it like load=0\.\.64/)
  }
  assert.match(
    (await problems({ environment: { TENDRIL_GOSSIP_MODE: 'x' } }))[0] as string,
    /one of defended, honest-only/,
  )
  const tops = ['a', 'b', 'c', 'd', 'e']
  assert.match((await problems({ flags: { '--gossip-top': tops } }))[0] as string, /at most 4 attributes/)
})

test('limits of connections are passed on as they are given', async () => {
  const path = await file('a.yaml', 'limits: { connections: 50, loopbackExempt: true }')
  const { limits } = await load({ file: path, environment: { TENDRIL_LIMITS_PER_IP4_NET24: '3' } })
  assert.deepEqual(limits, { connections: 50, loopbackExempt: true, perIp4Net24: 3 })
  assert.match(
    (await problems({ environment: { TENDRIL_LIMITS_INBOUND: '-1' } }))[0] as string,
    /limits\.inbound must be/,
  )
})

test('attributes are merged by name and typed as they are written', async () => {
  const path = await file('a.yaml', 'attributes:\n  region: eu\n  rack: 3\n  spare: null\n  zip: "007"\n')
  const environment = { TENDRIL_ATTRIBUTES: 'rack=4,role=db' }
  const flags = { '--attribute': ['role=cache', 'ready=true', 'note=a=b'] }
  const { attributes } = await load({ file: path, environment, flags })
  const expected = { region: 'eu', rack: 4, spare: null, zip: '007', role: 'cache', ready: true, note: 'a=b' }
  assert.deepEqual(attributes, expected)
})

test('lists come from YAML lists, commas and repeated flags', async () => {
  const path = await file('a.json', JSON.stringify({ listen: ['/ip4/127.0.0.1/tcp/1'] }, null, '\t'))
  const environment = { TENDRIL_BOOTSTRAP: `${PEER}, ${PEER}` }
  const { listen, bootstrap, announce } = await load({
    file: path,
    environment,
    flags: { '--announce': ['/ip4/1.2.3.4/tcp/1', '/dns4/a.example/tcp/2'] },
  })
  assert.deepEqual([listen, bootstrap.length, announce.length], [['/ip4/127.0.0.1/tcp/1'], 2, 2])
})

test('the data folder of a file is meant from where the file is', async () => {
  const path = await file('a.yaml', 'data: ./state')
  assert.equal((await load({ file: path })).data, join(path, '..', 'state'))
})

test('an unknown key is refused with the file, the line, the key and the nearest known one', async () => {
  const path = await file('a.yaml', 'network: x\n\nbootstap: []\nadmin:\n  prot: 1\n  host: 127.0.0.1\nzzzzzzzz: 1\n')
  const [prot, bootstap, zzz, ...others] = (await problems({ file: path })).toSorted()
  assert.deepEqual(others, [])
  const found = [prot, bootstap, zzz].map((problem) => problem?.replace(path, 'FILE'))
  assert.deepEqual(found.toSorted(), [
    'FILE:3: unknown key bootstap: did you mean bootstrap?',
    'FILE:5: unknown key admin.prot: did you mean admin.port?',
    'FILE:7: unknown key zzzzzzzz: the keys are network, data, listen, announce, bootstrap, dht, attributes, structures, aggregates, gossip, admin, limits, log',
  ])
})

test('an unknown TENDRIL_ variable is refused, one that Kubernetes made is not', async () => {
  assert.deepEqual(await problems({ environment: { TENDRIL_NETWROK: 'x' } }), [
    'unknown environment variable TENDRIL_NETWROK: did you mean TENDRIL_NETWORK?',
  ])
  await load({
    environment: {
      TENDRIL_SERVICE_HOST: '10.0.0.1',
      TENDRIL_PORT: 'tcp://10.0.0.1:4645',
      TENDRIL_PORT_4645_TCP_ADDR: '10.0.0.1',
      TENDRIL_ADMIN_PORT: 'tcp://10.0.0.1:4646',
      TENDRIL_ADMIN_SERVICE_HOST: '10.0.0.1',
    },
  })
})

test('a variable that is empty counts as one that is not set, and takes nothing of the file away', async () => {
  const path = await file('a.yaml', `network: mine\nbootstrap: [${PEER}]\nattributes: { region: eu }\n`)
  const names = [
    'NETWORK',
    'DATA',
    'BOOTSTRAP',
    'LISTEN',
    'ATTRIBUTES',
    'DHT_ENABLED',
    'ADMIN_PORT',
    'ADMIN_TOKEN',
    'LOG',
  ]
  const environment = Object.fromEntries(names.map((name) => [`TENDRIL_${name}`, '']))
  assert.deepEqual(await load({ file: path, environment }), await load({ file: path }))
})

test('every wrong value is refused, with where it stands, its key and what it must be', async () => {
  const path = await file('a.yaml', 'listen:\n  - /ip4/127.0.0.1/tcp/1\n  - nonsense\nattributes: { x: [1] }\n')
  const environment = { TENDRIL_ADMIN_PORT: '65536', TENDRIL_LOG: 'loud', TENDRIL_DHT_ENABLED: 'perhaps' }
  const flags = { '--bootstrap': ['/ip4/192.0.2.1/tcp/4645'], '--admin-host': ['somewhere'] }
  const found = (await problems({ file: path, environment, flags })).map((problem) => problem.replace(path, 'FILE'))
  const expected = [
    /^FILE:1: listen\[1\] "nonsense" is not a multiaddr: write it like \/ip4/,
    /^FILE:4: attributes cannot be used: attribute x is an array/,
    /^TENDRIL_ADMIN_PORT: admin\.port must be a whole number from 0 to 65535$/,
    /^TENDRIL_LOG: log must be one of trace, debug/,
    /^TENDRIL_DHT_ENABLED: dht\.enabled must be true or false$/,
    /^--bootstrap: bootstrap\[0\] .* does not say which node it is: end it with \/p2p\//,
    /^--admin-host: admin\.host must be an IP address/,
  ]
  assert.equal(found.length, expected.length)
  for (const pattern of expected)
    assert.ok(
      found.some((problem) => pattern.test(problem)),
      `${pattern} in ${found.join('\n')}`,
    )
  assert.match((await problems({ flags: { '--attribute': ['=x'] } }))[0] as string, /^--attribute: .*name=value/)
})

test('what the node measures itself, and what would move a cursor, are refused before anything starts', async () => {
  const path = await file('a.yaml', 'network: x\nattributes:\n  id: a\n')
  const [inFile] = await problems({ file: path })
  assert.match(inFile as string, /a\.yaml:2: attributes cannot be used: attribute id is measured by the node itself/)
  const [flag] = await problems({ flags: { '--attribute': ['load=1'] } })
  assert.match(flag as string, /^--attribute: attributes cannot be used: attribute load is measured by the node itself/)
  for (const network of ['a\u001b[2J', '', 'x'.repeat(65), '\ud800']) {
    const given = [await problems({ flags: { '--network': [network] } })]
    if (network !== '') given.push(await problems({ environment: { TENDRIL_NETWORK: network } }))
    for (const [problem] of given) {
      const must = /^(--network|TENDRIL_NETWORK): network must be a text of 1 to 64 characters, none of them a control/
      assert.match(problem as string, must)
    }
  }
})

test('an admin API that other machines reach needs a token', async () => {
  for (const host of ['0.0.0.0', '::', '192.0.2.1']) {
    const [problem] = await problems({ flags: { '--admin-host': [host] } })
    assert.match(
      problem as string,
      /^--admin-host: admin\.host .* needs a token: set admin\.token or TENDRIL_ADMIN_TOKEN/,
    )
  }
  const flags = { '--admin-host': ['0.0.0.0'] }
  assert.match((await problems({ flags, environment: { TENDRIL_ADMIN_TOKEN: 'short' } }))[0] as string, /32 to 256/)
  await load({ flags, environment: { TENDRIL_ADMIN_TOKEN: 'x'.repeat(32) } })
  await load({ flags: { '--admin-host': ['::1'] } })
})

test('a file that is missing, not YAML or not a mapping is named', async () => {
  assert.match((await problems({ file: '/nowhere/a.yaml' }))[0] as string, /^\/nowhere\/a\.yaml cannot be read: ENOENT/)
  assert.match(
    (await problems({ file: await file('a.yaml', 'network: x\nadmin: {') }))[0] as string,
    /a\.yaml:2: [^:]*[^:]$/,
  )
  assert.match((await problems({ file: await file('a.yaml', '- 1') }))[0] as string, /must be a mapping/)
  // In YAML a star begins the name of an anchor.
  const star = await problems({ file: await file('a.yaml', 'admin:\n  hosts: [*.example.org]\n') })
  assert.match(star.join('\n'), /^\S+a\.yaml: [^\n]*alias[^\n]*\.example\.org[^\n]*$/)
  assert.equal((await load({ file: await file('a.yaml', '# nothing\n') })).network, 'tendril')
})

test('a text keeps what it says: numbers that a double cannot hold and leading zeros stay texts', () => {
  const cases = [
    ['1', 1],
    ['-2.5e3', -2500],
    ['true', true],
    ['null', null],
    ['007', '007'],
    ['12345678901234567890', '12345678901234567890'],
    ['1e999', '1e999'],
    ['0x10', '0x10'],
    ['', ''],
    ['NaN', 'NaN'],
  ] as const
  for (const [text, value] of cases) assert.equal(inferValue(text), value)
  fc.assert(
    fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (number) => {
      const value = inferValue(String(number))
      assert.equal(Number(value), number === 0 ? 0 : number)
    }),
  )
})

test('one typing error is always understood, and only near words are suggested', () => {
  const words = ['bootstrap', 'network', 'attributes', 'listen']
  fc.assert(
    fc.property(fc.constantFrom(...words), fc.nat(), (word, at) => {
      const i = at % word.length
      assert.equal(nearest(word.slice(0, i) + word.slice(i + 1), words), word)
      assert.equal(nearest(`${word.slice(0, i)}q${word.slice(i)}`, words), word)
    }),
  )
  assert.equal(nearest('zebra', words), undefined)
  assert.equal(nearest('x'.repeat(65), ['x'.repeat(64)]), undefined, 'nobody mistypes that much')
})

test('the data folder follows the custom of the platform', () => {
  assert.equal(defaultDataFolder({ XDG_DATA_HOME: '/x' }, 'linux'), '/x/tendril')
  assert.match(defaultDataFolder({}, 'linux'), /\.local\/share\/tendril$/)
  assert.match(defaultDataFolder({}, 'darwin'), /Library\/Application Support\/tendril$/)
})

test('structures: what there is not is refused with what there is, and so are more numbers than a descriptor holds', async () => {
  assert.deepEqual((await load({ flags: { '--structure': ['torus', 'line:load'] } })).structures, [
    'torus',
    'line:load',
  ])
  const [sentence] = await problems({ flags: { '--structure': ['tours'] } })
  assert.match(sentence ?? '', /--structure: .*"tours".*line:<attribute>, torus, tree, latency/)
  const many = Array.from({ length: 9 }, (_, i) => `line:a${i}`)
  assert.match((await problems({ flags: { '--structure': many } }))[0] ?? '', /9 numbers .* holds 8/)
})
