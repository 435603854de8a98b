// A text field with a list that completes it: the ARIA combobox pattern with a listbox.

import { announce, element } from "./dom.js";

const PAUSE = 120;

/**
 * Builds the field.
 *
 * @param {object} options
 *   id: of the field; label: its name; placeholder;
 *   ask(text, signal): promise of items; show(item): children of an option;
 *   pick(item): when one is chosen; none(text): the sentence where there is no item;
 *   counted(number): what is said of the items found.
 * @returns {{root: HTMLElement, input: HTMLInputElement}}
 */
export function combobox({ id, label, placeholder, ask, show, pick, none, counted }) {
  const list = element("ul", { id: `${id}-list`, role: "listbox", "aria-label": label });
  const note = element("p", { class: "note" });
  const popup = element("div", { class: "popup", hidden: true }, list, note);
  const input = element("input", {
    id,
    type: "text",
    role: "combobox",
    placeholder,
    autocomplete: "off",
    autocapitalize: "off",
    spellcheck: "false",
    enterkeyhint: "search",
    "aria-autocomplete": "list",
    "aria-expanded": "false",
    "aria-controls": list.id,
    "aria-label": label,
  });
  const root = element("div", { class: "combobox" }, input, popup);

  let items = [];
  let active = -1;
  let timer = 0;
  let request = null;
  let settledText = null;
  let pickFirst = false;

  function open(shown) {
    popup.hidden = !shown;
    input.setAttribute("aria-expanded", String(shown && items.length > 0));
    if (!shown) activate(-1);
  }

  function activate(index) {
    active = index;
    [...list.children].forEach((option, place) => {
      option.setAttribute("aria-selected", String(place === index));
      if (place === index) option.scrollIntoView({ block: "nearest" });
    });
    if (index < 0) input.removeAttribute("aria-activedescendant");
    else input.setAttribute("aria-activedescendant", list.children[index].id);
  }

  function choose(index) {
    const item = items[index];
    stop();
    open(false);
    input.value = "";
    settledText = null;
    pick(item);
  }

  // Answers that would come late are not waited for.
  function stop() {
    clearTimeout(timer);
    request?.abort();
    request = null;
    pickFirst = false;
    root.removeAttribute("aria-busy");
  }

  async function fetchItems() {
    const text = input.value.trim();
    const mine = new AbortController();
    request?.abort();
    request = mine;
    root.setAttribute("aria-busy", "true");
    try {
      items = await ask(text, mine.signal);
      note.textContent = items.length ? "" : none(text);
    } catch (error) {
      if (mine.signal.aborted) return;
      items = [];
      note.textContent = error.message;
    }
    if (mine.signal.aborted) return;
    request = null;
    root.removeAttribute("aria-busy");
    settledText = text;
    list.replaceChildren(...items.map((item, index) => option(item, index)));
    list.hidden = items.length === 0;
    activate(-1);
    if (document.activeElement !== input) return;
    open(true);
    announce(items.length ? counted(items.length) : note.textContent);
    if (pickFirst && items.length) choose(0);
    pickFirst = false;
  }

  function option(item, index) {
    return element(
      "li",
      {
        id: `${id}-option-${index}`,
        role: "option",
        "aria-selected": "false",
        // The field keeps the focus.
        pointerdown: (event) => event.preventDefault(),
        click: () => choose(index),
      },
      show(item, input.value.trim()),
    );
  }

  function later() {
    stop();
    timer = setTimeout(fetchItems, PAUSE);
  }

  const keys = {
    ArrowDown() {
      if (popup.hidden) fetchItems();
      else if (items.length) activate((active + 1) % items.length);
    },
    ArrowUp() {
      if (!popup.hidden && items.length) activate(active <= 0 ? items.length - 1 : active - 1);
    },
    Enter() {
      if (!popup.hidden && active >= 0) choose(active);
      else if (settledText === input.value.trim() && items.length) choose(0);
      else if (input.value.trim() !== "") {
        stop();
        pickFirst = true;
        fetchItems();
      }
    },
    Escape() {
      stop();
      if (popup.hidden) input.value = "";
      open(false);
    },
  };

  input.addEventListener("keydown", (event) => {
    if (event.isComposing || !Object.hasOwn(keys, event.key)) return;
    event.preventDefault();
    keys[event.key]();
  });
  input.addEventListener("input", later);
  input.addEventListener("click", () => {
    if (popup.hidden) fetchItems();
  });
  input.addEventListener("blur", () => {
    stop();
    open(false);
  });
  return { root, input };
}
