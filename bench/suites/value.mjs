// Value and SharedArray: what an access costs.

import { native, oneWay, pythonWork, side } from '../lib/contenders.mjs';

const SUBJECT = 'subjects/value.mjs';
const ours = (label, role) => oneWay(label, { role: 'subject', guess: 30 }, side(SUBJECT, role));

export default {
  name: 'value',
  title: 'Value and SharedArray',
  points: () => [
    {
      id: 'value-add',
      title: 'adding 1 atomically',
      unit: 'add',
      contenders: [
        ours('isthmus Value.add', 'add'),
        ours('isthmus SharedArray.add', 'methodAdd'),
        oneWay('Atomics.add', { role: 'limit', guess: 5 }, side(SUBJECT, 'bareAdd')),
        oneWay('shm-typed-array', { needs: 'shm-typed-array' }, side(SUBJECT, 'shmTypedArrayAdd')),
        oneWay('C++ fetch_add', { needs: 'locks' }, native('locks', { role: 'add' })),
        oneWay('Python Value', { needs: 'python' }, pythonWork('value', { takes: ['count'] })),
      ],
      goals: [{ subject: 'isthmus Value.add', against: 'Atomics.add', ratio: 2 }],
    },
    {
      id: 'value-view',
      title: 'view[i] += 1',
      unit: 'element',
      contenders: [
        ours('isthmus SharedArray.view', 'sharedView'),
        oneWay('TypedArray', { role: 'limit', guess: 5 }, side(SUBJECT, 'ordinaryView')),
        oneWay('shm-typed-array', { needs: 'shm-typed-array' }, side(SUBJECT, 'shmTypedArrayView')),
        oneWay('Python RawArray', { needs: 'python' }, pythonWork('array', { takes: ['count'] })),
      ],
      // "as fast as": a tenth for noise.
      goals: [{ subject: 'isthmus SharedArray.view', against: 'TypedArray', ratio: 1.1 }],
    },
  ],
};
