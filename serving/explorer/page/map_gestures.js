// Mouse, touch and keys on the map, as movements of its camera.

const STILL = 6;
const STRIDE = 60;

/**
 * Listens on the canvas.
 *
 * @param {HTMLCanvasElement} canvas
 * @param {object} answer
 *   pan(dx, dy), zoom(factor, x, y), whole(): movements; hover(x, y) and leave(): a pointer that
 *   hovers, which a finger does not;
 *   click(x, y, touch): a tap without a drag; key(): after each movement by key; enter(): Enter.
 */
export function listen(canvas, answer) {
  const pointers = new Map();
  let travelled = 0;

  const at = (event) => {
    const { left, top } = canvas.getBoundingClientRect();
    return { x: event.clientX - left, y: event.clientY - top };
  };
  const spread = () => {
    const [one, other] = [...pointers.values()];
    return {
      distance: Math.hypot(one.x - other.x, one.y - other.y),
      x: (one.x + other.x) / 2,
      y: (one.y + other.y) / 2,
    };
  };

  canvas.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    canvas.setPointerCapture(event.pointerId);
    if (pointers.size === 0) travelled = 0;
    else travelled = Infinity;
    pointers.set(event.pointerId, at(event));
  });

  canvas.addEventListener("pointermove", (event) => {
    const now = at(event);
    const before = pointers.get(event.pointerId);
    if (before === undefined) {
      answer.hover(now.x, now.y);
      return;
    }
    if (pointers.size === 2) {
      const old = spread();
      pointers.set(event.pointerId, now);
      const { distance, x, y } = spread();
      answer.pan(x - old.x, y - old.y);
      if (old.distance > 0) answer.zoom(distance / old.distance, x, y);
      return;
    }
    pointers.set(event.pointerId, now);
    travelled += Math.hypot(now.x - before.x, now.y - before.y);
    if (travelled > STILL) answer.pan(now.x - before.x, now.y - before.y);
  });

  const release = (event) => {
    const { x, y } = at(event);
    const held = pointers.delete(event.pointerId);
    if (held && event.type === "pointerup" && pointers.size === 0 && travelled <= STILL) {
      answer.click(x, y, event.pointerType === "touch");
    }
  };
  canvas.addEventListener("pointerup", release);
  canvas.addEventListener("pointercancel", release);
  canvas.addEventListener("pointerleave", (event) => {
    // A finger leaves whenever it is lifted; what its tap said stays.
    if (event.pointerType !== "touch") answer.leave();
  });

  canvas.addEventListener(
    "wheel",
    (event) => {
      event.preventDefault();
      const { x, y } = at(event);
      const lines = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? 16 : 1;
      answer.zoom(Math.exp(-event.deltaY * lines * (event.ctrlKey ? 0.01 : 0.0016)), x, y);
    },
    { passive: false },
  );

  const middle = () => [canvas.clientWidth / 2, canvas.clientHeight / 2];
  const keys = {
    ArrowLeft: () => answer.pan(STRIDE, 0),
    ArrowRight: () => answer.pan(-STRIDE, 0),
    ArrowUp: () => answer.pan(0, STRIDE),
    ArrowDown: () => answer.pan(0, -STRIDE),
    "+": () => answer.zoom(1.4, ...middle()),
    "=": () => answer.zoom(1.4, ...middle()),
    "-": () => answer.zoom(1 / 1.4, ...middle()),
    0: () => answer.whole(),
  };
  canvas.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Enter") answer.enter();
    else if (Object.hasOwn(keys, event.key)) {
      event.preventDefault();
      keys[event.key]();
      answer.key();
    }
  });
}
