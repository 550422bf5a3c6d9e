import type { OrderedEvents } from '../../../protocols/broadcast/ordered/ordered.ts'
import type { View } from '../../../protocols/broadcast/ordered/view.ts'
import { type Publication, publicationId } from '../../../protocols/broadcast/publication.ts'

/** What one node did from where it was let into the group to where it was out again. */
interface Stay {
  readonly lineage: number
  /** The number it delivers next. */
  next: number
  /** Of the views that it was in: the number before their first. */
  readonly views: Map<number, number>
  view: number
}

/**
 * All deliveries of a group, held to what ordered delivery promises; what breaks a promise is a violation, in words.
 *
 * (1) One publication under one number, everywhere and in all of time. (2) Between coming in and being out, each number, in order.
 * (3) A view has the same members, and begins after the same number, wherever it is: so whoever goes through two views
 * delivered the same in the first. (4) No publication twice at one node; each publisher's in its order. (5) One group.
 */
export class OrderedRecord {
  readonly violations: string[] = []
  readonly #lineages = new Set<number>()
  deliveries = 0
  /** The highest view of any member. */
  last: View | undefined
  readonly #numbers = new Map<string, string>()
  readonly #delivered = new Set<string>()
  readonly #views = new Map<string, string>()

  get views(): number {
    return this.#views.size
  }

  /** How many numbers were delivered by somebody. */
  get numbers(): number {
    return this.#numbers.size
  }

  has(publication: Publication): boolean {
    return this.#delivered.has(publicationId(publication))
  }

  /** For one process on a node. */
  watch(node: string): OrderedEvents {
    let stay: Stay | undefined
    const last = new Map<string, number>()
    return {
      entered: (view, lineage) => {
        if (view.number > 1) this.#lives(node, lineage)
        if (view.number > (this.last?.number ?? 0)) this.last = view
        const shape = `${view.members.map(({ peer, incarnation }) => `${peer.id}/${incarnation}`)} from ${view.start}`
        const name = `${lineage}/${view.number}`
        const known = this.#views.get(name)
        this.#views.set(name, known ?? shape)
        if (known !== undefined && known !== shape)
          this.#violation(`${node}: view ${view.number} is ${shape}, and ${known}`)
        stay ??= { lineage, next: view.start + 1, views: new Map(), view: view.number - 1 }
        if (view.number !== stay.view + 1) this.#violation(`${node} goes from view ${stay.view} to ${view.number}`)
        if (stay.next !== view.start + 1) {
          this.#violation(`${node} enters view ${view.number}, after ${view.start}, when ${stay.next} is next`)
        }
        stay.view = view.number
      },
      delivered: (number, publication) => {
        this.deliveries++
        const id = publicationId(publication)
        if (stay === undefined) {
          this.#violation(`${node} delivers ${number} outside`)
          return
        }
        if (number !== stay.next) this.#violation(`${node} delivers ${number} when ${stay.next} is next`)
        stay.next = number + 1
        this.#lives(node, stay.lineage)
        const name = `${stay.lineage}/${number}`
        const known = this.#numbers.get(name)
        this.#numbers.set(name, known ?? id)
        if (known !== undefined && known !== id) this.#violation(`${node}: number ${number} is ${id}, and ${known}`)
        const { publisher, sequence } = publication
        if (sequence <= (last.get(publisher) ?? 0))
          this.#violation(`${node} delivers ${id} after ${last.get(publisher)}`)
        last.set(publisher, sequence)
        this.#delivered.add(id)
      },
      left: () => {
        stay = undefined
      },
    }
  }

  /** A group that decides something; one whose founding failed in its first view decides nothing. */
  #lives(node: string, lineage: number): void {
    if (this.#lineages.has(lineage)) return
    this.#lineages.add(lineage)
    if (this.#lineages.size > 1) this.#violation(`${node} is in a second group`)
  }

  #violation(text: string): void {
    if (this.violations.length < 20) this.violations.push(text)
  }
}
