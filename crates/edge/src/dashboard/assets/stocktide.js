// Keeps a page up to date: takes what is new of its fragments from the server, in place, so that focus, selected text,
// opened details and what somebody is typing stay. Every page works without it.
"use strict";

(() => {
  const RETRY_MILLIS = 3000;
  const TYPING_MILLIS = 200;
  const MARKS_MAX = 40; // when nearly everything changes, marking it says nothing
  const WORDS = { live: "Live", connecting: "Connecting", reconnecting: "Reconnecting", paused: "Paused" };
  const body = document.body;
  if (!body.dataset.live) return;
  const [state, pause] = ["[data-state]", "[data-pause]"].map(place => document.querySelector(place));
  let [source, retry, isPaused] = [null, 0, false];
  let serverAhead = Number(body.dataset.now) - Date.now();

  // The connection, and its state in words.
  function say(name) {
    if (state.dataset.state === name) return;
    state.dataset.state = name;
    state.lastElementChild.textContent = WORDS[name];
  }

  function connect() {
    clearTimeout(retry);
    source?.close();
    if (isPaused || document.hidden) return;
    source = new EventSource(body.dataset.live);
    source.addEventListener("hello", event => {
      // A server with another script has other pages, too.
      if (event.data !== document.querySelector("script[src]").getAttribute("src")) location.reload();
      say("live");
    });
    source.addEventListener("clock", event => (serverAhead = Number(event.data) - Date.now()));
    source.addEventListener("fragment", event => take(JSON.parse(event.data)));
    source.addEventListener("error", event => {
      if (event.target !== source) return;
      say("reconnecting");
      // A browser gives up when the answer is no stream; we do not.
      if (source.readyState === EventSource.CLOSED) retry = setTimeout(connect, RETRY_MILLIS);
    });
  }

  // News of a fragment: all of it, or the order of its keyed parts and those that changed.
  function take({ id, html, keys, parts = {} }) {
    const fragment = document.getElementById(id);
    if (!fragment) return;
    if (html !== undefined) morph(fragment, element(html));
    const list = fragment.matches("[data-parts]") ? fragment : fragment.querySelector("[data-parts]");
    const known = byKey(list ?? fragment);
    for (const [key, part] of Object.entries(parts)) {
      if (known.has(key)) morph(known.get(key), element(part));
      else known.set(key, element(part));
    }
    if (keys) arrange(list, keys.map(key => known.get(key)).filter(Boolean));
    showMarks();
  }

  function element(html) {
    const template = document.createElement("template");
    template.innerHTML = html;
    return template.content.firstElementChild;
  }

  const byKey = list => new Map([...list.children].map(child => [child.dataset.key, child]));

  function arrange(list, wanted) {
    const keep = new Set(wanted);
    for (const child of [...list.children]) if (!keep.has(child)) child.remove();
    wanted.forEach((child, index) => {
      if (!child.isConnected) mark(child);
      if (list.children[index] !== child) list.insertBefore(child, list.children[index] ?? null);
    });
  }

  // Makes `now` say what `next` says, with as few changes as that takes.
  function morph(now, next) {
    if (now.nodeName !== next.nodeName || now.dataset?.key !== next.dataset?.key) {
      now.replaceWith(next);
      return;
    }
    if (now.nodeType !== Node.ELEMENT_NODE) {
      if (now.data === next.data) return;
      now.data = next.data;
      if (now.parentElement.nodeName !== "TIME") mark(now.parentElement.closest("td, dd"));
      return;
    }
    morphAttributes(now, next);
    // What somebody has typed or chosen is theirs.
    if (now.matches("input, select, textarea")) return;
    if (now.matches("[data-parts]")) {
      const known = byKey(now);
      arrange(now, [...next.children].map(child => {
        const old = known.get(child.dataset.key);
        if (old) morph(old, child);
        return old?.isConnected ? old : child;
      }));
      return;
    }
    const fresh = [...next.childNodes];
    while (now.childNodes.length > fresh.length) now.lastChild.remove();
    fresh.forEach((child, index) => (now.childNodes[index] ? morph(now.childNodes[index], child) : now.append(child)));
  }

  function morphAttributes(now, next) {
    for (const { name, value } of next.attributes) {
      const wanted = name === "class" && now.classList.contains("changed") ? `${value} changed` : value;
      if (now.getAttribute(name) !== wanted) now.setAttribute(name, wanted);
    }
    for (const { name } of [...now.attributes]) {
      const isOurs = name === "open" || (name === "class" && now.classList.contains("changed"));
      if (!next.hasAttribute(name) && !isOurs) now.removeAttribute(name);
    }
  }

  // What just changed is marked for a moment; the stylesheet says how.
  const marks = [];

  const mark = changed => changed && marks.push(changed);

  function showMarks() {
    const shown = marks.splice(0).filter((_, index, all) => all.length <= MARKS_MAX);
    for (const changed of shown) changed.classList.remove("changed");
    if (shown.length > 0) void body.offsetWidth; // so that a running animation starts anew
    for (const changed of shown) changed.classList.add("changed");
  }

  document.addEventListener("animationend", event => event.target.closest(".changed")?.classList.remove("changed"));

  // How long ago things were, in the words of text.rs.
  function span(seconds) {
    if (seconds < 60) return `${seconds} s`;
    if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
    if (seconds < 86400) return `${Math.floor(seconds / 3600)} h`;
    const days = Math.floor(seconds / 86400);
    return days === 1 ? "1 day" : `${String(days).replace(/\B(?=(\d{3})+$)/g, "\u202f")} days`;
  }

  function tellTimes() {
    const now = Date.now() + serverAhead;
    for (const time of document.querySelectorAll("time[datetime]")) {
      const passed = (now - Date.parse(time.dateTime)) / 1000;
      const said = passed >= 1 ? `${span(Math.floor(passed))} ago` : passed > -1 ? "just now" : `in ${span(Math.floor(-passed))}`;
      if (time.textContent !== said) time.textContent = said;
    }
  }

  // Searching as one types: the same page that the form would have led to, put into this one.
  let [typing, search] = [0, null];

  async function find(form) {
    clearTimeout(typing);
    search?.abort();
    search = new AbortController();
    const wanted = [...new FormData(form)].filter(([, value]) => value !== "");
    const query = new URLSearchParams(wanted).toString();
    const address = form.getAttribute("action") + (query && `?${query}`);
    try {
      const answer = await fetch(address, { headers: { Accept: "text/html" }, signal: search.signal });
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      history.replaceState(null, "", address);
      body.dataset.live = page.body.dataset.live;
      morph(document.querySelector("main"), page.querySelector("main"));
      marks.length = 0; // a search changes what is shown, not the stock
      connect();
    } catch (fault) {
      if (fault.name !== "AbortError") location.assign(address);
    }
  }

  document.addEventListener("submit", event => {
    if (!event.target.matches("form[data-search]")) return;
    event.preventDefault();
    find(event.target);
  });
  document.addEventListener("input", event => {
    const form = event.target.closest("form[data-search]");
    if (!form) return;
    clearTimeout(typing);
    typing = setTimeout(() => find(form), event.target.matches("select") ? 0 : TYPING_MILLIS);
  });

  // Whoever says a time of day means their own; the server is told how far that is from UTC.
  document.addEventListener("submit", event => {
    const zone = event.target.elements.zone;
    if (zone) zone.value = -new Date().getTimezoneOffset();
  });

  // Ticks every box of a name, or none when all are ticked.
  document.addEventListener("click", event => {
    const name = event.target.dataset.tick;
    if (!name) return;
    const boxes = [...document.querySelectorAll(`input[type=checkbox][name=${name}]`)];
    const isTicked = !boxes.every(box => box.checked);
    for (const box of boxes) box.checked = isTicked;
  });

  // Live while somebody looks and has not asked for a pause.
  function resume() {
    say(isPaused || document.hidden ? "paused" : "connecting");
    connect();
  }

  pause.addEventListener("click", () => {
    isPaused = !isPaused;
    pause.textContent = isPaused ? "Resume" : "Pause";
    resume();
  });
  pause.hidden = false;
  document.addEventListener("visibilitychange", resume);
  addEventListener("pageshow", event => event.persisted && resume());
  setInterval(tellTimes, 1000);
  resume();
})();
