#!/usr/bin/env node
/** The `isthmus` command. Everything it can do, it does through the package's public face. */

import { fail } from './failure.mjs';
import { run } from './program.mjs';

try {
  process.exitCode = await run(process.argv.slice(2));
} catch (error) {
  fail(error);
}
