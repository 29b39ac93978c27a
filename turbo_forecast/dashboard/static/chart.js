// Draws the charts of a page: each `div.chart` names the script element that holds its description for light and for dark.
"use strict";

const dark = matchMedia("(prefers-color-scheme: dark)");

async function draw(place) {
  const descriptions = JSON.parse(document.getElementById(place.dataset.chart).textContent);
  const drawn = place.drawn;
  place.drawn = vegaEmbed(place, descriptions[dark.matches ? "dark" : "light"], {
    actions: false,
    renderer: "svg",
    defaultStyle: false,
    tooltip: { disableDefaultStyle: true },
  });
  (await drawn)?.finalize();
  await place.drawn;
  place.dataset.drawn = "yes";
}

function drawAll() {
  for (const place of document.querySelectorAll("div.chart[data-chart]")) draw(place);
}

drawAll();
dark.addEventListener("change", drawAll);
