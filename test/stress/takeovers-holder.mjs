// node takeovers-holder.mjs NAME MEGABYTES: takes the lock when it is its turn, and keeps it until it is killed.

import { Lock, Value } from 'isthmus';

const [name, megabytes] = process.argv.slice(2);
const ballast = Buffer.alloc(Number(megabytes) * 1e6, 1);
const turn = Value.attach(`${name}-hold`);
turn.waitForSync((pid) => pid === process.pid);
const guard = Lock.attach(name).acquireSync();
setInterval(() => guard.held && ballast, 1000);
