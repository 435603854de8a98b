// A field for what is written or pasted at length, folded away until it is wanted.

import { counted, element } from "./dom.js";

const PAUSE = 300;

/** A folded text area, and what is read from it. */
export class WrittenField {
  /**
   * @param {object} options
   *   id: of the text area; summary: what one unfolds; label: what to write;
   *   read(text): {value, sentence}: the value null where there is none, the sentence for whoever
   *   writes, "" where nothing is written;
   *   changed(): called when one has paused writing, after it is read.
   */
  constructor({ id, summary, label, read, changed }) {
    Object.assign(this, { read, changed, value: null, timer: 0 });
    // Said to those who hear the page, too: once one pauses, not at each key.
    this.said = element("p", { class: "numbers", id: `${id}-said`, "aria-live": "polite" });
    this.text = element("textarea", {
      id,
      rows: 3,
      spellcheck: "false",
      autocapitalize: "off",
      "aria-describedby": this.said.id,
      input: () => {
        clearTimeout(this.timer);
        this.timer = setTimeout(() => this.#take(), PAUSE);
      },
    });
    this.root = element(
      "details",
      { class: "field" },
      element("summary", {}, summary),
      element("label", { for: id }, label),
      this.text,
      this.said,
    );
  }

  /** Says something else of what is written. */
  say(sentence) {
    this.said.textContent = sentence;
  }

  /** Takes out what is written. */
  clear() {
    clearTimeout(this.timer);
    this.text.value = "";
    this.#read();
  }

  #take() {
    this.#read();
    this.changed();
  }

  #read() {
    const { value, sentence } = this.read(this.text.value);
    this.value = value;
    this.say(sentence);
    if (sentence && value === null) this.text.setAttribute("aria-invalid", "true");
    else this.text.removeAttribute("aria-invalid");
  }
}

/** The numbers of a text; null where there are not `dim`, with a sentence if there is a text. */
export function readNumbers(text, dim) {
  const parts = text.split(/[\s,;]+/).filter((part) => part !== "");
  if (parts.length === 0) return { value: null, sentence: "" };
  const wrong = parts.find((part) => !Number.isFinite(Number(part)));
  if (wrong !== undefined) return { value: null, sentence: `“${wrong}” is no number.` };
  if (parts.length !== dim) return { value: null, sentence: `${parts.length} of ${dim} numbers.` };
  return { value: parts.map(Number), sentence: `All ${dim} numbers are there.` };
}

/**
 * Listeners and how often each played, as {listener: number}, of lines with both; those of one who
 * stands twice are added up. Null where a line has something else, with a sentence.
 */
export function readPlays(text) {
  const plays = new Map();
  for (const [place, line] of text.split("\n").entries()) {
    if (line.trim() === "") continue;
    // An id may have spaces: the number is what comes last.
    const [, listener, last] = /^\s*(\S.*?)(?:\s*[,;]\s*|\s+)(\S+)\s*$/.exec(line) ?? [];
    const number = Number(last);
    if (!(number >= 0 && number < Infinity)) {
      const sentence = `Line ${place + 1}, “${line.trim()}”, is no listener with a number of plays.`;
      return { value: null, sentence };
    }
    plays.set(listener, (plays.get(listener) ?? 0) + number);
  }
  if (plays.size === 0) return { value: null, sentence: "" };
  return { value: Object.fromEntries(plays), sentence: `${counted(plays.size, "listener")}.` };
}
