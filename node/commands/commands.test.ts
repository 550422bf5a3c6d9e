import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { test } from 'node:test'
import { DEFAULTS } from '../../protocols/broadcast/options.ts'
import { DELIVERY_NAMES } from '../../protocols/broadcast/publication.ts'
import { MAX_TTL } from '../../protocols/broadcast/record.ts'
import { MAX_TIMEOUT } from '../../protocols/query/wave/messages.ts'
import { WAVE_DEFAULTS } from '../../protocols/query/wave/wave.ts'
import { type Done, daemon, FIXTURE, node, parsed, tendril, token } from './daemon.fixture.ts'
import { tendrilProgram } from './index.ts'
import { searchSql } from './search.ts'

test('every command shows examples and the shape of its JSON in its help', async () => {
  const commands = tendrilProgram().commands
  assert.equal(commands.length, 12)
  for (const command of commands) {
    let help = ''
    const writeOut = (text: string) => {
      help += text
    }
    command.configureOutput({ writeOut }).outputHelp()
    assert.match(help, new RegExp(`Examples:\n(  .*\n)*  .*tendril ${command.name()}`), command.name())
    assert.match(help, /JSON:\n {2}\S/, command.name())
    assert.match(help, / --json /, command.name())
  }
})

test('the limits, defaults and names in the help are those of the protocols', () => {
  const help = (name: string) => {
    const command = tendrilProgram().commands.find((one) => one.name() === name)
    return command?.helpInformation().replace(/\s+/g, ' ') ?? ''
  }
  const timeout = `at most ${MAX_TIMEOUT} (default: ${WAVE_DEFAULTS.timeout})`
  for (const name of ['query', 'search']) assert.ok(help(name).includes(timeout))
  for (const text of [
    `at most ${MAX_TTL} `,
    DELIVERY_NAMES.join(', '),
    `at most ${DEFAULTS.payloadLimit / 2 ** 20} MiB`,
  ]) {
    assert.ok(help('publish').includes(text), text)
  }
  assert.match(help('subscribe'), new RegExp(`at most ${DEFAULTS.retention}: .*default: ${DEFAULTS.catchUp} `))
})

test('a query prints its rows, what they cover and what they cost', async () => {
  const { code, out, err } = await tendril(['query', 'SELECT id, load, region FROM nodes'])
  assert.deepEqual({ code, err }, { code: 0, err: '' })
  assert.equal(
    out,
    [
      'id     load  region',
      'a   1.23457  eu',
      'b         2  null',
      '',
      '32 of 32 nodes answered, nothing missing · 31 delegations · 94 messages · 7.1 KiB · 3 hops · 18 ms',
      '',
    ].join('\n'),
  )
})

test('what is missing is said, and is no failure', async () => {
  const { code, out } = await tendril(['query', 'SELECT partial'])
  assert.equal(code, 0)
  assert.match(out, /^30 of about 32 nodes answered, about 2 missing · /m)
  assert.match(out, /nobody answered for \[0\.000 %, 0\.000 %\): no answer/)
  const { out: forming } = await tendril(['query', 'SELECT forming'])
  assert.match(forming, /^2 nodes answered, hardly any of the ring: how many are missing cannot be told yet · /m)
})

test('who is silent is said to a person as well, whatever is missing beside', async () => {
  for (const sql of ['SELECT silent', 'SELECT silent, partial', 'SELECT silent, forming']) {
    const { out } = await tendril(['query', sql])
    assert.match(out, /^ {2}1 node silent: dead most likely, and not called missing$/m)
  }
  assert.doesNotMatch((await tendril(['query', 'SELECT id'])).out, /silent/)
})

test('a wrong query prints its caret and exits with 1', async () => {
  const { code, out, err } = await tendril(['query', 'SELECT wrong'])
  assert.deepEqual({ code, out }, { code: 1, out: '' })
  assert.equal(err, 'error: unknown word wrong\n  SELECT wrong\n         ^^^^^\n')
  const json = await tendril(['query', '--json', 'SELECT wrong'])
  assert.deepEqual([json.code, json.out], [1, ''])
  assert.deepEqual([JSON.parse(json.err).error, JSON.parse(json.err).position], ['query', 7])
  const near = await tendril(['query', 'SELECT wrnog'])
  assert.match(near.err, /\^{5}\nhint: did you mean wrong\?\n$/)
})

test('--json prints one object a line, and nothing else', async () => {
  const [answer] = parsed((await tendril(['query', '--json', 'SELECT id'])).out)
  assert.deepEqual([answer.coverage.answered, answer.rows.length, answer.cost.hops], [32, 2, 3])
  assert.equal(
    parsed((await tendril(['search', '--json', 'load > 1'])).out)[0].sql,
    'SELECT id FROM nodes WHERE load > 1',
  )
  assert.equal(parsed((await tendril(['status', '--json'])).out)[0].network, 'tendril')
  assert.deepEqual(parsed((await tendril(['peers', '--json'])).out), node.peers())
  assert.deepEqual(parsed((await tendril(['get', '--json', 'region'])).out), [{ name: 'region', value: 'eu' }])
})

test('status, peers and attributes are readable without JSON', async () => {
  assert.match((await tendril(['status'])).out, /^id +12D3KooWFake\nnetwork +tendril$/m)
  const peers = await tendril(['peers'])
  assert.match(peers.out, /^id +role +state +rtt +since +address\na +successor +alive +1\.5 ms .*\n1 peer\n$/)
  assert.match((await tendril(['get'])).out, /^name +value\n(.*\n)*region +eu$/m)
})

test('set infers the type, --type forces it, and get shows it', async () => {
  const cases: [string[], unknown][] = [
    [['rack', '7'], 7],
    [['temperature', '-5.5'], -5.5],
    [['ready', 'true'], true],
    [['note', 'a b'], 'a b'],
    [['spare', 'null'], null],
    [['zip', '10115', '--type', 'text'], '10115'],
  ]
  await Promise.all(
    cases.map(async ([args, value]) => {
      const { code, err } = await tendril(['set', ...args])
      assert.deepEqual({ code, err }, { code: 0, err: '' })
      assert.equal(node.get(args[0] as string), value)
    }),
  )
  assert.equal((await tendril(['get', 'zip'])).out, '10115\n')
  assert.equal((await tendril(['set', 'spare', 'null'])).out, 'spare is not set\n')
  assert.equal((await tendril(['set', 'region', 'us'])).out, 'region = "us"\n')
  assert.equal((await tendril(['set', 'region', 'null'])).out, 'region = "eu", as it is configured\n')
  assert.deepEqual(parsed((await tendril(['set', 'region', 'null', '--json'])).out), [{ name: 'region', value: 'eu' }])
  assert.equal((await tendril(['set', 'rack', 'x', '--type', 'number'])).code, 2)
  assert.equal((await tendril(['set', 'rack', '7', '--type', 'integer'])).code, 2)
  assert.equal((await tendril(['get', 'nothing'])).code, 1)
})

test('publish takes a text, or standard input byte for byte', async () => {
  node.published.length = 0
  const bytes = Buffer.from([0, 255, 10, 13])
  assert.equal((await tendril(['publish', 'news', 'hello'])).code, 0)
  assert.equal((await tendril(['publish', 'news', '-'], { input: bytes })).code, 0)
  assert.equal((await tendril(['publish', 'news'], { input: 'piped' })).code, 0)
  assert.deepEqual(
    node.published.map(({ data }) => Buffer.from(data).toString('latin1')),
    ['hello', '\0\xff\n\r', 'piped'],
  )
})

test('a refused publish exits with 1 and names the limit, whoever refuses it', async () => {
  const { code, err } = await tendril(['publish', 'news', 'x'.repeat(1001)])
  assert.equal(code, 1)
  assert.match(err, /a payload has at most 1000 bytes/)
  const large = await tendril(['publish', 'news', '-'], { input: Buffer.alloc(2 ** 20 + 1) })
  assert.equal(large.code, 1)
  assert.match(large.err, /the input is larger than a message may be, 1048576 bytes \(1 MiB\)/)
  const json = await tendril(['publish', '--json', 'news', 'x'.repeat(1001)])
  assert.equal(JSON.parse(json.err).limit, 1000)
  const largeJson = await tendril(['publish', '--json', 'news', '-'], { input: Buffer.alloc(2 ** 20 + 1) })
  assert.equal(largeJson.code, 1)
  const shape = (err: string) => {
    const { error, limit, ...texts } = JSON.parse(err)
    return { error, limit, texts: Object.keys(texts) }
  }
  assert.deepEqual(shape(largeJson.err), { ...shape(json.err), limit: 2 ** 20 })
})

test('publish passes on how the message travels; a delayed one exits with 1 and says when', async () => {
  node.published.length = 0
  const args = [
    'publish',
    'news',
    'x',
    '--delivery',
    'reliable',
    '--ttl',
    '5000',
    '--priority',
    'high',
    '--subgroup',
    's',
  ]
  const { code, out } = await tendril(args)
  assert.equal(code, 0)
  assert.match(out, /20 a second are allowed/)
  assert.deepEqual(node.published[0]?.options, { delivery: 'reliable', ttl: 5000, subgroup: 's', priority: 'high' })
  const delayed = await tendril(['publish', '--json', 'busy', 'x'])
  assert.equal(delayed.code, 1)
  const refusal = JSON.parse(delayed.err)
  assert.equal(refusal.error, 'delayed')
  assert.ok(refusal.until > Date.now() - 60_000 && refusal.rate === 20)
  assert.match(refusal.hint, /publish it again in \d+ ms/)
})

test('subscribe asks for the recent past and a rating', async () => {
  const subscribed = tendril([
    'subscribe',
    'rated',
    '--past',
    '4000',
    '--rating',
    '0.5',
    '--subgroup',
    's',
    '--count',
    '1',
  ])
  while (node.subscribers.get('rated')?.size !== 1) await new Promise((resolve) => setTimeout(resolve, 10))
  assert.deepEqual(node.subscribed.at(-1), { topic: 'rated', rating: 0.5, past: 4000, subgroup: 's' })
  node.publish('rated', 'x')
  assert.equal((await subscribed).code, 0)
})

test('topics shows members, rates and what is stored, as a table and as JSON', async () => {
  const { out } = await tendril(['topics'])
  assert.match(out, /news +1 +3 +20\/s +bimodal +0 +7 +0 +0 +2 \(2\.0 KiB\)/)
  assert.match(out, /news +1 +3 +3\.25\/s +epidemic/, 'what its admission control admits, not the quota')
  assert.match(out, /^topic +subscribers +others +rate/m, 'the node itself is not among them')
  assert.match(out, /1 topic/)
  const [topic] = parsed((await tendril(['topics', '--json'])).out)
  assert.equal(topic.lanes.bimodal.done.delivered, 7)
})

test('--print-config prints a configuration that stands for the same node, its limits included', async () => {
  const flags = ['--gossip-range', 'load=0..64', '--attribute', 'rack=7', '--log', 'warn']
  const first = await tendril(['start', '--print-config', ...flags])
  assert.equal(first.code, 0, first.err)
  const file = join(daemon.folder, 'printed.json')
  await writeFile(file, first.out)
  assert.deepEqual(parsed((await tendril(['start', '--print-config', '--config', file])).out), parsed(first.out))
  const { aggregates, limits, gossip } = JSON.parse(first.out)
  assert.ok(aggregates.includes('load'))
  assert.deepEqual([limits.inbound, gossip.ranges], [88, ['load=0..64']])
})

test('subscribe prints messages as they come and stops after --count', async () => {
  const subscribed = tendril(['subscribe', '--json', 'live', '--count', '2'])
  const plain = tendril(['subscribe', 'live', '--count', '2'])
  while (node.subscribers.get('live')?.size !== 2) await new Promise((resolve) => setTimeout(resolve, 10))
  node.publish('live', 'grüße \u001b[2J')
  node.publish('live', new Uint8Array([255]))
  const { code, out } = await subscribed
  assert.equal(code, 0)
  assert.deepEqual(
    parsed(out).map(({ data, encoding }) => [data, encoding]),
    [
      ['grüße \u001b[2J', 'utf8'],
      ['/w==', 'base64'],
    ],
  )
  assert.match((await plain).out, /^12D3KooWFake \d+: grüße \\u\{1b\}\[2J\n12D3KooWFake \d+: \(base64\) \/w==\n$/)
})

test('subscribe tells what will not come, in JSON as an object, otherwise on standard error', async () => {
  const [json, plain] = [['--json'], []].map((flags) => tendril(['subscribe', 'gaps', '--count', '1', ...flags]))
  while (node.subscribers.get('gaps')?.size !== 2) await new Promise((resolve) => setTimeout(resolve, 10))
  const missed = { topic: 'gaps', from: 'p', range: { first: 3, last: 5 }, reason: 'nobody has them' }
  node.dispatchEvent(new CustomEvent('message:missed', { detail: missed }))
  node.publish('gaps', 'x')
  const [first, second] = parsed((await json)?.out ?? '')
  assert.deepEqual([first, second.data], [missed, 'x'])
  const { out, err } = (await plain) as Done
  assert.match(out, /^12D3KooWFake \d+: x\n$/)
  assert.equal(err, 'missed of p: 3 to 5, nobody has them\n')
})

test('a topic that cannot be is refused with what a topic is', async () => {
  const { code, err } = await tendril(['subscribe', ''])
  assert.equal(code, 1)
  assert.equal(err, 'error: A topic has 1 to 128 characters.\nhint: choose another\n')
})

test('one message that this command was too slow for is told as one', async (context) => {
  const dropping = createServer((_, response) => {
    response.write('event: dropped\ndata: {"dropped":1}\n\nevent: dropped\ndata: {"dropped":2}\n\n')
    response.end('event: message\ndata: {"from":"p","sequence":4,"data":"x","encoding":"utf8"}\n\n')
  }).listen(0, '127.0.0.1')
  context.after(() => dropping.close())
  await once(dropping, 'listening')
  const { port } = dropping.address() as AddressInfo
  const args = ['subscribe', 'news', '--count', '1', '--admin', `http://127.0.0.1:${port}`, '--token', token]
  assert.deepEqual(await tendril(args), {
    code: 0,
    out: 'p 4: x\n',
    err: [
      '1 message was dropped: this command reads too slowly',
      '2 messages were dropped: this command reads too slowly',
      '',
    ].join('\n'),
  })
})

test('a wrong command line exits with 2 and says what is wrong', async () => {
  const wrong: [string[], RegExp][] = [
    [['qery'], /unknown command 'qery'\n\(Did you mean query\?\)/],
    [['query'], /missing required argument 'sql'/],
    [['query', 'SELECT', '--timeuot', '5'], /Did you mean --timeout\?/],
    [['query', 'SELECT', '--rate', '5'], /^error: unknown option '--rate'\n$/],
    [['query', 'SELECT', '--timeout', 'soon'], /--timeout takes a number of ms from 1 to 60000, not "soon"/],
    [['query', 'SELECT', '--timeout', '100000'], /from 1 to 60000, not "100000"/],
    [['search', '--timeout', '0'], /from 1 to 60000, not "0"/],
    [['search', '--limit', 'x'], /--limit takes a whole number from 1 to 1000, not "x"/],
    [['search', '--limit', '-1'], /--limit takes a whole number from 1 to 1000, not "-1"/],
    [
      ['start', '--print-config', '--attribute', 'load=1'],
      /--attribute: .* attribute load is measured by the node itself/,
    ],
    [['subscribe', 'a', '--count', 'x'], /--count takes a whole number from 1, not "x"/],
    [['subscribe', 'a', '--count', '1.5'], /--count takes a whole number from 1, not "1\.5"/],
    [['subscribe', 'a', '--rating', 'abc'], /--rating takes a number above 0 and up to 1, not "abc"/],
    [['subscribe', 'a', '--rating', '2'], /--rating takes a number above 0 and up to 1, not "2"/],
    [['subscribe', 'a', '--rating', '0'], /--rating takes a number above 0 and up to 1, not "0"/],
    [['subscribe', 'a', '--past', '999999'], /--past takes a number of ms from 0 to 60000, not "999999"/],
    [['publish', 'a', 'b', '--delivery', 'biomdal'], /--delivery takes one of bimodal, .*\n.*did you mean bimodal\?/],
    [['publish', 'a', 'b', '--priority', 'foo'], /--priority takes one of normal, high, low, not "foo"/],
    [['publish', 'a', 'b', '--ttl', '-5'], /--ttl takes a whole number of ms from 0 to 3600000, not "-5"/],
    [['publish', 'a', 'b', '--ttl', '1.5'], /--ttl takes a whole number of ms/],
    [['set', 'Not-A-Name', '7'], /"Not-A-Name" cannot name an attribute/],
    [['set', 'load', '7'], /load is measured by the node itself/],
    [['search', 'SELECT id FROM nodes', '--limit', '5'], /takes no --where/],
    [['status', '--admin', 'ftp://x', '--token', 'y'], /not the address of an admin API/],
    [['status', '--admin', 'http://127.0.0.1:1'], /a token is needed/],
    [['start', '--listen', 'nonsense'], /--listen: listen\[0\] "nonsense" is not a multiaddr/],
    [
      ['start', '--listen', '/ip4/127.0.0.1/udp/0/quic-v1'],
      /--listen: listen\[0\] .* is not listened on: tendril takes \/tcp only/,
    ],
    [['start', '--config', '/nowhere.yaml'], /\/nowhere\.yaml cannot be read/],
    [[], /Usage: tendril/],
  ]
  await Promise.all(
    wrong.map(async ([args, message]) => {
      const { code, err } = await tendril(args)
      assert.equal(code, 2, args.join(' '))
      assert.match(err, message)
    }),
  )
})

test('with --json a wrong command line is told as JSON, and nothing else', async () => {
  const wrong: [string[], RegExp, string?][] = [
    [['qery', '--json'], /unknown command 'qery'/, 'did you mean query?'],
    [['query', '--json'], /missing required argument 'sql'/],
    [['query', 'SELECT', '--json', '--timeuot', '5'], /unknown option '--timeuot'/, 'did you mean --timeout?'],
    [['query', 'SELECT', '--json', '--rate', '5'], /unknown option '--rate'/],
    [['help', 'qury', '--json'], /no command qury/, 'did you mean query?'],
    [['status', '--json', 'x'], /too many arguments/],
    [['subscribe', 'a', '--count', 'x', '--json'], /--count takes a whole number/],
  ]
  await Promise.all(
    wrong.map(async ([args, message, hint]) => {
      const { code, out, err } = await tendril(args)
      assert.deepEqual([code, out], [2, ''], args.join(' '))
      const told = JSON.parse(err)
      assert.equal(told.error, 'usage')
      assert.match(told.message, message)
      assert.equal(told.hint, hint)
    }),
  )
})

test('help of a command that does not exist says so', async () => {
  const near = await tendril(['help', 'qury'])
  assert.deepEqual([near.code, near.out], [2, ''])
  assert.equal(near.err, 'error: there is no command qury\nhint: did you mean query?\n')
  assert.match((await tendril(['help', 'nonsense'])).err, /no command nonsense\nhint: `tendril help` lists/)
  const query = await tendril(['help', 'query'])
  assert.equal(query.code, 0)
  assert.match(query.out, /Usage: tendril query/)
})

test('a search stands for a query', () => {
  assert.equal(
    searchSql(undefined, { where: 'load > 1', select: 'id,load', order: 'load desc', limit: '5' }),
    'SELECT id,load FROM nodes WHERE load > 1 ORDER BY load desc LIMIT 5',
  )
  for (const limit of ['1e3', ' 0x3e8 ', '1000.0']) {
    assert.equal(searchSql(undefined, { limit }), 'SELECT id FROM nodes LIMIT 1000', 'as the option was understood')
  }
  assert.equal(searchSql('select id from nodes', {}), 'select id from nodes')
  assert.equal(searchSql('selected = 1', {}), 'SELECT id FROM nodes WHERE selected = 1')
  assert.equal(searchSql(undefined, {}), 'SELECT id FROM nodes')
})

test('completion knows the commands', async () => {
  assert.match((await tendril(['completion', 'bash'])).out, /complete/)
  assert.match((await tendril(['complete', '--', 'qu'])).out, /^query/m)
  for (const args of [
    ['completion', '--help'],
    ['help', 'completion'],
  ]) {
    assert.match((await tendril(args)).out, /Examples:\n.*tendril completion bash/)
  }
})

test('a reader that has enough ends the command quietly', async () => {
  const child = spawn(process.execPath, [FIXTURE, 'get', '--json'], {
    env: { ...process.env, TENDRIL_DATA: daemon.folder },
  })
  let err = ''
  child.stderr.on('data', (chunk) => {
    err += chunk
  })
  child.stdout.destroy()
  const code = await new Promise((resolve) => child.on('close', resolve))
  assert.deepEqual({ code, err }, { code: 0, err: '' })
})

test('leave asks the node to leave', async () => {
  assert.deepEqual(parsed((await tendril(['leave', '--json'])).out), [{ left: true }])
  assert.equal(node.left, 1)
})
