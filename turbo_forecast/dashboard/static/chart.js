// Draws the charts of a page: each `div.chart` names the script element that holds what it shows, in Vega-Lite, and the colours for dark.
"use strict";

const dark = matchMedia("(prefers-color-scheme: dark)");
const SIDES = 130; // pixels beside the drawing: the axis, and the labels of thresholds
const LEAST = 200;
const NARROW = 500; // below, a day would have a fraction of a pixel: the latest days alone are drawn, and the legend has two rows
const DAYS_OF_NARROW = 2 * 366;

async function draw(place) {
  const { specification, dark: colours } = JSON.parse(document.getElementById(place.dataset.chart).textContent);
  const width = Math.max(place.clientWidth - SIDES, LEAST);
  for (const view of specification.vconcat ?? [specification]) view.width = width;
  if (dark.matches) specification.config = colours;
  if (place.clientWidth < NARROW) {
    specification.config.legend = { ...specification.config.legend, columns: 2 };
    for (const [name, rows] of Object.entries(specification.datasets))
      if (name.startsWith("days")) specification.datasets[name] = rows.slice(-DAYS_OF_NARROW);
  }
  const before = place.drawn;
  place.drawn = await vegaEmbed(place, specification, {
    actions: false,
    logLevel: 1, // errors: a layer without data (no planned change, say) is nothing to warn of
    renderer: "canvas",
    defaultStyle: false,
    tooltip: { disableDefaultStyle: true },
  });
  place.drawnWidth = place.clientWidth;
  before?.finalize();
  place.dataset.drawn = dark.matches ? "dark" : "light";
}

const places = document.querySelectorAll("div.chart[data-chart]");
function drawAll() {
  for (const place of places) draw(place);
}

drawAll();
dark.addEventListener("change", drawAll);

let waiting;
addEventListener("resize", () => {
  clearTimeout(waiting);
  waiting = setTimeout(() => {
    if ([...places].some((place) => place.drawnWidth !== place.clientWidth)) drawAll();
  }, 200);
});
