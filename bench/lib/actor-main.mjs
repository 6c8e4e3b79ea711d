// node lib/actor-main.mjs MODULE ROLE PARAMETERS: one process of a measurement. Calls the role of the module with its
// parameters (JSON), and prints what it returns as a line of JSON.

import { pathToFileURL } from 'node:url';
import { say } from './actor.mjs';

const [, , module, role, parameters] = process.argv;
const roles = await import(pathToFileURL(module).href);
const result = await roles[role](JSON.parse(parameters));
if (result !== undefined) say(JSON.stringify(result));
