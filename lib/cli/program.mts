/** The command line: verbs, options, help. Each verb is loaded when it runs, so that help needs no native part. */

import { readFileSync } from 'node:fs';
import { Argument, Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import { examplesOf } from './examples.mjs';
import { EXIT, EXIT_CODES_HELP } from './exit-codes.mjs';

/** Runs one command line and gives the exit code; throws what the verb throws. */
export async function run(args: readonly string[]): Promise<number> {
  let code: number = EXIT.OK;
  const program = build((result) => {
    code = result;
  });
  try {
    await program.parseAsync(args, { from: 'user' });
    return code;
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    return error.exitCode === 0 ? EXIT.OK : EXIT.USAGE; // commander has said what is wrong
  }
}

type Finish = (code: number) => void;

function build(finish: Finish): Command {
  const program = new Command('isthmus')
    .description('Looks at shared memory objects, removes them, and carries data through them.')
    .version(version(), '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .exitOverride()
    .configureHelp({ styleTitle: (title) => `\u001b[1m${title}\u001b[0m` }) // taken out again where colours are unwanted
    .configureOutput({ outputError: (text, write) => write(text.replace(/^error:/, 'isthmus:')) })
    .showHelpAfterError('(isthmus --help, or isthmus VERB --help, tells more)')
    .addHelpText('after', EXIT_CODES_HELP);
  addLooking(program, finish);
  addTop(program, finish);
  addCarrying(program, finish);
  addQueues(program, finish);
  addHelping(program, finish);
  return program;
}

function verb(program: Command, name: string, description: string, notes = ''): Command {
  return program
    .command(name)
    .description(description)
    .addHelpText('after', `${notes}${examplesOf(name)}${EXIT_CODES_HELP}`);
}

function addLooking(program: Command, finish: Finish): void {
  verb(
    program,
    'ls',
    'List what stands in /dev/shm: kind, name, shape, size, permissions, who is attached. Attaches to nothing.',
  )
    .option('--json', 'print an array of objects instead of a table')
    .action(async (options) => finish(await (await import('./ls.mjs')).ls(options)));
  verb(program, 'inspect', 'Tell everything about one object, also about a damaged one. Attaches to nothing.')
    .argument('<name>', "the object's name; a semaphore's with or without the 'sem.' of its file")
    .option('--json', 'print one JSON object; 64-bit integers, NaN and infinities are strings in it')
    .addOption(new Option('--limit <n>', 'so many entries, messages or lines (default: 16)').argParser(count))
    .addOption(new Option('--all', 'all of them').conflicts(['limit']))
    .action(async (name, options) =>
      finish(await (await import('./inspect.mjs')).inspectVerb(name, options)),
    );
  verb(program, 'rm', 'Remove names. Whoever has an object open keeps it; the name is free at once.')
    .argument('<names...>', "names of objects; a semaphore's with or without the 'sem.' of its file")
    .option('-f, --force', 'a name that is not there is no error')
    .action(async (names, options) => finish((await import('./rm.mjs')).rm(names, options)));
  verb(program, 'gc', 'Remove what killed processes left: objects that should have gone with them.', GC_NOTES)
    .option('--json', 'print an array of the removed names')
    .action(async (options) => finish(await (await import('./gc.mjs')).gc(options)));
}

const TOP_NOTES = `
On a terminal it is live: ↑ ↓ move, → ← sort by another column, r reverses, b sorts by
what is busiest, / filters by name, Enter inspects one object, ? lists all keys, q quits.
Otherwise it prints one table after one interval, for rates need two looks; with --count
so many tables, with --json one object on a line for each round, without end unless
--once or --count says so.

  CONTENTS     a value, how many messages wait, how full it is; held, free, or abandoned
               by a holder that was killed
  IN/S, OUT/S  a second: messages of a Queue, bytes of an SpscQueue or Pipe, entries set
               in a SharedMap, changes of a SharedList, calls of an Event's set, rounds
               of a Barrier; of a Value its net change. – is counted nowhere: nothing is
               written for the sake of being watched, so no lock counts acquisitions
  ATTACHED     pids of the processes; 1234:2 is worker 2 of process 1234
  HELD BY      who has the lock or a permit, reads, writes or works on a job; (gone): it
               was killed. ≥ 3 s: every look of the last 3 s has found it so. In between
               it may have let go and taken it again. Of an SpscQueue and a Pipe: both
               sides
  WAITS FOR    somebody waits, and for what; who (pid) or how many (×2), where that is
               known. Most waits are a mark, which stays for a while after a waiter was
               killed or gave up

It attaches to nothing and disturbs nobody. Objects that are not on the screen are not
looked at, unless they have to be sorted by what is in them; then a tenth of the time goes
for them, each in its turn. NO_COLOR switches colours off.
`;

function addTop(program: Command, finish: Finish): void {
  verb(
    program,
    'top',
    'Watch all objects: how fast, how full, who is there, who holds, who waits.',
    TOP_NOTES,
  )
    .addOption(new Option('--interval <seconds>', 'from one round to the next').argParser(seconds).default(1))
    .addOption(new Option('--once', 'print one table (or line of JSON) and end'))
    .addOption(new Option('--count <n>', 'end after so many rounds').argParser(count).conflicts('once'))
    .option('--json', 'print one JSON object on a line for each round')
    .addOption(
      new Option('--sort <column>', 'by what')
        .choices(['name', 'kind', 'size', 'contents', 'in', 'out', 'attached', 'held', 'waits'])
        .default('name'),
    )
    .option('--reverse', 'the other way round')
    .option('--filter <text>', 'only names with this text in them', '')
    .action(async (options) => finish(await (await import('./top.mjs')).top(options)));
}

const QUEUE_NAME = "the queue's name, of A-Z a-z 0-9 . _ -";

const GC_NOTES = `
Removes objects with lifetime 'attached' that nobody is attached to, and files of
objects that were never finished; of your user only. Prints their names. Never removes
a persistent object, or one that somebody has open. Safe at any time.
`;

const QUEUE_NOTES = `
Either side may start first: both meet in a queue (SpscQueue) of that name, which is
gone when both have left. One sender and one receiver at a time.

When one side is killed, is interrupted or fails before the end, the other one says
so and ends with exit code 6; the receiver first writes all that had come. With
--wait-for-successor it waits for another process in the place of the dead one, and
the conversation goes on: a new sender's data follows what came before, a new receiver
gets what the old one had not taken.
`;

const SEND_NOTES = `${QUEUE_NOTES}
send exits when everything was taken.

With --lines each line is one message, its newline included, so that the receiver's
output is the same, byte for byte. A line longer than the largest message (capacity
less 8 bytes) travels as several messages; only its last one ends in a newline.
`;

const RECEIVE_NOTES = `${QUEUE_NOTES}
receive exits when the sender has ended. Programs may send, too: strings are written
as UTF-8, bytes as they are.
`;

function addCarrying(program: Command, finish: Finish): void {
  carrying(program, 'send', 'Carry standard input to whoever runs: isthmus receive NAME', SEND_NOTES)
    .option('--lines', 'one message per line, for programs that take messages')
    .action(async (name, options) => finish(await (await import('./send.mjs')).send(name, options)));
  carrying(
    program,
    'receive',
    'Write to standard output what comes from: isthmus send NAME',
    RECEIVE_NOTES,
  ).action(async (name, options) => finish(await (await import('./receive.mjs')).receive(name, options)));
}

function carrying(program: Command, name: string, description: string, notes: string): Command {
  return verb(program, name, description, notes)
    .argument('<name>', QUEUE_NAME)
    .option(
      '--capacity <size>',
      'room in the queue, such as 64KB or 16MB (default: 1MB, or as the other side made it)',
    )
    .option(
      '--timeout <ms>',
      'give up when the other side does nothing for so many milliseconds',
      milliseconds,
    )
    .option('--wait-for-successor', 'when the other side dies, wait for another one in its place')
    .option('--no-progress', 'no progress on the terminal (there is none when stderr is no terminal)');
}

const PUT_NOTES = `
Makes the queue (Queue) if the name is free; it stays, with what is in it, until
isthmus rm NAME. Waits while the queue is full.

A line is text in UTF-8, and its newline is no part of the message. With --json empty
lines are skipped. --whole sends all of standard input as one message of bytes; with
--json as one value. Programs may get and take what was put, and put what get prints.
`;

const GET_NOTES = `
The queue must exist. Waits for messages, unless --all says otherwise. Text is printed
with a newline behind it, bytes as they are, without one, any other value as JSON on one
line. What JSON cannot carry comes as the next best thing: Map and Set as arrays, bigint
and NaN as strings, and with --json, or inside of other values, bytes as
{"base64":"..."}.

A message is taken when it is written: when get is killed or its output fails, what it
had goes back in front of the queue. One that was killed between the two has printed it
already, and the next one prints it again. Exit code 3 if the queue has ended before
--count messages came; --all and --follow end with 0 then.
`;

const TAIL_NOTES = `
tail counts and shows no messages: isthmus inspect NAME shows the first ones, and takes
none. It looks from outside twice a second and prints a line when something has changed:
how many messages wait, how many jobs are out (taken and not yet done), and how many
messages were put and taken for the first time since the line before (in the first line:
in all). It attaches to nothing and disturbs nobody. It ends when the queue has ended and
all of it is done.
`;

function addQueues(program: Command, finish: Finish): void {
  verb(program, 'put', 'Put standard input into a queue: each line is a message.', PUT_NOTES)
    .argument('<name>', QUEUE_NAME)
    .option('--whole', 'all of standard input is one message')
    .option('--json', 'each line is a value in JSON (with --whole: all of it)')
    .option('--end', 'end the queue when all is put: nothing can follow, from anybody')
    .option('--capacity <size>', 'room in the queue, such as 64KB or 16MB (default: 1MB, or as it is)')
    .option('--max-items <n>', 'how many messages may wait (default: as many as fit, or as it is)', count)
    .option('--timeout <ms>', 'give up when there is no room for so many milliseconds', milliseconds)
    .action(async (name, options) => finish(await (await import('./put.mjs')).put(name, options)));
  verb(program, 'get', 'Take messages from a queue and print them.', GET_NOTES)
    .argument('<name>', QUEUE_NAME)
    .addOption(new Option('--count <n>', 'how many (default: 1)').argParser(count))
    .addOption(new Option('--all', 'what is there now, perhaps nothing').conflicts(['count', 'timeout']))
    .addOption(new Option('--follow', 'until the queue has ended').conflicts(['count', 'all']))
    .option('--json', 'text and bytes as JSON, too')
    .option('--timeout <ms>', 'give up when no message comes for so many milliseconds', milliseconds)
    .action(async (name, options) => finish(await (await import('./get.mjs')).get(name, options)));
  verb(program, 'tail', 'Tell how a queue fares, line by line; shows no messages.', TAIL_NOTES)
    .argument('<name>', QUEUE_NAME)
    .action(async (name) => finish(await (await import('./tail.mjs')).tail(name)));
}

const DOCTOR_NOTES = `
Each line says what was found: ok, a warning, or a problem, and then what to do. Features
of the kernel are tried, not guessed from versions: for a moment there is one file with a
temporary name in /dev/shm, and one process of its own is started and killed. Nothing
else is touched. --with PID tells whether that process sees the same /dev/shm.
`;

const BENCH_NOTES = `
Each figure is the median of several rounds, beside the least and the most. In each round
every subject has its turn in processes of its own, so that what else the machine does
meets all of them. Takes less than 20 seconds. What it says holds for this machine and
this moment; docs/performance.md tells what was measured with more care.
`;

const COMPLETION_NOTES = `
The script looks into /dev/shm for names; it starts no process.
`;

function addHelping(program: Command, finish: Finish): void {
  verb(program, 'doctor', 'Tell whether this machine is fit for isthmus, and what to mend.', DOCTOR_NOTES)
    .option('--json', 'print one object: status and findings')
    .option('--with <pid>', 'ask also whether that process sees the same /dev/shm', count)
    .action(async (options) => finish(await (await import('./doctor.mjs')).doctor(options)));
  verb(program, 'bench', 'Measure on this machine, beside child_process.send and postMessage.', BENCH_NOTES)
    .option('--json', 'print one object: figures of each subject')
    .action(async (options) => finish(await (await import('./bench.mjs')).bench(options)));
  verb(program, 'completion', 'Print a script that completes verbs, options and names.', COMPLETION_NOTES)
    .addArgument(new Argument('<shell>', 'which shell').choices(['bash', 'zsh', 'fish']))
    .action(async (shell) => finish(await (await import('./completion.mjs')).completion(program, shell)));
}

function count(text: string): number {
  const n = Number(text);
  if (text.trim() === '' || !Number.isSafeInteger(n) || n < 1)
    throw new InvalidArgumentError('It must be a whole number above 0.');
  return n;
}

function milliseconds(text: string): number {
  const ms = Number(text);
  if (text.trim() === '' || !(ms > 0))
    throw new InvalidArgumentError('It must be a number of milliseconds above 0.');
  return ms;
}

function seconds(text: string): number {
  const number = Number(text);
  if (text.trim() === '' || !(number >= 0.1 && number <= 3600))
    throw new InvalidArgumentError('It must be a number of seconds from 0.1 to 3600.');
  return number;
}

function version(): string {
  const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
  return version;
}
