// Views of text: what each pass made, the tile program, the C.

/** One line; `sign` is +, − or nothing, and `number` its number in the text. */
function lineHTML(line, number, sign = "", kind = "") {
  const chosen = !state.only && isChosen(line.scope) ? " chosen" : "";
  const title = line.scope ? ` title="${escaped(line.scope)}"` : "";
  return `<div class="line${chosen} ${kind}" data-scope="${escaped(line.scope)}"${title}>` +
    `<span class="number">${number}</span><span class="sign">${sign}</span>` +
    `${escaped(line.text)}</div>`;
}

/** Whether a line is shown: if only one layer's are wanted, those of that layer. */
function isShown(scope) {
  return !state.only || state.scope === "" || isChosen(scope);
}

function gapHTML(hidden) {
  return hidden ? `<div class="gap">⋯ ${hidden} lines of other layers</div>` : "";
}

function codeHTML(all, label, decorate = (line, i) => lineHTML(line, i + 1)) {
  let html = "", hidden = 0;
  all.forEach((line, i) => {
    if (isShown(line.scope)) {
      html += gapHTML(hidden) + decorate(line, i);
      hidden = 0;
    } else hidden++;
  });
  return `<div class="code" aria-label="${label}"><div class="body">${html}${gapHTML(hidden)}</div></div>`;
}

function onlyHTML() {
  return state.scope
    ? `<label><input type="checkbox" id="only"${state.only ? " checked" : ""}> only ` +
      `<b>${escaped(state.scope)}</b></label> <button id="clear" type="button">all layers</button>`
    : `<span class="note" style="margin:0">Click a line or a layer to mark it in all views.</span>`;
}

/** Pairs of lines of two texts: those in both beside each other, others alone. */
function aligned(before, after, removed, added) {
  const gone = new Set(removed), come = new Set(added), rows = [];
  let i = 0, j = 0;
  while (i < before.length || j < after.length) {
    const isGone = i < before.length && gone.has(i), isNew = j < after.length && come.has(j);
    if (isGone && isNew) rows.push([i++, j++]);
    else if (isGone) rows.push([i++, -1]);
    else if (isNew) rows.push([-1, j++]);
    else if (i < before.length && j < after.length) rows.push([i++, j++]);
    else break;
  }
  return { rows, gone, come };
}

function showPasses(view) {
  const stages = current().stages, stage = stages[state.stage];
  const buttons = stages.map((s, i) =>
    `<button type="button" data-stage="${i}" aria-pressed="${i === state.stage}">${s.name} ` +
    (i ? `<small>${s.added.length || s.removed.length
      ? `−${s.removed.length} +${s.added.length}` : "no change"}</small>` : "") + "</button>").join("");
  const isPair = state.side && state.stage > 0;
  view.innerHTML = `<div class="bar"><div class="stages" role="group" aria-label="Stages">${buttons}</div></div>` +
    `<p class="note"><b>${stage.name}</b>: ${escaped(stage.summary)}.</p>` +
    `<div class="bar">${onlyHTML()}<label><input type="checkbox" id="side"${state.side ? " checked" : ""}>` +
    ` side by side</label></div>`;
  const after = lines(stage.lines);
  if (!isPair) {
    const come = new Set(stage.added);
    view.insertAdjacentHTML("beforeend", codeHTML(after, "Text", (line, i) =>
      come.has(i) ? lineHTML(line, i + 1, "+", "added") : lineHTML(line, i + 1)));
    return;
  }
  const before = lines(stages[state.stage - 1].lines);
  const { rows, gone, come } = aligned(before, after, stage.removed, stage.added);
  let left = "", right = "", hidden = 0;
  for (const [i, j] of rows) {
    const scopes = [i < 0 ? null : before[i].scope, j < 0 ? null : after[j].scope];
    if (!scopes.some((scope) => scope !== null && isShown(scope))) { hidden++; continue; }
    left += gapHTML(hidden);
    right += gapHTML(hidden);
    hidden = 0;
    const none = '<div class="line none"> </div>';
    left += i < 0 ? none : lineHTML(before[i], i + 1, gone.has(i) ? "−" : "", gone.has(i) ? "removed" : "");
    right += j < 0 ? none : lineHTML(after[j], j + 1, come.has(j) ? "+" : "", come.has(j) ? "added" : "");
  }
  const side = (title, html) =>
    `<div style="min-width:0"><h3>${title}</h3><div class="code"><div class="body">${html}${gapHTML(hidden)}</div></div></div>`;
  view.insertAdjacentHTML("beforeend", `<div class="sides">${side(
    "before: " + stages[state.stage - 1].name, left)}${side("after: " + stage.name, right)}</div>`);
  const [a, b] = view.querySelectorAll(".code");
  a.onscroll = () => { b.scrollLeft = a.scrollLeft; };
  b.onscroll = () => { a.scrollLeft = b.scrollLeft; };
}

function showText(packed, note) {
  return (view) => {
    view.innerHTML = `<p class="note">${note}</p><div class="bar">${onlyHTML()}</div>` +
      codeHTML(lines(packed()), "Text");
  };
}

/** Marks what is searched for in the view, and counts it. */
function markFound() {
  const status = document.getElementById("found");
  const query = state.query.toLowerCase();
  status.textContent = "";
  if (!query) return;
  let total = 0;
  const parts = document.querySelectorAll("#view .line, #view td, #view figcaption, #view h3");
  for (const part of parts) {
    const walker = document.createTreeWalker(part, NodeFilter.SHOW_TEXT);
    const nodes = [];
    while (walker.nextNode()) {
      if (!walker.currentNode.parentElement.closest(".number, .sign")) nodes.push(walker.currentNode);
    }
    for (const node of nodes) {
      const text = node.textContent, lower = text.toLowerCase();
      if (!lower.includes(query)) continue;
      let html = "", from = 0, at;
      while ((at = lower.indexOf(query, from)) >= 0) {
        html += escaped(text.slice(from, at)) + `<mark>${escaped(text.slice(at, at + query.length))}</mark>`;
        from = at + query.length;
        total++;
      }
      const span = element("span", {}, html + escaped(text.slice(from)));
      node.replaceWith(span);
    }
  }
  status.textContent = total ? `${count(total)} found` : "nothing found";
  if (total) nextFound(1);
}

function nextFound(step) {
  const marks = [...document.querySelectorAll("#view mark")];
  if (!marks.length) return;
  const here = marks.findIndex((mark) => mark.classList.contains("here"));
  marks[here]?.classList.remove("here");
  const next = (here + step + marks.length) % marks.length;
  marks[next].classList.add("here");
  marks[next].scrollIntoView({ block: "center", inline: "nearest" });
  document.getElementById("found").textContent = `${count(next + 1)} of ${count(marks.length)}`;
}
