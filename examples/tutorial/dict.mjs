// dict.mjs (terminal 1, and again in terminals 2 to 5)
import { SharedMap, unlink } from 'isthmus';

const shared = SharedMap.open('example-tutorial-dict');
// One step. shared.set('count', shared.get('count') + 1) would be two: of those who get the same number, one is lost.
const count = shared.add('count', 1); // 0 until somebody has added
console.log('count is', count);
shared.close();
if (count === 5) unlink('example-tutorial-dict'); // the last one tidies up
