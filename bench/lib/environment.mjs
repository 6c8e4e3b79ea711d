// What a figure was taken on.

import { cpus, loadavg, release, totalmem } from 'node:os';

export function environment() {
  const [first] = cpus();
  return {
    cpu: first?.model.trim() || 'unknown CPU',
    cores: cpus().length,
    memory: Math.round(totalmem() / 2 ** 30),
    kernel: release(),
    node: process.version,
    date: new Date().toISOString().slice(0, 16).replace('T', ' '),
    /** Other work at the beginning of the run: figures of a busy machine are worth little. */
    load: Number(loadavg()[0].toFixed(2)),
  };
}

export function describe({ cpu, cores, memory, kernel, node, date, load }) {
  return `${cpu}, ${cores} cores, ${memory} GB; Linux ${kernel}; Node ${node}; ${date} UTC; load before ${load}`;
}
