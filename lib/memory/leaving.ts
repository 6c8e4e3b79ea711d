/**
 * Leaving is not dying: what an environment still holds when it exits is given back in order.
 *
 * Node-API cleanup hooks do not run on the main thread for process.exit() or an uncaught exception, so this is an
 * `exit` listener. (A worker that is terminated runs no listener: that is a death, tidied by the addon's hook.)
 */

interface Closeable {
  close(): void;
}

const open = new Set<Closeable>();
let listening = false;
let exiting = false;

/** True once the environment is on its way out: nobody is left to settle a promise for. */
export function leaving(): boolean {
  return exiting;
}

/** Closes the handle when the environment exits, unless it is forgotten before. */
export function closeOnExit(handle: Closeable): void {
  open.add(handle);
  if (listening) return;
  listening = true;
  process.on('exit', closeAll);
  // Whoever adds an exit listener after us may want to use its objects in it: we go last.
  process.on('newListener', (event, listener) => {
    if (event !== 'exit' || listener === closeAll) return;
    queueMicrotask(() => {
      process.off('exit', closeAll);
      process.on('exit', closeAll);
    });
  });
}

function closeAll(): void {
  exiting = true;
  for (const one of open) {
    try {
      one.close();
    } catch {
      // Nobody is left to tell; the kernel frees what we could not.
    }
  }
}

/** The handle has been closed. */
export function forgetOnExit(handle: Closeable): void {
  open.delete(handle);
}
