// The artists' places, in cells, so that the nearest one is found without looking at all.

const CELLS = 64;

const cellOf = (value) => Math.min(CELLS - 1, Math.max(0, Math.floor(((value + 1) / 2) * CELLS)));

/** The columns of /map, for questions about places. */
export class Points {
  constructor({ x, y, group, groups }) {
    this.x = Float32Array.from(x);
    this.y = Float32Array.from(y);
    this.group = group;
    this.cells = Array.from({ length: CELLS * CELLS }, () => []);
    x.forEach((_, i) => this.cells[cellOf(y[i]) * CELLS + cellOf(x[i])].push(i));
    this.counts = groups.map(() => 0);
    group.forEach((g) => {
      this.counts[g] += 1;
    });
    this.heartlands = groups.map((_, g) => this.#heartland(g));
  }

  /** The artist nearest to a place, within `reach` and `shown(i)`; -1 where none is. */
  nearest(x, y, reach, shown) {
    let best = -1;
    let least = reach * reach;
    for (let row = cellOf(y - reach); row <= cellOf(y + reach); row += 1) {
      for (let column = cellOf(x - reach); column <= cellOf(x + reach); column += 1) {
        for (const i of this.cells[row * CELLS + column]) {
          const squared = (this.x[i] - x) ** 2 + (this.y[i] - y) ** 2;
          if (squared < least && shown(i)) {
            least = squared;
            best = i;
          }
        }
      }
    }
    return best;
  }

  /** Where a group is densest, for its name to stand there; null for an empty group. */
  #heartland(group) {
    const size = 20;
    const at = (value) => Math.min(size - 1, Math.max(0, Math.floor(((value + 1) / 2) * size)));
    const cells = new Map();
    for (let i = 0; i < this.x.length; i += 1) {
      if (this.group[i] !== group) continue;
      const key = at(this.y[i]) * size + at(this.x[i]);
      if (!cells.has(key)) cells.set(key, []);
      cells.get(key).push(i);
    }
    let best = [];
    for (const key of cells.keys()) {
      const around = [-size - 1, -size, -size + 1, -1, 0, 1, size - 1, size, size + 1].flatMap(
        (offset) => cells.get(key + offset) ?? [],
      );
      if (around.length > best.length) best = around;
    }
    if (best.length === 0) return null;
    const mean = (column) => best.reduce((sum, i) => sum + column[i], 0) / best.length;
    return { x: mean(this.x), y: mean(this.y) };
  }
}
