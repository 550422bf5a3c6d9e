import { type FaultFigures, type FaultName, underFault } from '../../testnet/local/faults.ts'

/** Messages a second and publisher while one floods: a hundredfold of the usual 20 is more than its process can sign and send. */
const QUOTA = 5
/** Times the quota that the flooding node tries, of which it takes about two thirds itself. */
const TRIED = 160

/** 40 msg/s of 1 KiB from four of 16 nodes (beside a flood ten), each a process of its own, while some of the others are faulty. */
export async function measureFault(fault: FaultName, seed: number, quick: boolean): Promise<FaultFigures> {
  const load = { rate: 40, senders: 4, bytes: 1024, seconds: quick ? 10 : 30, flood: TRIED * QUOTA }
  const flooded = fault === 'flooding' && { senders: 10, quota: QUOTA }
  return await underFault({ fault, nodes: 16, seed, alone: true, ...load, ...flooded })
}
