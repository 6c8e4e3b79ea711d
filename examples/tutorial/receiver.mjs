// receiver.mjs (terminal 2)
import { Pipe, unlink } from 'isthmus';

const pipe = Pipe.open('example-tutorial-pipe');
const texts = [];
for await (const { text } of pipe) texts.push(text);
console.log(texts.join(', ')); // message 1, message 2, message 3, message 4, message 5
pipe.close();
unlink('example-tutorial-pipe');
