"use strict";
// Tables sort by a click on a heading, and plots of attributes share one place. Without this script
// tables stand in their first order and all plots are shown.

function compare(a, b, descending) {
  if (a === undefined || b === undefined) return (a === undefined) - (b === undefined);
  const x = Number(a), y = Number(b);
  const order = Number.isNaN(x) || Number.isNaN(y) ? a.localeCompare(b, "en", { numeric: true }) : x - y;
  return descending ? -order : order;
}

function sortBy(table, column) {
  const heading = table.tHead.rows[0].cells[column];
  // Names begin at A, numbers with the greatest.
  const first = column === 0 ? "ascending" : "descending";
  const other = column === 0 ? "descending" : "ascending";
  const order = heading.getAttribute("aria-sort") === first ? other : first;
  for (const cell of table.tHead.rows[0].cells) cell.removeAttribute("aria-sort");
  heading.setAttribute("aria-sort", order);
  const body = table.tBodies[0];
  const key = (row) => column === 0 ? row.cells[0].textContent : row.cells[column].dataset.value;
  const rows = Array.from(body.rows, (row) => [key(row), row]);
  rows.sort((a, b) => compare(a[0], b[0], order === "descending"));
  body.append(...rows.map((pair) => pair[1]));
}

for (const table of document.querySelectorAll("table.sortable")) {
  Array.from(table.tHead.rows[0].cells).forEach((cell, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...cell.childNodes);
    button.addEventListener("click", () => sortBy(table, column));
    cell.append(button);
  });
}

for (const place of document.querySelectorAll(".switch")) {
  const parts = Array.from(place.children);
  const select = document.createElement("select");
  for (const part of parts) select.add(new Option(part.dataset.name));
  const show = () => parts.forEach((part) => { part.hidden = part.dataset.name !== select.value; });
  select.addEventListener("change", show);
  const label = document.createElement("label");
  label.append(place.dataset.label, select);
  place.prepend(label);
  show();
}
