// The handheld page: takes codes from a scanner, the camera or the keyboard, fills in what they say, and hands each
// action to the queue. Without this script the page is a plain form.
"use strict";

(async () => {
  const FAST_MILLIS = 60; // between two keys of a scanner; people are slower
  const SCAN_LENGTH_MIN = 6;
  const BOUNCE_MILLIS = 700; // the same code within this time was read twice, not scanned twice
  const ENTER_MILLIS = 400; // a scanner may end a code with two Enters
  const CLOCK_MILLIS_MAX = 60000;
  const DECIMALS = 6;
  const EVENTS = { receive: "item_added", pick: "item_removed", move: "item_moved", count: "item_counted", put_away: "item_moved" };
  const WORDS = { location: "the place", to: "the place it goes to", product: "the product", quantity: "the quantity" };

  const byId = id => document.getElementById(id);
  const form = byId("scan");
  const { location: from, to, product, quantity, lot, expiry, serials, reference } = form.elements;
  const [code, go, message] = [byId("code"), form.querySelector(".go .main"), byId("message")];
  const atOnce = byId("at-once");
  const task = () => form.elements.task.value;
  const isMove = () => EVENTS[task()] === "item_moved";

  let scannedAt = null; // when the thing on the sheet was scanned
  let unit = ""; // of the quantity, when it is not the product's own
  let editing = null; // the refused action that the sheet mends
  let last = { code: "", at: -Infinity };
  let sentAt = -Infinity;
  let line = Promise.resolve(); // codes are taken one after the other, however long each takes

  // What the person hears and reads.
  function say(text, tone) {
    message.textContent = text;
    message.dataset.tone = tone;
    if (tone) Signals.give(tone);
  }

  // The device's name: the source of its events.
  function device() {
    let name = localStorage.getItem("stocktide-device")?.trim();
    if (!name) {
      name = `handheld-${uuid().slice(0, 4)}`;
      localStorage.setItem("stocktide-device", name);
    }
    return name;
  }

  // randomUUID is only there when the page came over HTTPS.
  function uuid() {
    if (crypto.randomUUID) return crypto.randomUUID();
    const bytes = crypto.getRandomValues(new Uint8Array(16));
    [bytes[6], bytes[8]] = [(bytes[6] & 0x0f) | 0x40, (bytes[8] & 0x3f) | 0x80];
    const hex = [...bytes].map(byte => byte.toString(16).padStart(2, "0")).join("");
    return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
  }

  // By how much the server's clock is ahead, if that is more than a page may be old when it arrives. Times of scans are
  // then the server's, or it would hold them for a device whose clock is wrong.
  function clockAhead() {
    const painted = Number(document.body.dataset.now);
    if (painted > 0) {
      const ahead = painted - Date.now();
      localStorage.setItem("stocktide-clock-ahead", Math.abs(ahead) > CLOCK_MILLIS_MAX ? String(ahead) : "0");
    }
    return Number(localStorage.getItem("stocktide-clock-ahead") ?? 0);
  }

  const ahead = clockAhead();
  const now = () => new Date(Date.now() + ahead);

  // Codes.
  function scan(scanned, hint) {
    const [at, when] = [performance.now(), now()];
    if (scanned === last.code && at - last.at < BOUNCE_MILLIS) {
      last.at = at;
      say("Read twice, taken once.", "duplicate");
      return;
    }
    last = { code: scanned, at };
    line = line.then(() => take(scanned, hint, when)).catch(fault => say(`This code could not be taken: ${fault.message}`, "bad"));
  }

  async function take(scanned, hint, when) {
    const text = scanned.trim();
    const said = Known.isPlace(text) || Known.product(text) ? { kind: "plain", text } : Codes.read(scanned);
    if (said.kind === "unreadable") return say(said.problem, "bad");
    if (said.gln) {
      const place = await Known.byGln(said.gln);
      if (!place) return say(`No place has the GLN ${said.gln}: scan the place's own name, or give the GLN to a place.`, "bad");
      placed(place.path, hint);
      if (!said.gtin) return;
    }
    if (said.gtin) return found(await Known.byGtin(said.gtin), said, hint, when);
    if (said.kind === "gs1") return detailed(said);
    await named(said.text, hint, when);
  }

  // A name that is known is what it is; another goes where it was typed, or to the first field that is empty.
  async function named(text, hint, when) {
    const known = await Known.byName(text);
    const isPlace = known ? known === "place" : task() !== "look_up" && (hint ?? firstEmpty()) !== "product";
    if (isPlace) return placed(text, hint);
    found(Known.product(text) ?? { id: text, name: "", unit: "", units: [] }, {}, hint, when);
  }

  const needed = () => ["location", isMove() && "to", "product"].filter(Boolean);
  const firstEmpty = () => needed().find(name => form.elements[name].value.trim() === "") ?? "product";

  function placed(path, hint) {
    const field = hint === "location" || !isMove() || (hint !== "to" && from.value.trim() === "") ? from : to;
    field.value = path;
    say(`${field === to ? "To" : task() === "receive" || task() === "count" ? "Place" : "From"} ${path}`, "good");
    settled();
  }

  function found(known, said, hint, when) {
    const isSame = product.value.trim() === known.id && (!said.lot || said.lot === lot.value.trim());
    if (hint !== "product" && product.value.trim() !== "" && !isSame && task() !== "look_up") {
      return say(`${product.value} is not recorded yet: press “${go.textContent}” or “Clear”, then scan ${known.name || known.id} again.`, "bad");
    }
    if (isSame && hint !== "product" && task() !== "look_up") {
      if (!more(said)) return;
    } else {
      clear();
      product.value = known.id;
      [quantity.value, unit] = [said.quantity ?? "1", ""];
      weigh(known, said);
      fill(said);
    }
    scannedAt = when;
    byId("product-name").textContent = [known.name, known.unit && known.name ? `in ${known.unit}` : ""].filter(Boolean).join(", ");
    const weight = said.kilograms && unit === "" && known.unit !== "kg" ? ` It weighs ${said.kilograms} kg.` : "";
    say(`${[known.name || known.id, `quantity ${quantity.value}${unit && ` ${unit}`}`, ...details()].join(" · ")}.${weight}`, "good");
    settled();
  }

  // The same thing again: one more of it, unless its serial was there before.
  function more(said) {
    const have = serials.value.split(/\s+/).filter(Boolean);
    if (said.serial && have.includes(said.serial)) {
      say(`Serial ${said.serial} is on the sheet already; it counts once.`, "duplicate");
      return false;
    }
    if (said.serial) {
      serials.value = [...have, said.serial].join(" ");
      quantity.value = String(have.length + 1);
    } else {
      quantity.value = sum(quantity.value, said.quantity ?? "1");
    }
    return true;
  }

  function weigh(known, { kilograms }) {
    if (!kilograms || !(known.unit === "kg" || known.units.includes("kg"))) return;
    quantity.value = kilograms;
    unit = known.unit === "kg" ? "" : "kg";
  }

  function fill(said) {
    if (said.lot) lot.value = said.lot;
    if (said.expiry) expiry.value = said.expiry;
    if (said.serial) serials.value = said.serial;
    if (said.order || said.pallet) reference.value = said.order ?? said.pallet;
  }

  // A code that says something about the thing at hand, but not which it is.
  function detailed(said) {
    if (Object.keys(said).length === 1) return say("This code says nothing that is needed here: scan the one with the GTIN.", "bad");
    fill(said);
    if (said.quantity) quantity.value = said.quantity;
    say(details().join(" · ") || `Quantity ${quantity.value}`, "good");
    settled();
  }

  // Something was filled in by a code.
  function settled() {
    refresh();
    const isComplete = needed().every(name => form.elements[name].value.trim() !== "");
    if (task() === "look_up") lookUp();
    else if (atOnce.checked && isComplete && editing === null) record();
    code.focus({ preventScroll: true });
  }

  function sum(text, step) {
    const total = Number(text.replace(",", ".") || 0) + Number(step);
    return String(Number(Math.max(total, 0).toFixed(DECIMALS)));
  }

  function clear() {
    for (const field of [product, lot, expiry, serials, reference]) field.value = "";
    [quantity.value, unit, scannedAt, editing] = ["1", "", null, null];
    byId("product-name").textContent = "";
    refresh();
  }

  // What to do next, when there is nothing else to say.
  function guide() {
    say(task() === "look_up" ? "Scan a product or a place." : `Scan ${WORDS[firstEmpty()]}.`, "");
  }

  // What is known of the thing at hand beside what it is.
  function details() {
    const count = serials.value.split(/\s+/).filter(Boolean).length;
    return [lot.value && `lot ${lot.value}`, expiry.value && `expires ${expiry.value}`,
      count > 0 && `${count} serial${count > 1 ? "s" : ""}`, reference.value && `for ${reference.value}`].filter(Boolean);
  }

  // What the page says of itself. The task and the places are kept for the next visit.
  function refresh() {
    localStorage.setItem("stocktide-sheet", JSON.stringify({ task: task(), location: from.value, to: to.value }));
    byId("details").textContent = details().join(" · ") || "Lot, expiry, serials, order";
    const chosen = form.querySelector("[name=task]:checked").parentElement.textContent.trim();
    go.textContent = task() === "look_up" || quantity.value.trim() === "" ? chosen : `${chosen} ${quantity.value.trim()}${unit && ` ${unit}`}`;
    byId("clear").hidden = product.value === "";
    const next = firstEmpty();
    for (const name of ["location", "to", "product"]) form.elements[name].closest(".field").toggleAttribute("data-next", name === next && product.value === "");
  }

  // Recording.
  function problemOf() {
    const missing = [...needed(), "quantity"].find(name => form.elements[name].value.trim() === "");
    if (missing) return [form.elements[missing], `Scan or type ${WORDS[missing]} first.`];
    const amount = quantity.value.trim().replace(",", ".");
    if (!/^\d+(\.\d+)?$/.test(amount) || (Number(amount) === 0 && task() !== "count")) {
      return [quantity, `“${quantity.value}” is no quantity: type a number above zero.`];
    }
    return null;
  }

  function record() {
    const problem = problemOf();
    if (problem) {
      problem[0].focus();
      return say(problem[1], "bad");
    }
    // A count is true when it is finished; all else happened when it was scanned.
    const at = editing?.at ?? ((task() !== "count" && scannedAt) || now());
    const known = Known.product(product.value.trim());
    const amount = quantity.value.trim().replace(",", ".");
    const event = {
      event: EVENTS[task()], id: `scan-${uuid()}`, source: device(), product_id: product.value.trim(), location: from.value.trim(),
      quantity: amount, timestamp: new Date(at).toISOString(),
    };
    if (isMove()) event.to = to.value.trim();
    for (const field of [lot, expiry, reference]) if (field.value.trim() !== "") event[field.name] = field.value.trim();
    if (serials.value.trim() !== "") event.serials = serials.value.trim().split(/\s+/);
    if (unit) event.unit = unit;
    const shown = { task: task(), quantity: amount, unit, product: event.product_id, name: known?.name ?? "" };
    const mended = editing?.seq;
    sentAt = performance.now();
    clear();
    if (task() === "put_away") to.value = "";
    refresh();
    say(Recent.words(shown), "good");
    code.focus({ preventScroll: true });
    return Queue.add(event, shown).then(() => mended && Queue.remove(mended), fault => {
      say(`This could not be kept on the device and was not recorded: ${fault.message}. Free some space, and scan it again.`, "bad");
    });
  }

  function edit(action) {
    const { event, shown } = action;
    form.elements.task.value = shown.task;
    clear();
    [from.value, to.value, product.value, quantity.value] = [event.location, event.to ?? "", event.product_id, String(event.quantity)];
    [lot.value, expiry.value, serials.value] = [event.lot ?? "", event.expiry ?? "", (event.serials ?? []).join(" ")];
    [reference.value, unit] = [event.reference ?? "", event.unit ?? ""];
    editing = { seq: action.seq, at: event.timestamp };
    refresh();
    say(`Mend it and press “${go.textContent}”: ${action.problem}`, "");
    quantity.focus();
    quantity.select();
  }

  // Looking up needs the server: what stands where is only known there.
  async function lookUp() {
    const [item, place] = [product.value.trim(), from.value.trim()];
    if (item === "" && place === "") return say("Scan or type a product or a place.", "bad");
    const query = new URLSearchParams(item ? { product_id: item, group_by: "location" } : { location: place, group_by: "lot" });
    const [section, heading] = [byId("found"), byId("found-heading")];
    try {
      const answer = await fetch(`/v1/stock?limit=50&${query}`);
      const said = await answer.json();
      if (!answer.ok) return say(said.detail, "bad");
      heading.textContent = item ? Known.product(item)?.name || item : place;
      const lines = said.items.filter(one => one.on_hand_quantity !== 0 || one.available_quantity !== 0).map(one =>
        Recent.make("li", {}, Recent.make("span", {}, item ? (one.location ?? one.warehouse_id) : one.name || one.product_id,
          one.lot ? Recent.make("span", { class: "soft" }, ` lot ${one.lot}`) : ""),
        Recent.make("strong", {}, String(one.on_hand_quantity)), Recent.make("span", { class: "soft" }, `${one.available_quantity} available`)));
      section.lastElementChild.replaceChildren(lines.length > 0 ? Recent.make("ul", {}, ...lines) : Recent.make("p", { class: "nothing" }, "Nothing stands there."));
      section.hidden = false;
      say(`${heading.textContent}: ${lines.length === 0 ? "no" : lines.length} ${item ? "place" : "product"}${lines.length === 1 ? "" : "s"}`, "");
      product.value = "";
      byId("product-name").textContent = "";
      refresh();
    } catch {
      say("Looking up needs the server, and it can't be reached. Scanning goes on without it.", "bad");
    }
  }

  // Keys: a scanner is a fast keyboard.
  let burst = { field: null, text: "", before: "", at: -Infinity };

  function track(event) {
    const isFast = event.target === burst.field && event.timeStamp - burst.at <= FAST_MILLIS;
    if (!isFast) burst = { field: event.target, text: "", before: event.target.value };
    burst.at = event.timeStamp;
    if (event.key.length === 1 && !event.ctrlKey) burst.text += event.key;
  }

  const isTyped = target => target.matches("input:not([type=radio], [type=checkbox]), textarea, select");

  document.addEventListener("keydown", event => {
    if (event.isComposing || event.altKey || event.metaKey) return;
    const isSeparator = (event.ctrlKey && (event.key === "]" || event.code === "BracketRight")) || event.key === Codes.SEPARATOR;
    if (isSeparator) {
      event.preventDefault();
      const field = isTyped(event.target) && event.target.type !== "date" ? event.target : code;
      field.focus({ preventScroll: true });
      field.setRangeText(Codes.SEPARATOR, field.selectionStart, field.selectionEnd, "end");
      if (field === burst.field) [burst.text, burst.at] = [burst.text + Codes.SEPARATOR, event.timeStamp];
      return;
    }
    if (isTyped(event.target)) {
      if (event.key === "Enter" || event.key === "Tab") ended(event);
      else track(event);
    } else if (event.key.length === 1 && event.key !== " " && !event.ctrlKey) {
      // Typed into nowhere: the key goes where the focus now is.
      code.focus({ preventScroll: true });
      burst = { field: code, text: event.key, before: "", at: event.timeStamp };
    }
  });

  function ended(event) {
    const field = event.target;
    if (!form.contains(field)) return;
    const isScan = field === burst.field && event.timeStamp - burst.at <= FAST_MILLIS && burst.text.length >= SCAN_LENGTH_MIN;
    if (field === code) {
      if (code.value.trim() === "") {
        if (event.key === "Enter" && event.timeStamp - last.at < ENTER_MILLIS) event.preventDefault();
        return;
      }
      if (event.key === "Enter" || isScan) event.preventDefault();
      scan(code.value);
      code.value = "";
      return;
    }
    const isName = ["location", "to", "product"].includes(field.name);
    const said = isScan && !isName ? Codes.read(burst.text) : null;
    const isOther = said && (said.kind === "gs1" || said.kind === "gtin" || Known.isPlace(burst.text) || Known.product(burst.text));
    if (isOther || (isName && isScan && burst.before !== "")) {
      // A scan into a field that holds something else.
      event.preventDefault();
      [field.value, burst.field] = [isName ? "" : burst.before, null];
      scan(burst.text, isName ? field.name : undefined);
    } else if (isName && field.value.trim() !== "" && event.key === "Enter") {
      event.preventDefault();
      scan(field.value, field.name);
    }
  }

  form.addEventListener("submit", event => {
    event.preventDefault();
    if (product.value === "" && performance.now() - sentAt < ENTER_MILLIS) return;
    line = line.then(async () => {
      await understood();
      if (task() === "look_up") await lookUp();
      else await record();
    });
  });

  // What was typed into the product's field without Enter may be a code, too.
  async function understood() {
    const typed = product.value.trim();
    if (typed === "" || Known.product(typed)) return;
    const said = Codes.read(typed);
    if (!said.gtin) return;
    product.value = (await Known.byGtin(said.gtin)).id;
    if (said.quantity) quantity.value = said.quantity;
    fill(said);
  }

  // Lists to choose from while one types.
  function offer(field) {
    const offers = field === product ? Known.products(field.value) : Known.places(field.value);
    byId(field.getAttribute("list")).replaceChildren(...offers.map(({ id, name }) => Recent.make("option", { value: id }, name || id)));
  }

  form.addEventListener("input", event => {
    if (event.target.hasAttribute("list")) offer(event.target);
    if (event.target === quantity) unit = "";
    if (event.target === product) byId("product-name").textContent = Known.product(product.value.trim())?.name ?? "";
    refresh();
  });
  form.addEventListener("change", event => {
    if (event.target.name !== "task") return;
    byId("found").hidden = true;
    refresh();
    guide();
    if (!event.target.matches(":focus-visible")) code.focus({ preventScroll: true });
  });
  form.addEventListener("click", event => {
    const step = event.target.closest("[data-step]")?.dataset.step;
    if (step) {
      quantity.value = sum(quantity.value, step);
      refresh();
    }
    if (event.target.id === "clear") {
      clear();
      guide();
      code.focus({ preventScroll: true });
    }
  });
  quantity.addEventListener("focus", () => quantity.select());
  // A scanner needs no keyboard on the screen; who touches the field wants one.
  code.inputMode = "none";
  code.addEventListener("pointerdown", () => (code.inputMode = "text"));
  code.addEventListener("blur", () => (code.inputMode = "none"));

  // What the server would not take is told at once, also when it was sent long after the scan.
  let unusable = null;

  function tell(actions) {
    const now = actions.filter(action => action.state === "refused" || action.state === "held");
    const news = unusable && now.find(action => !unusable.has(action.seq));
    unusable = new Set(now.map(action => action.seq));
    if (news) say(`${news.state === "held" ? "Held for review" : "Refused"}, ${Recent.words(news.shown)}: ${news.problem}`, "bad");
  }

  // The queue, in words.
  async function show() {
    const actions = await Queue.all();
    tell(actions);
    Recent.paint(byId("recent"), actions);
    byId("recent").nextElementSibling.hidden = actions.length > 0;
    const waiting = actions.filter(action => action.state === "waiting" || action.undo).length;
    const refused = actions.filter(action => action.state === "refused").length;
    const trouble = Queue.trouble();
    const reasons = { offline: "Offline", unreachable: "No answer", busy: "Server busy", "signed out": "Signed out" };
    const wait = waiting > 0 ? `${waiting} waiting` : "";
    const parts = trouble ? [reasons[trouble.kind], wait] : [waiting > 0 ? `Sending ${waiting}` : refused > 0 ? "" : actions.length > 0 ? "All sent" : "Ready"];
    if (refused > 0) parts.push(`${refused} refused`);
    const state = byId("queue");
    const words = parts.filter(Boolean).join(" · ");
    if (state.lastElementChild.textContent !== words) state.lastElementChild.textContent = words;
    state.dataset.state = trouble ? "waiting" : refused > 0 ? "refused" : waiting > 0 ? "sending" : "idle";
    state.title = trouble?.detail ?? "";
    byId("retry").hidden = !trouble || trouble.kind === "signed out" || waiting === 0;
    byId("sign-in").hidden = trouble?.kind !== "signed out";
  }

  byId("recent").addEventListener("click", async event => {
    const [button, item] = [event.target.closest("[data-do]"), event.target.closest("[data-seq]")];
    if (!button) return;
    const seq = Number(item.dataset.seq);
    if (button.dataset.do === "edit") edit((await Queue.all()).find(action => action.seq === seq));
    else {
      await Queue[button.dataset.do](seq);
      Signals.give("good");
    }
  });
  byId("retry").addEventListener("click", () => Queue.send(true));

  // What one sets once, kept on the device.
  function settings() {
    const panel = document.querySelector(".settings");
    document.addEventListener("click", event => panel.contains(event.target) || (panel.open = false));
    panel.addEventListener("keydown", event => {
      if (event.key !== "Escape") return;
      panel.open = false;
      panel.querySelector("summary").focus();
    });
    const sound = byId("sound");
    const showSound = () => sound.setAttribute("aria-pressed", String(!Signals.isMuted()));
    sound.addEventListener("click", () => {
      Signals.mute(!Signals.isMuted());
      showSound();
      Signals.give("good");
    });
    showSound();
    atOnce.checked = localStorage.getItem("stocktide-at-once") === "yes";
    atOnce.addEventListener("change", () => localStorage.setItem("stocktide-at-once", atOnce.checked ? "yes" : "no"));
    byId("clock-note").textContent = ahead === 0 ? "" :
      `The clock of this device is ${Math.round(Math.abs(ahead) / 60000)} min ${ahead > 0 ? "behind" : "ahead of"} the server's: scans get the server's time.`;
    byId("device").value = device();
    byId("device").addEventListener("change", event => {
      localStorage.setItem("stocktide-device", event.target.value.trim());
      event.target.value = device();
    });
  }

  async function keepOffline() {
    const note = byId("offline-note");
    if (!("serviceWorker" in navigator)) {
      note.textContent = "This page was not opened over HTTPS: it can't be opened without a network. What you scan while it is open is kept.";
      return;
    }
    try {
      await navigator.serviceWorker.register("/scan/worker.js", { scope: "/scan" });
      await navigator.serviceWorker.ready;
      document.documentElement.dataset.offline = "ready";
      note.textContent = "This page can be opened without a network.";
    } catch {
      note.textContent = "This page could not be kept for use without a network; it tries again at the next visit.";
    }
  }

  async function camera() {
    const readable = await Camera.formats();
    if (!readable) {
      byId("camera-note").textContent = "No camera reading in this browser: use a scanner, or type.";
      return;
    }
    const [button, finder] = [byId("camera"), byId("viewfinder")];
    const close = () => {
      Camera.stop();
      finder.hidden = true;
      code.focus({ preventScroll: true });
    };
    finder.querySelector("button").addEventListener("click", close);
    button.addEventListener("click", async () => {
      finder.hidden = false;
      try {
        await Camera.start(finder.querySelector("video"), readable, found => {
          scan(found);
          if (!atOnce.checked) close();
          return atOnce.checked;
        });
      } catch (fault) {
        close();
        say(`The camera can't be used: ${fault.message}. Allow it in the browser's settings, or use a scanner.`, "bad");
      }
    });
    button.hidden = false;
  }

  // What the address asks for, or else where the last visit ended.
  function resume() {
    const params = new URLSearchParams(window.location.search);
    const asked = params.has("task") ? Object.fromEntries(params) : JSON.parse(localStorage.getItem("stocktide-sheet") ?? "{}");
    for (const name of ["location", "to", "product"]) if (form.elements[name].value === "") form.elements[name].value = asked[name] ?? "";
    if ([...form.elements.task].some(({ value }) => value === asked.task)) form.elements.task.value = asked.task;
  }

  try {
    await Queue.start(show);
  } catch (fault) {
    form.replaceWith(form.cloneNode(true)); // without the listeners: a plain form
    byId("message").textContent = `This browser keeps nothing for a page (${fault.message}): each action is sent at once and needs the network.`;
    return;
  }
  for (const hidden of document.querySelectorAll("[data-scripted]")) hidden.hidden = false;
  resume();
  settings();
  refresh();
  code.focus({ preventScroll: true });
  guide();
  await Promise.all([show(), Known.refresh(), camera(), keepOffline()]);
  addEventListener("online", () => Known.refresh());
  refresh();
  document.documentElement.dataset.scan = "ready";
})();
