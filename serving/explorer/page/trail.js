// The walk from artist to artist: one step for each entry of the browser's history.

import { element } from "./dom.js";
import { toArtist } from "./route.js";

const KEPT = "artist_sim.walk";
const SHOWN = 7;

/** The steps so far; the browser's back and forward move along them. */
export class Trail {
  /** @param {HTMLElement} nav where the walk is written. */
  constructor(nav) {
    this.nav = nav;
    this.steps = JSON.parse(sessionStorage.getItem(KEPT) ?? "[]");
    this.at = -1;
  }

  /**
   * Takes in that the browser is at a place: a step of before, by the history's state, or a new
   * one, which ends what lay ahead. Returns the scroll offset that a step of before was left at, or 0.
   */
  arrive(route) {
    const known = history.state?.step;
    const place = JSON.stringify(route);
    if (Number.isInteger(known) && this.steps[known]?.place === place) {
      this.at = known;
    } else {
      this.steps.length = Math.min(this.steps.length, this.at + 1);
      this.at = this.steps.length;
      this.steps.push({
        place,
        id: route.view === "artist" ? route.id : null,
        name: null,
        scroll: 0,
      });
      history.replaceState({ step: this.at }, "");
    }
    return this.steps[this.at].scroll;
  }

  /** Keeps where the list was scrolled to at the present step. */
  leave(scroll) {
    if (this.at >= 0) this.steps[this.at].scroll = scroll;
    this.#keep();
  }

  /** Names the present artist, now that the name is known, and writes the walk. */
  name(name) {
    this.steps[this.at].name = name;
    this.#keep();
    this.write();
  }

  /** The ids of the artists up to the present one. */
  walked() {
    return this.steps
      .slice(0, this.at + 1)
      .map((step) => step.id)
      .filter((id) => id !== null);
  }

  write() {
    const crumbs = this.steps
      .map((step, index) => ({ ...step, index }))
      .filter((step) => step.name !== null);
    const behind = crumbs.filter((step) => step.index <= this.at);
    const shown = [
      ...behind.slice(-SHOWN),
      ...crumbs.filter((step) => step.index > this.at).slice(0, 2),
    ];
    this.nav.hidden = shown.length < 2;
    this.nav.replaceChildren(element("ol", {}, ...shown.map((step) => this.#crumb(step))));
  }

  #crumb(step) {
    const here = step.index === this.at;
    const link = element(
      "a",
      {
        href: toArtist(step.id),
        class: step.index > this.at ? "ahead" : null,
        "aria-current": here ? "page" : null,
        click: (event) => {
          if (event.ctrlKey || event.metaKey || event.shiftKey || event.button !== 0) return;
          event.preventDefault();
          if (!here) history.go(step.index - this.at);
        },
      },
      step.name,
    );
    return element("li", {}, link);
  }

  #keep() {
    sessionStorage.setItem(KEPT, JSON.stringify(this.steps));
  }
}
