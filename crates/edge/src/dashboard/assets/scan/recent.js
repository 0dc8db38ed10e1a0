// What was done on this device, as a list: what became of each, and what can be done about it.
"use strict";

const Recent = (() => {
  const SHOWN_MAX = 30;
  const PAST = { receive: "Received", pick: "Picked", move: "Moved", count: "Counted", put_away: "Put away" };
  const STATES = {
    waiting: ["waiting", "Waiting to be sent"], sent: ["sent", "Recorded"], held: ["held", "Held for review"],
    refused: ["refused", "Refused"], undone: ["undone", "Undone"],
  };

  // An element; text among its children is text, whatever it says.
  function make(tag, attributes = {}, ...children) {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) if (value !== false) element.setAttribute(name, value);
    element.append(...children.filter(child => child !== "" && child != null));
    return element;
  }

  function words({ task, quantity, unit, product, name }) {
    return `${PAST[task]} ${quantity}${unit ? ` ${unit}` : ""} × ${name || product}`;
  }

  function details({ shown, event }) {
    const place = event.to ? `${event.location} → ${event.to}` : event.location;
    const time = new Date(event.timestamp).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
    const said = [shown.name && event.product_id, place, event.lot && `lot ${event.lot}`, event.expiry && `expires ${event.expiry}`,
      event.serials?.length > 0 && `${event.serials.length} serial${event.serials.length > 1 ? "s" : ""}`, time];
    return said.filter(Boolean).join(" · ");
  }

  function stateOf(action) {
    if (action.undo) return ["waiting", action.tried || action.state !== "waiting" ? "Undo waits to be sent" : "Undone"];
    return STATES[action.state];
  }

  function button(name, action, label) {
    return make("button", { type: "button", "data-do": name, "aria-label": `${label}: ${words(action.shown)}` }, label);
  }

  function buttons(action) {
    if (action.state === "refused") return [button("edit", action, "Edit"), button("resend", action, "Send again"), button("remove", action, "Discard")];
    return action.undo || action.state === "undone" ? [] : [button("undo", action, "Undo")];
  }

  function item(action) {
    const [state, said] = stateOf(action);
    const problem = action.problem && make("p", { class: "problem" }, action.problem, action.state === "held" ? ". " : "",
      action.state === "held" && !action.undo ? make("a", { href: "/held" }, "Mend it in the held list") : "");
    return [
      make("div", {}, make("p", { class: "what" }, words(action.shown)), make("p", { class: "soft" }, details(action)),
        make("p", { class: "became" }, make("i"), make("span", {}, said)), problem),
      make("div", { class: "doing" }, ...buttons(action)),
    ];
  }

  // Paints only what changed, so that the focus stays where it is.
  function paint(list, actions) {
    const needed = actions.filter(action => action.state === "refused").reverse();
    const others = actions.filter(action => action.state !== "refused").reverse().slice(0, SHOWN_MAX);
    const known = new Map([...list.children].map(child => [Number(child.dataset.seq), child]));
    const wanted = [...needed, ...others].map(action => {
      const look = JSON.stringify([action.state, action.undo, action.problem]);
      const line = known.get(action.seq) ?? make("li", { "data-seq": action.seq });
      if (line.dataset.look !== look) {
        const hadFocus = line.contains(document.activeElement);
        line.replaceChildren(...item(action));
        Object.assign(line.dataset, { look, state: stateOf(action)[0], became: action.state });
        if (hadFocus) (line.querySelector("button") ?? document.getElementById("code")).focus({ preventScroll: true });
      }
      return line;
    });
    const keep = new Set(wanted);
    for (const child of [...list.children]) if (!keep.has(child)) child.remove();
    wanted.forEach((line, index) => list.children[index] !== line && list.insertBefore(line, list.children[index] ?? null));
  }

  return { paint, make, words };
})();
