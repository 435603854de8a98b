// Colours of the map's groups. Each theme's eleven were searched for the largest least distance
// (OKLab) under usual, deuteranopic and protanopic sight, at 3:1 or more against the paper; the
// twelfth is the grey of "other". Names stand on the map too: colour is never the only sign.

const LIGHT = [
  "#bb2266",
  "#119900",
  "#5588ff",
  "#885500",
  "#661155",
  "#008899",
  "#cc7766",
  "#222299",
  "#004400",
  "#bb66cc",
  "#6655aa",
];
const DARK = [
  "#ffcc22",
  "#1177ee",
  "#cc4499",
  "#55ee99",
  "#cc5500",
  "#00bbcc",
  "#dd9988",
  "#aa88ff",
  "#228855",
  "#ffbbff",
  "#99aa00",
];

const dark = matchMedia("(prefers-color-scheme: dark)");

/** Calls `heard` whenever the theme changes. */
export const onTheme = (heard) => dark.addEventListener("change", heard);

/** The colour of group `index` of `groups`, as a CSS colour. */
export function groupColour(index, groups) {
  const colours = dark.matches ? DARK : LIGHT;
  if (groups[index] === "other" || index >= colours.length)
    return dark.matches ? "#858b98" : "#83868c";
  return colours[index];
}
