// Waits that are given up: by a timeout, or by a signal.

const isGivenUp = ({ code, name }) => code === 'ERR_ISTHMUS_TIMEOUT' || name === 'AbortError';

/** What the wait resolves with; false if it was given up. */
export async function unlessGivenUp(wait) {
  try {
    return await wait();
  } catch (error) {
    if (!isGivenUp(error)) throw error;
    return false;
  }
}

/** The same, with a signal that is aborted within some ms. */
export async function aborting(random, wait) {
  const controller = new AbortController();
  const timer = setTimeout(() => controller.abort(), random.between(0, 8));
  try {
    return await unlessGivenUp(() => wait(controller.signal));
  } finally {
    clearTimeout(timer);
  }
}
