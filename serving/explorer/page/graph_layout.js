// Where the neighbourhood's artists stand: the nearer the middle, the more similar.
// The same neighbourhood always gets the same picture.

const SWEEPS = 40;
const UNTANGLINGS = 160;

/**
 * Places artists on rings by score, linked ones side by side, and moves labels apart.
 *
 * @param {{id: string, score: number|null, width: number}[]} nodes the middle first; width of the
 *   label in pixels.
 * @param {{source: string, target: string, kind: string}[]} links
 * @param {number} width of the picture in pixels.
 * @param {number} height of the picture in pixels.
 * @param {number} line height of node and label together, in pixels.
 * @returns {{x: number, y: number}[]} in the order of the nodes.
 */
export function layout(nodes, links, width, height, line) {
  const around = nodes.slice(1);
  const weights = pullsBetween(around, links);
  const rings = ringsOf(around.map((node) => node.score));
  const angles = swapped(startAngles(weights), rings, weights);
  const widest = Math.max(0, ...around.map((node) => node.width));
  const radius = {
    x: Math.max(60, width / 2 - Math.min(widest / 2, width / 9) - 8),
    y: Math.max(60, height / 2 - line * 0.8),
  };
  const middle = { x: width / 2, y: height / 2 - line * 0.2 };
  const places = around.map((_, i) => ({
    x: middle.x + Math.cos(angles[i]) * rings[i] * radius.x,
    y: middle.y + Math.sin(angles[i]) * rings[i] * radius.y,
  }));
  const all = [middle, ...places];
  untangle(
    all,
    nodes.map((node) => node.width),
    line,
    width,
    height,
  );
  return all;
}

/** Distances from the middle in (0, 1]: the most similar at 0.42, the least at 1. */
export function ringsOf(scores) {
  const most = Math.max(...scores);
  const least = Math.min(...scores);
  return scores.map((score) =>
    most > least ? 0.42 + (0.58 * (most - score)) / (most - least) : 0.75,
  );
}

function pullsBetween(around, links) {
  const place = new Map(around.map((node, i) => [node.id, i]));
  const weights = around.map(() => new Array(around.length).fill(0));
  for (const { source, target, kind } of links) {
    const i = place.get(source);
    const j = place.get(target);
    if (i === undefined || j === undefined) continue;
    weights[i][j] = weights[j][i] = Math.max(weights[i][j], kind === "known" ? 1 : 0.6);
  }
  return weights;
}

/** Evenly around, each next to whom of the last ones it is linked with most. */
function startAngles(weights) {
  const count = weights.length;
  const angles = new Array(count).fill(0);
  const left = new Set(weights.keys());
  const affinity = new Array(count).fill(0);
  for (let turn = 0; turn < count; turn += 1) {
    let next = -1;
    for (const i of left) if (next < 0 || affinity[i] > affinity[next]) next = i;
    left.delete(next);
    angles[next] = (turn / count) * 2 * Math.PI - Math.PI / 2;
    for (const i of left) affinity[i] = affinity[i] * 0.6 + weights[next][i];
  }
  return angles;
}

/** Swaps places around the middle as long as that brings linked ones closer. */
function swapped(angles, rings, weights) {
  const count = angles.length;
  const x = (i) => rings[i] * Math.cos(angles[i]);
  const y = (i) => rings[i] * Math.sin(angles[i]);
  const cost = (i) => {
    let sum = 0;
    for (let j = 0; j < count; j += 1) sum += weights[i][j] * Math.hypot(x(j) - x(i), y(j) - y(i));
    return sum;
  };
  for (let sweep = 0; sweep < SWEEPS; sweep += 1) {
    let better = false;
    for (let i = 0; i < count; i += 1) {
      for (let j = i + 1; j < count; j += 1) {
        const before = cost(i) + cost(j);
        [angles[i], angles[j]] = [angles[j], angles[i]];
        if (cost(i) + cost(j) < before - 1e-9) better = true;
        else [angles[i], angles[j]] = [angles[j], angles[i]];
      }
    }
    if (!better) break;
  }
  return angles;
}

/** Moves boxes apart that overlap, the middle's never, and keeps all inside. */
function untangle(places, widths, line, width, height) {
  const half = (i) => widths[i] / 2 + 5;
  for (let sweep = 0; sweep < UNTANGLINGS; sweep += 1) {
    let moved = false;
    for (let i = 0; i < places.length; i += 1) {
      for (let j = i + 1; j < places.length; j += 1) {
        const dx = places[j].x - places[i].x;
        const dy = places[j].y - places[i].y;
        const inX = half(i) + half(j) - Math.abs(dx);
        const inY = line - Math.abs(dy);
        if (inX <= 0 || inY <= 0) continue;
        moved = true;
        const share = i === 0 ? 0 : 0.5;
        if (inY <= inX) push(places[i], places[j], "y", (dy < 0 ? -1 : 1) * inY, share);
        else push(places[i], places[j], "x", (dx < 0 ? -1 : 1) * inX, share);
      }
    }
    for (let i = 1; i < places.length; i += 1) {
      const place = places[i];
      place.x = Math.min(Math.max(place.x, half(i)), Math.max(half(i), width - half(i)));
      place.y = Math.min(Math.max(place.y, line * 0.5), height - line * 0.75);
    }
    if (!moved) return;
  }
}

function push(first, second, axis, by, share) {
  first[axis] -= by * share;
  second[axis] += by * (1 - share);
}
