// Keeps the handheld page and what it loads, for when there is no network. VERSION and ASSETS stand before this text;
// they change with the page, and then the browser takes this worker for a new one.
"use strict";

const PREFIX = "stocktide-scan-";
const CACHE = PREFIX + VERSION;
const SHELL = "/scan/shell";
const PATIENCE_MILLIS = 3000;

async function install() {
  const cache = await caches.open(CACHE);
  await cache.addAll([SHELL, ...ASSETS].map(address => new Request(address, { cache: "reload" })));
  await self.skipWaiting();
}

async function activate() {
  const old = (await caches.keys()).filter(name => name.startsWith(PREFIX) && name !== CACHE);
  await Promise.all(old.map(name => caches.delete(name)));
  await self.clients.claim();
}

const kept = address => caches.match(address, { cacheName: CACHE });

// The server's page if it comes in time, else the one that is kept.
async function page(request) {
  const giveUp = new AbortController();
  const limit = setTimeout(() => giveUp.abort(), PATIENCE_MILLIS);
  try {
    const answer = await fetch(request, { signal: giveUp.signal });
    return answer.status < 500 ? answer : ((await kept(SHELL)) ?? answer);
  } catch {
    return (await kept(SHELL)) ?? Response.error();
  } finally {
    clearTimeout(limit);
  }
}

self.addEventListener("install", event => event.waitUntil(install()));
self.addEventListener("activate", event => event.waitUntil(activate()));
self.addEventListener("fetch", event => {
  const { request } = event;
  const { origin, pathname } = new URL(request.url);
  if (request.method !== "GET" || origin !== location.origin) return;
  if (request.mode === "navigate" && pathname === "/scan") event.respondWith(page(request));
  else if (ASSETS.includes(pathname)) event.respondWith(kept(pathname).then(found => found ?? fetch(request)));
});
