/** What console.log shows of a handle: its class, the name of its object, and a few facts. */

import { type InspectOptions, inspect } from 'node:util';

/**
 * Facts that are cheap to have, under the names by which programs ask for them. None may wait or trust what it reads, nor
 * change more than a getter does (some mend what a death left behind); one that throws (what it reads is damaged, for
 * example) is shown as its error and spoils nothing.
 */
export type Facts = Readonly<Record<string, () => unknown>>;

interface Shown {
  readonly closed: boolean;
  readonly name: string;
}

/**
 * `Value '/visits' { type: 'i32', value: 3 }`, `Value '/visits' (closed)`. Never throws: what is no real handle (a proxy, a
 * stub made of the prototype) is `Value {}`.
 *
 * @param shown and `facts`: asked for in here, so that nothing they throw gets out
 * @param depth and `options`: as `util.inspect` gives them to methods under `inspect.custom`
 */
export function consoleForm(
  handle: object,
  shown: () => Shown,
  facts: () => Facts,
  depth: number,
  options: InspectOptions,
): string {
  let kind = 'Object';
  try {
    kind = classOf(handle);
    const { name, closed } = shown();
    const head = `${kind} '${name}'`;
    if (depth < 0) return `[${head}]`;
    if (closed) return `${head} (closed)`;
    const known = factsOf(facts());
    if (Object.keys(known).length === 0) return head;
    return `${head} ${inspect(known, { ...options, depth: depth ?? null })}`;
  } catch {
    return `${kind} {}`;
  }
}

/** The facts as they are now. */
export function factsOf(facts: Facts): Record<string, unknown> {
  return Object.fromEntries(Object.entries(facts).map(([fact, ask]) => [fact, outcome(ask)]));
}

function classOf(handle: object): string {
  const { constructor: made } = handle as { constructor?: unknown };
  return typeof made === 'function' ? made.name : 'Object';
}

function outcome(ask: () => unknown): unknown {
  try {
    return ask();
  } catch (error) {
    const why = `<${String((error as { code?: unknown } | null | undefined)?.code ?? error)}>`;
    return { [inspect.custom]: () => why };
  }
}
