import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { Epochs } from './epochs.ts'

const LENGTH = 30_000

describe('epochs', () => {
  test('whatever is heard and whenever: they only grow, come neither from before the start nor from the far future, and not too often', () => {
    const event = fc.record({
      wait: fc.nat(20_000),
      heard: fc.option(fc.integer({ min: -1000, max: 400 })),
      changed: fc.boolean(),
    })
    fc.assert(
      fc.property(fc.array(event, { maxLength: 100, size: 'max' }), (events) => {
        let now = 1_000_000_000
        const start = now
        const epochs = new Epochs(now)
        const taken: number[] = []
        for (const { wait, heard, changed } of events) {
          now += wait
          const before = epochs.current
          if (changed) epochs.changed()
          if (heard === null) epochs.turn(now)
          else if (epochs.hear(now + heard * 1000, now) === 'newer') taken.push(now)
          assert.ok(epochs.current >= before)
          assert.ok(epochs.current === 0 || epochs.current > start - LENGTH)
          assert.ok(epochs.current <= now + 120_000)
        }
        for (const at of taken) assert.ok(taken.filter((one) => one >= at && one < at + LENGTH).length <= 4)
      }),
    )
  })

  test('a node that joins waits: it takes no part in the running epoch, and begins the next one if nobody else does', () => {
    const epochs = new Epochs(LENGTH * 10 + 5)
    assert.equal(epochs.hear(LENGTH * 10, LENGTH * 10 + 10), 'declined')
    assert.equal(epochs.turn(LENGTH * 11 - 1), false)
    assert.equal(epochs.current, 0)
    assert.equal(epochs.turn(LENGTH * 11), true)
    assert.equal(epochs.current, LENGTH * 11)
    assert.equal(epochs.hear(LENGTH * 11, LENGTH * 11 + 1), 'current')
  })

  test('nothing restarts while nothing changes; a change restarts at the next step of the grid; a very old epoch ends anyway', () => {
    const epochs = new Epochs(0)
    assert.ok(epochs.turn(LENGTH))
    for (let now = LENGTH; now < LENGTH * 15; now += 1000) assert.equal(epochs.turn(now), false)
    epochs.changed()
    assert.equal(epochs.turn(LENGTH * 15), true)
    assert.equal(epochs.turn(LENGTH * 16), false, 'the change is taken in')
    assert.equal(epochs.turn(LENGTH * 15 + 600_000), true)
  })

  test('swarm seed 724: an epoch that a fast clock began does not keep a change waiting until the other clocks have come up to it', () => {
    const epochs = new Epochs(0)
    assert.equal(epochs.hear(LENGTH * 3, LENGTH + 500), 'newer')
    epochs.changed()
    for (let now = LENGTH + 1000; now < LENGTH * 2 + 500; now += 500) assert.equal(epochs.turn(now), false)
    assert.equal(epochs.turn(LENGTH * 2 + 500), true, 'one length after it began here, as for any other')
    assert.equal(epochs.current, LENGTH * 4)
  })

  test('one who announces a new epoch every second restarts the others four times in thirty seconds, not thirty', () => {
    const epochs = new Epochs(0)
    const heard = Array.from({ length: 30 }, (_, i) => epochs.hear(LENGTH + i, LENGTH + i * 1000))
    const newer = heard.filter((one) => one === 'newer').length
    assert.ok(newer >= 2 && newer <= 4, `${newer}`)
    assert.equal(epochs.tally.get('too-many'), 30 - newer)
  })

  test('who begin an epoch at about the same time begin the same', () => {
    const [a, b] = [new Epochs(100), new Epochs(25_000)]
    assert.ok(a.turn(LENGTH + 17) && b.turn(LENGTH + 900))
    assert.equal(a.current, b.current)
  })
})
