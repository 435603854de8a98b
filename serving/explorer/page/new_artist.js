// What is known of an artist that the catalogue does not have.

import { get } from "./api.js";
import { combobox } from "./combobox.js";
import { counted, element } from "./dom.js";
import { toArtist, toNew } from "./route.js";
import { artistSearch } from "./search.js";

const PAUSE = 300;

/** The form. Words and neighbours stand in the page's address, vectors in the form alone. */
export class NewArtistForm {
  /**
   * @param {Catalogue} catalogue
   * @param {function} changed called after each change of a vector; others change the address.
   */
  constructor(catalogue, changed) {
    this.catalogue = catalogue;
    this.changed = changed;
    this.route = { words: [], near: [] };
    this.vectors = new Map();
    this.timer = 0;
    this.chosen = new Map();
    const { modalities } = catalogue.about;
    const words = modalities
      .filter(({ kind }) => kind === "words")
      .map(({ name }) => this.#words(name));
    const vectors = modalities
      .filter(({ kind }) => kind === "vector")
      .map(({ name, dim }) => this.#vector(name, dim));
    this.root = element(
      "form",
      { class: "new", submit: (event) => event.preventDefault() },
      words,
      this.#near(),
      vectors,
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

  /** The content and the neighbours, as /new takes them; null where nothing is said yet. */
  given() {
    const content = Object.fromEntries(this.vectors);
    for (const [modality, word] of this.route.words) (content[modality] ??= {})[word] = 1;
    const { near } = this.route;
    return Object.keys(content).length + near.length ? { content, neighbors: near } : null;
  }

  #go(words, near) {
    location.hash = toNew(words, near);
  }

  #clear() {
    for (const text of this.root.querySelectorAll("textarea")) text.value = "";
    for (const text of this.root.querySelectorAll(".numbers")) text.textContent = "";
    this.vectors.clear();
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

  #vector(modality, dim) {
    const said = element("p", { class: "numbers", id: `vector-${modality}-said` });
    const text = element("textarea", {
      id: `vector-${modality}`,
      rows: 3,
      spellcheck: "false",
      "aria-describedby": said.id,
      input: () => {
        const { numbers, sentence } = readNumbers(text.value, dim);
        said.textContent = sentence;
        if (sentence && numbers === null) text.setAttribute("aria-invalid", "true");
        else text.removeAttribute("aria-invalid");
        if (numbers === null) this.vectors.delete(modality);
        else this.vectors.set(modality, numbers);
        clearTimeout(this.timer);
        this.timer = setTimeout(this.changed, PAUSE);
      },
    });
    return element(
      "details",
      { class: "field" },
      element("summary", {}, `${modality}, ${counted(dim, "number")}`),
      element(
        "label",
        { for: text.id },
        `The ${dim} numbers of ${modality}, apart by spaces or commas`,
      ),
      text,
      said,
    );
  }
}

/** Reads `dim` numbers; null where they are not there, with a sentence unless there is no text. */
export function readNumbers(text, dim) {
  const parts = text.split(/[\s,;]+/).filter((part) => part !== "");
  if (parts.length === 0) return { numbers: null, sentence: "" };
  const wrong = parts.find((part) => !Number.isFinite(Number(part)));
  if (wrong !== undefined) return { numbers: null, sentence: `“${wrong}” is no number.` };
  if (parts.length !== dim)
    return { numbers: null, sentence: `${parts.length} of ${dim} numbers.` };
  return { numbers: parts.map(Number), sentence: `All ${dim} numbers are there.` };
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
