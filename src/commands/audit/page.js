"use strict";
const rows = [...document.querySelectorAll("#findings tbody tr")];
const boxes = [...document.querySelectorAll("#filter input[type=checkbox]")];
const words = document.querySelector("#filter input[type=search]");
const shown = document.querySelector("#shown");
function filter() {
  const wanted = new Set(boxes.filter((box) => box.checked).map((box) => box.value));
  const text = words.value.trim().toLowerCase();
  let count = 0;
  for (const row of rows) {
    row.hidden = !wanted.has(row.dataset.severity) || !row.textContent.toLowerCase().includes(text);
    count += row.hidden ? 0 : 1;
  }
  shown.textContent = String(count);
}
for (const box of boxes) box.addEventListener("change", filter);
words.addEventListener("input", filter);
const asked = new URLSearchParams(location.hash.slice(1));
if (asked.has("severity")) for (const box of boxes) box.checked = asked.get("severity").split(",").includes(box.value);
if (asked.has("text")) words.value = asked.get("text");
filter();
