// Notes above the page: the server is away, or another version answers now.

import { get, onConnection } from "./api.js";
import { counted, element } from "./dom.js";

const AGAIN = 4000;

/** Writes the notes into `root`, and the version into `footer`. */
export class Notes {
  /** @param {function} back called when the server answers again after it was away. */
  constructor(root, footer, back) {
    Object.assign(this, { root, footer, back, version: null, away: null, newer: null, timer: 0 });
    onConnection((reached) => this.#connection(reached));
  }

  /** Takes in what /about said; another version than the first one's gets a note. */
  about(about) {
    if (this.version === null) {
      this.version = about.version;
      this.footer.replaceChildren(
        element(
          "p",
          {},
          [`${about.model}, version ${about.version}`, ...counts(about)].join(" · "),
        ),
      );
    } else if (about.version !== this.version && this.newer === null) {
      this.newer = element(
        "p",
        { class: "note" },
        `Version ${about.version} answers now, this page began with ${this.version}. `,
        element("button", { type: "button", click: () => location.reload() }, "Load it"),
      );
      this.root.append(this.newer);
    }
  }

  /** Asks whether another version answers; where nobody does, the connection's note says it. */
  async check() {
    try {
      this.about(await get("about"));
    } catch {
      // The view's own request says what is wrong.
    }
  }

  #connection(reached) {
    if (reached && this.away !== null) {
      this.away.remove();
      this.away = null;
      clearInterval(this.timer);
      this.back();
    } else if (!reached && this.away === null) {
      this.away = element(
        "p",
        { class: "note away" },
        "The server does not answer; the page tries again every few seconds. ",
        element("button", { type: "button", click: () => this.check() }, "Try now"),
      );
      this.root.append(this.away);
      this.timer = setInterval(() => this.check(), AGAIN);
    }
  }
}

function counts({ explorable, num_artists: artists, num_known_links: links }) {
  return explorable ? [counted(artists, "artist"), counted(links, "known link")] : [];
}
