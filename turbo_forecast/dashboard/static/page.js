// What every page does with a script: without one, each works by its buttons.
"use strict";

for (const button of document.querySelectorAll("[data-without-script]")) button.hidden = true;

for (const select of document.querySelectorAll("select[data-submits]"))
  select.addEventListener("change", () => select.form.requestSubmit());

// Empty fields of a filter are no part of the address.
for (const form of document.querySelectorAll("form[method=get]"))
  form.addEventListener("formdata", (event) => {
    for (const [name, value] of [...event.formData.entries()])
      if (value === "") event.formData.delete(name);
  });

// Where there is little room, filters are out of the way until one wants them.
const narrow = matchMedia("(max-width: 40rem)");
function fold() {
  for (const filters of document.querySelectorAll("details.filters")) filters.open = !narrow.matches;
}
fold();
narrow.addEventListener("change", fold);

// A list of choices closes when one looks elsewhere.
document.addEventListener("click", (event) => {
  for (const choice of document.querySelectorAll("details.choice[open]"))
    if (!choice.contains(event.target)) choice.open = false;
});
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  for (const choice of document.querySelectorAll("details.choice[open]")) {
    choice.open = false;
    choice.querySelector("summary").focus();
  }
});

// Names that hold what is being typed.
for (const input of document.querySelectorAll("input[data-suggests]")) {
  const list = document.getElementById(input.getAttribute("list"));
  let waiting, asked;
  input.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(async () => {
      asked?.abort();
      asked = new AbortController();
      const address = new URL(input.dataset.suggests, document.baseURI);
      address.searchParams.set("text", input.value);
      try {
        const answer = await fetch(address, { signal: asked.signal });
        if (!answer.ok) return;
        const names = (await answer.json()).names;
        list.replaceChildren(...names.map((name) => Object.assign(document.createElement("option"), { value: name })));
      } catch (error) {
        if (error.name !== "AbortError") throw error;
      }
    }, 150);
  });
}
