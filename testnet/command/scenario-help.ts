/**
 * What a scenario file can say, for `tendril simulate --help`. A text of its own, since the schema would be loaded for every command;
 * a test holds it against the schema.
 */
export const EXAMPLE = `name: split
nodes: 32
duration: 60s
network: {latency: {uniform: [10ms, 50ms]}, loss: 2%}
timeline:
  - {at: 15s, partition: 30%, for: 10s}
  - {at: 15s, publish: {messages: 20, rate: 2, bytes: 200}}
  - {at: 30s, query: {sql: "SELECT count(*) FROM nodes", times: 5, every: 2s}}
checks:
  - {at: 30s, within: 20s, ring: 100%}
  - {count: exact}`

export const KEYS = `name, description, nodes, seed, duration, network, start, stack, timeline, checks, invariants.
network: latency (20ms, {uniform: [10ms, 50ms]} or {logNormal: {median: 30ms, sigma: 0.5}}), loss, duplicate, reorder {rate, by},
  bandwidth {up, down, queue}
start: stagger, between the starts of two nodes
stack: samplingPeriod, tmanPeriod, gossipBudget, structures, aggregates, and mappings of options: sampling, tman, membership, query,
  broadcast, aggregation
timeline: a list of steps, each with at and one of these; those with * can last, for: 10s undoes them afterwards.
  nodes  kill* (like kill -9), silence* (like a power cut), pause*, resume, restart, leave*, add {nodes, over}, churn* {every, away,
         how: kill, silence or leave}, which needs a for
  links  partition*, block* {from, to}, lose* {rate, from, to}, slow* {nodes, by}, throttle* {nodes, up, down}, heal: all (ends all of these)
  other  clock {nodes, jump, rate}, byzantine* {nodes, as: mute, freeloader or rumours},
         publish {messages, rate, bytes, from}, query {sql, times, every, from}
checks: a list, each with at (otherwise at the end), within, since, and one of ring, longLinks, count (exact or a share), delivered,
  gossip (the share of its intervals that hold; needs aggregates: [number]), components, ghosts
invariants: a list of what is watched throughout, by default all that can be: counted-once, delivered-once, in-order, loss-told, bounded,
  no-resurrection, forgotten, no-dead-root, gossip-budget
Times are written 200ms, 10s, 2min or 1h, from when all nodes are up; shares 5% or 0.05; sizes 200 or 4KiB; nodes 10%, 3 or [1, 2].
With --local the steps of nodes, publish and query alone, the usual network, start and stack.`
