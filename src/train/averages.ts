// Moving averages of weights, which an optimizer with `useEma` keeps: put in the place of the weights for good, or while a
// job runs.

import type { NumericArray } from '../core/dtype.js';
import { check } from '../core/errors.js';
import type { Session } from './session.js';

/** Puts the averages in the place of the weights, where the optimizer keeps some. */
export async function useAverages(session: Session): Promise<void> {
  await session.exclusive(async () => {
    for (const { weight, average } of averagesOf(session)) weight.set(average);
    session.weightsChanged();
  });
}

/** Runs `job` with the averages in the place of the weights, and puts the weights back. */
export async function withAverages<T>(session: Session, job: () => Promise<T>): Promise<T> {
  const where = 'withAverages';
  check(session.averageSlot !== undefined, 'ERR_OCELLUS_STATE', () => ({
    where,
    expected: 'an optimizer that keeps averages of the weights',
    got: 'one that does not',
    help: "compile with { optimizer: { name: 'adam', useEma: true } }",
  }));
  session.requireWeights(where);
  const saved = await session.exclusive(async () => {
    const averages = averagesOf(session);
    const values = averages.map(({ weight }) => weight.slice());
    for (const { weight, average } of averages) weight.set(average);
    session.averaged = true;
    session.weightsChanged();
    return averages.map(({ weight }, i) => ({ weight, values: values[i] }));
  });
  try {
    return await job();
  } finally {
    await session.exclusive(async () => {
      for (const { weight, values } of saved) weight.set(values);
      session.averaged = false;
      session.weightsChanged();
    });
  }
}

/** Weights and their averages, once there are some. */
function averagesOf(session: Session): { weight: NumericArray; average: NumericArray }[] {
  const { averageSlot, step } = session;
  if (averageSlot === undefined || step === 0) return [];
  const averages = session.slots()[averageSlot];
  return session.weights.flatMap(({ path, variable }) =>
    Object.hasOwn(averages, path) ? [{ weight: session.view(variable), average: averages[path].data }] : [],
  );
}
