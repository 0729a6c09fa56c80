// npm's `dmxnet` fades port-address 3 to 255, 7, 9 and refreshes it until it is ended.
const { dmxnet } = require('dmxnet');

const node = new dmxnet({ log: { level: 'error' }, listen: 6455 });
const sender = node.newSender({ ip: '10.77.0.2', subnet: 0, universe: 3, net: 0 });
let level = 0;
const fade = setInterval(() => {
  sender.setChannel(0, level);
  sender.setChannel(1, 7);
  sender.setChannel(2, 9);
  level += 1;
  if (level > 255) clearInterval(fade);
}, 5);
