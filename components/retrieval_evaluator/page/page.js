"use strict";
// Draws the figures that the page carries, in the colours of the reader's theme, and finds artists
// on the map.
const figures = JSON.parse(document.getElementById("figures").textContent);
const dark = matchMedia("(prefers-color-scheme: dark)");
const config = { responsive: true, displaylogo: false, displayModeBar: false, scrollZoom: false };

const mapConfig = {
  ...config,
  scrollZoom: true,
  displayModeBar: true,
  modeBarButtons: [["zoomIn2d", "zoomOut2d", "resetScale2d"]],
};

function variable(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

function hasWebgl() {
  try {
    return Boolean(document.createElement("canvas").getContext("webgl"));
  } catch {
    return false;
  }
}
const webgl = hasWebgl();

function themed(layout) {
  const ink = variable("--ink");
  const line = variable("--line");
  const narrow = document.documentElement.clientWidth < 600;
  const axis = { gridcolor: line, zerolinecolor: line, linecolor: line, fixedrange: true };
  return {
    ...layout,
    template: null,
    paper_bgcolor: "rgba(0,0,0,0)",
    plot_bgcolor: "rgba(0,0,0,0)",
    font: { color: ink, family: "system-ui, sans-serif", size: narrow ? 11 : 13 },
    margin: { l: 50, r: 12, t: 12, b: 50 },
    legend: { ...layout.legend, orientation: "h", y: narrow ? -0.3 : -0.2 },
    hovermode: layout.hovermode || "x unified",
    modebar: { bgcolor: "rgba(0,0,0,0)", color: variable("--soft"), activecolor: ink },
    hoverlabel: { bgcolor: variable("--card"), font: { color: ink } },
    xaxis: { ...axis, ...layout.xaxis },
    yaxis: { ...axis, ...layout.yaxis },
  };
}

function draw(id) {
  const figure = figures[id];
  const layout = themed(figure.layout);
  const isMap = figure.data.some((trace) => trace.type === "scattergl");
  if (isMap) {
    layout.hovermode = "closest";
    layout.xaxis.fixedrange = false;
    layout.yaxis.fixedrange = false;
    layout.legend.y = -0.02;
    layout.margin = { l: 0, r: 0, t: 0, b: 20 };
  }
  const data = figure.data.map((trace) =>
    trace.type === "scattergl" && !webgl ? { ...trace, type: "scatter" } : trace
  );
  return Plotly.react(id, data, layout, isMap ? mapConfig : config);
}

// What is out of sight costs nothing until it is looked at.
const drawn = new Set();
const seen = new IntersectionObserver(
  (entries) => {
    for (const entry of entries) {
      if (entry.isIntersecting && !drawn.has(entry.target.id)) {
        drawn.add(entry.target.id);
        draw(entry.target.id);
      }
    }
  },
  { rootMargin: "600px" }
);
for (const id of Object.keys(figures)) {
  document.getElementById(id).style.height = `${figures[id].layout.height}px`;
  seen.observe(document.getElementById(id));
}
dark.addEventListener("change", () => drawn.forEach(draw));
addEventListener("beforeprint", () => Object.keys(figures).forEach(draw));

function folded(text) {
  return text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();
}

function startSearch(form) {
  const id = form.dataset.plot;
  const input = form.querySelector("input");
  const output = form.querySelector("output");
  const places = figures[id].data.flatMap((trace, curve) =>
    trace.customdata.map(([name], point) => ({ name, curve, point, folded: folded(name) }))
  );
  const list = form.querySelector("datalist");
  input.addEventListener("input", () => {
    const wanted = folded(input.value.trim());
    const matches = wanted ? places.filter((place) => place.folded.includes(wanted)) : [];
    matches.sort((a, b) => a.folded.indexOf(wanted) - b.folded.indexOf(wanted));
    list.replaceChildren(
      ...matches.slice(0, 12).map((place) => {
        const option = document.createElement("option");
        option.value = place.name;
        return option;
      })
    );
    output.textContent = wanted ? `${matches.length} found` : "";
    const exact = matches.find((place) => place.folded === wanted);
    if (exact) show(exact);
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const wanted = folded(input.value.trim());
    const found = places.find((place) => place.folded === wanted) ||
      places.find((place) => place.folded.includes(wanted));
    if (!wanted) return;
    if (found) show(found);
    else output.textContent = "No artist of that name is on the map.";
  });
  async function show(place) {
    drawn.add(id);
    await draw(id);
    const trace = figures[id].data[place.curve];
    const [x, y] = [trace.x[place.point], trace.y[place.point]];
    const extra = trace.customdata[place.point][1].replace("<br>", ", ");
    output.textContent = `${place.name}${extra}`;
    await Plotly.relayout(id, {
      annotations: [{ x, y, text: trace.text[place.point], showarrow: true, arrowhead: 2, ax: 0,
        ay: -40, font: { size: 14 }, bgcolor: variable("--card"), borderpad: 3 }],
      shapes: [{ type: "circle", xref: "x", yref: "y", xsizemode: "pixel", ysizemode: "pixel",
        xanchor: x, yanchor: y, x0: -9, x1: 9, y0: -9, y1: 9, line: { width: 3, color: "#D55E00" } }],
    });
  }
}
document.querySelectorAll("form.search").forEach(startSearch);
