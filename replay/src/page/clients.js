// The table of connected clients.

import { duration, grouped } from "./format.js";
import { fillRows, setText } from "./dom.js";

/** A client is marked as behind when its next message has been due for this long. */
const BEHIND_SECONDS = 1;
/** More rows than this are only counted. */
const ROWS_MAX = 50;

export function showClients(body, caption, clients) {
  const behind = clients.filter(isBehind).length;
  const listed = clients.length > ROWS_MAX ? `, the first ${ROWS_MAX} of them` : "";
  const noun = clients.length === 1 ? "client" : "clients";
  setText(caption, `${grouped(clients.length)} ${noun}${listed}${behind ? `, ${grouped(behind)} behind` : ""}`);
  fillRows(body, clients.slice(0, ROWS_MAX).map((client) => ({
    className: isBehind(client) ? "behind" : "",
    cells: [
      String(client.id),
      client.peer,
      client.protocol ?? "plain",
      number(grouped(client.seq)),
      number(grouped(client.lag_messages)),
      number(client.lag_seconds === null ? "–" : duration(client.lag_seconds * 1_000)),
      number(client.late_ms ? duration(client.late_ms.p99) : "–"),
      client.selection ?? "everything",
      isBehind(client) ? "behind" : "",
    ],
  })));
}

function isBehind(client) {
  return (client.lag_seconds ?? 0) >= BEHIND_SECONDS;
}

function number(text) {
  return { text, className: "number" };
}
