// Which picture is seen: on a wide window beside the list, on a narrow one in its place.

export const narrow = matchMedia("(max-width: 859px)");

/** The buttons List, Neighbourhood and Map. */
export class Panes {
  constructor(root) {
    this.buttons = [...root.querySelectorAll("button")];
    this.view = "home";
    this.list = true;
    this.pictures = { home: "map", artist: "graph", new: "map" };
    for (const button of this.buttons) {
      button.addEventListener("click", () => this.choose(button.dataset.pane));
    }
    narrow.addEventListener("change", () => this.#write());
    this.#write();
  }

  /** Takes in which view is shown. */
  enter(view) {
    this.view = view;
    this.#write();
  }

  /** Shows "list", "graph" or "map". */
  choose(pane) {
    this.list = pane === "list";
    if (!this.list) this.pictures[this.view] = pane;
    this.#write();
  }

  #write() {
    const picture = this.pictures[this.view];
    document.body.dataset.view = this.view;
    document.body.dataset.picture = picture;
    document.body.dataset.pane = this.list ? "list" : "picture";
    const pressed = narrow.matches && this.list ? "list" : picture;
    for (const button of this.buttons) {
      button.setAttribute("aria-pressed", String(button.dataset.pane === pressed));
      button.hidden = button.dataset.pane === "graph" && this.view === "home";
    }
  }
}
