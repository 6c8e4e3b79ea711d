/** `isthmus doctor` */

import { styled } from './colour.mjs';
import { checkKernel } from './doctor-kernel.mjs';
import { checkLimits, checkWith } from './doctor-limits.mjs';
import { checkLeftovers, checkShm } from './doctor-shm.mjs';
import { EXIT } from './exit-codes.mjs';
import { type Finding, type Status, warning } from './finding.mjs';
import { json, printable } from './format.mjs';
import { print } from './output.mjs';

export async function doctor(options: { json?: boolean; with?: number }): Promise<number> {
  const kernel = await checkKernel();
  const findings = [
    ...kernel.findings,
    ...checkShm(),
    ...(kernel.loaded ? await leftovers() : []),
    ...checkLimits(),
    ...(options.with === undefined ? [] : [checkWith(options.with)]),
  ];
  const status = worst(findings);
  await print(options.json ? json({ status, findings }) : describe(findings));
  return status === 'problem' ? EXIT.UNFIT : EXIT.OK;
}

async function leftovers(): Promise<Finding[]> {
  try {
    const { list } = await import('../index.mjs');
    return checkLeftovers(list());
  } catch (error) {
    const { message } = error as Error;
    return [warning('leftovers', `cannot be looked for: ${message.split('\n')[0]}`, 'mend that first')];
  }
}

function worst(findings: readonly Finding[]): Status {
  const has = (status: Status): boolean => findings.some((one) => one.status === status);
  return has('problem') ? 'problem' : has('warning') ? 'warning' : 'ok';
}

const COLOURS = { ok: 'green', warning: 'yellow', problem: 'red' } as const;

function describe(findings: readonly Finding[]): string {
  const width = Math.max(...findings.map(({ check }) => check.length));
  const lines = findings.flatMap(({ status, check, found, advice }) => [
    `${styled(status.padEnd(7), COLOURS[status])}  ${check.padEnd(width)}  ${printable(found)}`,
    ...(advice === undefined ? [] : [`${' '.repeat(9 + width)}  → ${printable(advice)}`]),
  ]);
  return [...lines, '', summary(findings)].join('\n');
}

function summary(findings: readonly Finding[]): string {
  const count = (status: Status): number => findings.filter((one) => one.status === status).length;
  const [problems, warnings] = [count('problem'), count('warning')];
  if (problems + warnings === 0) return 'All good.';
  const part = (n: number, word: string): string => `${n} ${word}${n === 1 ? '' : 's'}`;
  return `${part(problems, 'problem')}, ${part(warnings, 'warning')}.`;
}
