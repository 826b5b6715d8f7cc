"use strict";
(() => {
  const cards = [...document.querySelectorAll(".card")];
  const controls = [...document.querySelectorAll("[data-filter]")];
  const count = document.getElementById("count");
  const clear = document.getElementById("clear");
  const nothing = document.getElementById("nothing");
  const addresses = new Map();
  const texts = new Map();
  let linked = null;

  document.documentElement.classList.add("js");

  function textOf(card) {
    if (!texts.has(card)) texts.set(card, card.textContent.toLowerCase());
    return texts.get(card);
  }

  function passes(card, control) {
    if (!control.value) return true;
    const name = control.dataset.filter;
    if (name === "text") return textOf(card).includes(control.value.toLowerCase());
    return card.dataset[name] === control.value;
  }

  function recount(control) {
    if (control.tagName !== "SELECT") return;
    const others = controls.filter((other) => other !== control);
    const counts = new Map();
    for (const card of cards) {
      if (!others.every((other) => passes(card, other))) continue;
      const value = card.dataset[control.dataset.filter];
      counts.set(value, (counts.get(value) || 0) + 1);
    }
    for (const option of control.options) {
      if (!option.value) continue;
      option.textContent = `${option.dataset.words} (${counts.get(option.value) || 0})`;
    }
  }

  function show() {
    let shown = 0;
    for (const card of cards) {
      const passed = controls.every((control) => passes(card, control));
      card.hidden = !passed && card !== linked;
      if (passed) shown += 1;
    }
    controls.forEach(recount);
    const filtered = controls.some((control) => control.value);
    count.textContent = filtered
      ? `Showing ${shown} of ${cards.length} samples`
      : `${cards.length} samples`;
    clear.hidden = !filtered;
    nothing.hidden = shown > 0;
  }

  function remember() {
    const state = new URLSearchParams();
    for (const control of controls) {
      if (control.value) state.set(control.dataset.filter, control.value);
    }
    const text = state.toString();
    history.replaceState(null, "", text ? `#gallery?${text}` : "#gallery");
  }

  function unlink() {
    if (linked) linked.classList.remove("linked");
    linked = null;
  }

  function follow() {
    const fragment = location.hash.slice(1);
    if (fragment.startsWith("gallery?")) {
      const state = new URLSearchParams(fragment.slice("gallery?".length));
      for (const control of controls) control.value = state.get(control.dataset.filter) || "";
      unlink();
      show();
      document.getElementById("gallery").scrollIntoView();
    } else if (fragment.startsWith("sample-")) {
      const card = document.getElementById(fragment);
      if (!card) return;
      unlink();
      linked = card;
      card.classList.add("linked");
      show();
      card.scrollIntoView({ block: "center" });
      card.focus({ preventScroll: true });
    }
  }

  function addressOf(button) {
    if (button.dataset.href) return button.dataset.href;
    const id = button.dataset.clip;
    if (!addresses.has(id)) {
      const held = document.getElementById(id);
      if (!held) return null;
      const bytes = Uint8Array.from(atob(held.textContent), (letter) => letter.charCodeAt(0));
      const type = `${button.dataset.kind}/mp4`;
      addresses.set(id, URL.createObjectURL(new Blob([bytes], { type })));
    }
    return addresses.get(id);
  }

  function nameOf(address) {
    try {
      return decodeURIComponent(address).slice("./".length);
    } catch {
      // The name of a file need not be UTF-8.
      return address;
    }
  }

  function play(button) {
    const address = addressOf(button);
    if (!address) return;
    const player = document.createElement(button.dataset.kind);
    player.controls = true;
    player.playsInline = true;
    player.setAttribute("aria-label", button.getAttribute("aria-label").replace("Play the ", ""));
    player.addEventListener("play", () => {
      for (const other of document.querySelectorAll("video, audio")) {
        if (other !== player) other.pause();
      }
    });
    player.addEventListener("error", () => {
      const note = document.createElement("p");
      note.textContent = button.dataset.href
        ? `The clip is not beside the page: ${nameOf(button.dataset.href)}`
        : "This browser cannot play the clip.";
      player.replaceWith(note);
    });
    player.src = address;
    const picture = button.parentElement.querySelector("img");
    if (picture) picture.remove();
    button.replaceWith(player);
    player.focus();
    player.play().catch(() => {});
  }

  async function copy(button) {
    const card = button.closest(".card");
    history.replaceState(null, "", `#${card.id}`);
    unlink();
    linked = card;
    card.classList.add("linked");
    let said = "Link is in the address bar";
    try {
      await navigator.clipboard.writeText(location.href);
      said = "Copied";
    } catch {
      // A page from a file may not write to the clipboard in every browser.
    }
    button.textContent = said;
    setTimeout(() => { button.textContent = "Copy link"; }, 2000);
  }

  document.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (!button) return;
    if (button.classList.contains("play")) play(button);
    if (button.classList.contains("copy")) copy(button);
  });
  if (!cards.length) return;
  for (const control of controls) {
    control.addEventListener(control.tagName === "SELECT" ? "change" : "input", () => {
      unlink();
      show();
      remember();
    });
  }
  clear.addEventListener("click", () => {
    for (const control of controls) control.value = "";
    unlink();
    show();
    remember();
  });
  window.addEventListener("hashchange", follow);
  show();
  follow();
})();
