// The few ways in which this page touches its document. Texts come from recordings and clients, which may be hostile:
// they are only ever set as text, so no function here takes markup.

/** The element with an id, which the page has. */
export function byId(id) {
  return document.getElementById(id);
}

/** Sets the text of an element, if it changed: assistive technology reads again whatever is replaced. */
export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/** A new element with a text and a class. */
export function make(tag, text = "", className = "") {
  const node = document.createElement(tag);
  if (text !== "") node.textContent = text;
  if (className) node.className = className;
  return node;
}

/**
 * Fills the rows of a table: each row is {className, cells}, each cell a text, or {text, className, title}. Rows and cells
 * that exist are reused, because tables change several times a second.
 */
export function fillRows(body, rows) {
  while (body.rows.length > rows.length) body.deleteRow(-1);
  rows.forEach((row, index) => {
    const line = body.rows[index] ?? body.insertRow();
    line.className = row.className ?? "";
    row.cells.forEach((cell, column) => {
      const { text, className = "", title = "" } = typeof cell === "object" ? cell : { text: cell };
      const node = line.cells[column] ?? line.insertCell();
      setText(node, text);
      if (node.className !== className) node.className = className;
      if (node.title !== title) node.title = title;
    });
    while (line.cells.length > row.cells.length) line.deleteCell(-1);
  });
}

/** Says something to people who do not see the page, and shows it to those who do. */
export function announce(text) {
  setText(byId("message"), text);
}

/** Copies a text to the clipboard. A page that is not on this machine may not; then the text is selected instead. */
export async function copy(text, shownIn) {
  shownIn.value = text;
  try {
    await navigator.clipboard.writeText(text);
    announce("The command is in the clipboard.");
  } catch {
    shownIn.focus();
    shownIn.select();
    announce("Press Ctrl+C to copy the selected command.");
  }
}
