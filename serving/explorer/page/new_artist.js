// What is known of an artist that the catalogue does not have.

import { get } from "./api.js";
import { combobox } from "./combobox.js";
import { counted, element } from "./dom.js";
import { toArtist, toNew } from "./route.js";
import { artistSearch } from "./search.js";
import { readNumbers, readPlays, WrittenField } from "./written.js";

/** The form. Words and neighbours stand in the page's address, the rest in the form alone. */
export class NewArtistForm {
  /**
   * @param {Catalogue} catalogue
   * @param {function} changed called after each change that leaves the address as it is.
   */
  constructor(catalogue, changed) {
    this.catalogue = catalogue;
    this.changed = changed;
    this.route = { words: [], near: [] };
    this.chosen = new Map();
    const { modalities, takes_plays: takesPlays } = catalogue.about;
    const words = modalities
      .filter(({ kind }) => kind === "words")
      .map(({ name }) => this.#words(name));
    /** @type {Map<string, WrittenField>} */
    this.vectors = new Map(
      modalities
        .filter(({ kind }) => kind === "vector")
        .map(({ name, dim }) => [name, vectorField(name, dim, changed)]),
    );
    this.plays = takesPlays ? playsField(changed) : null;
    this.written = [...this.vectors.values(), ...(this.plays ? [this.plays] : [])];
    this.root = element(
      "form",
      { class: "new", submit: (event) => event.preventDefault() },
      words,
      this.#near(),
      this.written.map(({ root }) => root),
      element(
        "button",
        { type: "button", class: "quiet", click: () => this.#clear() },
        "Begin anew",
      ),
    );
  }

  /** Takes in what the address says. */
  async set(route, signal) {
    this.route = route;
    for (const [modality, list] of this.chosen) {
      if (modality === "near") continue;
      const words = route.words.filter((pair) => pair[0] === modality).map((pair) => pair[1]);
      list.replaceChildren(
        ...words.map((word) =>
          chip(word, () =>
            this.#go(
              route.words.filter((pair) => pair[0] !== modality || pair[1] !== word),
              route.near,
            ),
          ),
        ),
      );
    }
    const names = await Promise.all(
      route.near.map((id) => this.catalogue.nameOf(id, signal).catch(() => id)),
    );
    if (signal.aborted) return;
    this.chosen.get("near").replaceChildren(
      ...route.near.map((id, i) =>
        chip(names[i], () =>
          this.#go(
            route.words,
            route.near.filter((other) => other !== id),
          ),
        ),
      ),
    );
  }

  /** The content, the neighbours and the plays, as /new takes them; null if nothing is said yet. */
  given() {
    const content = {};
    for (const [modality, { value }] of this.vectors) {
      if (value !== null) content[modality] = value;
    }
    for (const [modality, word] of this.route.words) (content[modality] ??= {})[word] = 1;
    const { near } = this.route;
    const plays = this.plays?.value ?? null;
    if (Object.keys(content).length + near.length === 0 && plays === null) return null;
    return { content, neighbors: near, ...(plays && { plays }) };
  }

  /** Says how many of the listeners who were given the model knows. */
  heard(known) {
    const plays = this.plays?.value ?? null;
    if (plays === null) return;
    const all = counted(Object.keys(plays).length, "listener");
    this.plays.say(`${all}, of whom the model knows ${known}.`);
  }

  #go(words, near) {
    location.hash = toNew(words, near);
  }

  #clear() {
    for (const field of this.written) field.clear();
    if (this.route.words.length + this.route.near.length > 0) this.#go([], []);
    else this.changed();
    this.root.querySelector("input").focus();
  }

  #words(modality) {
    const list = element("ul", { class: "chips", "aria-label": `Chosen ${modality}` });
    this.chosen.set(modality, list);
    const has = (word) => this.route.words.some((pair) => pair[0] === modality && pair[1] === word);
    const { root } = combobox({
      id: `words-${modality}`,
      label: modality,
      placeholder: `Add ${modality} …`,
      ask: async (q, signal) =>
        (await get("words", { modality, q, limit: 8 }, signal)).words.filter(
          ({ word }) => !has(word),
        ),
      show: ({ word, count }) => [
        element("span", { class: "found" }, word),
        element(
          "span",
          { class: "aside" },
          element("span", { class: "unseen" }, ", "),
          count.toLocaleString("en"),
          element("span", { class: "unseen" }, " artists"),
        ),
      ],
      pick: ({ word }) => this.#go([...this.route.words, [modality, word]], this.route.near),
      none: (text) => (text ? `No artist has ${modality} like “${text}”.` : `No more ${modality}.`),
      counted: (number) => `${counted(number, "word")} found.`,
    });
    return element(
      "div",
      { class: "field" },
      element("label", { for: `words-${modality}` }, modality),
      list,
      root,
    );
  }

  #near() {
    const list = element("ul", { class: "chips", "aria-label": "Chosen neighbours" });
    this.chosen.set("near", list);
    const { root } = artistSearch({
      id: "near",
      label: "Known to be similar to",
      placeholder: "Add an artist …",
      pick: ({ id }) => {
        if (!this.route.near.includes(id)) this.#go(this.route.words, [...this.route.near, id]);
      },
    });
    return element(
      "div",
      { class: "field" },
      element("label", { for: "near" }, "known to be similar to"),
      list,
      root,
    );
  }
}

function vectorField(modality, dim, changed) {
  return new WrittenField({
    id: `vector-${modality}`,
    summary: `${modality}, ${counted(dim, "number")}`,
    label: `The ${dim} numbers of ${modality}, apart by spaces or commas`,
    read: (text) => readNumbers(text, dim),
    changed,
  });
}

function playsField(changed) {
  return new WrittenField({
    id: "plays",
    summary: "plays, by listener",
    label: "One listener a line: the id, and how often, as “ann 12”",
    read: readPlays,
    changed,
  });
}

function chip(text, remove) {
  return element(
    "li",
    {},
    element(
      "button",
      {
        type: "button",
        class: "chip chosen",
        "aria-label": `Remove ${text}`,
        click: remove,
      },
      text,
      element("span", { "aria-hidden": "true", class: "undo" }, " ×"),
    ),
  );
}

/** The picture's data for a new artist: in the middle, with those it is nearest to. */
export function newNeighborhood(name, similar) {
  const middle = { id: null, name, score: null };
  return {
    nodes: [middle, ...similar.map(({ id, name: label, score }) => ({ id, name: label, score }))],
    links: similar.map(({ id, score, known }) => ({
      source: null,
      target: id,
      kind: known ? "known" : "similar",
      score,
    })),
  };
}

/** A link to an artist as a chip, for places to begin. */
export function artistChip({ id, name }) {
  return element("li", {}, element("a", { class: "chip", href: toArtist(id) }, name));
}
