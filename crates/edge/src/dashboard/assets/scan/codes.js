// What a scanned code says: a GS1 element string, a GS1 Digital Link, a GTIN, or a name as it stands. Needs no network
// and knows nothing of the page. Sources: GS1 General Specifications, sections 3 (the identifiers), 5.10 (symbology
// identifiers), 7.8 (predefined lengths), 7.9 (check digits), 7.12 (centuries); GS1 Digital Link URI syntax.
"use strict";

const Codes = (() => {
  const SEPARATOR = "\u001d";
  const WITH_ELEMENTS = ["C1", "d2", "e0", "J1", "Q3"]; // symbology identifiers of codes that hold element strings
  // Digits that follow an identifier with these first two digits, counted with it. All others end at a separator.
  const PREDEFINED = {
    "00": 20, "01": 16, "02": 16, "03": 16, "04": 18, 11: 8, 12: 8, 13: 8, 14: 8, 15: 8, 16: 8, 17: 8, 18: 8, 19: 8,
    20: 4, 31: 10, 32: 10, 33: 10, 34: 10, 35: 10, 36: 10, 41: 16,
  };
  const LENGTH_MAX = { 10: 20, 21: 20, 30: 8, 37: 8, 400: 30 };
  const WORDS = {
    "00": "pallet number", "01": "GTIN", "02": "GTIN of the contents", 10: "lot", 11: "production date",
    15: "best before date", 17: "expiry", 21: "serial", 30: "count", 37: "count of the contents", 400: "order number",
  };

  class Unreadable extends Error {}

  // Weights 3 and 1 in turn from the right, as for every GS1 key.
  function hasCheckDigit(digits) {
    const sum = [...digits].reverse().reduce((sum, digit, index) => sum + Number(digit) * (index % 2 ? 3 : 1), 0);
    return sum % 10 === 0;
  }

  const isGtin = text => /^(\d{8}|\d{12,14})$/.test(text) && hasCheckDigit(text);
  const isKey = (text, length) => text.length === length && /^\d+$/.test(text) && hasCheckDigit(text);

  function identifierLength(head) {
    if (/^(0|1|2[0-2]|30|37|9)/.test(head)) return 2;
    return /^(2|40|41|42|71)/.test(head) ? 3 : 4;
  }

  // Pairs of identifier and value.
  function split(text) {
    const found = [];
    let rest = text;
    while (rest !== "") {
      if (rest[0] === SEPARATOR) {
        rest = rest.slice(1);
        continue;
      }
      const head = rest.slice(0, 2);
      const identifier = rest.slice(0, identifierLength(head));
      if (!/^\d{2,4}$/.test(identifier)) throw new Unreadable(`“${shown(rest)}” starts with no GS1 identifier; scan again`);
      const end = PREDEFINED[head] ?? (rest.indexOf(SEPARATOR) + 1 || rest.length + 1) - 1;
      if (end > rest.length) throw new Unreadable(`(${identifier}) is cut off after “${shown(rest)}”; scan again`);
      found.push([identifier, rest.slice(identifier.length, end)]);
      rest = rest.slice(end);
    }
    return found;
  }

  const shown = text => text.replaceAll(SEPARATOR, "␝").slice(0, 40);

  const bracketed = text => [...text.matchAll(/\((\d{2,4})\)(.*?)(?=\(\d{2,4}\)|$)/g)].map(([, key, value]) => [key, value.trim()]);

  function parsed(text) {
    try {
      return new URL(text);
    } catch {
      return null;
    }
  }

  // The pairs in a web address, or null when it is none of GS1's.
  function linked(text) {
    const address = /^https?:\/\//i.test(text) && parsed(text);
    if (!address) return null;
    const parts = address.pathname.split("/").map(part => decodeURIComponent(part));
    const first = parts.findIndex((part, index) => /^(00|01|414|417)$/.test(part) && /^\d{8,18}$/.test(parts[index + 1] ?? ""));
    if (first < 0) return null;
    const found = [];
    for (let index = first; index + 1 < parts.length; index += 2) found.push([parts[index], parts[index + 1]]);
    for (const [key, value] of address.searchParams) if (/^\d{2,4}$/.test(key)) found.push([key, value]);
    return found.map(([key, value]) => (key === "01" ? [key, value.padStart(14, "0")] : [key, value]));
  }

  // YYMMDD as a date; the year is the one that is at most 49 back and 50 ahead, and day 00 the month's last.
  function day(identifier, value, today = new Date()) {
    const [year, month, date] = [0, 2, 4].map(at => Number(value.slice(at, at + 2)));
    const now = today.getUTCFullYear();
    let full = now - (now % 100) + year;
    if (year - (now % 100) >= 51) full -= 100;
    if (year - (now % 100) <= -50) full += 100;
    const last = new Date(Date.UTC(full, month, 0)).getUTCDate();
    if (!/^\d{6}$/.test(value) || month < 1 || month > 12 || date > last) {
      throw new Unreadable(`(${identifier}) ${value} is no day; type the ${WORDS[identifier]}`);
    }
    return [full, String(month).padStart(2, "0"), String(date || last).padStart(2, "0")].join("-");
  }

  function whole(identifier, value) {
    if (!/^\d+$/.test(value)) throw new Unreadable(`(${identifier}) ${value} is no number; type the quantity`);
    return value.replace(/^0+(?=\d)/, "");
  }

  function kilograms(value, decimals) {
    const text = whole("310" + decimals, value).padStart(decimals + 1, "0");
    const fraction = decimals === 0 ? "" : text.slice(-decimals).replace(/0+$/, "");
    return text.slice(0, text.length - decimals) + (fraction && `.${fraction}`);
  }

  function key(identifier, value, length, what) {
    if (!isKey(value, length)) {
      throw new Unreadable(`(${identifier}) ${value} is no ${what}: it needs ${length} digits and the right check digit; scan again`);
    }
    return value;
  }

  // What the pairs say, in the words of the page.
  function meaning(pairs) {
    if (pairs.length === 0) throw new Unreadable("There is nothing in this code; scan again.");
    const said = { kind: "gs1" };
    for (const [identifier, value] of pairs) {
      const longest = LENGTH_MAX[identifier];
      if (longest && (value.length > longest || value === "")) {
        throw new Unreadable(`(${identifier}) the ${WORDS[identifier]} “${shown(value)}” has ${value.length} characters, 1 to ${longest} can be: ` +
          "let the scanner send the separator FNC1 as GS");
      }
      if (identifier === "01" || identifier === "02") said.gtin = key(identifier, value, 14, "GTIN");
      else if (identifier === "00") said.pallet = key(identifier, value, 18, "pallet number (SSCC)");
      else if (identifier === "10") said.lot = value;
      else if (identifier === "11") day(identifier, value);
      else if (identifier === "15") said.best = day(identifier, value);
      else if (identifier === "17") said.expiry = day(identifier, value);
      else if (identifier === "21") said.serial = value;
      else if (identifier === "30" || identifier === "37") said.quantity = whole(identifier, value);
      else if (/^310[0-5]$/.test(identifier)) said.kilograms = kilograms(value, Number(identifier[3]));
      else if (identifier === "400") said.order = value;
      else if (/^41[0-7]$/.test(identifier)) said.gln = key(identifier, value, 13, "GLN");
    }
    if (said.best) said.expiry ??= said.best;
    return said;
  }

  // Without a symbology identifier only what cannot well be anything else counts as an element string.
  function looksLikeElements(text) {
    if (text.includes(SEPARATOR)) return true;
    if (/^0[12]\d{14}/.test(text)) return hasCheckDigit(text.slice(2, 16));
    if (/^00\d{18}$/.test(text)) return hasCheckDigit(text.slice(2));
    return /^41[0-7]\d{13}$/.test(text) && hasCheckDigit(text.slice(3));
  }

  // { kind: "gs1", gtin?, lot?, expiry?, serial?, quantity?, kilograms?, gln?, pallet?, order? }, { kind: "gtin", gtin }
  // of 14 digits, { kind: "plain", text }, or { kind: "unreadable", problem }.
  function read(scanned) {
    let text = scanned.trim();
    try {
      const symbology = /^\]([A-Za-z]\w)/.exec(text)?.[1];
      if (symbology) text = text.slice(3);
      if (/^\(\d{2,4}\)/.test(text)) return meaning(bracketed(text));
      const pairs = linked(text);
      if (pairs) return meaning(pairs);
      if (WITH_ELEMENTS.includes(symbology) || looksLikeElements(text)) return meaning(split(text));
    } catch (fault) {
      if (fault instanceof Unreadable) return { kind: "unreadable", problem: fault.message };
      if (fault instanceof URIError) return { kind: "unreadable", problem: "The address in this code has a broken % in it; scan again." };
      throw fault;
    }
    if (isGtin(text)) return { kind: "gtin", gtin: text.padStart(14, "0") };
    return { kind: "plain", text };
  }

  return { read, isGtin, SEPARATOR };
})();
