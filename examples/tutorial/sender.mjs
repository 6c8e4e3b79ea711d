// sender.mjs (terminal 1)
import { Pipe } from 'isthmus';

const pipe = Pipe.open('example-tutorial-pipe');
for (let n = 1; n <= 5; n++) await pipe.send({ n, text: `message ${n}` });
pipe.close(); // the other end receives all five, and then the end
