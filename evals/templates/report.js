"use strict";
(() => {
  const byId = (id) => document.getElementById(id);
  const list = byId("list"), search = byId("search"), state = byId("state"), head = byId("head");
  const cases = [...list.querySelectorAll(".case")].map((item) => ({
    item,
    text: item.querySelector("summary").textContent.toLowerCase(),
    states: item.dataset.state,
    keys: [...item.querySelector("summary").children].map((cell) => cell.dataset.key || cell.textContent.trim()),
  }));

  const filter = () => {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    let found = 0;
    for (const { item, text, states } of cases) {
      const shown = words.every((word) => text.includes(word)) && states.includes(state.value);
      item.hidden = !shown;
      found += shown;
    }
    byId("found").textContent = `${found} of ${cases.length} shown`;
  };

  const order = new Intl.Collator("en", { numeric: true }).compare;
  const sort = (column, button) => {
    const down = button.dataset.order === "up";
    for (const other of head.querySelectorAll("button")) {
      other.setAttribute("aria-pressed", String(other === button));
      if (other !== button) delete other.dataset.order;
    }
    button.dataset.order = down ? "down" : "up";
    button.setAttribute("aria-label", `${button.dataset.name}, sorted ${down ? "downwards" : "upwards"}`);
    const sorted = [...cases].sort((a, b) => (down ? -1 : 1) * order(a.keys[column], b.keys[column]));
    list.append(...sorted.map(({ item }) => item));
  };

  [...head.children].forEach((cell, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.dataset.name = button.textContent = cell.textContent;
    button.setAttribute("aria-pressed", "false");
    button.addEventListener("click", () => sort(column, button));
    cell.replaceChildren(button);
  });
  search.addEventListener("input", filter);
  state.addEventListener("change", filter);
  byId("controls").hidden = false;
  filter();

  const open = () => {
    const target = location.hash && byId(location.hash.slice(1));
    if (target && target.tagName === "DETAILS") target.open = true;
  };
  addEventListener("hashchange", open);
  open();
  addEventListener("beforeprint", () => {
    for (const item of document.querySelectorAll("#failures details, #changes details")) item.open = true;
  });
})();
