// npm's `sacn` receives universes 1 to N until standard input ends. usage: node npm_sacn.js N
const { Receiver } = require('sacn');

let packets = 0;
const universes = Array.from({ length: Number(process.argv[2]) }, (_, n) => n + 1);
const receiver = new Receiver({ universes, iface: '127.0.0.1', reuseAddr: true });
receiver.on('packet', () => { packets += 1; });
// The groups that the system's limit does not let it join come by unicast all the same.
receiver.on('error', () => {});
receiver.on('PacketCorruption', () => {});
setTimeout(() => console.log('ready'), 500);
process.stdin.on('end', () => {
  console.log(JSON.stringify({ packets, published_us: null, handed_us: null }));
  process.exit(0);
});
process.stdin.resume();
