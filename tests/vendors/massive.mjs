// @massive.com/client-js, the vendor's JavaScript client: NODE_MODULES WEBSOCKET_BASE KEY. Prints what it received, as JSON.
import { pathToFileURL } from "node:url";

import { Tally, price } from "./tally.mjs";

const [packages, base, key] = process.argv.slice(2);
// the package can only be imported, and imports do not look into a folder elsewhere
const { websocketClient } = await import(pathToFileURL(`${packages}/@massive.com/client-js/dist/main.js`));
const tally = new Tally();
const socket = websocketClient(key, base).stocks();

socket.onmessage = ({ data }) => {
  for (const message of JSON.parse(data)) {
    if (message.ev === "status" && message.status === "auth_success") {
      socket.send('{"action":"subscribe","params":"T.*,Q.*,AM.*"}');
    } else if (message.ev === "T") {
      tally.add("trades", message.t, message.s, price(message.p));
    } else if (message.ev === "Q") {
      tally.add("quotes", message.t, message.bs + message.as, price(message.bp) + price(message.ap));
    } else if (message.ev === "AM") {
      const prices = [message.o, message.h, message.l, message.c, message.vw];
      tally.add("minutes", message.s, message.v, prices.map(price).reduce((a, b) => a + b));
    } else if (message.ev !== "status") {
      throw new Error(`unexpected message: ${data}`);
    }
  }
};
socket.onclose = ({ code }) => {
  if (code !== 1000) {
    throw new Error(`closed with code ${code}`);
  }
  tally.print();
  process.exit(0);
};
socket.onerror = (error) => {
  throw new Error(`connection failed: ${error.message}`);
};
