#!/usr/bin/env node
/** The `isthmus` command. Everything it can do, it does through the package's public face. */

import { fail } from './failure.mjs';
import { run } from './program.mjs';

process.on('uncaughtException', fail); // such as nobody reading the help that was asked for

try {
  process.exitCode = await run(process.argv.slice(2));
} catch (error) {
  fail(error);
}
