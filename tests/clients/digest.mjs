import WebSocket from "ws";
import { blake3 } from "@noble/hashes/blake3.js";

const digest = blake3.create();
const socket = new WebSocket(process.argv[2]);
socket.on("message", (message) => {
  const length = Buffer.alloc(4);
  length.writeUInt32LE(message.length);
  digest.update(length).update(message);
});
socket.on("close", () => console.log("blake3:" + Buffer.from(digest.digest()).toString("hex")));
