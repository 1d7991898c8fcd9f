// The page: shows the data that it contains, or asks its server for it.

import { byId, setText } from "../../../replay/src/page/dom.js";
import { themeChanged } from "../../../replay/src/page/canvas.js";
import { joined } from "./samples.js";
import { RunView } from "./run.js";
import { ComparisonView } from "./comparison.js";

const POLL_MS = 1_000;

/** Shows a run while it lasts. */
class Watching {
  constructor(view) {
    this.view = view;
    this.run = null;
    this.samples = [];
  }

  async poll() {
    let delay = POLL_MS;
    try {
      const answer = await fetch(`/report?from=${this.samples.length}`, { cache: "no-store" });
      if (!answer.ok) throw new Error(`${answer.status}`);
      const next = await answer.json();
      document.body.classList.remove("offline");
      if (next.run !== this.run) {
        // another run on this port, which has other samples
        const hadSamples = this.samples.length > 0;
        [this.run, this.samples] = [next.run, []];
        if (hadSamples) return this.poll();
      }
      this.samples = joined(this.samples, next.from, next.samples) ?? [];
      if (next.more) delay = 0;
      if (next.report) this.view.show(next.report, this.samples, next.phase);
      else setText(byId("state"), "waiting");
      // the program ends now
      if (next.phase === "over" && !next.more) return;
    } catch {
      document.body.classList.add("offline");
      setText(byId("state"), "not connected");
    }
    setTimeout(() => this.poll(), delay);
  }
}

byId("theme").addEventListener("change", (event) => {
  const theme = event.target.value;
  if (theme === "auto") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
  themeChanged();
});
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", themeChanged);

const data = JSON.parse(byId("data").textContent);
if (data === null) {
  new Watching(new RunView(byId("main"))).poll();
} else if (data.kind === "comparison") {
  new ComparisonView(byId("main"), data.reports).show(data.comparison, data.reports);
} else {
  new RunView(byId("main")).show(data.report, data.report.samples, null);
}
