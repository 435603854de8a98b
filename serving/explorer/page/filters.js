// Which artists may be among the answers, and how many.

import { counted, element } from "./dom.js";

const KEPT = "artist_sim.filters";
const NUMBERS = [5, 10, 20, 50, 100];
const USUAL = 20;

/** The filters, kept while the tab is open; `changed()` is called after each change by hand. */
export class Filters {
  constructor(about, changed) {
    this.about = about;
    this.changed = changed;
    const kept = JSON.parse(sessionStorage.getItem(KEPT) ?? "{}");
    const modalities = about.modalities.map(({ name }) => name);
    // A server may allow less than its usual number.
    this.usual = Math.min(USUAL, about.most_k);
    const numbers = NUMBERS.filter((number) => number <= about.most_k);
    this.numbers = numbers.includes(this.usual) ? numbers : [...numbers, this.usual];
    this.k = this.numbers.includes(kept.k) ? kept.k : this.usual;
    this.modalities = (kept.modalities ?? []).filter((name) => modalities.includes(name));
    // A step of the slider: more popular than that many tenths of the artists.
    this.tenths = about.has_popularity ? (kept.tenths ?? 0) : 0;
    this.excluded = kept.excluded ?? [];
    this.open = false;
  }

  /** As parameters of /similar and keys of /new; the server knows its usual number by itself. */
  parameters() {
    return {
      k: this.k === this.usual ? null : this.k,
      modality: this.modalities,
      min_popularity: this.tenths ? this.about.popularity_quantiles[this.tenths] : null,
      exclude: this.excluded.map(({ id }) => id),
    };
  }

  /** Leaves an artist {id, name} out. */
  exclude({ id, name }) {
    this.excluded.push({ id, name });
    this.#set();
  }

  /** Takes an artist back in. */
  include(id) {
    this.excluded = this.excluded.filter((artist) => artist.id !== id);
    this.#set();
  }

  /** Takes all filters off, but not the number of answers. */
  clear() {
    Object.assign(this, { modalities: [], tenths: 0, excluded: [] });
    this.root.replaceWith(this.element());
    this.#set();
  }

  /** Whether anything is filtered. */
  any() {
    return this.modalities.length + this.tenths + this.excluded.length > 0;
  }

  #set() {
    const { k, modalities, tenths, excluded } = this;
    sessionStorage.setItem(KEPT, JSON.stringify({ k, modalities, tenths, excluded }));
    this.#write();
    this.changed();
  }

  // What depends on the choices; the controls themselves stay, and with them the focus.
  #write() {
    const on = this.modalities.length + (this.tenths ? 1 : 0);
    this.count.textContent = on ? `${on} on` : "";
    const { excluded } = this;
    this.leftOut.hidden = excluded.length === 0;
    this.leftOut.replaceChildren(
      element(
        "p",
        { id: "left-out" },
        `${counted(excluded.length, "artist")} left out; take back:`,
      ),
      element(
        "ul",
        { class: "chips", "aria-labelledby": "left-out" },
        excluded.map(({ id, name }) =>
          element(
            "li",
            {},
            element(
              "button",
              {
                type: "button",
                class: "chip",
                "aria-label": `Take ${name} back`,
                click: () => this.#takeBack(id),
              },
              name,
              element("span", { "aria-hidden": "true", class: "undo" }, " ↩"),
            ),
          ),
        ),
      ),
    );
  }

  #takeBack(id) {
    this.include(id);
    (this.leftOut.querySelector("button") ?? this.root.querySelector("summary")).focus();
  }

  /** The controls. */
  element() {
    this.count = element("span", { class: "count" });
    this.leftOut = element("div", { class: "left-out" });
    const details = element(
      "details",
      { class: "filters", open: this.open },
      element("summary", {}, "Filters", this.count),
      element("div", { class: "controls" }, this.#modalities(), this.#popularity(), this.#number()),
    );
    details.addEventListener("toggle", () => {
      this.open = details.open;
    });
    this.root = element("div", { class: "filtering" }, details, this.leftOut);
    this.#write();
    return this.root;
  }

  #modalities() {
    const { modalities } = this.about;
    if (modalities.length === 0) return null;
    const box = ({ name, num_artists: number }) =>
      element(
        "label",
        { class: "box" },
        element("input", {
          type: "checkbox",
          name: "modality",
          value: name,
          checked: this.modalities.includes(name),
          change: (event) => {
            this.modalities = modalities
              .map((one) => one.name)
              .filter((one) =>
                one === name ? event.target.checked : this.modalities.includes(one),
              );
            this.#set();
          },
        }),
        element("span", {}, name),
        element("span", { class: "aside" }, number.toLocaleString("en")),
      );
    return element(
      "fieldset",
      {},
      element("legend", {}, "Must have"),
      element("div", { class: "boxes" }, modalities.map(box)),
    );
  }

  #popularity() {
    if (!this.about.has_popularity) return null;
    const said = () => popularityWords(this.tenths, this.about.popularity_quantiles);
    const output = element("output", { for: "popularity", id: "popularity-said" }, said());
    const slider = element("input", {
      id: "popularity",
      type: "range",
      min: 0,
      max: 9,
      step: 1,
      value: this.tenths,
      "aria-valuetext": said(),
      input: () => {
        this.tenths = Number(slider.value);
        output.textContent = said();
        slider.setAttribute("aria-valuetext", said());
      },
      change: () => this.#set(),
    });
    return element(
      "div",
      { class: "control" },
      element("label", { for: "popularity" }, "Popularity"),
      slider,
      output,
    );
  }

  #number() {
    const select = element(
      "select",
      {
        id: "number",
        change: () => {
          this.k = Number(select.value);
          this.#set();
        },
      },
      this.numbers.map((number) =>
        element("option", { value: number, selected: number === this.k }, String(number)),
      ),
    );
    return element(
      "div",
      { class: "control" },
      element("label", { for: "number" }, "Answers"),
      select,
    );
  }
}

/** What a step of the slider means. */
function popularityWords(tenths, quantiles) {
  if (tenths === 0) return "any";
  return `${Math.round(quantiles[tenths] * 10) / 10} or more: the top ${100 - tenths * 10}%`;
}
