// Plans, the first choices of a schedule, as text.

/** A plan in few characters, and back: "0x7 1x2". */
export const shorten = (plan) =>
  plan
    .reduce((runs, who) => {
      if (runs.at(-1)?.[0] === who) runs.at(-1)[1]++;
      else runs.push([who, 1]);
      return runs;
    }, [])
    .map(([who, times]) => `${who}x${times}`)
    .join(' ');
export const lengthen = (text) =>
  text.split(' ').flatMap((run) => {
    const [who, times] = run.split('x').map(Number);
    return Array(times).fill(who);
  });
