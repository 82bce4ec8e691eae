"use strict";
(() => {
  const table = document.querySelector("table.all");
  const place = document.querySelector(".tools");
  if (!table || !place) return;
  const bodies = [...table.tBodies];
  const rows = bodies.flatMap((b) => [...b.rows].slice(1));
  const names = new Map(bodies.flatMap((b) => [...b.rows].slice(1).map((r) => [r, b.rows[0]])));
  const text = (r) => `${names.get(r).textContent} ${r.textContent}`.toLowerCase();
  const texts = new Map(rows.map((r) => [r, text(r)]));
  const input = document.createElement("input");
  input.type = "search";
  input.setAttribute("aria-label", place.dataset.filter);
  input.placeholder = place.dataset.filter;
  const count = document.createElement("span");
  count.setAttribute("role", "status");
  place.append(input, count);
  const show = () => {
    const asked = input.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const row of rows) {
      const fits = asked.every((a) => texts.get(row).includes(a));
      row.hidden = !fits;
      shown += fits;
    }
    for (const body of bodies) body.rows[0].hidden = sorted || ![...body.rows].some((r, i) => i && !r.hidden);
    count.textContent = `${shown} / ${rows.length}`;
  };
  let sorted = false;
  const all = document.createElement("tbody");
  const value = (row, i) => {
    const cell = row.cells[i];
    const number = Number.parseFloat((cell.dataset.v ?? cell.textContent).replace(/,/g, ""));
    return Number.isNaN(number) ? cell.textContent : number;
  };
  const compare = (a, b) => {
    if (typeof a === typeof b) return a < b ? -1 : a > b ? 1 : 0;
    return typeof a === "number" ? -1 : 1;
  };
  const sort = (i, falls) => {
    if (!sorted) {
      sorted = true;
      for (const row of rows) {
        const of = document.createElement("span");
        of.className = "id";
        of.textContent = names.get(row).cells[0].firstChild.textContent;
        row.cells[0].append(of);
      }
      table.append(all);
    }
    const keyed = rows.map((row) => [value(row, i), row]);
    keyed.sort((a, b) => compare(a[0], b[0]) * (falls ? -1 : 1));
    all.append(...keyed.map(([, row]) => row));
    show();
  };
  [...table.tHead.rows[0].cells].forEach((head, i) => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = head.textContent;
    button.addEventListener("click", () => {
      const falls = head.getAttribute("aria-sort") === "ascending";
      for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", falls ? "descending" : "ascending");
      sort(i, falls);
    });
    head.replaceChildren(button);
  });
  input.addEventListener("input", show);
  show();
})();
