// The page: which view the address asks for, and the answers that fill it.

import { get, post } from "./api.js";
import { artistHead } from "./artist.js";
import { Catalogue } from "./catalogue.js";
import { announce, counted, element } from "./dom.js";
import { Filters } from "./filters.js";
import { Graph } from "./graph.js";
import { CatalogueMap } from "./map.js";
import { artistChip, newNeighborhood, NewArtistForm } from "./new_artist.js";
import { Notes } from "./notes.js";
import { narrow, Panes } from "./panes.js";
import { onPoint } from "./pointing.js";
import { results } from "./results.js";
import { parseRoute, toArtist, toNew } from "./route.js";
import { artistSearch } from "./search.js";
import { failed, loading, notice } from "./states.js";
import { Trail } from "./trail.js";

// Artists around the middle of the neighbourhood.
const inPicture = () => (narrow.matches ? 12 : 15);
const TITLE = "artist_sim explorer";
const at = (id) => document.getElementById(id);
const walkTo = (id) => {
  location.hash = toArtist(id);
};

class Page {
  constructor(about, notes) {
    this.notes = notes;
    this.catalogue = new Catalogue(about);
    this.filters = new Filters(about, () => this.refresh());
    this.panes = new Panes(document.querySelector(".panes"));
    this.trail = new Trail(at("trail"));
    this.graph = new Graph(at("graph"), (id) => this.catalogue.colourOf(id));
    this.map = new CatalogueMap(at("map"), walkTo);
    this.view = at("view");
    this.panel = at("panel");
    this.form = null;
    this.route = { view: "home" };
    this.running = new AbortController();
    this.row = -1;
    this.#furnish();
    this.go(false);
    this.#loadMap();
  }

  #furnish() {
    const pick = ({ id }) => {
      this.panes.choose("list");
      walkTo(id);
    };
    at("search").append(
      artistSearch({
        id: "query",
        label: "Search for an artist",
        placeholder: "Search for an artist …",
        pick,
      }).root,
    );
    at("surprise").addEventListener("click", async () => {
      try {
        walkTo(await this.catalogue.random(this.route.id));
      } catch (error) {
        announce(error.message);
      }
    });
    at("skip").addEventListener("click", (event) => {
      event.preventDefault();
      at("title")?.focus();
    });
    addEventListener("hashchange", () => this.go(true));
    this.panel.addEventListener("scrollend", () => this.trail.leave(this.panel.scrollTop));
    onPoint((id) => {
      for (const row of this.view.querySelectorAll(".row")) {
        row.classList.toggle("pointed", row.dataset.id === id);
      }
    });
  }

  async #loadMap() {
    try {
      this.map.load(await this.catalogue.loadMap());
      // The groups' colours are known now.
      this.graph.draw(false);
      for (const row of this.view.querySelectorAll(".row")) {
        row.querySelector(".dot").style.background = this.catalogue.colourOf(row.dataset.id) ?? "";
      }
      this.#onMap();
    } catch (error) {
      this.map.fail(error.message);
    }
  }

  /** Goes where the address says; `byHand` moves the focus along. */
  go(byHand) {
    if (!/^#?$|^#\//.test(location.hash)) return;
    this.route = parseRoute(location.hash);
    this.running.abort();
    this.running = new AbortController();
    const scroll = this.trail.arrive(this.route);
    this.panes.enter(this.route.view);
    this.notes.check();
    const { signal } = this.running;
    this.onMap = { present: null, similar: [] };
    const shown = { home: this.#home, artist: this.#artist, new: this.#new }[this.route.view];
    shown.call(this, byHand, signal).then(
      () => {
        if (!signal.aborted) this.panel.scrollTop = scroll;
      },
      (error) => this.#failed(error, signal),
    );
  }

  /** Asks anew for the same view: the filters have changed, or the server is back. */
  refresh() {
    if (this.route.view !== "home" && !this.answers?.isConnected) {
      this.go(false);
      return;
    }
    this.running.abort();
    this.running = new AbortController();
    const { signal } = this.running;
    const again = { home: this.#home, artist: this.#answers, new: this.#answersNew }[
      this.route.view
    ];
    again.call(this, false, signal).catch((error) => {
      if (signal.aborted) return;
      if (!this.answers?.isConnected) this.#failed(error, signal);
      else this.#unanswered(error);
    });
  }

  // The filters stay, as one of them may be the reason.
  #unanswered(error) {
    this.panel.removeAttribute("aria-busy");
    this.answers.replaceChildren(failed(error, () => this.refresh()));
    announce(error.message);
  }

  #failed(error, signal) {
    if (signal.aborted) return;
    this.panel.removeAttribute("aria-busy");
    const again = () => this.go(true);
    this.form = null;
    this.view.replaceChildren(
      element(
        "h2",
        { id: "title", tabindex: "-1" },
        error.kind === "missing" ? "Not in the catalogue" : "No answer",
      ),
      error.kind === "missing"
        ? notice(error.message, ["Surprise me instead", () => at("surprise").click()])
        : failed(error, again),
    );
    this.graph.show(null, "There is no neighbourhood to show.");
    this.trail.write();
    announce(error.message);
  }

  #focusTitle(byHand) {
    const inPicture =
      at("graph").contains(document.activeElement) || at("map").contains(document.activeElement);
    if (byHand && !inPicture) at("title").focus({ preventScroll: true });
  }

  #onMap() {
    this.map.show(this.onMap.present, this.onMap.similar, this.trail.walked());
  }

  async #home(byHand, signal) {
    this.form = null;
    const { num_artists: number } = this.catalogue.about;
    const places = element("ul", { class: "chips" });
    document.title = TITLE;
    this.view.replaceChildren(
      element(
        "header",
        { class: "head" },
        element("h2", { id: "title", tabindex: "-1" }, "Who sounds like …?"),
        element(
          "p",
          { class: "lead" },
          `${counted(number, "artist")}, and how near they are to each ` +
            "other. Search for one, tap a dot on the map, or let chance choose.",
        ),
      ),
      element("h3", {}, "Places to begin"),
      places,
      element(
        "p",
        { class: "lead" },
        "Someone the catalogue does not have? ",
        element("a", { class: "inline", href: toNew([], []) }, "Describe a new artist"),
        ".",
      ),
    );
    this.trail.write();
    this.graph.show(null);
    this.#onMap();
    this.#focusTitle(byHand);
    const { artists } = await get("search", { q: "", limit: 24 }, signal);
    if (artists.length === 0) places.replaceWith(notice("The catalogue has no artists."));
    places.replaceChildren(...artists.map(artistChip));
  }

  async #artist(byHand, signal) {
    this.form = null;
    this.panel.setAttribute("aria-busy", "true");
    if (this.view.childElementCount === 0) this.view.replaceChildren(loading("Looking"));
    await this.#answers(byHand, signal, true);
  }

  // `anew`: another artist than before, whose head is to be written too.
  async #answers(byHand, signal, anew = false) {
    const { id } = this.route;
    const asked = { ...this.filters.parameters(), id };
    this.panel.setAttribute("aria-busy", "true");
    const [{ artist, similar }, neighborhood] = await Promise.all([
      get("similar", asked, signal),
      get("neighborhood", { ...asked, k: Math.min(this.filters.k, inPicture()) }, signal),
    ]);
    if (signal.aborted) return;
    this.panel.removeAttribute("aria-busy");
    if (anew) {
      document.title = `${artist.name} · ${TITLE}`;
      this.answers = element("div", { class: "answers" });
      this.view.replaceChildren(
        artistHead(artist, this.catalogue.about),
        element("h3", {}, "Most similar"),
        this.filters.element(),
        this.answers,
      );
      this.trail.name(artist.name);
    }
    this.onMap = { present: artist, similar };
    this.#write(
      similar,
      `Nothing similar to ${artist.name} is known.`,
      `similar to ${artist.name}`,
    );
    this.graph.show(neighborhood);
    this.#onMap();
    this.#focusTitle(byHand);
  }

  #write(similar, none, to) {
    const filtered = this.filters.any();
    if (similar.length === 0) {
      const sentence = filtered ? "No similar artist passes these filters." : none;
      const actions = filtered ? [["Take the filters off", () => this.filters.clear()]] : [];
      this.answers.replaceChildren(notice(sentence, ...actions));
      announce(sentence);
      return;
    }
    this.answers.replaceChildren(
      results(similar, {
        colourOf: (id) => this.catalogue.colourOf(id),
        exclude: (row) => {
          this.row = similar.indexOf(row);
          this.filters.exclude(row);
        },
      }),
    );
    announce(`${counted(similar.length, "artist")} ${to}.`);
    // The focus stays where an artist was left out.
    const buttons = this.answers.querySelectorAll(".leave-out");
    if (this.row >= 0) buttons[Math.min(this.row, buttons.length - 1)].focus();
    this.row = -1;
  }

  async #new(byHand, signal) {
    if (this.form === null) {
      this.form = new NewArtistForm(this.catalogue, () => this.refresh());
      this.answers = element("div", { class: "answers" });
      document.title = `New artist · ${TITLE}`;
      this.view.replaceChildren(
        element(
          "header",
          { class: "head" },
          element("h2", { id: "title", tabindex: "-1" }, "A new artist"),
          element(
            "p",
            { class: "lead" },
            "Say what is known of someone the catalogue does not have: " +
              "the nearest artists come by themselves.",
          ),
        ),
        this.form.root,
        element("h3", {}, "Nearest artists"),
        this.filters.element(),
        this.answers,
      );
      this.trail.write();
      this.#focusTitle(byHand);
    }
    await this.form.set(this.route, signal);
    if (signal.aborted) return;
    try {
      await this.#answersNew(byHand, signal);
    } catch (error) {
      if (!signal.aborted) this.#unanswered(error);
    }
  }

  async #answersNew(_, signal) {
    const given = this.form.given();
    if (given === null) {
      this.onMap = { present: null, similar: [] };
      this.answers.replaceChildren(
        notice("Begin with a word, or with an artist it is similar to."),
      );
      this.graph.show(null, "There is no neighbourhood yet.");
      this.#onMap();
      return;
    }
    const asked = Object.fromEntries(
      Object.entries(this.filters.parameters()).filter(([, value]) => value !== null),
    );
    this.panel.setAttribute("aria-busy", "true");
    const answer = await post("new", { ...given, ...asked }, signal);
    if (signal.aborted) return;
    this.panel.removeAttribute("aria-busy");
    this.form.heard(answer.known_listeners);
    const { similar, x, y } = answer;
    const present = { x, y, name: "new artist", landing: true };
    this.onMap = similar.length ? { present, similar } : { present: null, similar };
    this.#write(similar, "Nothing in the catalogue is near.", "near the new artist");
    this.graph.show(
      similar.length ? newNeighborhood("new artist", similar.slice(0, inPicture())) : null,
    );
    this.#onMap();
  }
}

let page = null;

async function start(notes) {
  const view = at("view");
  view.replaceChildren(loading("The catalogue comes"));
  try {
    const about = await get("about");
    notes.about(about);
    if (about.explorable) page = new Page(about, notes);
    else {
      view.replaceChildren(
        element("h2", { id: "title", tabindex: "-1" }, "Nothing to explore yet"),
        notice("This version brings no data for the explorer: run the pipeline again."),
      );
    }
  } catch (error) {
    view.replaceChildren(
      element("h2", { id: "title", tabindex: "-1" }, "No answer"),
      failed(error, () => start(notes)),
    );
  }
}

const back = () => (page === null ? start(notes) : page.refresh());
const notes = new Notes(at("notes"), at("version"), back);
start(notes);
