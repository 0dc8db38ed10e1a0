// What the server knows of products and places, kept for when it can't be asked. At most so many of each; beyond that,
// and for what is newer, the server is asked while there is a way to it.
"use strict";

const Known = (() => {
  const KEPT_MAX = 10000;
  const PAGE = 1000;
  const FRESH_MILLIS = 10 * 60 * 1000;
  const ANSWER_MILLIS_MAX = 1500;
  const OFFERED_MAX = 12;

  let products = new Map(); // by id
  let gtins = new Map(); // product by GTIN of 14 digits
  let places = new Map(); // by path
  let glns = new Map(); // place by GLN
  let learnedAt = 0;

  const full = gtin => gtin.padStart(14, "0");

  function take(kept) {
    if (!kept) return;
    products = new Map(kept.products.map(product => [product.id, product]));
    gtins = new Map(kept.products.filter(product => product.gtin).map(product => [full(product.gtin), product]));
    places = new Map(kept.places.map(place => [place.path, place]));
    glns = new Map(kept.places.filter(place => place.gln).map(place => [place.gln, place]));
    learnedAt = kept.at;
  }

  async function list(path, shape) {
    const found = [];
    let cursor = "";
    do {
      const answer = await fetch(`${path}?limit=${PAGE}${cursor && `&cursor=${encodeURIComponent(cursor)}`}`);
      if (!answer.ok) throw new Error(`${path} was answered with ${answer.status}`);
      const page = await answer.json();
      found.push(...page.items.map(shape));
      cursor = page.next;
    } while (cursor && found.length < KEPT_MAX);
    return found.slice(0, KEPT_MAX);
  }

  const product = ({ product_id, gtin, name, base_unit, units }) =>
    ({ id: product_id, gtin, name, unit: base_unit, units: units.map(unit => unit.name) });
  const place = ({ location, gln, name }) => ({ path: location, gln, name });

  // Reads what was kept, then what is new if that is old. Without a way to the server the old is good enough.
  async function refresh(freshMillis = FRESH_MILLIS) {
    if (learnedAt === 0) take(await Queue.kept("catalogue"));
    if (navigator.onLine === false || Date.now() - learnedAt < freshMillis) return;
    try {
      const kept = { name: "catalogue", products: await list("/v1/products", product), places: await list("/v1/locations", place), at: Date.now() };
      take(kept);
      await Queue.keep(kept);
    } catch {
      // Asked again at the next visit or when the network is back.
    }
  }

  async function asked(path) {
    if (navigator.onLine === false) return [];
    const giveUp = new AbortController();
    const limit = setTimeout(() => giveUp.abort(), ANSWER_MILLIS_MAX);
    try {
      const answer = await fetch(path, { signal: giveUp.signal });
      return answer.ok ? (await answer.json()).items : [];
    } catch {
      return [];
    } finally {
      clearTimeout(limit);
    }
  }

  // The product that bears a GTIN of 14 digits; one that nobody declared is called by the GTIN.
  async function byGtin(gtin) {
    if (gtins.has(gtin)) return gtins.get(gtin);
    const items = await asked(`/v1/products?limit=20&search=${gtin.replace(/^0+/, "")}`);
    const found = items.map(product).find(product => product.gtin && full(product.gtin) === gtin);
    if (found) {
      gtins.set(gtin, found);
      products.set(found.id, found);
    }
    return found ?? products.get(gtin) ?? { id: gtin, gtin, name: "", unit: "", units: [] };
  }

  // The place that bears a GLN, or null. The server finds places by their paths only, so what is kept is renewed.
  async function byGln(gln) {
    if (!glns.has(gln)) await refresh(0);
    return glns.get(gln) ?? null;
  }

  // Whether a text names a "place" or a "product"; null when it names neither yet.
  async function byName(text) {
    if (isPlace(text)) return "place";
    if (products.has(text)) return "product";
    const search = `limit=20&search=${encodeURIComponent(text)}`;
    const found = (await asked(`/v1/products?${search}`)).map(product).find(product => product.id === text);
    if (found) products.set(text, found);
    if (found) return "product";
    const other = (await asked(`/v1/locations?${search}`)).map(place).find(place => place.path === text);
    if (other) places.set(text, other);
    return other ? "place" : null;
  }

  // A path below a known warehouse is a place, even when nobody has named it yet.
  const isPlace = text => places.has(text) || (text.includes("/") && places.has(text.split("/")[0]));

  // A few whose id or name contains what was typed.
  function offers(kept, typed, id) {
    const wanted = typed.toLowerCase();
    const found = [];
    for (const item of kept.values()) {
      if (!item[id].toLowerCase().includes(wanted) && !item.name.toLowerCase().includes(wanted)) continue;
      found.push({ id: item[id], name: item.name });
      if (found.length === OFFERED_MAX) break;
    }
    return found;
  }

  return {
    refresh, byGtin, byGln, byName, isPlace,
    product: id => products.get(id),
    place: path => places.get(path),
    products: typed => offers(products, typed, "id"),
    places: typed => offers(places, typed, "path"),
  };
})();
