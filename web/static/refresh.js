"use strict";
// Every five seconds, while the page is looked at, replace the parts that changed. The page is complete without this.
(() => {
  const EVERY_MS = 5000;
  const button = document.getElementById("updating");
  const announce = document.getElementById("announce");
  if (!document.querySelector("[data-refresh]")) return;
  let running = true;
  let title = document.title;

  const same = (now, fresh) => {
    const kept = now.dataset.keep;
    return (kept && kept === fresh.dataset.keep) || now.innerHTML === fresh.innerHTML;
  };

  const swap = (fresh) => {
    for (const now of document.querySelectorAll("[data-refresh]")) {
      const next = fresh.getElementById(now.id);
      if (!next || same(now, next) || now.contains(document.activeElement)) continue;
      now.replaceWith(document.adoptNode(next));
    }
    document.getElementById("fresh").replaceWith(document.adoptNode(fresh.getElementById("fresh")));
    if (fresh.title !== title) {
      title = document.title = fresh.title;
      announce.textContent = title;
    }
  };

  const look = async () => {
    if (!running || document.hidden) return;
    try {
      const answer = await fetch(location.href, { headers: { accept: "text/html" } });
      if (answer.ok) swap(new DOMParser().parseFromString(await answer.text(), "text/html"));
    } catch {
      announce.textContent = "The page could not be updated.";
    }
  };

  button.hidden = false;
  button.addEventListener("click", () => {
    running = !running;
    button.textContent = running ? "Stop updating" : "Go on updating";
    look();
  });
  document.addEventListener("visibilitychange", look);
  setInterval(look, EVERY_MS);
})();
