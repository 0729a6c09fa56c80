// npm's `sacn` fades universe 5 to 1, 2, 255 and refreshes it until it is ended.
const { Sender } = require('sacn');

const sender = new Sender({ universe: 5, reuseAddr: true, iface: '10.77.0.1', minRefreshRate: 10 });
let level = 0;
const fade = setInterval(async () => {
  await sender.send({ payload: { 1: 100 / 255, 2: 200 / 255, 3: (level * 100) / 255 } });
  level += 1;
  if (level > 255) clearInterval(fade);
}, 5);
