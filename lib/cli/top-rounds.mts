/** `isthmus top` for programs and files: a table or a line of JSON for each round. */

import { EXIT } from './exit-codes.mjs';
import { json } from './format.mjs';
import { openOutput } from './output.mjs';
import { contentsText } from './top-cells.mjs';
import type { Known } from './top-rates.mjs';
import { Sampler } from './top-sampler.mjs';
import { files } from './top-sampling.mjs';
import { arrange, layOut, type Order, plainTable } from './top-table.mjs';

export interface RoundsOptions {
  /** ms from round to round. */
  readonly interval: number;
  readonly rounds: number;
  readonly order: Order;
  readonly filter: string;
  readonly json: boolean;
}

export async function topRounds({
  interval,
  rounds,
  order,
  filter,
  json: asJson,
}: RoundsOptions): Promise<number> {
  const write = openOutput();
  const sampler = new Sampler(interval);
  let found = arrange(files(), filter, { by: 'name', reverse: false }, () => undefined);
  await sampler.round(found); // rates need two looks
  for (let round = 0; round < rounds; round++) {
    await sampler.pause(() => found);
    found = arrange(files(), filter, { by: 'name', reverse: false }, () => undefined);
    sampler.tracker.keep(new Set(found));
    await sampler.round(found);
    const known = (file: string): Known | undefined => sampler.tracker.get(file);
    const rows = arrange(found, filter, order, known).filter((file) => known(file) !== undefined);
    const all = rows.map((file) => ({ file, known: known(file)! }));
    const text = asJson
      ? jsonOf(
          all.map((row) => row.known),
          interval,
        )
      : tableOf(all, round);
    await write(Buffer.from(text));
  }
  return EXIT.OK;
}

function tableOf(rows: readonly { readonly file: string; readonly known: Known }[], round: number): string {
  if (rows.length === 0) process.stderr.write('isthmus: nothing in /dev/shm, or nothing with that name\n');
  return `${round > 0 ? '\n' : ''}${plainTable(layOut(rows, performance.now()))}\n`;
}

/** One line. What does not go into JSON is a string, as everywhere in the command. */
function jsonOf(all: readonly Known[], interval: number): string {
  const now = performance.now();
  const objects = all.map(({ look, rates, holds }) => {
    const {
      name,
      kind,
      size,
      allocated,
      header,
      shape,
      contents,
      activity,
      participants,
      orphaned,
      problem,
    } = look.details;
    return {
      name,
      kind,
      ...(header === undefined ? {} : { instance: header.instanceId }),
      size,
      allocated,
      shape,
      summary: contentsText(look.details),
      contents: contents ?? null,
      // null: there was one look at it only.
      rates:
        rates === undefined
          ? null
          : Object.fromEntries(rates.map(({ what, perSecond }) => [what, perSecond])),
      attached: (participants ?? [])
        .filter(({ alive }) => alive)
        .map(({ pid, thread, attachedAt }) => ({ pid, thread, since: attachedAt })),
      holds: holds.map(({ as, owner, since }) => ({
        as,
        ...owner,
        ...(since === undefined ? {} : { atLeastSeconds: Math.floor(now - since) / 1000 }),
      })),
      waits: activity?.waits ?? [],
      ...(orphaned ? { orphaned } : {}),
      ...(problem === undefined ? {} : { problem }),
    };
  });
  return `${json({ at: new Date(), intervalSeconds: interval / 1000, objects }, 0)}\n`;
}
