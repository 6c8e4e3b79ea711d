// SharedMap: get and set of a 100-byte object, 100,000 keys.

import { oneWay, pythonWork, side } from '../lib/contenders.mjs';
import { freshName, together } from '../lib/processes.mjs';
import { redisPort } from '../lib/redis.mjs';

const SUBJECT = 'subjects/map.mjs';

/** A store is filled once, by a process of its own, and used by a fresh one in each repetition. */
export function filled(label, kind, operation, keys, options = {}) {
  const { visit = 'all', ...rest } = options;
  const common = { kind, keys, visit, operation };
  const name = freshName(`map-${kind}`);
  let ready;
  const use = oneWay(label, rest, (parameters) => side(SUBJECT, 'use', { ...common, name })(parameters));
  const run = async (parameters) => {
    ready ??= together([side(SUBJECT, 'fill', common)({ name })]);
    await ready;
    return use.run(parameters);
  };
  return { ...use, keeps: name, run };
}

/** In its own process: there is nothing to fill from outside. */
const own = (label, kind, operation, keys, options) => {
  const { visit = 'all', ...rest } = options;
  return oneWay(label, rest, side(SUBJECT, 'use', { kind, keys, visit, operation }));
};

/** `suffix`: where several sizes are contenders of one point. */
export function contenders(operation, keys, { suffix = '', ...options } = {}) {
  return [
    filled(`isthmus SharedMap${suffix}`, 'isthmus', operation, keys, {
      role: 'subject',
      guess: 1000,
      ...options,
    }),
    filled(`${operation === 'set' ? 'lmdb putSync' : 'lmdb get'}${suffix}`, 'lmdb', operation, keys, {
      needs: 'lmdb',
      guess: 2000,
      ...options,
    }),
    own(`Map (one process)${suffix}`, 'plain', operation, keys, { role: 'limit', guess: 100, ...options }),
  ];
}

/** With a server: a request and an answer each time. */
function servers(operation, keys) {
  const redis = oneWay('Redis', { needs: ['redis', 'redis-server'] });
  return [
    oneWay(
      'Python Manager.dict',
      { needs: 'python' },
      pythonWork('manager', { takes: ['count'], operation, keys }),
    ),
    {
      ...redis,
      async run({ count }) {
        const socket = await redisPort();
        const [{ ns }] = await together([side(SUBJECT, 'redis', { socket, operation, keys })({ count })]);
        return { value: ns / count };
      },
    },
  ];
}

export default {
  name: 'map',
  title: 'SharedMap',
  points: ({ quick }) => {
    const keys = quick ? 10_000 : 100_000;
    return ['get', 'set'].map((operation) => ({
      id: `map-${operation}`,
      title: `${operation} of a 100-byte object, ${keys.toLocaleString('en')} keys at random`,
      unit: operation,
      contenders: [...contenders(operation, keys), ...servers(operation, keys)],
      goals: [
        operation === 'get'
          ? { subject: 'isthmus SharedMap', against: 'lmdb get', ratio: 0.7 }
          : { subject: 'isthmus SharedMap', against: 'lmdb putSync', ratio: 1 / 3 },
        { subject: 'isthmus SharedMap', against: 'Python Manager.dict', ratio: 1 / 50 },
        { subject: 'isthmus SharedMap', against: 'Redis', ratio: 1 / 20 },
      ],
    }));
  },
};
