// What was done on this device and may not have reached the server yet. Every action is kept in the browser's database
// before anything else happens to it, and sent in order until it is answered. The database is the only truth: tabs
// share it, and each change of a record is one transaction, so that a record is either taken back before its first
// attempt or sent under the id it was born with.
"use strict";

const Queue = (() => {
  const BATCH_MAX = 50;
  const KEPT_MAX = 60; // answered actions that stay to be looked at and undone
  const ANSWER_MILLIS_MAX = 20000;
  const WAIT_MILLIS_MIN = 1000;
  const WAIT_MILLIS_MAX = 60000;
  const UNDO = JSON.stringify({ reason: "undone on the handheld page" });

  let [database, told, running, again, timer] = [null, () => {}, false, false, 0];
  let [failures, batchMax] = [0, BATCH_MAX];
  // Why nothing is sent: null, or { kind: "offline" | "unreachable" | "signed out" | "busy", detail }.
  let trouble = null;
  const tabs = "BroadcastChannel" in window ? new BroadcastChannel("stocktide-scan") : null;

  // The database.
  function promised(request) {
    return new Promise((resolve, reject) => {
      request.onsuccess = () => resolve(request.result);
      request.onerror = () => reject(request.error);
    });
  }

  async function open() {
    const request = indexedDB.open("stocktide-scan", 1);
    request.onupgradeneeded = () => {
      request.result.createObjectStore("actions", { keyPath: "seq", autoIncrement: true });
      request.result.createObjectStore("known", { keyPath: "name" });
    };
    database = await promised(request);
  }

  // Runs `work` on a store in one transaction; what it gives is there when the transaction is complete.
  async function within(name, mode, work) {
    try {
      return await transact(name, mode, work);
    } catch (fault) {
      // The browser closes the database when somebody clears the site's data.
      if (fault?.name !== "InvalidStateError") throw fault;
      await open();
      return transact(name, mode, work);
    }
  }

  function transact(name, mode, work) {
    return new Promise((resolve, reject) => {
      const transaction = database.transaction(name, mode, { durability: "strict" });
      let result;
      transaction.oncomplete = () => resolve(result);
      transaction.onabort = transaction.onerror = () => reject(transaction.error);
      work(transaction.objectStore(name), value => (result = value));
    });
  }

  const all = () => within("actions", "readonly", (store, give) => (store.getAll().onsuccess = event => give(event.target.result)));

  // Gives each record to `edit`, in order: `true` keeps what it changed, `null` deletes the record.
  async function change(edit, only) {
    await within("actions", "readwrite", store => {
      store.openCursor(only).onsuccess = event => {
        const cursor = event.target.result;
        if (!cursor) return;
        const verdict = edit(cursor.value);
        if (verdict === null) cursor.delete();
        else if (verdict) cursor.update(cursor.value);
        cursor.continue();
      };
    });
    changed();
  }

  function changed() {
    tabs?.postMessage("changed");
    told();
  }

  // What people do.
  async function add(event, shown) {
    const action = { id: event.id, event, shown, state: "waiting", tried: false, undo: false };
    await within("actions", "readwrite", store => store.add(action));
    changed();
    send();
  }

  // Unsent it is gone at once; otherwise its opposite is sent as soon as its place in the journal is known.
  async function undo(seq) {
    await change(action => {
      if (action.state === "waiting" && !action.tried) return null;
      if (!["waiting", "sent", "held"].includes(action.state)) return false;
      [action.undo, action.problem] = [true, action.state === "held" ? action.problem : ""];
      return true;
    }, seq);
    send();
  }

  const remove = seq => change(action => (action.state === "refused" ? null : false), seq);

  async function resend(seq) {
    await change(action => {
      if (action.state !== "refused") return false;
      [action.state, action.problem] = ["waiting", ""];
      return true;
    }, seq);
    send();
  }

  // Sending. `anyway` also when the browser thinks that there is no network: it may be wrong.
  async function send(anyway = false) {
    clearTimeout(timer);
    timer = 0;
    if (running) {
      again = true;
      return;
    }
    running = true;
    try {
      do {
        again = false;
        await alone(() => drain(anyway));
      } while (again);
    } finally {
      running = false;
    }
    told();
  }

  // One tab sends at a time, where the browser can tell; where not, the ids keep a repetition from counting.
  const alone = work => (navigator.locks ? navigator.locks.request("stocktide-scan", work) : work());

  async function drain(anyway) {
    for (;;) {
      if (!anyway && navigator.onLine === false) return postpone({ kind: "offline" });
      const batch = await begin();
      const next = batch.length > 0 ? null : (await all()).find(action => action.undo && ["sent", "held"].includes(action.state));
      if (batch.length === 0 && !next) break;
      if (!(batch.length > 0 ? await post(batch) : await takeBack(next))) return;
      failures = 0;
    }
    trouble = null;
    await prune();
  }

  // The next actions to send, marked: from now on they may be in the ledger.
  function begin() {
    return within("actions", "readwrite", (store, give) => {
      const batch = [];
      give(batch);
      store.openCursor().onsuccess = event => {
        const cursor = event.target.result;
        if (!cursor || batch.length === batchMax) return;
        if (cursor.value.state === "waiting") {
          cursor.value.tried = true;
          cursor.update(cursor.value);
          batch.push(cursor.value);
        }
        cursor.continue();
      };
    });
  }

  async function post(batch) {
    const answer = await ask("/v1/events?results=all", JSON.stringify(batch.map(action => action.event)));
    if (!answer) return false;
    if (answer.status !== 200) {
      // What spoils a body as a whole is found by sending its events alone.
      if (batch.length > 1) batchMax = 1;
      else await settle(batch[0].seq, { status: "rejected", problem: answer.body });
      return true;
    }
    batchMax = BATCH_MAX;
    if (answer.body.results?.length !== batch.length) return postpone({ kind: "unreachable", detail: "the answer is not the server's" });
    for (const result of answer.body.results) {
      if (result.status === "duplicate" && (await isHeld(result.position))) result.status = "held";
      await settle(batch[result.index].seq, result);
    }
    return true;
  }

  // An answer that was lost on its way may have been that the event is held.
  async function isHeld(position) {
    const answer = await ask(`/v1/entries/${position}`);
    return answer?.body.event === "input_held";
  }

  function settle(seq, { status, position, problem, problems }) {
    const details = (problems?.length ? problems : [problem]).filter(Boolean).map(problem => problem.detail ?? problem.title);
    return change(action => {
      const states = { accepted: "sent", duplicate: "sent", held: "held", rejected: action.undo ? "undone" : "refused" };
      Object.assign(action, { state: states[status], position, problem: details.join("; ") });
      return true;
    }, seq);
  }

  async function takeBack(action) {
    const path = action.state === "held" ? `/v1/held/${action.position}/discard` : `/v1/entries/${action.position}/reverse`;
    const answer = await ask(path, UNDO);
    if (!answer) return false;
    // Done before, perhaps by an attempt whose answer was lost.
    const isDone = answer.status < 300 || ["already_reversed", "held_closed"].includes(answer.body.code);
    await change(action => {
      action.undo = false;
      if (isDone) [action.state, action.problem] = ["undone", ""];
      else action.problem = `not undone: ${answer.body.detail ?? answer.body.title}`;
      return true;
    }, action.seq);
    return true;
  }

  // The answer of the server itself, good or bad; null when there is none, and then sending goes on later.
  async function ask(path, body) {
    const asked = { method: body ? "POST" : "GET", body, headers: { Accept: "application/json" }, redirect: "error" };
    if (body) asked.headers["Content-Type"] = "application/json";
    const giveUp = new AbortController();
    const limit = setTimeout(() => giveUp.abort(), ANSWER_MILLIS_MAX);
    try {
      const answer = await fetch(path, { ...asked, signal: giveUp.signal });
      const said = await answer.json();
      if (answer.status === 401) return postpone({ kind: "signed out" });
      if (answer.status === 408 || answer.status === 429 || answer.status >= 500) {
        return postpone({ kind: "busy", detail: said.detail }, Number(answer.headers.get("Retry-After")) * 1000);
      }
      return { status: answer.status, body: said };
    } catch {
      return postpone({ kind: navigator.onLine === false ? "offline" : "unreachable" });
    } finally {
      clearTimeout(limit);
    }
  }

  // Later, each time twice as late, and not all devices at once.
  function postpone(why, millis = 0) {
    trouble = why;
    failures += 1;
    const growing = Math.min(WAIT_MILLIS_MAX, WAIT_MILLIS_MIN * 2 ** Math.min(failures - 1, 10));
    const wait = Math.max(millis, growing * (0.75 + Math.random() / 2));
    clearTimeout(timer);
    if (why.kind !== "offline") timer = setTimeout(() => send(), wait);
    told();
    return null;
  }

  async function prune() {
    const answered = (await all()).filter(action => ["sent", "undone", "held"].includes(action.state) && !action.undo);
    const old = new Set(answered.slice(0, -KEPT_MAX).map(action => action.seq));
    if (old.size > 0) await change(action => (old.has(action.seq) ? null : false));
  }

  // Goes on where the last visit ended. `tell` is called whenever something changed.
  async function start(tell) {
    told = tell;
    await open();
    if (tabs) tabs.onmessage = () => told();
    const now = () => {
      failures = 0;
      send();
    };
    addEventListener("online", now);
    addEventListener("offline", () => postpone({ kind: "offline" }));
    document.addEventListener("visibilitychange", () => document.hidden || now());
    // Asks the browser not to clear the queue when it runs short of space.
    navigator.storage?.persist?.().catch(() => {});
    send();
  }

  const keep = record => within("known", "readwrite", store => store.put(record));
  const kept = name => within("known", "readonly", (store, give) => (store.get(name).onsuccess = event => give(event.target.result)));

  return { start, add, undo, remove, resend, send, all, keep, kept, trouble: () => trouble };
})();
