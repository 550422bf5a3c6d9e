import { type FaultFigures, type FaultName, underFault } from '../../testnet/local/faults.ts'

/** 40 msg/s of 1 KiB from four of 16 nodes, each a process of its own, while some of the others are faulty. */
export async function measureFault(fault: FaultName, seed: number, quick: boolean): Promise<FaultFigures> {
  const load = { rate: 40, senders: 4, bytes: 1024, seconds: quick ? 10 : 30, flood: 2000 }
  return await underFault({ fault, nodes: 16, seed, alone: true, ...load })
}
