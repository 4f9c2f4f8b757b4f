import { Store, useStore } from "./store.ts";

const said = new Store("");

/** Has a screen reader say it when it is done with what it says. */
export function announce(text: string): void {
  // The same text again would be no change: a space that nobody hears makes it one.
  said.set(said.get() === text ? `${text}\u00a0` : text);
}

/** Once on each page. */
export function Announcer() {
  return (
    <p class="visually-hidden" role="status" aria-live="polite">
      {useStore(said)}
    </p>
  );
}
