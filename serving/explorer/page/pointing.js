// Which artist is pointed at: list, neighbourhood and map show the same one.

const listeners = new Set();

/** Points at an artist, or with null at none. */
export function point(id) {
  listeners.forEach((heard) => heard(id));
}

/** Calls `heard(id or null)` whenever another artist is pointed at. */
export function onPoint(heard) {
  listeners.add(heard);
}

/** Listeners for an element that stands for an artist. */
export const pointsAt = (id) => ({
  pointerenter: () => point(id),
  pointerleave: () => point(null),
  focusin: () => point(id),
  focusout: () => point(null),
});
