// Shows the page anew every few seconds without a reload, as long as somebody looks at it.
"use strict";

const SECONDS = 5;
const part = document.getElementById("part");
const live = document.getElementById("live");
const news = document.getElementById("news");
let shown = "";

function newsOf(page) {
  return page.querySelector("[data-title]").dataset.title;
}

function put(text) {
  const open = new Map([...part.querySelectorAll("details[id]")].map((one) => [one.id, one.open]));
  const focused = part.contains(document.activeElement) && document.activeElement.getAttribute("href");
  part.innerHTML = text; // The server has escaped every text in it; the policy lets no script of it run.
  for (const one of part.querySelectorAll("details[id]")) one.open = open.get(one.id) ?? one.open;
  if (focused) [...part.querySelectorAll("a")].find((one) => one.getAttribute("href") === focused)?.focus();
  const said = newsOf(part);
  document.title = said;
  if (news.textContent && news.textContent !== said) news.textContent = said;
  shown = text;
}

async function renew() {
  if (document.hidden || !getSelection().isCollapsed) return;
  try {
    const answer = await fetch(`${location.pathname}?part=main`, { signal: AbortSignal.timeout(10000) });
    if (!answer.ok && answer.status !== 404) throw new Error(answer.statusText);
    const text = await answer.text();
    if (text !== shown) put(text);
    live.textContent = "live";
    live.className = "";
  } catch {
    live.textContent = "no answer from the agent";
    live.className = "lost";
  }
}

document.title = newsOf(part);
news.textContent = document.title;
live.textContent = "live";
document.getElementById("said")?.focus(); // So that it is read out.
if (location.pathname !== "/login") setInterval(renew, SECONDS * 1000);
document.addEventListener("visibilitychange", renew);
